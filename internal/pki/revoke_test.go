package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

// revoke revokes at a time.
func (a authority) revoke(req RevokeRequest, now time.Time) (result Revoked, err error) {
	a.t.Helper()
	a.use(func(c *CA) { result, err = c.Revoke(a.t.Context(), req, now, noPassphrase, nobodyWaits(a.t)) })
	return result, err
}

func (a authority) mustRevoke(target string, now time.Time) Revoked {
	a.t.Helper()
	result, err := a.revoke(RevokeRequest{Target: target}, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

// lists returns the entries of each list in the exported PEM file.
func (a authority) lists() (all []*x509.RevocationList) {
	a.t.Helper()
	a.use(func(c *CA) {
		file, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: CRLPEM}, start, nobodyWaits(a.t))
		if err != nil {
			a.t.Fatal(err)
		}
		for block, rest := pem.Decode(file.Data); block != nil; block, rest = pem.Decode(rest) {
			list, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				a.t.Fatal(err)
			}
			all = append(all, list)
		}
	})
	return all
}

// isListed reports whether the only list has a certificate.
func (a authority) isListed(i store.Issued) bool {
	a.t.Helper()
	lists := a.lists()
	if len(lists) != 1 {
		a.t.Fatalf("got %d lists, want 1", len(lists))
	}
	return slices.ContainsFunc(lists[0].RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
		return e.SerialNumber.Cmp(i.Leaf.SerialNumber) == 0
	})
}

func isA[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

func TestNewCAHasAnEmptyRevocationList(t *testing.T) {
	a := newAuthority(t, "")
	lists := a.lists()
	if len(lists) != 1 || len(lists[0].RevokedCertificateEntries) != 0 {
		t.Fatalf("got %d lists, want an empty one", len(lists))
	}
	a.use(func(c *CA) {
		root, err := c.Root()
		if err != nil || !lists[0].NextUpdate.Equal(root.Certificate.NotAfter) {
			t.Errorf("the list ends on %v, want the root's end, %v; %v", lists[0].NextUpdate, root.Certificate.NotAfter, err)
		}
	})
}

func TestRevokeListsEveryUnexpiredCertificateOfTheName(t *testing.T) {
	a := newAuthority(t, "")
	short := Request{Names: names(t, "nas.local"), Days: 10, Out: "files"}
	expired := a.mustIssue(short, start)
	first := a.mustIssue(Request{Names: names(t, "nas.local"), Days: 825, Out: "files", Renew: true}, start.Add(day))
	second := a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true}, start.Add(2*day))
	other := a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	result, err := a.revoke(RevokeRequest{Target: "NAS.local", Reason: ca.KeyCompromise}, start.Add(20*day))
	if err != nil || len(result.Certificates) != 2 || result.Name != "nas.local" {
		t.Fatalf("got %d certificates of %q, %v, want 2 of nas.local", len(result.Certificates), result.Name, err)
	}
	for _, row := range []struct {
		what   string
		issued store.Issued
		want   bool
	}{{"expired", expired.Issued, false}, {"first", first.Issued, true}, {"second", second.Issued, true}, {"other", other.Issued, false}} {
		if got := a.isListed(row.issued); got != row.want {
			t.Errorf("%s: got listed %t, want %t", row.what, got, row.want)
		}
	}
	if got := a.lists()[0].RevokedCertificateEntries[0].ReasonCode; got != 1 {
		t.Errorf("got reason %d, want 1", got)
	}
	if _, err := a.revoke(RevokeRequest{Target: "nas.local"}, start.Add(21*day)); !errors.Is(err, store.ErrRevoked) {
		t.Errorf("again: got %v, want ErrRevoked", err)
	}
}

func TestRevokeLatestOnlyLeavesEarlierOnes(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustIssue(identity(t, "phone"), start)
	again := identity(t, "phone")
	again.Renew = true
	second := a.mustIssue(again, start.Add(day))
	if _, err := a.revoke(RevokeRequest{Target: "phone", LatestOnly: true}, start.Add(2*day)); err != nil {
		t.Fatal(err)
	}
	if a.isListed(first.Issued) || !a.isListed(second.Issued) {
		t.Errorf("got first %t, second %t, want only the second", a.isListed(first.Issued), a.isListed(second.Issued))
	}
}

