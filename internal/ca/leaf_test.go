package ca_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func TestIssuedCertificateVerifies(t *testing.T) {
	for _, kt := range keyTypes {
		a := newAuthority(t, testpki.HomeRequest(), kt)
		leaf := issue(t, a, "pico.local", "büro.local", "*.pico.local", "192.168.1.20", "fd00::1")
		for _, host := range []string{"pico.local", "xn--bro-hoa.local", "any.pico.local", "192.168.1.20", "fd00::1"} {
			if err := verifyAt(a.Certificate(), leaf, host, noon); err != nil {
				t.Errorf("%s root, %q: %v", kt, host, err)
			}
		}
		for _, host := range []string{"nas.local", "local", "a.b.pico.local", "192.168.1.21", "fd00::2"} {
			if err := verifyAt(a.Certificate(), leaf, host, noon); err == nil {
				t.Errorf("%s root, %q: verifies, and is not in it", kt, host)
			}
		}
		if err := verifyAt(newRoot(t, testpki.HomeRequest(), otherType(kt)), leaf, "pico.local", noon); err == nil {
			t.Errorf("%s root: verifies under a foreign one", kt)
		}
	}
}

func otherType(kt ca.KeyType) ca.KeyType {
	if kt == ca.P256 {
		return ca.P384
	}
	return ca.P256
}

func TestLeafSaysWhatALeafShould(t *testing.T) {
	a := home(t)
	for _, kt := range []ca.KeyType{ca.P256, ca.RSA2048} {
		p, err := a.Prepare(profile(), device(parse(t, "pico.local", "192.168.1.20", "fd00::1")), newKey(t, kt).Public(), noon)
		if err != nil {
			t.Fatal(err)
		}
		leaf := sign(t, a, p)
		checkExtensions(t, leaf, map[int]bool{
			idKeyUsage: true, idExtKeyUsage: false, idAuthorityKeyID: false, idSubjectAltName: false,
		})
		checkSerial(t, leaf)
		if leaf.IsCA || leaf.Version != 3 || leaf.Subject.String() != "CN=pico.local" {
			t.Errorf("%s: CA %v, version %d, subject %q", kt, leaf.IsCA, leaf.Version, leaf.Subject)
		}
		if !bytes.Equal(leaf.AuthorityKeyId, a.Certificate().SubjectKeyId) || len(leaf.AuthorityKeyId) == 0 {
			t.Errorf("%s: issuer's key %x, want %x", kt, leaf.AuthorityKeyId, a.Certificate().SubjectKeyId)
		}
		if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || len(leaf.UnknownExtKeyUsage) != 0 {
			t.Errorf("%s: extended key usage %v", kt, leaf.ExtKeyUsage)
		}
		want := x509.KeyUsageDigitalSignature
		if kt == ca.RSA2048 {
			want |= x509.KeyUsageKeyEncipherment
		}
		if leaf.KeyUsage != want {
			t.Errorf("%s: key usage %v, want %v", kt, leaf.KeyUsage, want)
		}
		if got := sanOf(leaf); !slices.Equal(got, []string{"pico.local", "192.168.1.20", "fd00::1"}) {
			t.Errorf("%s: names %q", kt, got)
		}
		if len(leaf.IPAddresses[0]) != 4 || len(leaf.IPAddresses[1]) != 16 {
			t.Errorf("%s: addresses of %d and %d bytes", kt, len(leaf.IPAddresses[0]), len(leaf.IPAddresses[1]))
		}
	}
}

func TestLeafWithoutACommonNameHasACriticalName(t *testing.T) {
	long := strings.Repeat("a", 63) + ".local"
	for _, names := range [][]string{{"192.168.1.20"}, {"fd00::1"}, {"192.168.1.20", "pico.local"}, {long}} {
		leaf := issue(t, home(t), names...)
		if len(leaf.Subject.Names) != 0 {
			t.Errorf("names %q: subject %q, want none", names, leaf.Subject)
		}
		// RFC 5280 section 4.1.2.6.
		if !extensionsOf(t, leaf)[idSubjectAltName] {
			t.Errorf("names %q: subjectAltName is not critical beside an empty subject", names)
		}
	}
}

