package pki

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// delegated sets up or renews a CA as one run of picoca does.
func (a authority) delegated(req DelegateRequest, now time.Time) (result Result, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var d *Delegation
		if d, err = c.PlanDelegation(req, now); err != nil {
			return
		}
		defer d.Close()
		session, sessionErr := c.Session(a.t.Context(), now, noPassphrase, nobodyWaits(a.t))
		if sessionErr != nil {
			a.t.Fatal(sessionErr)
		}
		defer session.Close()
		result, err = session.Delegate(d, now)
	})
	return result, err
}

func TestDelegatedCAKeepsItsKeyWhenRenewed(t *testing.T) {
	a := newAuthority(t, "")
	first, err := a.delegated(DelegateRequest{Program: "step-ca", Out: "acme"}, start)
	if err != nil {
		t.Fatal(err)
	}
	if first.Issued.HasKey {
		t.Error("the store has the key")
	}
	key, err := os.ReadFile(filepath.Join("acme", "intermediate.key"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.delegated(DelegateRequest{Name: "step-ca", Renew: true}, start.Add(day))
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(filepath.Join("acme", "intermediate.key"))
	if err != nil || !bytes.Equal(key, again) {
		t.Errorf("the key file changed (%v)", err)
	}
	if !ca.KeyMatches(second.Issued.Leaf, first.Issued.Leaf.PublicKey) || len(second.Issued.Leaf.ExtKeyUsage) != 1 {
		t.Errorf("got purposes %v, or another key", second.Issued.Leaf.ExtKeyUsage)
	}
}

func TestDelegatedCAIsRenewedWhenDue(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy", Days: 100}, start); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		for _, row := range []struct {
			after time.Duration
			want  int
		}{{50 * day, 0}, {80 * day, 1}} {
			r, err := c.PlanRenewals(RenewalsRequest{}, start.Add(row.after))
			if err != nil || len(r.Delegated) != row.want || len(r.Failed) > 0 {
				t.Errorf("after %v: got %d CAs due, %v, want %d", row.after, len(r.Delegated), r.Failed, row.want)
			}
		}
	})
}

// TestFolderThatIsGoneStopsARenewal before anything is signed.
func TestFolderThatIsGoneStopsARenewal(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy"}, start); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("caddy"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.delegated(DelegateRequest{Name: "caddy", Renew: true}, start); !errors.As(err, new(*FolderGoneError)) {
		t.Errorf("got error %v, want a FolderGoneError", err)
	}
	a.use(func(c *CA) {
		history, err := c.store.History(store.Holder{Kind: ca.KindCA, Name: "caddy"})
		if err != nil || len(history) != 1 {
			t.Errorf("got %d certificates (%v), want 1", len(history), err)
		}
	})
}

func TestDelegationIsRefused(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy"}, start); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		req  DelegateRequest
		want any
	}{
		"twice":      {DelegateRequest{Program: "caddy", Out: "x"}, new(*CAExistsError)},
		"a device":   {DelegateRequest{Program: "caddy", Out: "x", Name: "nas.local"}, new(*CANameError)},
		"the word":   {DelegateRequest{Program: "caddy", Out: "x", Name: TheCA}, new(*CANameError)},
		"no such CA": {DelegateRequest{Name: "other", Renew: true}, new(*NotIssuedError)},
		"a host":     {DelegateRequest{Program: "step-ca", Out: "x", Hosts: []string{"ca.example.com"}}, new(*ca.NameError)},
	} {
		if _, err := a.delegated(row.req, start); !errors.As(err, row.want) {
			t.Errorf("%s: got error %v, want a %T", name, err, row.want)
		}
	}
	if _, err := os.Stat("x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("x exists (%v)", err)
	}
}

