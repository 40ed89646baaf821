package pki

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// renewals plans and issues renewals at a time, and returns the names that were
// renewed.
func (a authority) renewals(req RenewalsRequest, now time.Time) (renewed []string, r *Renewals) {
	a.t.Helper()
	a.use(func(c *CA) {
		var err error
		if r, err = c.PlanRenewals(req, now); err != nil {
			a.t.Fatal(err)
		}
		if len(r.Ready) == 0 {
			return
		}
		session, err := c.Session(a.t.Context(), now, noPassphrase, nobodyWaits(a.t))
		if err != nil {
			a.t.Fatal(err)
		}
		defer session.Close()
		for _, renewal := range r.Ready {
			renewal.Plan.SetP12(identity(a.t, "x").P12)
		}
		r.Issue(session, now, func(renewal *Renewal, result Result) {
			renewed = append(renewed, result.Issued.Record.Name)
		})
	})
	return renewed, r
}

func (a authority) latest(name string) (issued store.Issued) {
	a.t.Helper()
	a.use(func(c *CA) {
		var err error
		if issued, err = c.Find(name); err != nil {
			a.t.Fatal(err)
		}
	})
	return issued
}

func TestDueIsThirtyDaysOrAThirdOfAShortLife(t *testing.T) {
	for _, row := range []struct {
		life, within, left time.Duration
		want               bool
	}{
		{825 * day, 0, 30 * day, true},
		{825 * day, 0, 30*day + time.Second, false},
		{825 * day, 0, -day, true},
		{90 * day, 0, 30 * day, true},
		{90*day - time.Second, 0, 30 * day, false},
		{60 * day, 0, 20 * day, true},
		{60 * day, 0, 20*day + time.Second, false},
		{825 * day, 60 * day, 60 * day, true},
		{60 * day, 10 * day, 11 * day, false},
		{60 * day, 10 * day, 10 * day, true},
	} {
		end := start.Add(row.life)
		due := DueFrom(Validity{start, end}, row.within)
		if got := !end.Add(-row.left).Before(due); got != row.want {
			t.Errorf("life %v, within %v, %v left: got due %t, want %t", row.life, row.within, row.left, got, row.want)
		}
	}
}

// TestRenewalsTakeWhatIsDue, each to the folder that was recorded for it, with
// the days that it had.
func TestRenewalsTakeWhatIsDue(t *testing.T) {
	a := newAuthority(t, "")
	computer := target(t, "computer")
	a.mustIssue(Request{Names: names(t, "short.local", "short2.local"), For: computer, Days: 30, Out: "short"}, start)
	a.mustIssue(Request{Names: names(t, "long.local"), For: computer}, start)
	short := identity(t, "phone")
	short.Days = 30
	a.mustIssue(short, start)
	renewed, r := a.renewals(RenewalsRequest{}, start.Add(18*day))
	if len(renewed) != 0 || r.Err() != nil {
		t.Errorf("before: got %q, %v, want none", renewed, r.Err())
	}
	renewed, r = a.renewals(RenewalsRequest{}, start.Add(19*day))
	if !slices.Equal(renewed, []string{"phone", "short.local"}) || r.Err() != nil {
		t.Errorf("got %q, %v, want phone and short.local", renewed, r.Err())
	}
	loads(t, "short")
	again := a.latest("short.local").Leaf
	if days := again.NotAfter.Add(time.Second).Sub(again.NotBefore); days != 30*day {
		t.Errorf("got a life of %v, want 30 days as before", days)
	}
	if got := ca.NamesOf(again); !slices.Equal(got, []string{"short.local", "short2.local"}) {
		t.Errorf("got names %q", got)
	}
	if renewed, _ := a.renewals(RenewalsRequest{All: true, Days: 100}, start.Add(21*day)); len(renewed) != 3 {
		t.Errorf("all: got %q, want 3 names", renewed)
	}
	if leaf := a.latest("long.local").Leaf; leaf.NotAfter.Sub(leaf.NotBefore) > 100*day {
		t.Errorf("got a life of %v, want 100 days", leaf.NotAfter.Sub(leaf.NotBefore))
	}
}