func TestCommonNameIsTheFirstName(t *testing.T) {
	longest := strings.Repeat("a", 58) + ".local" // 64 bytes
	for _, row := range []struct {
		names []string
		want  string
	}{
		{[]string{"pico.local", "nas.local"}, "pico.local"},
		{[]string{"pico.local", "192.168.1.20"}, "pico.local"},
		{[]string{"büro.local"}, "xn--bro-hoa.local"},
		{[]string{"*.pico.local"}, "*.pico.local"},
		{[]string{longest}, longest},
	} {
		leaf := issue(t, home(t), row.names...)
		if got := leaf.Subject.CommonName; got != row.want {
			t.Errorf("names %q: got %q, want %q", row.names, got, row.want)
		}
		if extensionsOf(t, leaf)[idSubjectAltName] {
			t.Errorf("names %q: subjectAltName is critical", row.names)
		}
	}
}

func TestLeafForABoardStaysSmall(t *testing.T) {
	for range 200 {
		a := testpki.Home(t, noon).Authority(t, noon)
		p := prepare(t, a, profile(), parse(t, "pico.local"))
		leaf := sign(t, a, p)
		if got := len(leaf.Raw); got > 400 || sizeOf(t, p) > 400 {
			t.Fatalf("leaf for pico.local under %q: got %d bytes, at most %d; want at most 400", a.Certificate().Subject.CommonName, got, sizeOf(t, p))
		}
	}
}

func TestSizeIsTheMostThatALeafWillHave(t *testing.T) {
	for _, kt := range keyTypes {
		a := newAuthority(t, testpki.HomeRequest(), kt)
		for _, names := range [][]string{{"x.local"}, {"pico.local"}, {"192.168.1.1"}, manyNames(7), manyNames(40), manyNames(500)} {
			checkSize(t, a, parse(t, names...))
		}
	}
}

// TestSizeHoldsWhereHeadersGrow crosses the length of 65,536 bytes, at which
// the header of the certificate, and then that of its signed part, becomes a
// byte longer.
func TestSizeHoldsWhereHeadersGrow(t *testing.T) {
	for _, kt := range []ca.KeyType{ca.P256, ca.RSA2048} {
		a := newAuthority(t, testpki.HomeRequest(), kt)
		var names []string
		for i := range 256 {
			names = append(names, fmt.Sprintf("x%d.%s.%s.%s.%s", i, label63, label63, label63, strings.Repeat("b", 48)+".local"))
		}
		sized := func(n int) []string {
			all := slices.Clone(names)
			for i := 0; n > 246; i, n = i+1, n-117 { // 115 bytes and a header of 2
				all = append(all, fmt.Sprintf("y%d.%s.%s", i, label63, label63[:42]+".local"))
			}
			return append(all, strings.Repeat("c.", 124)[:n-7]+"d.local") // always a header of 3
		}
		p := prepare(t, a, profile(), parse(t, sized(140)...))
		whole, signed := sizeOf(t, p), len(sign(t, a, p).RawTBSCertificate)
		for _, length := range []int{whole, signed} {
			least, most := 1<<20, 0
			grows := 1<<16 - (length - 4) + 140
			for n := grows - 5; n <= grows+5; n++ {
				size := checkSize(t, a, parse(t, sized(n)...))
				least, most = min(least, size), max(most, size)
			}
			if most-least != 11 {
				t.Errorf("%s root: sizes %d to %d, want a header to grow between them", kt, least, most)
			}
		}
	}
}

// checkSize signs a leaf, compares its size with the one that was foretold, and
// returns the latter.
// An ECDSA signature is mostly 0 to 2 bytes shorter than its longest, hardly
// ever more than 8; an RSA signature has one size.
func checkSize(t testing.TB, a *ca.Authority, names ca.Names) int {
	t.Helper()
	slack := 8
	if a.KeyType().IsRSA() {
		slack = 0
	}
	p := prepare(t, a, profile(), names)
	got := len(sign(t, a, p).Raw)
	size := sizeOf(t, p)
	if got > size || got < size-slack {
		t.Errorf("%s root, %d names: got %d bytes, Size says %d", a.KeyType(), len(names.All()), got, size)
	}
	return size
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("pico-%d.local", i)
	}
	return names
}

