package ca_test

import (
	"crypto/x509"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func TestScopeIsWhatTheCertificateSays(t *testing.T) {
	home := []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"}
	tests := []struct {
		name                   string
		root                   x509.Certificate
		names, addresses, mail bool // limited to a home
	}{
		{"a home", x509.Certificate{PermittedDNSDomains: []string{"local", ".lan", "home.arpa", "internal", "localhost"}, PermittedIPRanges: testpki.Ranges(t, home...), PermittedEmailAddresses: []string{"home.arpa"}}, true, true, true},
		{"without e-mail constraints", x509.Certificate{PermittedDNSDomains: []string{"local"}, PermittedIPRanges: testpki.Ranges(t, home...)}, true, true, false},
		{"without address constraints", x509.Certificate{PermittedDNSDomains: []string{"local"}, PermittedEmailAddresses: []string{".home.arpa"}}, true, false, true},
		{"without name constraints", x509.Certificate{PermittedIPRanges: testpki.Ranges(t, home...)}, false, true, false},
		{"a part of a home network", x509.Certificate{PermittedIPRanges: testpki.Ranges(t, "192.168.1.0/24")}, false, true, false},
		{"a range around a home network", x509.Certificate{PermittedIPRanges: testpki.Ranges(t, "10.0.0.0/7")}, false, false, false},
		{"one public range", x509.Certificate{PermittedIPRanges: testpki.Ranges(t, "192.168.0.0/16", "203.0.113.0/24")}, false, false, false},
		{"a name below one of a home", x509.Certificate{PermittedDNSDomains: []string{"kitchen.local"}}, true, false, false},
		{"a name that sounds like one", x509.Certificate{PermittedDNSDomains: []string{"notlocal"}}, false, false, false},
		{"the owner's domain", x509.Certificate{PermittedDNSDomains: []string{"local", "example.org"}, PermittedEmailAddresses: []string{"home.arpa", "anna@example.org"}}, false, false, false},
		{"a mailbox at home", x509.Certificate{PermittedEmailAddresses: []string{"anna@home.arpa"}}, false, false, true},
		{"exclusions permit the rest", x509.Certificate{ExcludedDNSDomains: []string{"example.org"}, ExcludedIPRanges: testpki.Ranges(t, "8.8.8.0/24"), ExcludedEmailAddresses: []string{"example.org"}}, false, false, false},
		{"nothing", x509.Certificate{}, false, false, false},
	}
	for _, test := range tests {
		s := ca.ScopeOf(&test.root)
		if s.HomeNames() != test.names || s.HomeAddresses() != test.addresses || s.HomeMail() != test.mail {
			t.Errorf("%s: got names %t, addresses %t, e-mail %t, want %t, %t, %t", test.name, s.HomeNames(), s.HomeAddresses(), s.HomeMail(), test.names, test.addresses, test.mail)
		}
	}
}

func TestEndingsReadLikeNames(t *testing.T) {
	s := ca.ScopeOf(&x509.Certificate{PermittedDNSDomains: []string{"local", ".example.org", "localhost"}})
	if got, want := s.Endings(), ".local, .example.org, localhost"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