// TestDaysOutliveABoardsClock: such a certificate begins in 2021, so its dates do not
// show for how long it was issued.
func TestDaysOutliveABoardsClock(t *testing.T) {
	a := newAuthority(t, "")
	first := Request{Names: names(t, "broker.local"), For: target(t, "computer"), BoardClock: yes(), Days: 30}
	a.mustIssue(first, start)
	if renewed, r := a.renewals(RenewalsRequest{}, start.Add(18*day)); len(renewed) != 0 || r.Err() != nil {
		t.Errorf("day 18: got %q, %v, want none", renewed, r.Err())
	}
	at := start.Add(20 * day)
	if renewed, r := a.renewals(RenewalsRequest{}, at); len(renewed) != 1 || r.Err() != nil {
		t.Errorf("day 20: got %q, %v, want 1", renewed, r.Err())
	}
	if leaf := a.latest("broker.local").Leaf; !ca.HasBoardClock(leaf) || leaf.NotAfter.Sub(at) > 30*day {
		t.Errorf("renewed: valid for %v more, want at most 30 days", leaf.NotAfter.Sub(at))
	}
	a.mustIssue(Request{Names: first.Names, Renew: true, BoardClock: no()}, at)
	if leaf := a.latest("broker.local").Leaf; ca.HasBoardClock(leaf) || leaf.NotAfter.Sub(at) > 30*day {
		t.Errorf("without the clock: valid for %v more, want at most 30 days", leaf.NotAfter.Sub(at))
	}
}

// TestRenewalsReportACertificateOfTheFuture, as a clock that was ahead leaves it: no
// client accepts it, and nothing else would say so for years.
func TestRenewalsReportACertificateOfTheFuture(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "computer", "nas.local"), start.Add(1000*day))
	a.mustIssue(targeted(t, "computer", "lost.local"), start.Add(1000*day))
	a.mustRevoke("lost.local", start)
	renewed, r := a.renewals(RenewalsRequest{}, start)
	if len(renewed) != 0 || len(r.Failed) != 1 || !errors.As(r.Err(), new(*FutureError)) {
		t.Errorf("got %q, %v, want a FutureError of nas.local", renewed, r.Err())
	}
	if renewed, r = a.renewals(RenewalsRequest{All: true}, start); !slices.Equal(renewed, []string{"nas.local"}) || r.Err() != nil {
		t.Errorf("all: got %q, %v, want nas.local", renewed, r.Err())
	}
	if renewed, r = a.renewals(RenewalsRequest{}, start); len(renewed) != 0 || r.Err() != nil {
		t.Errorf("again: got %q, %v, want none", renewed, r.Err())
	}
}

func TestRenewalsLeaveRevokedNamesOut(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"a.local", "b.local"} {
		a.mustIssue(Request{Names: names(t, name)}, start)
	}
	a.mustRevoke("a.local", start)
	renewed, r := a.renewals(RenewalsRequest{All: true}, start)
	if !slices.Equal(renewed, []string{"b.local"}) || len(r.Revoked) != 1 || r.Revoked[0].Record.Name != "a.local" || r.Err() != nil {
		t.Errorf("got %q, %d revoked, %v, want b.local, and a.local revoked", renewed, len(r.Revoked), r.Err())
	}
	if _, r := a.renewals(RenewalsRequest{}, start); len(r.Revoked) != 0 {
		t.Errorf("not due: got %d revoked, want none", len(r.Revoked))
	}
}

// TestRenewalFailsBeforeItIsSigned if its folder is gone, and stops no other.
func TestRenewalFailsBeforeItIsSigned(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"gone.local", "nas.local", "taken.local"} {
		a.mustIssue(Request{Names: names(t, name), For: target(t, "computer")}, start)
	}
	for _, name := range []string{"gone.local", "taken.local"} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("taken.local", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("taken.local/key.pem", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	renewed, r := a.renewals(RenewalsRequest{All: true}, start.Add(day))
	if !slices.Equal(renewed, []string{"nas.local"}) || len(r.Failed) != 2 {
		t.Errorf("got %q renewed, %d failed, want nas.local and 2", renewed, len(r.Failed))
	}
	for _, failed := range r.Failed {
		if latest := a.latest(failed.Name); latest.Number() != 1 {
			t.Errorf("%s: a certificate was signed", failed.Name)
		}
	}
	if data, err := os.ReadFile("taken.local/key.pem"); err != nil || string(data) != "mine" {
		t.Errorf("got %q, %v: a file of the user is lost", data, err)
	}
}

func TestRenewalsGoToAFolderOfEachName(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"a.local", "b.local"} {
		a.mustIssue(Request{Names: names(t, name), For: target(t, "computer")}, start)
	}
	a.use(func(c *CA) {
		if _, err := c.PlanRenewals(RenewalsRequest{All: true, Out: "new"}, start); err == nil {
			t.Error("a folder that does not exist is taken")
		}
	})
	if err := os.Mkdir("new", 0o700); err != nil {
		t.Fatal(err)
	}
	if renewed, r := a.renewals(RenewalsRequest{All: true, Out: "new"}, start); len(renewed) != 2 || r.Err() != nil {
		t.Errorf("got %q, %v, want both", renewed, r.Err())
	}
	for _, name := range []string{"a.local", "b.local"} {
		loads(t, filepath.Join("new", name))
		if got, want := a.latest(name).Record.Folder, filepath.Join(filepath.Dir(a.dir), "new", name); got != want {
			t.Errorf("got folder %q, want %q", got, want)
		}
	}
}