func TestLeafLifeIsCountedWithBothEnds(t *testing.T) {
	a := home(t)
	for _, days := range []int{1, 2, 3, 24, 820, 825} {
		p := prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(days)}, parse(t, "pico.local"))
		leaf := sign(t, a, p)
		if want := noon.Add(-min(day, time.Duration(days)*time.Hour)); !leaf.NotBefore.Equal(want) || !p.NotBefore().Equal(want) {
			t.Errorf("days %d: notBefore %s (prepared %s), want %s", days, leaf.NotBefore, p.NotBefore(), want)
		}
		// RFC 5280 section 4.1.2.5: the last second is valid too.
		if got, want := leaf.NotAfter.Sub(leaf.NotBefore)+time.Second, time.Duration(days)*day; got != want {
			t.Errorf("days %d: valid for %s, want %s", days, got, want)
		}
		if !p.NotAfter().Equal(leaf.NotAfter) {
			t.Errorf("days %d: prepared until %s, signed until %s", days, p.NotAfter(), leaf.NotAfter)
		}
		if err := verifyAt(a.Certificate(), leaf, "pico.local", leaf.NotAfter); err != nil {
			t.Errorf("days %d: in its last second: %v", days, err)
		}
		if err := verifyAt(a.Certificate(), leaf, "pico.local", leaf.NotAfter.Add(time.Second)); err == nil {
			t.Errorf("days %d: valid after its last second", days)
		}
	}
}

func TestLeafDaysOutOfRangeAreRefused(t *testing.T) {
	for _, days := range []int{826, 0, -1, 100000, -1 << 62, 1 << 62} {
		for _, p := range []ca.Profile{{Kind: ca.KindServer, Life: ca.Days(days)}, {Kind: ca.KindServer, Life: ca.Days(days), Cut: true, Force: true, BoardClock: true}} {
			_, err := home(t).Prepare(p, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon)
			if e, ok := errors.AsType[ca.DaysError](err); !ok || e.Have != max(-100_000, min(days, 100_000)) || e.Min != 1 || e.Max != 825 {
				t.Errorf("profile %+v: got %v", p, err)
			}
		}
	}
}

func TestLeafTimesAreWholeSecondsOfUTC(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// 200 days on, clocks there show another offset.
	now := noon.Add(987654321 * time.Nanosecond).In(berlin)
	p, err := home(t).Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(200)}, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	if p.NotBefore().Nanosecond() != 0 || p.NotAfter().Sub(p.NotBefore()) != 200*day-time.Second {
		t.Errorf("got %s to %s", p.NotBefore(), p.NotAfter())
	}
}

// TestShortLeafIsValidNow: at any moment of a second, and whatever its life.
func TestShortLeafIsValidNow(t *testing.T) {
	a := home(t)
	for _, life := range []time.Duration{time.Minute, 61500 * time.Millisecond, 10 * time.Minute, time.Hour, 23 * time.Hour, 24*time.Hour - 1} {
		for _, now := range []time.Time{noon, noon.Add(1), noon.Add(500 * time.Millisecond), noon.Add(time.Second - 1)} {
			p, err := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: life}, device(parse(t, "192.168.1.20")), newKey(t, ca.P256).Public(), now)
			if err != nil {
				t.Fatal(err)
			}
			leaf := sign(t, a, p)
			if !leaf.NotBefore.Equal(p.NotBefore()) || !leaf.NotAfter.Equal(p.NotAfter()) {
				t.Errorf("life %s: signed for %s to %s, prepared for %s to %s", life, leaf.NotBefore, leaf.NotAfter, p.NotBefore(), p.NotAfter())
			}
			if got := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; got > life || got <= life-time.Second {
				t.Errorf("life %s: got %s", life, got)
			}
			if left := leaf.NotAfter.Sub(now); left < life*9/10 {
				t.Errorf("life %s: ends in %s", life, left)
			}
		}
	}
	for _, life := range []time.Duration{time.Minute - 1, time.Second, 0, -time.Hour} {
		_, err := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: life}, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon)
		if _, ok := errors.AsType[ca.DaysError](err); !ok {
			t.Errorf("life %s: got %v", life, err)
		}
	}
}

