package ca_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base32"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// The extensions of RFC 5280 section 4.2.1 by their last number: id-ce-....
const (
	idSubjectKeyID     = 14
	idKeyUsage         = 15
	idSubjectAltName   = 17
	idBasicConstraints = 19
	idNameConstraints  = 30
	idAuthorityKeyID   = 35
	idExtKeyUsage      = 37
)

// extensionsOf returns the extensions of a certificate and which are critical.
func extensionsOf(t testing.TB, cert *x509.Certificate) map[int]bool {
	t.Helper()
	critical := map[int]bool{}
	for _, e := range cert.Extensions {
		if len(e.Id) != 4 || !e.Id[:3].Equal(asn1.ObjectIdentifier{2, 5, 29}) {
			t.Errorf("extension %s is none of RFC 5280", e.Id)
			continue
		}
		critical[e.Id[3]] = e.Critical
	}
	return critical
}

func checkExtensions(t testing.TB, cert *x509.Certificate, want map[int]bool) {
	t.Helper()
	got := extensionsOf(t, cert)
	for id, critical := range want {
		if c, ok := got[id]; !ok || c != critical {
			t.Errorf("extension 2.5.29.%d: got %v (critical %v), want critical %v", id, ok, c, critical)
		}
	}
	if len(got) != len(want) {
		t.Errorf("extensions: got %v, want %v", got, want)
	}
}

func TestRootSaysWhatARootShould(t *testing.T) {
	for _, kt := range keyTypes {
		root := newRoot(t, testpki.HomeRequest(), kt)
		checkExtensions(t, root, map[int]bool{
			idSubjectKeyID: false, idKeyUsage: true, idBasicConstraints: true, idNameConstraints: false, idExtKeyUsage: false,
		})
		if !root.IsCA || root.MaxPathLen != 1 {
			t.Errorf("%s: CA %v, path length %d", kt, root.IsCA, root.MaxPathLen)
		}
		if want := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}; !slices.Equal(root.ExtKeyUsage, want) {
			t.Errorf("%s: extended key usage: got %v, want %v", kt, root.ExtKeyUsage, want)
		}
		if root.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
			t.Errorf("%s: key usage %v", kt, root.KeyUsage)
		}
		if root.Version != 3 || !bytes.Equal(root.RawIssuer, root.RawSubject) || root.CheckSignatureFrom(root) != nil {
			t.Errorf("%s: version %d, issuer %q: not signed by itself", kt, root.Version, root.Issuer)
		}
		if got, err := ca.KeyTypeOf(root.PublicKey); err != nil || got != kt {
			t.Errorf("%s: key is a %q, %v", kt, got, err)
		}
		checkSerial(t, root)
	}
}

func TestRootIsSignedWithSHA2(t *testing.T) {
	for kt, want := range map[ca.KeyType]x509.SignatureAlgorithm{
		ca.P256: x509.ECDSAWithSHA256, ca.P384: x509.ECDSAWithSHA384,
		ca.RSA2048: x509.SHA256WithRSA, ca.RSA3072: x509.SHA256WithRSA, ca.RSA4096: x509.SHA256WithRSA,
	} {
		root := newRoot(t, testpki.HomeRequest(), kt)
		if got := root.SignatureAlgorithm; got != want {
			t.Errorf("%s root: got %v, want %v", kt, got, want)
		}
	}
}

// checkSerial checks a serial number against RFC 5280 section 4.1.2.2, and our
// own promise of 16 bytes, which hide nothing and cost all boards the same.
func checkSerial(t testing.TB, cert *x509.Certificate) {
	t.Helper()
	der, err := asn1.Marshal(cert.SerialNumber)
	if err != nil || len(der) != 2+16 || cert.SerialNumber.Sign() <= 0 {
		t.Errorf("serial %x: %d bytes, %v; want 16, positive", cert.SerialNumber, len(der)-2, err)
	}
}

func TestRootConstraintsAreCriticalWhenStrict(t *testing.T) {
	req := testpki.HomeRequest()
	req.Strict = true
	root := newRoot(t, req, ca.P256)
	if !extensionsOf(t, root)[idNameConstraints] {
		t.Error("name constraints are not critical")
	}
}

