package onboard

import (
	"crypto/x509"
	"net"
	"reflect"
	"testing"
)

func ranges(t *testing.T, list ...string) []*net.IPNet {
	t.Helper()
	var out []*net.IPNet
	for _, s := range list {
		_, n, err := net.ParseCIDR(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestLimitsOfARoot(t *testing.T) {
	home := []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"}
	tests := []struct {
		name string
		root x509.Certificate
		want limits
		home bool
	}{
		{"as picoca makes it",
			x509.Certificate{PermittedDNSDomains: []string{"local", ".lan"}, PermittedIPRanges: ranges(t, home...)},
			limits{Names: []string{".local", ".lan"}}, true},
		{"a part of a home network",
			x509.Certificate{PermittedDNSDomains: []string{"local"}, PermittedIPRanges: ranges(t, "192.168.1.0/24")},
			limits{Names: []string{".local"}}, true},
		{"a domain of its owner",
			x509.Certificate{PermittedDNSDomains: []string{"local", "example.org"}, PermittedIPRanges: ranges(t, home...)},
			limits{Names: []string{".local", ".example.org"}}, false},
		{"a name below a home name",
			x509.Certificate{PermittedDNSDomains: []string{"kitchen.local"}, PermittedIPRanges: ranges(t, home...)},
			limits{Names: []string{".kitchen.local"}}, true},
		{"a name that only sounds like one",
			x509.Certificate{PermittedDNSDomains: []string{"notlocal"}, PermittedIPRanges: ranges(t, home...)},
			limits{Names: []string{".notlocal"}}, false},
		{"a public range",
			x509.Certificate{PermittedDNSDomains: []string{"local"}, PermittedIPRanges: ranges(t, "192.168.0.0/16", "203.0.113.0/24")},
			limits{Names: []string{".local"}, Ranges: []string{"192.168.0.0/16", "203.0.113.0/24"}}, false},
		{"a range that a home network is only a part of",
			x509.Certificate{PermittedDNSDomains: []string{"local"}, PermittedIPRanges: ranges(t, "10.0.0.0/7")},
			limits{Names: []string{".local"}, Ranges: []string{"10.0.0.0/7"}}, false},
		{"names alone leave addresses open",
			x509.Certificate{PermittedDNSDomains: []string{"local"}},
			limits{Names: []string{".local"}, AnyAddress: true}, false},
		{"addresses alone leave names open",
			x509.Certificate{PermittedIPRanges: ranges(t, home...)},
			limits{AnyName: true}, false},
		{"exclusions permit the rest",
			x509.Certificate{ExcludedDNSDomains: []string{"example.org"}, ExcludedIPRanges: ranges(t, "8.8.8.0/24")},
			limits{AnyName: true, AnyAddress: true}, false},
		{"nothing said", x509.Certificate{}, limits{AnyName: true, AnyAddress: true}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := limitsOf(&test.root)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.Home() != test.home {
				t.Errorf("home alone: got %t, want %t", got.Home(), test.home)
			}
			if got.Unlimited() != (test.want.AnyName || test.want.AnyAddress) {
				t.Errorf("unlimited: got %t", got.Unlimited())
			}
		})
	}
}