func TestRevokeBySerialNumber(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	second := a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true}, start.Add(day))
	var spelled []string
	for pair := range slices.Chunk([]byte(strings.ToUpper(ca.Serial(first.Issued.Leaf))), 2) {
		spelled = append(spelled, string(pair))
	}
	if result := a.mustRevoke(strings.Join(spelled, ":"), start.Add(2*day)); len(result.Certificates) != 1 {
		t.Fatalf("got %d certificates, want 1", len(result.Certificates))
	}
	if !a.isListed(first.Issued) || a.isListed(second.Issued) {
		t.Error("want only the first to be listed")
	}
	_, err := a.revoke(RevokeRequest{Target: ca.Serial(first.Issued.Leaf)}, start.Add(3*day))
	if !errors.Is(err, store.ErrRevoked) {
		t.Errorf("again: got %v, want ErrRevoked", err)
	}
}

func TestRevokeRefusesWhatIsNotOurs(t *testing.T) {
	a := newAuthority(t, "")
	var rootSerial string
	a.use(func(c *CA) {
		root, err := c.Root()
		if err != nil {
			t.Fatal(err)
		}
		rootSerial = ca.Serial(root.Certificate)
	})
	for _, row := range []struct {
		target string
		is     func(error) bool
	}{
		{TheCA, func(err error) bool { return errors.Is(err, errRevokeRoot) }},
		{rootSerial, func(err error) bool { return errors.Is(err, errRevokeRoot) }},
		{"5a3f9a0c5a3f9a0c5a3f9a0c5a3f9a0c", func(err error) bool { return errors.As(err, new(*NoSerialError)) }},
		{"nas.local", func(err error) bool { return errors.As(err, new(*NotIssuedError)) }},
		{"no such phone", func(err error) bool { return errors.As(err, new(*NotIssuedError)) }},
	} {
		before := a.lists()[0].Number
		if _, err := a.revoke(RevokeRequest{Target: row.target}, start); !row.is(err) {
			t.Errorf("%q: got %v", row.target, err)
		}
		if after := a.lists()[0].Number; after.Cmp(before) != 0 {
			t.Errorf("%q: the list was signed again", row.target)
		}
	}
}

// TestRevokedNameIsIssuedAgain into the same folder, where only picoca's own
// files are replaced.
func TestRevokedNameIsIssuedAgain(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "nas.local"), For: target(t, "computer")}
	a.mustIssue(req, start)
	a.mustRevoke("nas.local", start)
	renewal := req
	renewal.Renew = true
	if _, err := a.issue(renewal, start); !errors.As(err, new(*RevokedError)) {
		t.Errorf("renew: got %v, want a RevokedError", err)
	}
	notes := filepath.Join("nas.local", "notes.txt")
	if err := os.WriteFile(notes, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := a.mustIssue(req, start)
	loads(t, "nas.local")
	if data, err := os.ReadFile(notes); err != nil || string(data) != "mine" {
		t.Errorf("notes: got %q, %v", data, err)
	}
	if a.isListed(again.Issued) || again.Issued.Revoked != nil {
		t.Error("the new certificate is revoked")
	}
	a.mustRevoke("nas.local", start)
	if err := os.WriteFile(filepath.Join("nas.local", "key.pem"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.issue(req, start); err == nil {
		t.Error("a file of the user was replaced")
	}
}

// TestRevokedIdentityIsNotHandedOver to a phone, and signs nothing.
func TestRevokedIdentityIsNotHandedOver(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("phone", start)
	a.use(func(c *CA) {
		if _, err := c.PhoneIdentity("phone", identity(t, "phone").P12, start); !errors.As(err, new(*RevokedError)) {
			t.Errorf("files: got %v, want a RevokedError", err)
		}
		if _, err := c.PlanExport(ExportRequest{Name: TheCA, Format: "mobileconfig", Sign: "phone"}, start); !errors.As(err, new(*RevokedError)) {
			t.Errorf("signer: got %v, want a RevokedError", err)
		}
		e, err := c.PlanExport(ExportRequest{Name: "phone"}, start)
		if err != nil || !errors.As(e.Ended(start), new(*RevokedError)) {
			t.Errorf("export: got %v, want it to end with a RevokedError", err)
		}
	})
}

// TestExpiredNameIsRevokedByItsNewest, so that a renewal leaves it out.
func TestExpiredNameIsRevokedByItsNewest(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "old.local"), Days: 10}, start)
	newest := a.mustIssue(Request{Names: names(t, "old.local"), Days: 10, Renew: true}, start.Add(day))
	result := a.mustRevoke("old.local", start.Add(100*day))
	if len(result.Certificates) != 1 || !a.isListed(newest.Issued) {
		t.Errorf("got %d certificates, want the newest", len(result.Certificates))
	}
}

