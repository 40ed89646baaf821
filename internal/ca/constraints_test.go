package ca_test

import (
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func TestHomeConstraintsAreOfAHome(t *testing.T) {
	home := ca.HomeConstraints()
	if want := []string{"local", "home.arpa", "internal", "lan", "localhost"}; !slices.Equal(home.Domains(), want) {
		t.Errorf("domains: got %q, want %q", home.Domains(), want)
	}
	want := "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 127.0.0.0/8 fc00::/7 fe80::/10 ::1/128"
	var got []string
	for _, p := range home.Prefixes() {
		got = append(got, p.String())
	}
	if strings.Join(got, " ") != want {
		t.Errorf("addresses: got %q, want %q", got, want)
	}
	if got, want := home.String(), ".local .home.arpa .internal .lan localhost "+want; got != want {
		t.Errorf("text: got %q, want %q", got, want)
	}
}

func TestPermitWidensTheConstraints(t *testing.T) {
	for _, row := range []struct{ input, domain, prefix string }{
		{"example.com", "example.com", ""},
		{".example.com", "example.com", ""},
		{"EXAMPLE.com.", "example.com", ""},
		{"home.example.co.uk", "home.example.co.uk", ""},
		{"me.github.io", "me.github.io", ""},
		{"büro.example.com", "xn--bro-hoa.example.com", ""},
		{"fritz.box", "fritz.box", ""},
		{"home", "home", ""},
		{"www.ck", "www.ck", ""}, // an exception on the list of suffixes
		{"100.64.0.0/10", "", "100.64.0.0/10"},
		{"8.0.0.0/8", "", "8.0.0.0/8"},
		{"203.0.113.7", "", "203.0.113.7/32"},
		{"203.0.113.7/32", "", "203.0.113.7/32"},
		{"::ffff:203.0.113.7", "", "203.0.113.7/32"},
		{"2001:db8::/32", "", "2001:db8::/32"},
		{"2001:db8::1", "", "2001:db8::1/128"},
		{"2001::/16", "", "2001::/16"},
	} {
		wider, err := ca.HomeConstraints().Permit([]string{row.input})
		if err != nil {
			t.Errorf("permit %q: %v", row.input, err)
			continue
		}
		var wantPrefixes []netip.Prefix
		if row.prefix != "" {
			wantPrefixes = []netip.Prefix{netip.MustParsePrefix(row.prefix)}
		}
		if got := wider.Prefixes()[8:]; !slices.Equal(got, wantPrefixes) {
			t.Errorf("permit %q: got ranges %v, want %v", row.input, got, wantPrefixes)
		}
		if got := strings.Join(wider.Domains()[5:], " "); got != row.domain {
			t.Errorf("permit %q: got domains %q, want %q", row.input, got, row.domain)
		}
	}
}

// TestHomeRangesAreNeverTooWide: all of them, and their halves, are what a home may have.
func TestHomeRangesAreNeverTooWide(t *testing.T) {
	for _, input := range []string{"fc00::/7", "fd00::/8", "10.0.0.0/8", "fe80::/10"} {
		c, err := ca.OnlyConstraints([]string{".local", input})
		if want := []netip.Prefix{netip.MustParsePrefix(input)}; err != nil || !slices.Equal(c.Prefixes(), want) {
			t.Errorf("only .local and %s: got %v, %v", input, c.Prefixes(), err)
		}
	}
}

func TestPermitRefusesWhatUndoesTheProtection(t *testing.T) {
	for _, row := range []struct{ input, want string }{
		{"com", "public suffix"},
		{".com", "public suffix"},
		{"co.uk", "public suffix"},
		{"foo", "public suffix"}, // a top-level domain that is sold
		{"ck", "public suffix"},  // only names below it are on the list
		{"kawasaki.jp", "public suffix"},
		{"github.io", "public suffix"},
		{"compute.amazonaws.com", "public suffix"},
		{"in-addr.arpa", "public suffix"},
		{"*.x.local", "wildcard"},
		{"*.com", "wildcard"},
		{"0.0.0.0/0", "at least 8"},
		{"64.0.0.0/2", "at least 8"},
		{"10.0.0.0/7", "at least 8"},
		{"::/0", "at least 16"},
		{"2000::/3", "at least 16"},
		{"10.0.0.1/8", "10.0.0.0/8"},
		{"2001:db8::1/32", "2001:db8::/32"},
		{"::ffff:10.0.0.0/104", "IPv4 range written as IPv6"},
		{"10.0.0.0/33", "no range"},
		{"10.0.0.0/-1", "no range"},
		{"10.0.0.0/", "no range"},
		{"https://nas.example.com", "no range"},
		{"fe80::1%eth0/64", "no range"},
		{"fe80::1%eth0", "zone"},
		{"", "empty"},
		{".", "empty"},
		{"..example.com", "empty label"},
		{"-x.example.com", "hyphen"},
		{"my_nas.example.com", "letters, digits"},
		{"a b.example.com", "space"},
		{"1.2.3", "number"},
		{strings.Repeat("a", 64) + ".com", "64 bytes"},
	} {
		wider, err := ca.HomeConstraints().Permit([]string{row.input})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("permit %q: got %v and %s, want an error with %q", row.input, err, wider, row.want)
			continue
		}
		if len(wider.Domains()) != 0 || len(wider.Prefixes()) != 0 {
			t.Errorf("permit %q: refused, and %s returned", row.input, wider)
		}
		if got := inputOf(t, err); got != row.input {
			t.Errorf("permit %q: the error quotes %q", row.input, got)
		}
	}
}

