package ca_test

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

func revoke(serial int64, reason ca.RevocationReason) ca.Revocation {
	return ca.Revocation{Serial: big.NewInt(serial), At: noon, Reason: reason}
}

func signCRL(t testing.TB, a *ca.Authority, revoked ...ca.Revocation) []byte {
	t.Helper()
	der, err := a.SignCRL(revoked, big.NewInt(noon.Unix()), noon, noon.Add(30*day))
	if err != nil {
		t.Fatalf("CRL of %v: %v", revoked, err)
	}
	return der
}

func TestCRLIsSignedByItsRoot(t *testing.T) {
	for _, kt := range keyTypes {
		a := newAuthority(t, testpki.HomeRequest(), kt)
		der := signCRL(t, a, revoke(5, ca.KeyCompromise))
		list, err := ca.VerifyCRL(a.Certificate(), der)
		if err != nil {
			t.Errorf("%s root: %v", kt, err)
			continue
		}
		if got, want := list.ThisUpdate, noon.Add(-time.Hour); !got.Equal(want) {
			t.Errorf("%s root: this update: got %s, want %s", kt, got, want)
		}
		if got, want := list.NextUpdate, noon.Add(30*day); !got.Equal(want) {
			t.Errorf("%s root: next update: got %s, want %s", kt, got, want)
		}
		if list.Number.Int64() != noon.Unix() || len(list.RevokedCertificateEntries) != 1 {
			t.Errorf("%s root: got number %v and %d entries", kt, list.Number, len(list.RevokedCertificateEntries))
		}
	}
}

// TestCRLHasNoExtensionsButTwo: a critical issuing distribution point makes
// mbedTLS, NSS, Java and OpenSSL refuse the list.
func TestCRLHasNoExtensionsButTwo(t *testing.T) {
	list, err := ca.VerifyCRL(home(t).Certificate(), signCRL(t, home(t), revoke(5, ca.KeyCompromise)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list.Extensions {
		if e.Critical {
			t.Errorf("extension %s is critical", e.Id)
		}
		got = append(got, e.Id.String())
	}
	slices.Sort(got)
	if want := []string{"2.5.29.20", "2.5.29.35"}; !slices.Equal(got, want) { // cRLNumber, authorityKeyIdentifier
		t.Errorf("extensions: got %q, want %q", got, want)
	}
}

func TestCRLNamesEachCertificateWithItsReason(t *testing.T) {
	a := home(t)
	leaf := issue(t, a, "pico.local")
	at := noon.Add(-3*day + 500*time.Millisecond)
	list, err := ca.VerifyCRL(a.Certificate(), signCRL(t, a,
		ca.Revocation{Serial: leaf.SerialNumber, At: at, Reason: ca.Superseded},
		revoke(9, ca.PrivilegeWithdrawn), revoke(3, ""), revoke(4, ca.Unspecified)))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		serial *big.Int
		at     time.Time
		reason ca.RevocationReason
	}{
		{big.NewInt(3), noon, ca.Unspecified}, {big.NewInt(4), noon, ca.Unspecified}, {big.NewInt(9), noon, ca.PrivilegeWithdrawn},
		{leaf.SerialNumber, at.Truncate(time.Second), ca.Superseded},
	}
	for i, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(want[i].serial) != 0 || !e.RevocationTime.Equal(want[i].at) || ca.ReasonOf(e.ReasonCode) != want[i].reason {
			t.Errorf("entry %d: got %v, %s, code %d, want %v", i, e.SerialNumber, e.RevocationTime, e.ReasonCode, want[i])
		}
		// RFC 5280 section 5.3.1: the extension should be absent for "unspecified".
		if got, reason := len(e.Extensions), want[i].reason; (got == 0) != (reason == ca.Unspecified) {
			t.Errorf("entry %d, %s: got %d extensions", i, reason, got)
		}
	}
	if got := len(list.RevokedCertificateEntries); got != len(want) {
		t.Errorf("got %d entries, want %d", got, len(want))
	}
}

// TestReasonsAreThoseOfTheRFC compares the names and numbers with RFC 5280
// section 5.3.1.
func TestReasonsAreThoseOfTheRFC(t *testing.T) {
	for name, code := range map[string]int{
		"unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3, "superseded": 4,
		"cessationOfOperation": 5, "privilegeWithdrawn": 9, "aACompromise": 10,
	} {
		for _, input := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got, err := ca.ParseReason(input); err != nil || string(got) != name || ca.ReasonOf(code) != got {
				t.Errorf("reason %q: got %q, %v, and %q for %d", input, got, err, ca.ReasonOf(code), code)
			}
		}
	}
	for _, input := range []string{"", "lost", "certificateHold", "removeFromCRL", "keyCompromise ", "1", "stolen\x1b[2J"} {
		_, err := ca.ParseReason(input)
		got, ok := errors.AsType[ca.ReasonError](err)
		if !ok || got.Input != input || fault.CodeOf(err) != fault.Usage || fault.HintOf(err).IsZero() {
			t.Errorf("reason %q: got %v, want a ReasonError with a hint", input, err)
			continue
		}
		checkPrintable(t, err.Error())
	}
	for _, code := range []int{6, 7, 8, 11, -1} {
		if got := ca.ReasonOf(code); got != ca.Unspecified {
			t.Errorf("code %d: got %q, want %q", code, got, ca.Unspecified)
		}
	}
}