func TestRootConstrainsDomainsAndBothAddressFamilies(t *testing.T) {
	root := newRoot(t, testpki.HomeRequest(), ca.P256)
	if want := ca.HomeConstraints().Domains(); !slices.Equal(root.PermittedDNSDomains, want) {
		t.Errorf("domains: got %q, want %q", root.PermittedDNSDomains, want)
	}
	families := map[int]int{}
	for _, r := range root.PermittedIPRanges {
		families[len(r.IP)]++
		if len(r.IP) != len(r.Mask) {
			t.Errorf("range %v: address of %d bytes, mask of %d", r, len(r.IP), len(r.Mask))
		}
	}
	if families[4] != 5 || families[16] != 3 || len(families) != 2 {
		t.Errorf("ranges by length of the address: got %v, want 5 of IPv4 and 3 of IPv6", families)
	}
	if len(root.ExcludedDNSDomains)+len(root.ExcludedIPRanges)+len(root.PermittedURIDomains) != 0 {
		t.Error("root has other constraints than it should")
	}
	if want := []string{"home.arpa"}; !slices.Equal(root.PermittedEmailAddresses, want) {
		t.Errorf("e-mail: got %q, want %q", root.PermittedEmailAddresses, want)
	}
}

// TestRootForAnyAddressLimitsNone, also after a range was permitted: one range
// in the constraints would exclude all others.
func TestRootForAnyAddressLimitsNone(t *testing.T) {
	req := testpki.HomeRequest()
	req.AnyAddress = true
	var err error
	if req.Constraints, err = req.Constraints.Permit([]string{"100.64.0.0/10"}); err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t, req, ca.P256)
	root := a.Certificate()
	if len(root.PermittedIPRanges) != 0 || !slices.Equal(root.PermittedDNSDomains, req.Constraints.Domains()) {
		t.Errorf("got ranges %v and domains %q", root.PermittedIPRanges, root.PermittedDNSDomains)
	}
	leaf := issue(t, a, "pico.local", "8.8.8.8", "2001:db8::1")
	if err := verifyAt(root, leaf, "8.8.8.8", noon); err != nil {
		t.Errorf("any address: %v", err)
	}
	if err := a.Permits(parse(t, "example.com")); err == nil {
		t.Error("any name is permitted too")
	}
}

// TestRootStaysSmall: a device that serves its clients' root, and each of them,
// has it in memory.
func TestRootStaysSmall(t *testing.T) {
	root := newRoot(t, testpki.HomeRequest(), ca.P256)
	if got := len(root.Raw); got < 645 || got > 665 {
		t.Errorf("got %d bytes, want about 660", got)
	}
}

func TestRootIsNamedByItsKey(t *testing.T) {
	root := newRoot(t, testpki.HomeRequest(), ca.P256)
	sum := sha256.Sum256(root.RawSubjectPublicKeyInfo)
	want := "Home CA " + base32.StdEncoding.EncodeToString(sum[:])[:4]
	if got := root.Subject.String(); got != "CN="+want {
		t.Errorf("subject: got %q, want only CN=%q", got, want)
	}
	if !regexp.MustCompile(`^Home CA [A-Z2-7]{4}$`).MatchString(root.Subject.CommonName) {
		t.Errorf("name: got %q", root.Subject.CommonName)
	}
	if again := newRoot(t, testpki.HomeRequest(), ca.P256); again.Subject.CommonName != want {
		t.Errorf("same key: got %q, then %q", want, again.Subject.CommonName)
	}
	if other := newRoot(t, testpki.HomeRequest(), ca.P384); other.Subject.CommonName == want {
		t.Errorf("other key: the same name %q", want)
	}
}

func TestRootIsValidForBoardsWithoutAClock(t *testing.T) {
	root := newRoot(t, testpki.HomeRequest(), ca.P256)
	if want := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC); !root.NotBefore.Equal(want) {
		t.Errorf("notBefore: got %s, want %s", root.NotBefore, want)
	}
	if want := noon.AddDate(0, 0, 3650).Add(-time.Second); !root.NotAfter.Equal(want) {
		t.Errorf("notAfter: got %s, want %s", root.NotAfter, want)
	}
}

