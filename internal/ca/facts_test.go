package ca_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

func TestFingerprintIsWhatPhonesShow(t *testing.T) {
	// The hashes of no bytes, values that every implementation knows.
	nothing := &x509.Certificate{}
	for got, want := range map[string]string{
		ca.Fingerprint(nothing):     "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55",
		ca.FingerprintSHA1(nothing): "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	root, leaf := home(t).Certificate(), issue(t, home(t), "pico.local")
	if ca.Fingerprint(root) == ca.Fingerprint(leaf) || ca.FingerprintSHA1(root) == ca.FingerprintSHA1(leaf) {
		t.Error("two certificates have the same fingerprint")
	}
}

func TestSerialHas32Digits(t *testing.T) {
	for serial, want := range map[int64]string{1: strings.Repeat("0", 31) + "1", 0xabcdef: strings.Repeat("0", 26) + "abcdef"} {
		if got := ca.Serial(&x509.Certificate{SerialNumber: big.NewInt(serial)}); got != want {
			t.Errorf("serial %d: got %q, want %q", serial, got, want)
		}
	}
	if got := ca.Serial(home(t).Certificate()); len(got) != 32 {
		t.Errorf("got %q, want 32 digits", got)
	}
}

func TestCertificateIsReadFromPEM(t *testing.T) {
	root := home(t).Certificate()
	text, leaf := ca.CertificatePEM(root), ca.CertificatePEM(issue(t, home(t), "pico.local"))
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})
	for name, data := range map[string][]byte{
		"bare":              text,
		"text before":       slices.Concat([]byte("Issuer: Home CA\n\n"), text),
		"text after":        slices.Concat(text, []byte("\nthe end")),
		"another block":     slices.Concat(key, text),
		"two certificates":  slices.Concat(text, leaf),
		"Windows' newlines": []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
	} {
		if got, err := ca.ParseCertificatePEM(data); err != nil || !got.Equal(root) {
			t.Errorf("%s: got %v, want the root", name, err)
		}
	}
}

func TestFileWithoutACertificateIsRefused(t *testing.T) {
	text := ca.CertificatePEM(home(t).Certificate())
	for name, data := range map[string][]byte{
		"nothing": nil,
		"a key":   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}),
		"half":    text[:len(text)/2],
		"DER":     home(t).Certificate().Raw,
	} {
		if cert, err := ca.ParseCertificatePEM(data); !errors.Is(err, ca.ErrNoCertificate) || cert != nil {
			t.Errorf("%s: got %v, want %v", name, err, ca.ErrNoCertificate)
		}
	}
	damaged := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("certificate")})
	if cert, err := ca.ParseCertificatePEM(damaged); err == nil || cert != nil {
		t.Errorf("damaged: got %v, want an error", cert)
	}
}

func TestKeyMatchesOnlyItsCertificate(t *testing.T) {
	other, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, kt := range keyTypes {
		root := newRoot(t, testpki.HomeRequest(), kt)
		for _, row := range []struct {
			pub  crypto.PublicKey
			want bool
		}{{newKey(t, kt).Public(), true}, {other.Public(), false}, {newKey(t, otherType(kt)).Public(), false}, {nil, false}, {"key", false}} {
			if got := ca.KeyMatches(root, row.pub); got != row.want {
				t.Errorf("%s root and a %T: got %v, want %v", kt, row.pub, got, row.want)
			}
		}
	}
	if ca.KeyMatches(&x509.Certificate{}, nil) {
		t.Error("a certificate with an unknown key matches no key")
	}
}

func TestKindIsReadFromTheCertificate(t *testing.T) {
	a := home(t)
	both := profile()
	both.Kind = ca.KindBoth
	for want, cert := range map[ca.Kind]*x509.Certificate{
		ca.KindServer: issue(t, a, "pico.local"),
		ca.KindClient: issueIdentity(t, a, "tablet"),
		ca.KindBoth:   sign(t, a, prepare(t, a, both, parse(t, "pico.local"))),
		ca.KindCA:     issueCA(t, a, "Step CA"),
		ca.KindRoot:   a.Certificate(),
	} {
		if got := ca.KindOf(cert); got != want {
			t.Errorf("%s: got %q, want %q", cert.Subject, got, want)
		}
	}
	if got := ca.KindOf(&x509.Certificate{}); got != ca.KindServer {
		t.Errorf("no extended key usage: got %q, want %q", got, ca.KindServer)
	}
}

func TestNamesAreReadFromTheCertificate(t *testing.T) {
	a := home(t)
	for _, row := range []struct{ raw, want []string }{
		{[]string{"pico.local"}, []string{"pico.local"}},
		{[]string{"192.168.1.20", "pico.local", "fd00::1"}, []string{"pico.local", "192.168.1.20", "fd00::1"}},
		{[]string{"b.local", "a.local"}, []string{"b.local", "a.local"}},
		{[]string{"192.168.1.20"}, []string{"192.168.1.20"}},
	} {
		if got := ca.NamesOf(issue(t, a, row.raw...)); !slices.Equal(got, row.want) {
			t.Errorf("issued for %q: got %q, want %q", row.raw, got, row.want)
		}
	}
	if got := ca.NamesOf(issueIdentity(t, a, "tablet")); len(got) != 0 {
		t.Errorf("identity: got %q, want no names", got)
	}
	foreign := custom(t, ca.P256, func(c *x509.Certificate) {
		c.Subject.CommonName = "c.local"
		c.DNSNames, c.IPAddresses = []string{"a.local", "b.local", "c.local"}, []net.IP{net.ParseIP("10.0.0.1")}
	})
	before := slices.Clone(foreign.DNSNames)
	if got, want := ca.NamesOf(foreign), []string{"c.local", "a.local", "b.local", "10.0.0.1"}; !slices.Equal(got, want) {
		t.Errorf("common name in the middle: got %q, want %q", got, want)
	}
	if !slices.Equal(foreign.DNSNames, before) {
		t.Errorf("the certificate was changed: got %q, want %q", foreign.DNSNames, before)
	}
}

