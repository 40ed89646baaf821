package ca_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

// TestHintForANameOutsideTheRoot, one that does not permit localhost yet.
func TestHintForANameOutsideTheRoot(t *testing.T) {
	old, err := ca.NewAuthority(custom(t, ca.P256, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedIPRanges = []string{"local", "home.arpa"}, testpki.Ranges(t, "10.0.0.0/8", "127.0.0.0/8")
	}), noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name      string
		want, not string
	}{
		{"pico.fritz.box", "picoca root rotate --permit fritz.box", "pico.fritz.box"},
		{"a.b.example.co.uk", "picoca root rotate --permit example.co.uk", "a.b"},
		{"nas.me.github.io", "picoca root rotate --permit me.github.io", "nas"},
		{"*.x.example.com", "picoca root rotate --permit example.com", "*"},
		{"example.com", "picoca root rotate --permit example.com", ""},
		{"pico.home", "picoca root rotate --permit home", "pico.home"},
		{"core-mosquitto", "such as core-mosquitto.local", ""},
		{"core-mosquitto", "picoca root rotate --permit core-mosquitto", ""},
		{"com", "com.local", "--permit"}, // strangers own the names below it
		{"localhost", "use 127.0.0.1", "localhost.local"},
		{"8.8.8.8", "picoca root rotate --permit 8.8.8.8", ""},
		{"2001:db8::1", "picoca root rotate --permit 2001:db8::1", ""},
	} {
		err := old.Permits(parse(t, row.name))
		got := hintText(err)
		if !strings.Contains(got, row.want) || row.not != "" && strings.Contains(got, row.not) {
			t.Errorf("name %q: got hint %q, want %q and not %q", row.name, got, row.want, row.not)
		}
	}
}

// TestPermittedHintWorks: what a hint permits makes a root that vouches for the
// name.
func TestPermittedHintWorks(t *testing.T) {
	for _, name := range outside {
		names := parse(t, name)
		_, permit, ok := strings.Cut(hintText(home(t).Permits(names)), "--permit ")
		if !ok {
			continue
		}
		wider, err := ca.HomeConstraints().Permit([]string{permit})
		if err != nil || !wider.Contains(names.First()) {
			t.Errorf("name %q: permitting %q: got %v", name, permit, err)
		}
	}
}

// TestHintStaysWithinANarrowRoot: what it says to choose is what the root permits.
func TestHintStaysWithinANarrowRoot(t *testing.T) {
	for _, row := range []struct {
		domain, addresses, name, want string
	}{
		{"home.arpa", "10.0.0.0/8", "pico", "choose a name with a domain, such as pico.home.arpa"},
		{"home.arpa", "10.0.0.0/8", "localhost", "choose a name with a domain, such as localhost.home.arpa"},
		{"home.arpa", "127.0.0.0/8", "localhost", "use 127.0.0.1"},
		{"home.arpa", "10.0.0.0/8", "pico.local", "choose a name under .home.arpa, or an address of 10.0.0.0/8"},
		{"home.arpa", "", "pico.local", "choose a name under .home.arpa, or an address"},
	} {
		a, err := ca.NewAuthority(custom(t, ca.P256, func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedIPRanges = []string{row.domain}, nil
			if row.addresses != "" {
				c.PermittedIPRanges = testpki.Ranges(t, row.addresses)
			}
		}), noon)
		if err != nil {
			t.Fatal(err)
		}
		got, _, _ := strings.Cut(hintText(a.Permits(parse(t, row.name))), ";")
		if got != row.want {
			t.Errorf("%s under %s %s: got %q, want %q", row.name, row.domain, row.addresses, got, row.want)
		}
	}
}

func TestEachNameThatIsRefusedHasAHint(t *testing.T) {
	for _, row := range refused {
		_, err := ca.ParseNames([]string{row.input})
		checkHint(t, err)
	}
}

// checkHint checks that an error has a hint, in printable words that do not end
// in a full stop.
func checkHint(t testing.TB, err error) {
	t.Helper()
	got := hintText(err)
	if got == "" || strings.Contains(got, "%!") || strings.HasSuffix(got, ".") || unicode.IsUpper(rune(got[0])) {
		t.Errorf("error %v: got hint %q", err, got)
	}
	checkPrintable(t, got)
}

func TestEachErrorHasAHint(t *testing.T) {
	a := home(t)
	badName := testpki.HomeRequest()
	badName.Name = "\x1b[2J"
	_, errPermit := ca.HomeConstraints().Permit([]string{"com"})
	_, errKeyType := ca.ParseKeyType("ed25519")
	_, errKey := ca.KeyTypeOf(nil)
	_, errClient := ca.ParseClientName("tablet.local")
	_, errOdd := ca.ParseClientName("\x1b[2J")
	_, errCosts := a.Prepare(profile(), device(parse(t, "pico.local")), newKey(t, ca.RSA4096).Public(), noon)
	_, errLong := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(820)}, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), a.Certificate().NotAfter)
	_, errPEM := ca.ParseCertificatePEM(nil)
	for _, err := range []error{
		errPermit, errKeyType, errKey, errClient, errOdd, errCosts, errLong, errPEM, badName.Check(),
		ca.RootRequest{Name: "x"}.Check(), ca.DaysError{826, 1, 825}, ca.ErrNotRoot, ca.ErrOtherKey, ca.ErrNotIssued, ca.ErrOtherCRL, ca.ClockError{noon},
	} {
		if err == nil {
			t.Error("got no error")
			continue
		}
		checkHint(t, err)
		checkPrintable(t, err.Error())
	}
}

func TestHintsNameTheirCommands(t *testing.T) {
	_, errHost := ca.ParseClientName("tablet.local")
	_, errOdd := ca.ParseClientName("")
	for want, err := range map[string]error{
		"picoca issue tablet.local":      errHost,
		"picoca identity Kitchen tablet": errOdd,
		"--name \"Smith Home\"":          ca.RootNameError{Input: "x", Text: "is bad"},
		"more than 825 days":             ca.DaysError{826, 1, 825},
		"leave out --days":               ca.DaysError{36501, 1, 36500},
		"p256":                           ca.UnknownKeyTypeError{Input: "dsa"},
	} {
		if got := hintText(err); !strings.Contains(got, want) {
			t.Errorf("%v: got hint %q, want %q", err, got, want)
		}
	}
}

// TestBadKeyTypeIsAUsageErrorOnlyAsAnArgument: one in a damaged certificate is
// not the command line's fault.
func TestBadKeyTypeIsAUsageErrorOnlyAsAnArgument(t *testing.T) {
	_, errArgument := ca.ParseKeyType("ed25519")
	_, errCertificate := ca.KeyTypeOf(nil)
	if got := fault.CodeOf(errArgument); got != fault.Usage {
		t.Errorf("argument: got exit code %d, want %d", got, fault.Usage)
	}
	if got := fault.CodeOf(errCertificate); got != fault.Failed {
		t.Errorf("certificate: got exit code %d, want %d", got, fault.Failed)
	}
	if e, ok := errors.AsType[ca.UnknownKeyError](errCertificate); !ok || e.Type != "unknown" {
		t.Errorf("certificate: got %v, want a key of an unknown type", errCertificate)
	}
}