func TestRootDaysAreOfUTC(t *testing.T) {
	// A summer time change lies between: local days would be an hour off.
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	req := testpki.HomeRequest()
	req.Days = 180
	root, err := ca.NewRoot(req, newKey(t, ca.P256), noon.In(berlin))
	if err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(180*day - time.Second); !root.NotAfter.Equal(want) {
		t.Errorf("notAfter: got %s, want %s", root.NotAfter, want)
	}
}

func TestRootLivesAsLongAsAsked(t *testing.T) {
	for _, days := range []int{1, 365, 3650, 8766, 36500} { // beyond 2050 too
		req := testpki.HomeRequest()
		req.Days = days
		root := newRoot(t, req, ca.P256)
		if want := noon.AddDate(0, 0, days).Add(-time.Second); !root.NotAfter.Equal(want) {
			t.Errorf("days %d: got %s, want %s", days, root.NotAfter, want)
		}
	}
}

func TestRootDaysOutOfRangeAreRefused(t *testing.T) {
	for _, days := range []int{0, -1, 36501, -1 << 62, 1 << 62} {
		req := testpki.HomeRequest()
		req.Days = days
		_, err := ca.NewRoot(req, newKey(t, ca.P256), noon)
		if e, ok := errors.AsType[ca.DaysError](err); !ok || e.Have != days || e.Min != 1 || e.Max != 36500 {
			t.Errorf("days %d: got %v", days, err)
		}
		if req.Check() == nil {
			t.Errorf("days %d: Check passes", days)
		}
	}
}

func TestRootNameOfPeopleIsKept(t *testing.T) {
	for _, name := range []string{
		"Home CA", "x", "Familie Müller", "我的家", "O'Brien & Söhne, Ltd.", `a"b\c`, "🏠", strings.Repeat("n", 59), strings.Repeat("ü", 59),
	} {
		req := testpki.HomeRequest()
		req.Name = name
		got := newRoot(t, req, ca.P256).Subject.CommonName
		if !strings.HasPrefix(got, name+" ") || utf8.RuneCountInString(got) != utf8.RuneCountInString(name)+5 {
			t.Errorf("name %q: got %q", name, got)
		}
		if utf8.RuneCountInString(got) > 64 {
			t.Errorf("name %q: %d characters, more than ub-common-name", name, utf8.RuneCountInString(got))
		}
	}
}

func TestRootNameThatDeceivesIsRefused(t *testing.T) {
	for name, want := range map[string]string{
		"":                                       "empty",
		"   ":                                    "empty",
		"Home\nCA":                               "invisible",
		"Home\x00CA":                             "invisible",
		"\x1b[31mHome":                           "invisible",
		"Home\u202eAC":                           "invisible",
		"Home\u200bCA":                           "invisible",
		"Home\u00a0CA":                           "invisible",
		"Home \xff":                              "invisible",
		"Home\u2800CA":                           "U+2800",
		"Home \u3164":                            "U+3164",
		"Home\ufe0f":                             "U+FE0F",
		strings.Repeat("n", 60):                  "60 characters; at most 59",
		strings.Repeat("ü", 60):                  "60 characters; at most 59",
		strings.Repeat("n", 1000):                "1000 characters",
		strings.Repeat("n", 58) + "\u200b\u200b": "invisible",
	} {
		req := testpki.HomeRequest()
		req.Name = name
		root, err := ca.NewRoot(req, newKey(t, ca.P256), noon)
		if _, ok := errors.AsType[ca.RootNameError](err); !ok || !strings.Contains(err.Error(), want) || root != nil {
			t.Errorf("name %q: got %v, want an error with %q", name, err, want)
			continue
		}
		checkPrintable(t, err.Error())
	}
}

func TestRootsHaveSerialsOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		seen[newRoot(t, testpki.HomeRequest(), ca.P256).SerialNumber.String()] = true
	}
	if len(seen) != 50 {
		t.Errorf("got %d serials in 50 roots", len(seen))
	}
}

func TestRootOfAnUnknownKeyIsRefused(t *testing.T) {
	if root, err := ca.NewRoot(testpki.HomeRequest(), brokenSigner{}, noon); err == nil {
		t.Errorf("got a root with key %T", root.PublicKey)
	}
}
