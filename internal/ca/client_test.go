package ca_test

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

var clientNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clientAuthority returns an unlocked authority that also permits names.
func clientAuthority(t testing.TB, permit ...string) *ca.Authority {
	t.Helper()
	constraints, err := ca.HomeConstraints().Permit(permit)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: constraints}, key, clientNow)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ca.NewAuthority(root, clientNow)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// issueClient issues an identity, or returns what it was refused for.
func issueClient(t testing.TB, authority *ca.Authority, label string, profile ca.Profile, keyType ca.KeyType) (*ca.Prepared, error) {
	t.Helper()
	parsed, err := ca.ParseLabel(label)
	if err != nil {
		return nil, err
	}
	key, err := keyType.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return authority.PrepareClient(profile, parsed, key.Public(), clientNow)
}

func TestLabelsAreKeptAsUTF8(t *testing.T) {
	for input, want := range map[string]string{
		"kitchen-tablet":              "kitchen-tablet",
		"Küche/Tablet №2 平板":          "Küche/Tablet №2 平板",
		"Ku\u0308che":                 "Küche", // composed: NFC
		"anna@example.com":            "anna@example.com",
		"v 1.0":                       "v 1.0",
		strings.Repeat("ü", 64):       strings.Repeat("ü", 64),
		"📱 Annas Telefon":             "📱 Annas Telefon",
		"; rm -rf / && \"quoted\" \\": "; rm -rf / && \"quoted\" \\",
	} {
		if label, err := ca.ParseLabel(input); err != nil || label.String() != want {
			t.Errorf("%q: got %q, %v", input, label, err)
		}
	}
}

func TestLabelsThatAreRefused(t *testing.T) {
	for input, want := range map[string]string{
		"":                      "is empty",
		" \u00a0":               "is empty",
		"a\x00b":                "control or invisible",
		"a\nb":                  "control or invisible",
		"a\u202eb":              "control or invisible", // turns the text around
		"a\u200bb":              "control or invisible", // zero width
		"a\xffb":                "control or invisible",
		" tablet":               "begins or ends with a space",
		"tablet ":               "begins or ends with a space",
		strings.Repeat("x", 65): "has 65 characters, at most 64",
		"ca":                    "certificate authority itself",
		"CA":                    "certificate authority itself",
		"anna.example":          "name of a host",
		"tablet_2.0":            "name of a host",
		"192.168.1.20":          "name of a host",
	} {
		_, err := ca.ParseLabel(input)
		var fault ca.LabelError
		if !errors.As(err, &fault) || fault.Input != input || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", input, err, want)
		}
	}
}

// TestLabelIsNoDevicesName: one word must not be a device and an identity.
func TestLabelIsNoDevicesName(t *testing.T) {
	authority := clientAuthority(t, "nas")
	var fault ca.LabelError
	for _, label := range []string{"nas", "NAS", "fe80::1"} {
		if _, err := issueClient(t, authority, label, ca.Profile{Life: ca.Days(820)}, ca.P256); !errors.As(err, &fault) {
			t.Errorf("%q: got %v", label, err)
		}
	}
	for _, label := range []string{"nas tablet", "tablet"} {
		if _, err := issueClient(t, authority, label, ca.Profile{Life: ca.Days(820)}, ca.P256); err != nil {
			t.Errorf("%q: %v", label, err)
		}
	}
}

// TestClientIdentityIsForClientsAlone, with an RSA key too: RFC 5280 section
// 4.2.1.12 has no keyEncipherment beside clientAuth.
func TestClientIdentityIsForClientsAlone(t *testing.T) {
	for _, keyType := range []ca.KeyType{ca.P256, ca.RSA2048} {
		t.Run(string(keyType), func(t *testing.T) { checkForClientsAlone(t, keyType) })
	}
}

func checkForClientsAlone(t *testing.T, keyType ca.KeyType) {
	key, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: ca.HomeConstraints()}, key, clientNow)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ca.NewAuthority(root, clientNow)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Unlock(key); err != nil {
		t.Fatal(err)
	}
	prepared, err := issueClient(t, authority, "Küchen-Tablet", ca.Profile{Life: ca.Days(820)}, keyType)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := authority.Sign(prepared)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Subject.CommonName != "Küchen-Tablet" || len(leaf.Subject.Names) != 1 {
		t.Errorf("subject: got %v", leaf.Subject)
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) > 0 {
		t.Error("identity has alternative names")
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("usage: got %v, %v", leaf.ExtKeyUsage, leaf.KeyUsage)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for usage, want := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageClientAuth: true, x509.ExtKeyUsageServerAuth: false} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: clientNow, KeyUsages: []x509.ExtKeyUsage{usage}})
		if (err == nil) != want {
			t.Errorf("usage %v: got %v", usage, err)
		}
	}
	if len(leaf.Raw) > prepared.Size() || len(leaf.Raw) < prepared.Size()-4 {
		t.Errorf("size: got %d, said %d", len(leaf.Raw), prepared.Size())
	}
}

// TestClientIdentityKeepsTheRules of leaves: days, key types.
func TestClientIdentityKeepsTheRules(t *testing.T) {
	authority := clientAuthority(t)
	var days ca.DaysError
	if _, err := issueClient(t, authority, "tablet", ca.Profile{Life: ca.Days(826)}, ca.P256); !errors.As(err, &days) {
		t.Errorf("826 days: got %v", err)
	}
	var rule ca.RuleError
	if _, err := issueClient(t, authority, "tablet", ca.Profile{Life: ca.Days(820)}, ca.P384); !errors.As(err, &rule) || rule.Rule != "key" {
		t.Errorf("p384: got %v", err)
	}
	if _, err := authority.PrepareClient(ca.Profile{Life: ca.Days(820)}, ca.Label{}, nil, clientNow); err == nil {
		t.Error("no label and no key: accepted")
	}
}

// FuzzParseLabel: what is accepted yields an identity whose common name is the
// label, byte for byte.
func FuzzParseLabel(f *testing.F) {
	for _, seed := range []string{"kitchen-tablet", "Küche/Tablet", "a.b", "ca", "a\x00", "📱", "a\u202e"} {
		f.Add(seed)
	}
	key, err := ca.P256.Generate()
	if err != nil {
		f.Fatal(err)
	}
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: ca.HomeConstraints()}, key, clientNow)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input string) {
		authority, err := ca.NewAuthority(root, clientNow)
		if err != nil {
			t.Fatal(err)
		}
		if err := authority.Unlock(key); err != nil {
			t.Fatal(err)
		}
		label, err := ca.ParseLabel(input)
		if err != nil {
			return
		}
		if again, err := ca.ParseLabel(label.String()); err != nil || again != label {
			t.Fatalf("%q read again: %q, %v", label, again, err)
		}
		prepared, err := authority.PrepareClient(ca.Profile{Life: ca.Days(820)}, label, key.Public(), clientNow)
		var isName ca.LabelError
		if errors.As(err, &isName) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", label, err)
		}
		leaf, err := authority.Sign(prepared)
		if err != nil || leaf.Subject.CommonName != label.String() {
			t.Fatalf("%q: got %q, %v", label, leaf.Subject.CommonName, err)
		}
	})
}