// TestCRLSizes are those of docs/design.md: an empty list, and each entry.
func TestCRLSizes(t *testing.T) {
	a := home(t)
	leaf := issue(t, a, "pico.local")
	empty := len(signCRL(t, a))
	one := len(signCRL(t, a, ca.Revocation{Serial: leaf.SerialNumber, At: noon, Reason: ca.KeyCompromise}))
	// An ECDSA signature has 70 to 72 bytes, hardly ever fewer.
	if empty < 190 || empty > 220 || one-empty < 40 || one-empty > 60 {
		t.Errorf("got %d bytes, %d with one entry", empty, one)
	}
}

func TestCRLThatCannotBeRightIsRefused(t *testing.T) {
	a := home(t)
	root := a.Certificate()
	noCRL := custom(t, ca.P256, func(c *x509.Certificate) {})
	foreign := open(t, noCRL)
	one, next := big.NewInt(1), noon.Add(day)
	tooLong := new(big.Int).Lsh(one, 159)
	for name, row := range map[string]struct {
		a       *ca.Authority
		revoked []ca.Revocation
		number  *big.Int
		now     time.Time
		next    time.Time
		want    string
	}{
		"no number":         {a, nil, nil, noon, next, "number"},
		"number 0":          {a, nil, big.NewInt(0), noon, next, "number 0"},
		"negative number":   {a, nil, big.NewInt(-1), noon, next, "number -1"},
		"21 bytes":          {a, nil, tooLong, noon, next, "2^159-1"},
		"no serial":         {a, []ca.Revocation{{At: noon}}, one, noon, next, "not positive"},
		"serial 0":          {a, []ca.Revocation{revoke(0, "")}, one, noon, next, "serial number 0"},
		"twice":             {a, []ca.Revocation{revoke(7, ""), revoke(8, ""), revoke(7, ca.Superseded)}, one, noon, next, "07 is revoked twice"},
		"unknown reason":    {a, []ca.Revocation{revoke(7, "lost")}, one, noon, next, `reason "lost"`},
		"ends now":          {a, nil, one, noon, noon, "2026-11-21"},
		"ends past root":    {a, nil, one, noon, root.NotAfter.Add(time.Second), "2036-11-18"},
		"expired root":      {a, nil, one, root.NotAfter.Add(time.Second), root.NotAfter.Add(day), "expired"},
		"root without CRLs": {foreign, nil, one, noon, noon.Add(time.Hour), "may not sign revocation lists"},
	} {
		der, err := row.a.SignCRL(row.revoked, row.number, row.now, row.next)
		if err == nil || der != nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
	}
	if _, err := a.SignCRL(nil, new(big.Int).Sub(tooLong, one), noon, root.NotAfter); err != nil {
		t.Errorf("the largest number, to the root's end: %v", err)
	}
	a.Lock()
	if der, err := a.SignCRL(nil, one, noon, next); !errors.Is(err, ca.ErrLocked) || der != nil {
		t.Errorf("locked: got %v, want %v", err, ca.ErrLocked)
	}
}

func TestCRLOfAnotherRootIsRefused(t *testing.T) {
	a, other := home(t), newAuthority(t, testpki.HomeRequest(), ca.P384)
	der := signCRL(t, a, revoke(5, ""))
	renamed := custom(t, ca.P256, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }) // our key, another name
	for name, root := range map[string]*x509.Certificate{"another key": other.Certificate(), "another name": renamed} {
		if _, err := ca.VerifyCRL(root, der); !errors.Is(err, ca.ErrOtherCRL) || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %v, want %v with a hint", name, err, ca.ErrOtherCRL)
		}
	}
	for name, junk := range map[string][]byte{"nothing": nil, "certificate": a.Certificate().Raw, "cut": der[:len(der)-1], "longer": append(slices.Clone(der), 0)} {
		if list, err := ca.VerifyCRL(a.Certificate(), junk); err == nil || list != nil {
			t.Errorf("%s: got %v, want an error", name, list)
		}
	}
}

func TestDamagedCRLIsRefused(t *testing.T) {
	a := home(t)
	parsed := 0
	flip(signCRL(t, a, revoke(5, ca.KeyCompromise)), func(der []byte, bit int) {
		if _, err := x509.ParseRevocationList(der); err == nil {
			parsed++
		}
		if _, err := ca.VerifyCRL(a.Certificate(), der); err == nil {
			t.Errorf("bit %d: accepted", bit)
		}
	})
	if parsed < 300 {
		t.Errorf("got %d damaged lists that parse, want at least 300 to judge", parsed)
	}
}

func TestCRLIsWrittenInPEM(t *testing.T) {
	der := signCRL(t, home(t))
	block, rest := pem.Decode(ca.CRLPEM(der))
	if block == nil || block.Type != "X509 CRL" || !slices.Equal(block.Bytes, der) || len(rest) != 0 {
		t.Errorf("got %+v", block)
	}
}

// TestSameRevocationsMakeTheSameList: their order is that of a folder.
func TestSameRevocationsMakeTheSameList(t *testing.T) {
	a := home(t)
	signed := func(revoked ...ca.Revocation) []byte {
		var list struct{ TBS, Algorithm, Signature asn1.RawValue }
		if _, err := asn1.Unmarshal(signCRL(t, a, revoked...), &list); err != nil {
			t.Fatal(err)
		}
		return list.TBS.FullBytes
	}
	one, two, three := revoke(1, ""), revoke(2, ca.KeyCompromise), revoke(3, ca.Superseded)
	order := []ca.Revocation{three, one, two}
	if !slices.Equal(signed(order...), signed(one, two, three)) {
		t.Error("the order of the revocations changes the list")
	}
	if order[0] != three {
		t.Error("the caller's slice was sorted")
	}
}