func TestKeptKey(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "nas.local"), For: target(t, "computer")}
	first := a.mustIssue(req, start)
	renewal := Request{Names: req.Names, Renew: true, KeepKey: true}
	second := a.mustIssue(renewal, start.Add(day))
	if !ca.KeyMatches(second.Issued.Leaf, first.Issued.Leaf.PublicKey) {
		t.Error("the key is another one")
	}
	loads(t, "nas.local")
	other := renewal
	other.Key = ca.RSA2048
	if _, err := a.issue(other, start.Add(day)); !errors.As(err, new(*KeptTypeError)) {
		t.Errorf("another type: got %v, want a KeptTypeError", err)
	}
	a.mustRevoke(ca.Serial(first.Issued.Leaf), start.Add(2*day))
	if _, err := a.issue(renewal, start.Add(3*day)); !errors.As(err, new(*RevokedKeyError)) {
		t.Errorf("a revoked key: got %v, want a RevokedKeyError", err)
	}
	if _, r := a.renewals(RenewalsRequest{All: true, KeepKey: true}, start.Add(3*day)); !errors.As(r.Err(), new(*RevokedKeyError)) {
		t.Errorf("a revoked key among others: got %v, want a RevokedKeyError", r.Err())
	}
	if third := a.mustIssue(Request{Names: req.Names, Renew: true}, start.Add(3*day)); ca.KeyMatches(third.Issued.Leaf, first.Issued.Leaf.PublicKey) {
		t.Error("the key is the revoked one")
	}
}

// TestUnwrittenCertificateIsRenewedAgain: a crash came between the store and the
// folder, which still has the files of the certificate before.
func TestUnwrittenCertificateIsRenewedAgain(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "nas.local"), For: target(t, "computer")}
	a.mustIssue(req, start)
	before, err := os.ReadFile("nas.local/cert.pem")
	if err != nil {
		t.Fatal(err)
	}
	req.Renew = true
	a.mustIssue(req, start)
	if renewed, _ := a.renewals(RenewalsRequest{}, start.Add(day)); len(renewed) != 0 {
		t.Errorf("written: got %q, want none", renewed)
	}
	if err := os.WriteFile("nas.local/cert.pem", before, 0o600); err != nil {
		t.Fatal(err)
	}
	if renewed, r := a.renewals(RenewalsRequest{}, start.Add(day)); len(renewed) != 1 || r.Err() != nil {
		t.Errorf("unwritten: got %q, %v, want nas.local", renewed, r.Err())
	}
	loads(t, "nas.local")
	if err := os.WriteFile("nas.local/cert.pem", []byte("changed by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	if renewed, r := a.renewals(RenewalsRequest{}, start.Add(day)); len(renewed) != 0 || r.Err() != nil {
		t.Errorf("changed by hand: got %q, %v, want none", renewed, r.Err())
	}
}

// TestDamagedCertificateStopsNoRenewal of another name, and is reported.
func TestDamagedCertificateStopsNoRenewal(t *testing.T) {
	a := newAuthority(t, "")
	damaged := a.mustIssue(Request{Names: names(t, "a.local")}, start).Issued
	a.mustIssue(Request{Names: names(t, "b.local")}, start)
	a.use(func(c *CA) {
		if err := os.WriteFile(filepath.Join(c.Path(damaged), "cert.pem"), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	renewed, r := a.renewals(RenewalsRequest{All: true}, start)
	if !slices.Equal(renewed, []string{"b.local"}) || !isLost(r.Err()) {
		t.Errorf("got %q, %v, want b.local and the damage", renewed, r.Err())
	}
}

// TestExpiriesAreOfWhatIsInUse: the newest of each name, the root, and a list
// that ends before it.
func TestExpiriesAreOfWhatIsInUse(t *testing.T) {
	a := newAuthority(t, "")
	show := func(c fault.Command) string { return strings.Join(c, " ") }
	list := func() (got []string) {
		a.use(func(c *CA) {
			all, err := c.Expiries(show)
			if err != nil {
				t.Error(err)
			}
			for _, e := range all {
				got = append(got, e.Kind+" "+Day(e.End)+" "+Day(e.Due)+" "+e.Do)
			}
		})
		return got
	}
	a.mustIssue(Request{Names: names(t, "nas.local"), Days: 100}, start)
	a.mustIssue(Request{Names: names(t, "nas.local"), Days: 200, Renew: true}, start)
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("phone", start)
	want := []string{"ca 2036-11-28 2035-11-29 root rotate", "device 2027-06-18 2027-05-19 renew nas.local"}
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := a.revoke(RevokeRequest{Target: "nas.local", CRLDays: 30}, start); err != nil {
		t.Fatal(err)
	}
	want = []string{want[0], "crl 2026-12-31 2026-12-16 renew --due"}
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
