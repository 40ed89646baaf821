package ca_test

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// identity is the profile of `picoca identity` without flags.
func identity() ca.Profile {
	return ca.Profile{Kind: ca.KindClient, Life: ca.Days(ca.DefaultLeafDays), Cut: true}
}

func clientName(t testing.TB, text string) ca.ClientName {
	t.Helper()
	name, err := ca.ParseClientName(text)
	if err != nil {
		t.Fatalf("identity name %q: %v", text, err)
	}
	return name
}

// prepareIdentity prepares a P-256 identity, or returns why it is refused.
func prepareIdentity(t testing.TB, a *ca.Authority, text string) (*ca.Prepared, error) {
	t.Helper()
	return a.Prepare(identity(), ca.Holder{Client: clientName(t, text)}, newKey(t, ca.P256).Public(), noon)
}

func issueIdentity(t testing.TB, a *ca.Authority, text string) *x509.Certificate {
	t.Helper()
	prepared, err := prepareIdentity(t, a, text)
	if err != nil {
		t.Fatalf("identity %q: %v", text, err)
	}
	return sign(t, a, prepared)
}

func TestClientNamesAreKeptAsUTF8(t *testing.T) {
	for input, want := range map[string]string{
		"kitchen-tablet":              "kitchen-tablet",
		"Küche/Tablet №2 平板":          "Küche/Tablet №2 平板",
		"Ku\u0308che":                 "Küche", // composed: NFC
		"anna@example.com":            "anna@example.com",
		"v 1.0":                       "v 1.0",
		strings.Repeat("ü", 64):       strings.Repeat("ü", 64),
		"📱 Annas Telefon":             "📱 Annas Telefon",
		"می\u200cخواهم":               "می\u200cخواهم",  // Persian needs its joiner
		"👩\u200d🔬":                    "👩\u200d🔬",       // so does an emoji
		"क\u094d\u200dष":              "क\u094d\u200dष", // and Devanagari
		"; rm -rf / && \"quoted\" \\": "; rm -rf / && \"quoted\" \\",
	} {
		if name, err := ca.ParseClientName(input); err != nil || name.String() != want {
			t.Errorf("%q: got %q, %v, want %q", input, name, err, want)
		}
	}
}

func TestClientNamesThatAreRefused(t *testing.T) {
	for input, want := range map[string]string{
		"":                      "is empty",
		" \u00a0":               "is empty",
		"a\x00b":                "control or invisible character (U+0000)",
		"a\nb":                  "(U+000A)",
		"a\x1b[31mb":            "(U+001B)",
		"a\u009bb":              "(U+009B)", // a one-byte escape sequence
		"a\u202eb":              "(U+202E)", // turns the text around
		"a\u200bb":              "(U+200B)", // zero width
		"a\u200db":              "(U+200D)", // a joiner that joins nothing
		"\u3164":                "(U+3164)",
		"a\xffb":                "not valid UTF-8",
		" tablet":               "begins or ends with a space",
		"tablet ":               "begins or ends with a space",
		strings.Repeat("x", 65): "has 65 characters; at most 64",
		"ca":                    "reserved for the CA itself",
		"CA":                    "reserved for the CA itself",
		"anna.example":          "looks like a host name",
		"tablet_2.0":            "looks like a host name",
		"192.168.1.20":          "looks like a host name",
	} {
		_, err := ca.ParseClientName(input)
		got, ok := errors.AsType[ca.ClientNameError](err)
		if !ok || got.Input != input || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", input, err, want)
		}
	}
}

// TestClientNameIsNoDevicesName: one word must not be a device and an identity.
func TestClientNameIsNoDevicesName(t *testing.T) {
	constraints, err := ca.HomeConstraints().Permit([]string{"nas"})
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t, ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: constraints}, ca.P256)
	for _, text := range []string{"nas", "NAS", "fe80::1", "localhost"} {
		_, err := prepareIdentity(t, a, text)
		if _, ok := errors.AsType[ca.ClientNameError](err); !ok {
			t.Errorf("%q: got %v, want a ClientNameError", text, err)
		}
	}
	for _, text := range []string{"nas tablet", "tablet"} {
		if _, err := prepareIdentity(t, a, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestIdentityIsForClientsOnly, with an RSA key too: RFC 5280 section 4.2.1.12
// has no keyEncipherment beside clientAuth.
func TestIdentityIsForClientsOnly(t *testing.T) {
	for _, kt := range []ca.KeyType{ca.P256, ca.RSA2048} {
		a := home(t)
		prepared, err := a.Prepare(identity(), ca.Holder{Client: clientName(t, "Küchen-Tablet")}, newKey(t, kt).Public(), noon)
		if err != nil {
			t.Fatal(err)
		}
		leaf := sign(t, a, prepared)
		if leaf.Subject.CommonName != "Küchen-Tablet" || len(leaf.Subject.Names) != 1 {
			t.Errorf("%s: subject: got %v", kt, leaf.Subject)
		}
		if n := len(leaf.DNSNames) + len(leaf.IPAddresses) + len(leaf.URIs); n > 0 {
			t.Errorf("%s: got %d names that a server could use, want none", kt, n)
		}
		if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("%s: usage: got %v, %v", kt, leaf.ExtKeyUsage, leaf.KeyUsage)
		}
		checkUsages(t, a.Certificate(), leaf, x509.ExtKeyUsageClientAuth)
		if got, size := len(leaf.Raw), sizeOf(t, prepared); got > size || got < size-8 {
			t.Errorf("%s: size: got %d, Size says %d", kt, got, size)
		}
	}
}

// checkUsages asks crypto/x509 for which of a server and a client a
// certificate verifies.
func checkUsages(t testing.TB, root, leaf *x509.Certificate, want ...x509.ExtKeyUsage) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageEmailProtection} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{usage}})
		if got := err == nil; got != slices.Contains(want, usage) {
			t.Errorf("%s, usage %v: got %v", leaf.Subject, usage, err)
		}
	}
}