// ending returns an authority whose root ends so many days after noon.
func ending(t testing.TB, days int) *ca.Authority {
	req := testpki.HomeRequest()
	req.Days = days
	return newAuthority(t, req, ca.P256)
}

func TestLeafEndsWithItsRoot(t *testing.T) {
	a := ending(t, 30)
	leaf := sign(t, a, prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(820), Cut: true}, parse(t, "pico.local")))
	if !leaf.NotAfter.Equal(a.Certificate().NotAfter) {
		t.Errorf("got %s, want the root's end %s", leaf.NotAfter, a.Certificate().NotAfter)
	}
	short := sign(t, a, prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(10), Cut: true}, parse(t, "pico.local")))
	if want := noon.Add(10*day - 10*time.Hour - time.Second); !short.NotAfter.Equal(want) {
		t.Errorf("shorter than the root's: got %s, want %s", short.NotAfter, want)
	}
}

func TestLeafPastItsRootIsRefused(t *testing.T) {
	a := ending(t, 30)
	_, err := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(820)}, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon)
	if e, ok := errors.AsType[ca.RuleError](err); !ok || e.Rule != "root-end" {
		t.Fatalf("got %v", err)
	}
	want := "certificate would end on 2029-02-17, after its root on 2026-12-21"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	// The first day of the leaf is yesterday: 31 days end with the root.
	prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(31)}, parse(t, "pico.local"))
	if _, err := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(32)}, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon); err == nil {
		t.Error("a leaf that ends a day after its root is accepted")
	}
}

func TestLeafBeginsWithItsRootAtTheEarliest(t *testing.T) {
	root := custom(t, ca.P256, func(c *x509.Certificate) { c.NotBefore = noon.Add(-time.Hour) })
	a, err := ca.NewAuthority(root, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, boardClock := range []bool{false, true} {
		p := prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(2), Cut: true, BoardClock: boardClock}, parse(t, "pico.local"))
		if !p.NotBefore().Equal(root.NotBefore) {
			t.Errorf("board clock %v: got %s, want %s", boardClock, p.NotBefore(), root.NotBefore)
		}
	}
}

func TestRootThatExpiredSinceSignsNothing(t *testing.T) {
	a := ending(t, 30)
	_, err := a.Prepare(profile(), device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), a.Certificate().NotAfter.Add(time.Second))
	if _, ok := errors.AsType[ca.ExpiredError](err); !ok {
		t.Errorf("got %v, want an ExpiredError", err)
	}
}

func TestBoardClockLeafIsValidOnABoardWithoutOne(t *testing.T) {
	a := home(t)
	p := profile()
	p.BoardClock = true
	leaf := sign(t, a, prepare(t, a, p, parse(t, "pico.local")))
	boot := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	if !leaf.NotBefore.Equal(boot) {
		t.Errorf("notBefore: got %s, want %s", leaf.NotBefore, boot)
	}
	if want := noon.Add(819*day - time.Second); !leaf.NotAfter.Equal(want) {
		t.Errorf("notAfter: got %s, want %s as without the flag", leaf.NotAfter, want)
	}
	if err := verifyAt(a.Certificate(), leaf, "pico.local", boot); err != nil {
		t.Errorf("on a board that has just booted: %v", err)
	}
	usual := issue(t, a, "pico.local")
	if err := verifyAt(a.Certificate(), usual, "pico.local", boot); err == nil {
		t.Error("without the flag: valid in 2021")
	}
}