// TestClockSetBackBetweenTwoLists: the number rises all the same.
func TestClockSetBackBetweenTwoLists(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"a.local", "b.local"} {
		a.mustIssue(Request{Names: names(t, name)}, start)
	}
	a.mustRevoke("a.local", start.Add(30*day))
	before := a.lists()[0].Number
	a.mustRevoke("b.local", start)
	if after := a.lists()[0]; after.Number.Cmp(before) <= 0 || len(after.RevokedCertificateEntries) != 2 {
		t.Errorf("got number %v after %v with %d entries, want a higher one with 2", after.Number, before, len(after.RevokedCertificateEntries))
	}
}

// TestShortListsStayShort, and are signed again once half of their time is over.
func TestShortListsStayShort(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"a.local", "b.local", "c.local", "d.local"} {
		a.mustIssue(Request{Names: names(t, name)}, start)
	}
	if _, err := a.revoke(RevokeRequest{Target: "a.local", CRLDays: 30}, start); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what string
		do   func(now time.Time)
		at   time.Duration
		want time.Duration
	}{
		{"as before", func(now time.Time) { a.mustRevoke("b.local", now) }, day, 31 * day},
		{"half its time not over", func(now time.Time) { a.mustIssue(Request{Names: names(t, "x.local")}, now) }, 15 * day, 31 * day},
		{"half its time over", func(now time.Time) { a.mustIssue(Request{Names: names(t, "y.local")}, now) }, 17 * day, 47 * day},
		{"after its end", func(now time.Time) { a.mustIssue(Request{Names: names(t, "z.local")}, now) }, 90 * day, 120 * day},
	} {
		row.do(start.Add(row.at))
		if list := a.lists()[0]; !list.NextUpdate.Equal(start.Add(row.want)) || len(list.RevokedCertificateEntries) < 1 {
			t.Errorf("%s: got a list until %v with %d entries, want until %v", row.what, list.NextUpdate, len(list.RevokedCertificateEntries), start.Add(row.want))
		}
	}
	if _, err := a.revoke(RevokeRequest{Target: "c.local", CRLDays: maxCRLDays}, start); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if root, _ := c.Root(); !root.CRL.NextUpdate.Equal(root.Certificate.NotAfter) {
			t.Errorf("got a list until %v, want the root's end", root.CRL.NextUpdate)
		}
	})
	if _, err := a.revoke(RevokeRequest{Target: "d.local", CRLDays: -1}, start); !errors.As(err, new(*CRLDaysError)) {
		t.Errorf("-1 days: got %v, want a CRLDaysError", err)
	}
}

// TestLostListIsSignedAgainWithItsEntries: a new list must not let a revoked
// certificate back in.
func TestLostListIsSignedAgainWithItsEntries(t *testing.T) {
	a := newAuthority(t, "")
	issued := a.mustIssue(Request{Names: names(t, "nas.local")}, start).Issued
	a.mustRevoke("nas.local", start)
	a.use(func(c *CA) {
		root, _ := c.Root()
		if err := os.Remove(filepath.Join(c.RootPath(root), "crl.pem")); err != nil {
			t.Fatal(err)
		}
	})
	a.use(func(c *CA) {
		if _, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: CRLPEM}, start, nobodyWaits(a.t)); !errors.As(err, new(*NoCRLError)) {
			t.Errorf("got %v, want a NoCRLError", err)
		}
	})
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	if !a.isListed(issued) {
		t.Error("the revoked certificate is not listed any more")
	}
}