// inMeantime plans a delegation, lets another run do something, and goes on.
func (a authority) inMeantime(req DelegateRequest, other func()) (err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		d, planErr := c.PlanDelegation(req, start)
		if planErr != nil {
			a.t.Fatal(planErr)
		}
		defer d.Close()
		other()
		session, sessionErr := c.Session(a.t.Context(), start, noPassphrase, nobodyWaits(a.t))
		if sessionErr != nil {
			a.t.Fatal(sessionErr)
		}
		defer session.Close()
		_, err = session.Delegate(d, start)
	})
	return err
}

func (a authority) mustDelegate(req DelegateRequest) Result {
	a.t.Helper()
	result, err := a.delegated(req, start)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

func (a authority) revoked(target string) (err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		_, err = c.Revoke(a.t.Context(), RevokeRequest{Target: target}, start, noPassphrase, nobodyWaits(a.t))
	})
	return err
}

// TestDelegationIsCheckedUnderTheLock is for what another run does while the
// passphrase is typed.
func TestDelegationIsCheckedUnderTheLock(t *testing.T) {
	a := newAuthority(t, "")
	for name, row := range map[string]struct {
		req   DelegateRequest
		other func()
		want  any
	}{
		"set up twice":   {DelegateRequest{Program: "caddy", Out: "x"}, func() { a.mustDelegate(DelegateRequest{Program: "caddy", Out: "y"}) }, new(*CAExistsError)},
		"an identity":    {DelegateRequest{Program: "caddy", Name: "One", Out: "x"}, func() { a.mustIssue(identity(t, "One"), start) }, new(*CANameError)},
		"revoked":        {DelegateRequest{Name: "Two", Renew: true}, func() { a.revoked("Two") }, new(*RevokedError)},
		"renewed before": {DelegateRequest{Name: "Three", Renew: true}, func() { a.mustDelegate(DelegateRequest{Name: "Three", Renew: true}) }, errDelegationChanged},
	} {
		if row.req.Renew {
			a.mustDelegate(DelegateRequest{Program: "caddy", Name: row.req.Name, Out: row.req.Name})
		}
		err := a.inMeantime(row.req, row.other)
		if target, is := row.want.(error); is && !errors.Is(err, target) || !is && !errors.As(err, row.want) {
			t.Errorf("%s: got error %v, want %T %[3]v", name, err, row.want)
		}
	}
}

// TestIdentityIsCheckedUnderTheLock is the same for an identity.
func TestIdentityIsCheckedUnderTheLock(t *testing.T) {
	a := newAuthority(t, "")
	a.use(func(c *CA) {
		plan, err := c.Plan(identity(t, "caddy"), start)
		if err != nil {
			t.Fatal(err)
		}
		defer plan.Close()
		a.mustDelegate(DelegateRequest{Program: "caddy", Out: "x"})
		session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if _, err := session.Issue(plan, start); !errors.As(err, new(*CANameError)) {
			t.Errorf("got error %v, want a CANameError", err)
		}
	})
}

// TestKeyOfAnotherIsRefused for a CA that brings its own.
func TestKeyOfAnotherIsRefused(t *testing.T) {
	a := newAuthority(t, "")
	gone := a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	if err := a.revoked("caddy"); err != nil {
		t.Fatal(err)
	}
	request := func(public crypto.PublicKey) DelegateRequest {
		return DelegateRequest{Name: "Other", Out: "other", CSR: &ca.CSR{Public: public}}
	}
	if _, err := a.delegated(request(gone.Issued.Leaf.PublicKey), start); !errors.As(err, new(*RevokedKeyError)) {
		t.Errorf("a revoked certificate's: got error %v", err)
	}
	var root crypto.PublicKey
	a.use(func(c *CA) { root = c.first.Certificate.PublicKey })
	if _, err := a.delegated(request(root), start); !errors.Is(err, errRootsKey) {
		t.Errorf("the root's: got error %v, want %v", err, errRootsKey)
	}
}