func TestPreparedIsSignedOnce(t *testing.T) {
	a := home(t)
	p := prepare(t, a, profile(), parse(t, "pico.local"))
	sign(t, a, p)
	if leaf, err := a.Sign(p); !errors.Is(err, ca.ErrUsed) || leaf != nil {
		t.Errorf("second time: got %v, %v; want %v", leaf, err, ca.ErrUsed)
	}
}

func TestPreparedIsSignedByItsAuthorityAlone(t *testing.T) {
	a, other := home(t), home(t) // the same key, even
	p := prepare(t, a, profile(), parse(t, "pico.local"))
	if leaf, err := other.Sign(p); !errors.Is(err, ca.ErrUsed) || leaf != nil {
		t.Errorf("got %v, %v; want %v", leaf, err, ca.ErrUsed)
	}
	sign(t, a, p)
}

func TestLockedAuthorityPreparesAndSignsNothing(t *testing.T) {
	a, err := ca.NewAuthority(newRoot(t, testpki.HomeRequest(), ca.P256), noon)
	if err != nil {
		t.Fatal(err)
	}
	p := prepare(t, a, profile(), parse(t, "pico.local"))
	if leaf, err := a.Sign(p); !errors.Is(err, ca.ErrLocked) || leaf != nil {
		t.Errorf("got %v, %v; want %v", leaf, err, ca.ErrLocked)
	}
}

func TestSignerThatFailsUsesThePreparedUp(t *testing.T) {
	a, err := ca.NewAuthority(newRoot(t, testpki.HomeRequest(), ca.P256), noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Unlock(brokenSigner{newKey(t, ca.P256).Public()}); err != nil {
		t.Fatal(err)
	}
	p := prepare(t, a, profile(), parse(t, "pico.local"))
	if leaf, err := a.Sign(p); !errors.Is(err, errPulledOut) || leaf != nil {
		t.Errorf("got %v, %v; want %v", leaf, err, errPulledOut)
	}
	if _, err := a.Sign(p); !errors.Is(err, ca.ErrUsed) {
		t.Errorf("again: got %v, want %v: its serial may be out", err, ca.ErrUsed)
	}
}

// TestLeafThatDoesNotVerifyIsNotReturned signs under a root that another
// program made, with a constraint that ours never have.
func TestLeafThatDoesNotVerifyIsNotReturned(t *testing.T) {
	root := custom(t, ca.P256, func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"secret.local"} })
	a := open(t, root)
	days := ca.Profile{Kind: ca.KindServer, Life: ca.Days(2), Cut: true}
	if leaf, err := a.Sign(prepare(t, a, days, parse(t, "pico.local", "x.secret.local"))); err == nil || leaf != nil {
		t.Errorf("got %v, %v; want the excluded name to be found", leaf, err)
	}
	sign(t, a, prepare(t, a, days, parse(t, "pico.local")))
}

func TestWeakPublicKeyIsRefused(t *testing.T) {
	for name, pub := range weakKeys(t) {
		p := profile()
		p.Force = true
		if _, err := home(t).Prepare(p, device(parse(t, "pico.local")), pub, noon); err == nil {
			t.Errorf("key %s is accepted", name)
		} else if _, ok := errors.AsType[ca.UnknownKeyError](err); !ok {
			t.Errorf("key %s: got %v", name, err)
		}
	}
}

func TestCostlyKeyNeedsForce(t *testing.T) {
	a := home(t)
	for _, kt := range keyTypes {
		p := profile()
		_, err := a.Prepare(p, device(parse(t, "pico.local")), newKey(t, kt).Public(), noon)
		if wise := kt == ca.P256 || kt == ca.RSA2048; wise {
			if err != nil {
				t.Errorf("key %s: %v", kt, err)
			}
		} else if e, ok := errors.AsType[ca.RuleError](err); !ok || e.Rule != "key" {
			t.Errorf("key %s: got %v, want it refused", kt, err)
		}
		p.Force = true
		forced, err := a.Prepare(p, device(parse(t, "pico.local")), newKey(t, kt).Public(), noon)
		if err != nil {
			t.Errorf("key %s, forced: %v", kt, err)
			continue
		}
		leaf := sign(t, a, forced)
		if got, err := ca.KeyTypeOf(leaf.PublicKey); err != nil || got != kt {
			t.Errorf("key %s: certificate has a %q, %v", kt, got, err)
		}
	}
}