// TestBothRootsKeepTheirLists: each lists its own certificates, and both are
// signed again.
func TestBothRootsKeepTheirLists(t *testing.T) {
	a := newAuthority(t, "")
	old := a.mustIssue(Request{Names: names(t, "old.local")}, start).Issued
	a.addRoot(start.Add(day), false)
	young := a.mustIssue(Request{Names: names(t, "young.local")}, start.Add(day)).Issued
	a.mustRevoke("old.local", start.Add(2*day))
	result := a.mustRevoke("young.local", start.Add(3*day))
	lists := a.lists()
	if len(lists) != 2 || len(result.Lists) != 2 {
		t.Fatalf("got %d and %d lists, want 2", len(lists), len(result.Lists))
	}
	for i, want := range []store.Issued{old, young} {
		entries := lists[i].RevokedCertificateEntries
		if len(entries) != 1 || entries[0].SerialNumber.Cmp(want.Leaf.SerialNumber) != 0 {
			t.Errorf("list %d: got %d entries, want that of %s", i, len(entries), want.Record.Name)
		}
		if got, want := lists[i].ThisUpdate, start.Add(3*day-time.Hour); !got.Equal(want) {
			t.Errorf("list %d is of %v, want %v", i, got, want)
		}
	}
	a.use(func(c *CA) {
		der, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: CRLDER}, start, nobodyWaits(a.t))
		if err != nil || !bytes.Equal(der.Data, lists[1].Raw) {
			t.Errorf("DER: got %d bytes, %v, want the list of the root that signs", len(der.Data), err)
		}
		roots, _ := c.Roots()
		for _, input := range []string{roots[0].ID, strings.ToLower(roots[0].ID[7:]), "1"} {
			der, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: CRLDER, Root: input}, start, nobodyWaits(a.t))
			if err != nil || !bytes.Equal(der.Data, lists[0].Raw) {
				t.Errorf("--root %s: got %d bytes, %v, want the list of the first root", input, len(der.Data), err)
			}
		}
		if _, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: CRLDER, Root: "none"}, start, nobodyWaits(a.t)); !errors.As(err, new(*UnknownRootError)) {
			t.Errorf("--root none: got %v", err)
		}
	})
}