// TestIdentityHasAnAddressOfItsOwn: without any subjectAltName, BoringSSL checks
// "kitchen-tablet" against the root's domains.
func TestIdentityHasAnAddressOfItsOwn(t *testing.T) {
	a, seen := home(t), map[string]string{}
	for text, want := range map[string]string{
		"kitchen-tablet":                  "kitchen-tablet@home.arpa",
		"Kitchen-Tablet":                  "kitchen-tablet-",
		"Kitchen Tablet":                  "kitchen-tablet-",
		"Küchen-Tablet":                   "kuchen-tablet-",
		"anna@example.com":                "anna-example-com-",
		"平板":                              "",
		"-":                               "",
		strings.Repeat("x", 64):           strings.Repeat("x", 55) + "-",
		strings.Repeat("x", 63) + "y":     strings.Repeat("x", 55) + "-",
		strings.Repeat("ab-", 18) + "c d": strings.Repeat("ab-", 18) + "c-",
		strings.Repeat("x", 55):           strings.Repeat("x", 55) + "@home.arpa",
	} {
		leaf := issueIdentity(t, a, text)
		if len(leaf.EmailAddresses) != 1 {
			t.Errorf("%q: got %q, want one address", text, leaf.EmailAddresses)
			continue
		}
		got := leaf.EmailAddresses[0]
		local, domain, _ := strings.Cut(got, "@")
		if !strings.HasPrefix(got, want) || domain != "home.arpa" || len(local) > 64 || local == "" || strings.Trim(local, "-") != local {
			t.Errorf("%q: got %q, want %q...", text, got, want)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q: got %q, as %q did; want another address", text, got, other)
		}
		seen[got] = text
	}
}

// TestIdentityUnderOtherRoots: roots of earlier versions limit no addresses, and
// one that forbids ours gets an identity without.
func TestIdentityUnderOtherRoots(t *testing.T) {
	for _, row := range []struct {
		permitted []string
		want      int
	}{{nil, 1}, {[]string{"home.arpa"}, 1}, {[]string{"example.com"}, 0}} {
		root := custom(t, ca.P256, func(c *x509.Certificate) { c.PermittedEmailAddresses = row.permitted })
		a := open(t, root)
		if leaf := issueIdentity(t, a, "Kitchen tablet"); len(leaf.EmailAddresses) != row.want {
			t.Errorf("root that permits %q: got %q, want %d addresses", row.permitted, leaf.EmailAddresses, row.want)
		}
	}
}

func TestIdentityKeepsTheRules(t *testing.T) {
	a := home(t)
	for _, row := range []struct {
		rule    string
		profile ca.Profile
		holder  ca.Holder
		key     ca.KeyType
	}{
		{"days", ca.Profile{Kind: ca.KindClient, Life: ca.Days(826)}, ca.Holder{Client: clientName(t, "tablet")}, ca.P256},
		{"key", identity(), ca.Holder{Client: clientName(t, "tablet")}, ca.P384},
		{"holder", identity(), ca.Holder{}, ca.P256},
		{"holder", identity(), ca.Holder{Names: parse(t, "pico.local")}, ca.P256},
		{"holder", identity(), ca.Holder{Names: parse(t, "pico.local"), Client: clientName(t, "tablet")}, ca.P256},
		{"holder", profile(), ca.Holder{Client: clientName(t, "tablet")}, ca.P256},
		{"holder", profile(), ca.Holder{Names: parse(t, "pico.local"), Client: clientName(t, "tablet")}, ca.P256},
	} {
		_, err := a.Prepare(row.profile, row.holder, newKey(t, row.key).Public(), noon)
		checkRule(t, err, row.rule)
	}
}

// checkRule checks that err is one RuleError of that rule, with a hint.
func checkRule(t testing.TB, err error, want string) {
	t.Helper()
	rule, ok := errors.AsType[ca.RuleError](err)
	if !ok || rule.Rule != want || len(faultsOf(err)) != 1 {
		t.Errorf("got %v (%T, rule %q), want only rule %q to be broken", err, err, rule.Rule, want)
		return
	}
	if fault.HintOf(err).IsZero() {
		t.Errorf("rule %q: %v has no hint", want, err)
	}
}

// FuzzParseClientName: what is accepted yields an identity whose common name is
// the name, byte for byte.
func FuzzParseClientName(f *testing.F) {
	for _, seed := range []string{"kitchen-tablet", "Küche/Tablet", "a.b", "ca", "a\x00", "📱", "a\u202e", "\u2800", "a\ufe0f"} {
		f.Add(seed)
	}
	a := home(f)
	f.Fuzz(func(t *testing.T, input string) {
		name, err := ca.ParseClientName(input)
		if err != nil {
			checkPrintable(t, err.Error())
			return
		}
		if again, err := ca.ParseClientName(name.String()); err != nil || again != name {
			t.Fatalf("%q read again: got %q, %v", name, again, err)
		}
		prepared, err := prepareIdentity(t, a, name.String())
		if _, ok := errors.AsType[ca.ClientNameError](err); ok {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if leaf := sign(t, a, prepared); leaf.Subject.CommonName != name.String() || len(leaf.EmailAddresses) != 1 {
			t.Fatalf("%q: got %q, %q", name, leaf.Subject.CommonName, leaf.EmailAddresses)
		}
	})
}