func TestNamesOutsideTheRootAreRefusedAllAtOnce(t *testing.T) {
	a := home(t)
	names := parse(t, "pico.local", "example.com", "8.8.8.8", "192.168.1.20", "*.example.com", "2001:db8::1")
	for which, err := range map[string]error{"Permits": a.Permits(names), "Prepare": prepareError(t, a, names)} {
		var inputs []string
		for _, fault := range faultsOf(err) {
			e, ok := errors.AsType[*ca.NameError](fault)
			permitted := ": .local .home.arpa .internal .lan localhost" // of the name's own kind
			if ok && !strings.Contains(e.Input, "example") {
				permitted = ": 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 "
			}
			if !ok || e.Reason != ca.ReasonOutside || !strings.Contains(e.Error(), permitted) {
				t.Errorf("%s: fault %v, want one that lists what is permitted", which, fault)
				continue
			}
			inputs = append(inputs, e.Input)
		}
		if want := []string{"example.com", "8.8.8.8", "*.example.com", "2001:db8::1"}; !slices.Equal(inputs, want) {
			t.Errorf("%s: faults of %q, want %q", which, inputs, want)
		}
	}
}

func prepareError(t testing.TB, a *ca.Authority, names ca.Names) error {
	_, err := a.Prepare(profile(), device(names), newKey(t, ca.P256).Public(), noon)
	return err
}

func TestNoNamesAreRefused(t *testing.T) {
	err := prepareError(t, home(t), ca.Names{})
	if e, ok := errors.AsType[ca.RuleError](err); !ok || e.Rule != "holder" {
		t.Errorf("got %v, want a certificate without names refused", err)
	}
}

func TestAllBrokenRulesComeAtOnceWithNameAndSource(t *testing.T) {
	a := ending(t, 30)
	for days, want := range map[int][]string{
		100: {"key", "root-end", "inside-root", "inside-root"},
		900: {"key", "days", "inside-root", "inside-root"},
	} {
		_, err := a.Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(days)}, device(parse(t, "example.com", "8.8.8.8")), newKey(t, ca.P384).Public(), noon)
		var kinds []string
		for _, fault := range faultsOf(err) {
			rule, ok := errors.AsType[ca.RuleError](fault)
			if !ok || rule.Source == "" {
				t.Errorf("fault %v: got a %T with source %q, want a RuleError with one", fault, fault, rule.Source)
			}
			kinds = append(kinds, rule.Rule)
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("%d days: got %q, want %q: %v", days, kinds, want, err)
		}
	}
}

func TestSerialsDiffer(t *testing.T) {
	a := home(t)
	seen := map[string]bool{}
	for range 200 {
		leaf := issue(t, a, "pico.local")
		checkSerial(t, leaf)
		seen[leaf.SerialNumber.String()] = true
	}
	if len(seen) != 200 {
		t.Errorf("got %d serials in 200 certificates", len(seen))
	}
}

func TestThousandNamesAreSigned(t *testing.T) {
	raw, a := manyNames(1000), home(t)
	leaf := issue(t, a, raw...)
	for _, host := range []string{raw[0], raw[999]} {
		if err := verifyAt(a.Certificate(), leaf, host, noon); err != nil {
			t.Errorf("%q: %v", host, err)
		}
	}
}

// sizeOf is Size, held against Exceeds.
func sizeOf(t testing.TB, p *ca.Prepared) int {
	t.Helper()
	size, err := p.Size()
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]bool{size: false, size - 1: true, size - 8: true, 0: true, 100_000: size > 100_000} {
		if got, err := p.Exceeds(limit); got != want || err != nil {
			t.Errorf("a certificate of %d bytes exceeds %d: got %v, %v; want %v", size, limit, got, err, want)
		}
	}
	return size
}