// TestRevocationNeedsTheRootsKey: a list that cannot be signed would leave the
// certificate valid.
func TestRevocationNeedsTheRootsKey(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "old.local")}, start)
	a.addRoot(start, false)
	a.use(func(c *CA) {
		roots, _ := c.Roots()
		if err := os.Remove(filepath.Join(c.RootPath(roots[0]), "key.pem")); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := a.revoke(RevokeRequest{Target: "old.local"}, start); !errors.As(err, new(*KeyAwayError)) {
		t.Errorf("got %v, want a KeyAwayError", err)
	}
	a.use(func(c *CA) {
		if issued, err := c.Find("old.local"); err != nil || issued.Revoked != nil {
			t.Errorf("got revoked %v, %v", issued.Revoked, err)
		}
	})
}

// TestDamagedCertificateHidesNoOther: what can be read is revoked, and the rest
// is reported.
func TestDamagedCertificateHidesNoOther(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustIssue(Request{Names: names(t, "nas.local")}, start).Issued
	second := a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true}, start).Issued
	a.use(func(c *CA) {
		if err := os.WriteFile(filepath.Join(c.Path(second), "cert.pem"), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	result, err := a.revoke(RevokeRequest{Target: "nas.local"}, start)
	if len(result.Certificates) != 1 || !isLost(err) || !a.isListed(first) {
		t.Errorf("got %d certificates and %v, want one and the other's damage", len(result.Certificates), err)
	}
	if result, err := a.revoke(RevokeRequest{Target: "nas.local", LatestOnly: true}, start); len(result.Certificates) != 0 || !isLost(err) {
		t.Errorf("latest only: got %d certificates and %v, want its damage", len(result.Certificates), err)
	}
}

func TestPassphraseIsAskedOnceForAllRoots(t *testing.T) {
	a := newAuthority(t, "correct horse battery staple")
	a.use(func(c *CA) {
		asked := 0
		ask, forget := askOnce(func() ([]byte, error) { asked++; return []byte("correct horse battery staple"), nil })
		defer forget()
		for range 2 {
			root, _ := c.Root()
			if _, err := c.key(root, ask); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
	})
}

func TestRevokeNamesTheServersThatReadTheList(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto")}, start)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.mustIssue(identity(t, "phone"), start)
	got := a.mustRevoke("phone", start).Servers
	if want := []CRLServer{{"broker.local", "Mosquitto", "crlfile FILE"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestRevokedMeanwhileIsNotRenewed: another run revoked the name while the
// passphrase was typed.
func TestRevokedMeanwhileIsNotRenewed(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "nas.local"), For: target(t, "computer")}
	a.mustIssue(req, start)
	req.Renew = true
	a.use(func(c *CA) {
		plan, err := c.Plan(req, start)
		if err != nil {
			t.Fatal(err)
		}
		defer plan.Close()
		a.mustRevoke("nas.local", start)
		session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if _, err := session.Issue(plan, start); !errors.As(err, new(*RevokedError)) {
			t.Errorf("got %v, want a RevokedError", err)
		}
	})
	latest := a.latest("nas.local")
	if got := latest.Number(); got != 1 {
		t.Errorf("got certificate %d, want only the first", got)
	}
}

// TestRevokeUnderARootWithoutKey: its list cannot be signed, and is needed until
// the root is retired. Then a renewal must be able to leave the name out.
func TestRevokeUnderARootWithoutKey(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	a.mustRotate(RotateRequest{}, start)
	a.loseKey(0)
	if _, err := a.revoke(RevokeRequest{Target: "nas.local"}, start); !errors.As(err, new(*KeyAwayError)) {
		t.Errorf("got %v, want a KeyAwayError", err)
	}
	a.retireRoot(RetireRequest{Force: true}, start)
	a.mustRevoke("nas.local", start)
	a.use(func(c *CA) {
		if issued, err := c.Find("nas.local"); err != nil || issued.Revoked == nil {
			t.Errorf("got %v, want it to be revoked", err)
		}
	})
}

// TestSerialNumberOfALostCertificateIsRevoked: a root that came back from paper
// lists what it does not know, and no one else's.
func TestSerialNumberOfALostCertificateIsRevoked(t *testing.T) {
	a := newAuthority(t, "")
	lost, known := a.mustIssue(identity(t, "phone"), start), a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	if err := os.RemoveAll(filepath.Join(a.dir, lost.Issued.Place)); err != nil {
		t.Fatal(err)
	}
	var root store.Root
	a.use(func(c *CA) { root, _ = c.Root() })
	serial := ca.Serial(lost.Issued.Leaf)
	tooLong := "80" + strings.Repeat("0", 38)
	for target, is := range map[string]func(error) bool{
		serial[:30]:                    isA[*SerialError],
		strings.Repeat("0", 32):        isA[*SerialError],
		tooLong:                        isA[*SerialError],
		serial + serial:                isA[*SerialError],
		"-" + serial:                   isA[*SerialError],
		"phone":                        isA[*SerialError],
		ca.Serial(known.Issued.Leaf):   isA[*KnownSerialError],
		ca.Serial(root.Certificate):    func(err error) bool { return errors.Is(err, errRevokeRoot) },
		TheCA:                          isA[*SerialError],
		"":                             isA[*SerialError],
		strings.Repeat("0", 40) + "zz": isA[*SerialError],
	} {
		if _, err := a.revoke(RevokeRequest{Target: target, Unknown: true}, start); !is(err) {
			t.Errorf("%q: got %v", target, err)
		}
	}
	if _, err := a.revoke(RevokeRequest{Target: serial, Unknown: true, Root: "nosuch"}, start); !isA[*UnknownRootError](err) {
		t.Errorf("unknown root: got %v", err)
	}
	if _, err := a.revoke(RevokeRequest{Target: serial}, start); !isA[*NoSerialError](err) {
		t.Errorf("without --unknown: got %v", err)
	}
	if len(a.lists()[0].RevokedCertificateEntries) != 0 {
		t.Fatal("a refused serial number is listed")
	}
	result, err := a.revoke(RevokeRequest{Target: strings.ToUpper(serial), Unknown: true, Reason: ca.KeyCompromise}, start)
	if err != nil || result.Serial != serial || !a.isListed(lost.Issued) || len(result.Lists) != 1 {
		t.Errorf("got %+v, %v, want it listed", result, err)
	}
	for _, unknown := range []bool{true, false} {
		if _, err := a.revoke(RevokeRequest{Target: serial, Unknown: unknown}, start); !errors.Is(err, store.ErrRevoked) {
			t.Errorf("again, unknown %t: got %v, want ErrRevoked", unknown, err)
		}
	}
	long := "7f" + strings.Repeat("0", 38)
	if result, err := a.revoke(RevokeRequest{Target: long, Unknown: true, Root: "1"}, start); err != nil || result.Serial != long {
		t.Errorf("20 octets: got %+v, %v", result, err)
	}
	a.mustRevoke("nas.local", start)
	if n := len(a.lists()[0].RevokedCertificateEntries); n != 3 {
		t.Errorf("got %d entries, want 3: the next revocation keeps the unknown", n)
	}
}