// TestDamagedCAIsRevokedByName although its newest certificate cannot be read.
func TestDamagedCAIsRevokedByName(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	second := a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true})
	a.use(func(c *CA) {
		if err := os.WriteFile(filepath.Join(c.Path(second.Issued), "cert.pem"), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
		if kind, err := c.KindOfName("caddy"); kind != Delegated || !isLost(err) {
			t.Errorf("got kind %s, %v, want %s, and what is lost", kind, err, Delegated)
		}
		result, err := c.Revoke(t.Context(), RevokeRequest{Target: "caddy"}, start, noPassphrase, nobodyWaits(t))
		if len(result.Certificates) != 1 || !isLost(err) {
			t.Errorf("got %d certificates and %v, want one and the other's damage", len(result.Certificates), err)
		}
	})
}

// TestRenewalNeedsTheKey that the program has, and nobody else.
func TestRenewalNeedsTheKey(t *testing.T) {
	a := newAuthority(t, "")
	for _, program := range []string{"caddy", "step-ca"} { // step-ca's is encrypted
		a.mustDelegate(DelegateRequest{Program: program, Out: program})
		renew := DelegateRequest{Name: program, Renew: true}
		a.mustDelegate(renew)
		file := filepath.Join(program, "intermediate.key")
		other, err := store.EncryptKey(newKey(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, spoil := range map[string]func() error{
			"gone":    func() error { return os.Remove(file) },
			"another": func() error { return os.WriteFile(file, other, 0o600) },
			"damaged": func() error { return os.WriteFile(file, []byte("x"), 0o600) },
		} {
			if err := spoil(); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if _, err := a.delegated(renew, start); !errors.As(err, new(*KeyGoneError)) {
				t.Errorf("%s, %s: got error %v, want a KeyGoneError", program, name, err)
			}
		}
	}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestRenewalElsewhereFindsTheKey again the next time.
func TestRenewalElsewhereFindsTheKey(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true, Out: "copy"})
	a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true})
	if err := os.Rename("caddy", "moved"); err != nil {
		t.Fatal(err)
	}
	a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true, Out: "moved"})
	if got := a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true}).Issued.Record.Folder; filepath.Base(got) != "moved" {
		t.Errorf("got folder %s, want moved", got)
	}
}

func TestRenewalKeepsTheLifetime(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy", Days: 100})
	second := a.mustDelegate(DelegateRequest{Name: "caddy", Renew: true})
	if got := daysOf(&second.Issued); got != 100 {
		t.Errorf("got %d days, want 100", got)
	}
}

// TestRequestForAProgramsCA is refused: its program would keep its old key.
func TestRequestForAProgramsCA(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	_, err := a.delegated(DelegateRequest{Name: "caddy", Renew: true, CSR: &ca.CSR{Public: newKey(t).Public()}}, start)
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); !ok || coded.ExitCode() != fault.Usage {
		t.Errorf("got error %v, want a usage error", err)
	}
}

// TestRenewAllPlansDelegatedCAs as it plans the others.
func TestRenewAllPlansDelegatedCAs(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	a.mustDelegate(DelegateRequest{Program: "step-ca", Out: "gone"})
	if err := errors.Join(os.RemoveAll("gone"), os.Mkdir("new", 0o700)); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		r, err := c.PlanRenewals(RenewalsRequest{All: true, Days: 90, Out: "new"}, start)
		if err != nil || len(r.Delegated) != 1 || len(r.Failed) != 1 {
			t.Fatalf("got %d CAs, %v, %v, want one, and one that failed", len(r.Delegated), r.Failed, err)
		}
		if got, want := r.Delegated[0].Dir, filepath.Join("new", "caddy"); got != want || r.Delegated[0].NotAfter().After(start.Add(90*day)) {
			t.Errorf("got folder %s until %s, want %s for 90 days", got, Day(r.Delegated[0].NotAfter()), want)
		}
		session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		r.IssueDelegated(session, start, func(_ *Delegation, result Result) {
			if got := daysOf(&result.Issued); got != 90 {
				t.Errorf("got %d days, want 90", got)
			}
		})
		if _, err := os.Stat(filepath.Join("new", "caddy", "intermediate.crt")); err != nil {
			t.Error(err)
		}
	})
}