func TestCertificateIsValidFromItsFirstSecondToItsLast(t *testing.T) {
	leaf := issue(t, home(t), "pico.local")
	for at, want := range map[time.Time]bool{
		leaf.NotBefore.Add(-time.Second): false, // made while the clock was ahead
		leaf.NotBefore:                   true,
		noon:                             true,
		leaf.NotAfter:                    true,
		leaf.NotAfter.Add(time.Second):   false,
	} {
		if got := ca.ValidAt(leaf, at); got != want {
			t.Errorf("at %s: got %v, want %v", at, got, want)
		}
	}
}

func TestBoardClockIsSeenInTheCertificate(t *testing.T) {
	a := home(t)
	for _, days := range []int{1, 820, 825} {
		for _, clock := range []bool{false, true} {
			leaf := sign(t, a, prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(days), BoardClock: clock}, parse(t, "pico.local")))
			if got := ca.HasBoardClock(leaf); got != clock {
				t.Errorf("%d days: got %v, want %v", days, got, clock)
			}
		}
	}
	if ca.HasBoardClock(a.Certificate()) || ca.HasBoardClock(issueCA(t, a, "Step CA")) {
		t.Error("a CA has a board's clock")
	}
}

func TestIssuedCertificateIsKnownByItsRoot(t *testing.T) {
	for _, kt := range keyTypes {
		a := newAuthority(t, testpki.HomeRequest(), kt)
		for _, leaf := range []*x509.Certificate{issue(t, a, "pico.local"), issueIdentity(t, a, "tablet"), issueCA(t, a, "Step CA")} {
			if err := ca.VerifyIssued(leaf, a.Certificate()); err != nil {
				t.Errorf("%s root, %s: %v", kt, leaf.Subject, err)
			}
		}
	}
}

// TestDamagedCertificateIsNotKnown flips each bit of a leaf and of its root.
// What still parses must not pass as issued, or as a root.
func TestDamagedCertificateIsNotKnown(t *testing.T) {
	a := home(t)
	root, leaf := a.Certificate(), issue(t, a, "pico.local")
	parsed := 0
	flip(leaf.Raw, func(der []byte, bit int) {
		if cert, err := x509.ParseCertificate(der); err == nil {
			parsed++
			if err := ca.VerifyIssued(cert, root); !errors.Is(err, ca.ErrNotIssued) {
				t.Errorf("leaf, bit %d: got %v, want %v", bit, err, ca.ErrNotIssued)
			}
		}
	})
	flip(root.Raw, func(der []byte, bit int) {
		if cert, err := x509.ParseCertificate(der); err == nil {
			parsed++
			if err := ca.VerifyRoot(cert); err == nil || fault.HintOf(err).IsZero() {
				t.Errorf("root, bit %d: got %v, want an error with a hint", bit, err)
			}
		}
	})
	if parsed < 1000 {
		t.Errorf("got %d damaged certificates that parse, want at least 1000 to judge", parsed)
	}
}

// flip calls visit with a copy of der for each bit, that bit flipped.
func flip(der []byte, visit func([]byte, int)) {
	for bit := range 8 * len(der) {
		damaged := slices.Clone(der)
		damaged[bit/8] ^= 1 << (bit % 8)
		visit(damaged, bit)
	}
}

func TestCertificateOfAnotherRootIsNotKnown(t *testing.T) {
	a, other := home(t), newAuthority(t, testpki.HomeRequest(), ca.P384)
	leaf := issue(t, a, "pico.local")
	sameKey := custom(t, ca.P256, func(c *x509.Certificate) {})
	otherID := *leaf
	otherID.AuthorityKeyId = []byte("another key")
	for name, pair := range map[string][2]*x509.Certificate{
		"another root":          {leaf, other.Certificate()},
		"another name, our key": {leaf, sameKey},
		"another identifier":    {&otherID, a.Certificate()},
		"a leaf as root":        {leaf, leaf},
	} {
		if err := ca.VerifyIssued(pair[0], pair[1]); !errors.Is(err, ca.ErrNotIssued) || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %v, want %v with a hint", name, err, ca.ErrNotIssued)
		}
	}
}

func TestRootIsVerifiedWhateverTheTime(t *testing.T) {
	a := home(t)
	expired := custom(t, ca.P256, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1, 0) })
	for _, root := range []*x509.Certificate{a.Certificate(), expired} {
		if err := ca.VerifyRoot(root); err != nil {
			t.Errorf("%s: %v", root.Subject, err)
		}
	}
	for _, cert := range []*x509.Certificate{issue(t, a, "pico.local"), issueCA(t, a, "Step CA")} {
		if err := ca.VerifyRoot(cert); !errors.Is(err, ca.ErrNotRoot) {
			t.Errorf("%s: got %v, want %v", cert.Subject, err, ca.ErrNotRoot)
		}
	}
}