// inputOf returns what a fault of Permit is about.
func inputOf(t testing.TB, err error) string {
	t.Helper()
	for _, fault := range faultsOf(err) {
		if name, ok := errors.AsType[*ca.NameError](fault); ok {
			return name.Input
		}
		if permit, ok := errors.AsType[*ca.PermitError](fault); ok {
			return permit.Input
		}
	}
	t.Errorf("error %v is neither a *ca.NameError nor a *ca.PermitError", err)
	return ""
}

func TestAllFaultsOfPermitComeAtOnce(t *testing.T) {
	_, err := ca.HomeConstraints().Permit([]string{"com", "example.com", "0.0.0.0/0", "a b"})
	if got := len(faultsOf(err)); got != 3 {
		t.Errorf("got %d faults, want 3: %v", got, err)
	}
}

func TestPermitLeavesItsReceiver(t *testing.T) {
	// A slice of nine has room for more, in which two could meet.
	c, err := ca.HomeConstraints().Permit([]string{"example.net", "203.0.113.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	before := c.String()
	one, errOne := c.Permit([]string{"one.example.com", "100.64.0.0/10"})
	two, errTwo := c.Permit([]string{"two.example.com", "2001:db8::/32"})
	if err := errors.Join(errOne, errTwo); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(one.Domains(), "one.example.com") || slices.Contains(one.Domains(), "two.example.com") {
		t.Errorf("first: got %s", one)
	}
	if !slices.Contains(two.Domains(), "two.example.com") || slices.Contains(two.Domains(), "one.example.com") {
		t.Errorf("second: got %s", two)
	}
	if !slices.Contains(one.Prefixes(), netip.MustParsePrefix("100.64.0.0/10")) {
		t.Errorf("first, after the second: got %s", one)
	}
	if c.String() != before {
		t.Errorf("receiver: got %s", c)
	}
	one.Domains()[0], one.Prefixes()[0] = "evil.com", netip.MustParsePrefix("0.0.0.0/0")
	if got := one.Domains()[0]; got != "local" || one.Prefixes()[0].Bits() != 8 {
		t.Errorf("changed through its copy: %s", one)
	}
}

func TestPermittedTwiceStandsOnce(t *testing.T) {
	c, err := ca.HomeConstraints().Permit([]string{"local", ".lan", "home.arpa", "10.0.0.0/8", "::1", "x.example.com", "X.example.com."})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Domains()) != 6 || len(c.Prefixes()) != 8 {
		t.Errorf("got %s", c)
	}
}

// outside has names that a home's root must never vouch for.
var outside = []string{
	"example.com", "www.example.com", "bank.example", "local.example.com", "pico.local.example.com",
	"xlocal", "pico-local", "notlocal", "arpa", "x.arpa", "home", "home.arp", "x.internal2", "xlocalhost",
	"*.example.com", "*.local.example.com", "*.pico.local.example.com",
	"8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
	"169.253.1.1", "126.255.255.255", "128.0.0.1", "100.64.0.1",
	"2001:db8::1", "2606:4700::1111", "fbff::1", "fe7f::1", "fec0::1", "::2", "::7f00:1", "64:ff9b::a00:1",
}

// inside has names that it may vouch for.
var inside = []string{
	"local", "pico.local", "a.b.c.local", "*.pico.local", "home.arpa", "pico.home.arpa", "*.x.home.arpa", "nas.internal", "router.lan", "localhost", "x.localhost",
	"xn--bro-hoa.local", "10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
	"169.254.1.1", "127.0.0.1", "127.255.255.254", "fc00::1", "fdff:ffff::1", "fe80::1", "febf::1", "::1",
}

func TestHomeRootVouchesForNamesOfAHomeAlone(t *testing.T) {
	a := home(t)
	for _, name := range inside {
		checkConstraintsAgree(t, a, parse(t, name))
		if err := a.Permits(parse(t, name)); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, name := range outside {
		checkConstraintsAgree(t, a, parse(t, name))
		if err := a.Permits(parse(t, name)); err == nil {
			t.Errorf("name %q is permitted", name)
		}
	}
}

func TestPermittedNamesAreVouchedFor(t *testing.T) {
	req := testpki.HomeRequest()
	var err error
	if req.Constraints, err = req.Constraints.Permit([]string{"nas.example.com", "100.64.0.0/10", "2001:db8::/32", "203.0.113.7", "tower"}); err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t, req, ca.P256)
	for name, want := range map[string]bool{
		"nas.example.com": true, "x.nas.example.com": true, "*.nas.example.com": true, "tower": true,
		"100.64.0.1": true, "100.127.255.255": true, "2001:db8:ffff::1": true, "203.0.113.7": true,
		"example.com": false, "*.example.com": false, "xnas.example.com": false, "100.128.0.0": false, "2001:db9::1": false, "203.0.113.8": false,
	} {
		names := parse(t, name)
		checkConstraintsAgree(t, a, names)
		if got := a.Permits(names) == nil; got != want {
			t.Errorf("name %q: permitted %v, want %v", name, got, want)
		}
	}
}

func TestRootWithoutConstraintsPermitsEverything(t *testing.T) {
	a := newAuthority(t, ca.RootRequest{Name: "Anywhere", Days: 10}, ca.P256)
	for _, name := range slices.Concat(inside, outside) {
		if err := a.Permits(parse(t, name)); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestConstraintsAreReadAsTheyWereWritten(t *testing.T) {
	req := testpki.HomeRequest()
	var err error
	if req.Constraints, err = req.Constraints.Permit([]string{"nas.example.com", "100.64.0.0/10", "2001:db8::/32"}); err != nil {
		t.Fatal(err)
	}
	got := ca.ConstraintsOf(newRoot(t, req, ca.P256))
	if got.String() != req.Constraints.String() {
		t.Errorf("got %s, want %s", got, req.Constraints)
	}
}

// bypassRules signs a leaf for names with a root's key and nothing but
// crypto/x509, and returns whether crypto/x509 lets the root vouch for it.
func bypassRules(t testing.TB, a *ca.Authority, names ca.Names) error {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.Add(-day), NotAfter: noon.Add(day)}
	for _, name := range names.Strings() {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	root := testpki.Pair{Cert: a.Certificate(), Key: newKey(t, a.KeyType())}
	leaf := root.Sign(t, template, newKey(t, ca.P256)).Cert
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// FuzzPermit checks whatever is accepted against the promise: a root with it
// can be made and read back, vouches for the permitted name and those below,
// and for no stranger's.
func FuzzPermit(f *testing.F) {
	for _, seed := range []string{
		"example.com", ".example.com", "com", "co.uk", "ck", "kawasaki.jp", "localhost", "*.x.local", "0.0.0.0/0", "10.0.0.1/8", "100.64.0.0/10",
		"2001:db8::/32", "::ffff:10.0.0.0/104", "fe80::1%eth0/64", "::/16", "0.0.0.0", "büro.example.com", "", ".", "1.2.3.4/", "/8", "github.io",
	} {
		f.Add(seed)
	}
	for _, row := range refused {
		f.Add(row.input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		c, err := ca.HomeConstraints().Permit([]string{input})
		if err != nil {
			checkPrintable(t, err.Error())
			inputOf(t, err)
			return
		}
		a := newAuthority(t, ca.RootRequest{Name: "Home CA", Days: 10, Constraints: c}, ca.P256)
		if got := ca.ConstraintsOf(a.Certificate()).String(); got != c.String() {
			t.Fatalf("permit %q: %s is read as %s", input, c, got)
		}
		checkPermitted(t, a, c)
	})
}

// checkPermitted checks the one domain or range that was added against the
// certificates that it allows.
func checkPermitted(t *testing.T, a *ca.Authority, c ca.Constraints) {
	t.Helper()
	for _, domain := range c.Domains()[5:] {
		for _, name := range []string{domain, "x." + domain} {
			if names, err := ca.ParseNames([]string{name}); err == nil { // else too long
				checkConstraintsAgree(t, a, names)
				if err := a.Permits(names); err != nil {
					t.Errorf("permitted %q: %v", domain, err)
				}
			}
		}
	}
	for _, prefix := range c.Prefixes()[8:] {
		if prefix != prefix.Masked() || prefix.Bits() < 8 {
			t.Errorf("permitted %s", prefix)
		}
		if names, err := ca.ParseNames([]string{prefix.Addr().String()}); err == nil { // else no device's
			checkConstraintsAgree(t, a, names)
		}
	}
	// A domain and network with no owner hold both of two strangers.
	for _, strangers := range [][]string{{"a.net", "b.net"}, {"a.com", "b.com"}, {"8.8.8.8", "1.1.1.1"}, {"2001:db8::1", "2606:4700::1111"}} {
		if a.Permits(parse(t, strangers[0])) == nil && a.Permits(parse(t, strangers[1])) == nil {
			t.Errorf("%s permits both of %q", c, strangers)
		}
	}
}

// TestOnlyConstraintsPermitNothingElse: no address, unless one is named, and that is
// what the root says, and what is read from it.
func TestOnlyConstraintsPermitNothingElse(t *testing.T) {
	for _, row := range []struct {
		only []string
		text string
		in   []string
		out  []string
	}{
		{[]string{".local"}, ".local no address", []string{"pico.local"}, []string{"nas.home.arpa", "localhost", "192.168.1.20", "::1"}},
		{[]string{"home.arpa", "10.0.0.0/8"}, ".home.arpa 10.0.0.0/8", []string{"nas.home.arpa", "10.1.2.3"}, []string{"pico.local", "192.168.1.20"}},
		{[]string{".local", "home.arpa", "internal", "lan"}, ".local .home.arpa .internal .lan no address", []string{"nas.lan"}, []string{"10.1.2.3"}},
	} {
		c, err := ca.OnlyConstraints(row.only)
		if err != nil {
			t.Fatalf("%q: %v", row.only, err)
		}
		req := testpki.HomeRequest()
		req.Constraints = c
		root := testpki.Root(t, req, testpki.NewKey(t, ca.P256), time.Now()).Cert
		for _, got := range []ca.Constraints{c, ca.ConstraintsOf(root)} {
			if got.String() != row.text || got.Home() {
				t.Errorf("%q: got %s, of a home %t; want %s", row.only, got, got.Home(), row.text)
			}
			for _, name := range row.in {
				if !got.Contains(parse(t, name).First()) {
					t.Errorf("%q: %s is not permitted", row.only, name)
				}
			}
			for _, name := range row.out {
				if got.Contains(parse(t, name).First()) {
					t.Errorf("%q: %s is permitted", row.only, name)
				}
			}
		}
	}
	for _, only := range [][]string{{"10.0.0.0/8"}, {"com"}, {".local", "0.0.0.0/0"}} {
		if c, err := ca.OnlyConstraints(only); err == nil {
			t.Errorf("%q: got %s, want an error", only, c)
		}
	}
	if !ca.HomeConstraints().Home() {
		t.Error("a home's constraints are not those of a home")
	}
}

func TestConstraintsInShort(t *testing.T) {
	only := func(raw ...string) ca.Constraints {
		c, err := ca.OnlyConstraints(raw)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wider, err := ca.HomeConstraints().Permit([]string{"fritz.box", "100.64.0.0/10"})
	if err != nil {
		t.Fatal(err)
	}
	anyAddress := testpki.HomeRequest()
	anyAddress.AnyAddress = true
	for _, row := range []struct {
		c    ca.Constraints
		want string
	}{
		{ca.HomeConstraints(), ".local, .home.arpa, .internal, .lan, localhost and private addresses"},
		{wider, ".local, .home.arpa, .internal, .lan, localhost, .fritz.box, private addresses and 100.64.0.0/10"},
		{ca.ConstraintsOf(newRoot(t, anyAddress, ca.P256)), ".local, .home.arpa, .internal, .lan, localhost and any address"},
		{only(".local"), ".local and no address"},
		{only(".local", "10.0.0.0/8"), ".local and 10.0.0.0/8"},
	} {
		if got := row.c.Short(); got != row.want {
			t.Errorf("got %q, want %q", got, row.want)
		}
	}
}