// TestDoctorLooksAtDelegatedCAs: at the key in the program's folder, its mode, and
// the certificates.
func TestDoctorLooksAtDelegatedCAs(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"sound", "open", "lost", "gone", "swapped", "damaged", "old"} {
		a.mustDelegate(DelegateRequest{Program: "caddy", Name: name, Out: name})
	}
	a.mustDelegate(DelegateRequest{Program: "step-ca", Out: "step", Name: "shown"})
	a.mustDelegate(DelegateRequest{Program: "step-ca", Out: "locked", Name: "locked"})
	a.mustDelegate(DelegateRequest{Name: "own key", Out: "own", CSR: &ca.CSR{Public: newKey(t).Public()}})
	a.wantFindings(start)
	a.mustDelegate(DelegateRequest{Name: "old", Renew: true, Out: "elsewhere"})
	other, err := os.ReadFile(filepath.Join("sound", "intermediate.key"))
	err = errors.Join(err, os.Chmod(filepath.Join("open", "intermediate.key"), 0o644), os.Remove(filepath.Join("lost", "intermediate.key")), os.RemoveAll("gone"),
		os.WriteFile(filepath.Join("swapped", "intermediate.key"), other, 0o600), os.WriteFile(filepath.Join("damaged", "intermediate.key"), []byte("x"), 0o600),
		os.Chmod(filepath.Join("step", "password"), 0o640), os.Remove(filepath.Join("locked", "password")), os.RemoveAll("own"))
	if err != nil {
		t.Fatal(err)
	}
	anew := func(name, program string) string {
		return fmt.Sprintf("for a new key: revoke %s, then delegate %s FOLDER --name %[1]s", name, program)
	}
	got := a.diagnose(start)
	slices.Sort(got)
	want := []string{
		"ca-key: " + anew("damaged", "caddy"), "ca-key: " + anew("lost", "caddy"), "ca-key: " + anew("swapped", "caddy"),
		"ca-key: put it back; " + anew("locked", "step-ca"),
		"file-changed: renew old",
		"file-mode: chmod 600 -- open/intermediate.key", "file-mode: chmod 600 -- step/password",
		"folder-gone: if you have moved it: renew gone --out FOLDER; " + anew("gone", "caddy"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDoctorLooksAtDatesOfDelegatedCAs as at those of others.
func TestDoctorLooksAtDatesOfDelegatedCAs(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Name: "due", Out: "due", Days: 100})
	a.mustDelegate(DelegateRequest{Program: "caddy", Name: "over", Out: "over", Days: 10})
	a.mustDelegate(DelegateRequest{Program: "caddy", Name: "withdrawn", Out: "withdrawn"})
	if err := a.revoked("withdrawn"); err != nil {
		t.Fatal(err)
	}
	got := a.diagnose(start.Add(80 * day))
	slices.Sort(got)
	want := []string{"due: renew due", "expired: renew over; if you do not use it any more: revoke over", "revoked: delegate caddy FOLDER --name withdrawn"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRevokeTellsAnIdentityFromACA of the same name.
func TestRevokeTellsAnIdentityFromACA(t *testing.T) {
	a := newAuthority(t, "")
	var other store.Issued
	a.use(func(c *CA) {
		d, err := c.PlanDelegation(DelegateRequest{Program: "caddy", Name: "One", Out: "x"}, start)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		a.mustIssue(identity(t, "One"), start)
		session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		cert, err := c.authority.Sign(d.prepared) // as versions did that did not look again
		if err != nil {
			t.Fatal(err)
		}
		if other, err = c.store.Put(d.record(nil), cert, nil); err != nil {
			t.Fatal(err)
		}
	})
	serial := ca.Serial(other.Leaf)
	if twins, ok := errors.AsType[*TwoHoldersError](a.revoked("One")); !ok || twins.CA != serial {
		t.Errorf("got %v, want a TwoHoldersError with %s", twins, serial)
	}
	if err := a.revoked(serial); err != nil {
		t.Error(err)
	}
}
