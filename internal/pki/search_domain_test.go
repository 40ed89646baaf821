package pki

import (
	"testing"

	"github.com/picoca/picoca/internal/ca"
)

func TestSearchDomainIsTheFirstThatTheRootLacks(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"none", "nameserver 192.168.1.1\n", ""},
		{"an empty file", "", ""},
		{"the router's", "nameserver 192.168.1.1\nsearch fritz.box\n", "fritz.box"},
		{"no line break at the end", "search fritz.box", "fritz.box"},
		{"domain", "domain fritz.box\n", "fritz.box"},
		{"capitals, and a dot at the end", "search Fritz.Box.\n", "fritz.box"},
		{"tabs and carriage returns", "search\tfritz.box\r\n", "fritz.box"},
		{"one that is permitted", "search local\n", ""},
		{"below one that is permitted", "search my.home.arpa\n", ""},
		{"the second", "search lan fritz.box\n", "fritz.box"},
		{"on the second line", "search lan\nsearch fritz.box\n", "fritz.box"},
		{"a public suffix", "search com co.uk\n", ""},
		{"after a public suffix", "search com fritz.box\n", "fritz.box"},
		{"no domain at all", "search . -x _ [::1] 10.0.0.1 \x1b[31m\n", ""},
		{"only the word", "search\n", ""},
		{"a comment", "# search fritz.box\n; search fritz.box\n#search fritz.box\n", ""},
		{"another setting", "options search fritz.box\nsearchx fritz.box\n", ""},
		{"Tailscale's", "search tail1234.ts.net\n", "tail1234.ts.net"},
	} {
		domain, wider, ok := SearchDomain(row.text, ca.HomeConstraints())
		if domain != row.want || ok != (row.want != "") {
			t.Errorf("%s: got %q, %t; want %q", row.name, domain, ok, row.want)
			continue
		}
		if ok && !permits(wider, domain) {
			t.Errorf("%s: got %v, which lacks %s", row.name, wider, domain)
		}
		if !ok && wider.String() != ca.HomeConstraints().String() {
			t.Errorf("%s: got %v, want nothing more", row.name, wider)
		}
	}
}

// TestTailscaleBringsItsAddresses: devices there have addresses that are
// neither private nor anyone's.
func TestTailscaleBringsItsAddresses(t *testing.T) {
	for text, want := range map[string]bool{"search tail1234.ts.net": true, "search fritz.box": false} {
		_, wider, _ := SearchDomain(text, ca.HomeConstraints())
		names, err := ca.ParseNames([]string{"100.101.102.103"})
		if err != nil {
			t.Fatal(err)
		}
		if got := wider.Contains(names.First()); got != want {
			t.Errorf("%s: got %t, want %t", text, got, want)
		}
	}
}
