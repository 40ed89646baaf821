package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/store"
)

// retireRoot retires a root as the user does.
func (a authority) retireRoot(req RetireRequest, now time.Time) RetiredRoot {
	a.t.Helper()
	result, err := a.tryRetire(req, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

func (a authority) tryRetire(req RetireRequest, now time.Time) (result RetiredRoot, err error) {
	a.t.Helper()
	a.use(func(c *CA) { result, err = c.RetireRoot(a.t.Context(), req, now, nobodyWaits(a.t)) })
	return result, err
}

// behind returns the names that depend on a root which signs no more.
func (a authority) behind(now time.Time) (names []string) {
	a.t.Helper()
	a.use(func(c *CA) {
		all, damaged, err := c.RootStatus(now)
		if err := errors.Join(damaged, err); err != nil {
			a.t.Fatal(err)
		}
		names = namesOf(Behind(all))
	})
	return names
}

func TestWhoDependsOnAnOldRoot(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"a.local", "b.local", "short.local", "revoked.local"} {
		req := Request{Names: names(t, name)}
		if name == "short.local" {
			req.Days = 10
		}
		a.mustIssue(req, start)
	}
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("revoked.local", start)
	if got := a.behind(start); len(got) > 0 {
		t.Errorf("one root: got %q, want nobody", got)
	}
	a.mustRotate(RotateRequest{}, start)
	for _, row := range []struct {
		what string
		now  time.Time
		want []string
	}{
		{"now", start, []string{"a.local", "b.local", "phone", "short.local"}},
		{"when one has expired", start.Add(20 * day), []string{"a.local", "b.local", "phone"}},
	} {
		if got := a.behind(row.now); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.what, got, row.want)
		}
	}
	a.mustIssue(Request{Names: names(t, "a.local"), Renew: true}, start)
	if got, want := a.behind(start.Add(20*day)), []string{"b.local", "phone"}; !slices.Equal(got, want) {
		t.Errorf("renewed: got %q, want %q", got, want)
	}
}

func TestRootInUseIsNotRetired(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.tryRetire(RetireRequest{}, start); !errors.As(err, new(*WhichRootError)) {
		t.Errorf("one root: got %v, want a WhichRootError", err)
	}
	if _, err := a.tryRetire(RetireRequest{Root: "1", Force: true}, start); !errors.As(err, new(*SigningRootError)) {
		t.Errorf("the only root: got %v, want a SigningRootError", err)
	}
	for i := range 7 {
		a.mustIssue(Request{Names: names(t, fmt.Sprintf("d%d.local", i))}, start)
	}
	a.mustRotate(RotateRequest{}, start)
	_, err := a.tryRetire(RetireRequest{}, start)
	used, ok := errors.AsType[*RootInUseError](err)
	if !ok || len(used.Names) != 7 || !strings.HasSuffix(err.Error(), "d3.local, d4.local and 2 more") {
		t.Errorf("got %v, want a RootInUseError of 7 names", err)
	}
	if _, err := a.tryRetire(RetireRequest{Root: "none"}, start); !errors.As(err, new(*UnknownRootError)) {
		t.Errorf("unknown: got %v, want an UnknownRootError", err)
	}
	result := a.retireRoot(RetireRequest{Force: true}, start)
	if len(result.Dependents) != 7 || result.State != RootRetired {
		t.Errorf("got %d dependents and state %s, want 7 and retired", len(result.Dependents), result.State)
	}
	if _, err := a.tryRetire(RetireRequest{Root: "1", Force: true}, start); !errors.As(err, new(*RetiredRootError)) {
		t.Errorf("again: got %v, want a RetiredRootError", err)
	}
	a.mustRotate(RotateRequest{}, start)
	a.mustRotate(RotateRequest{}, start)
	if _, err := a.tryRetire(RetireRequest{}, start); !errors.As(err, new(*WhichRootError)) || !strings.HasPrefix(err.Error(), "2 roots") {
		t.Errorf("two old roots: got %v, want a WhichRootError", err)
	}
}

// TestLostKeyOfTheOnlyRootIsNotRetired: nothing would be left to trust.
func TestLostKeyOfTheOnlyRootIsNotRetired(t *testing.T) {
	a := newAuthority(t, "")
	a.loseKey(0)
	if _, err := a.tryRetire(RetireRequest{Force: true}, start); !errors.As(err, new(*SigningRootError)) {
		t.Errorf("got %v, want a SigningRootError", err)
	}
}

// TestDamagedCertificateMayDependOnTheRoot: it is reported, and nothing is retired.
func TestDamagedCertificateMayDependOnTheRoot(t *testing.T) {
	a := newAuthority(t, "")
	i := a.mustIssue(Request{Names: names(t, "nas.local")}, start).Issued
	a.mustRotate(RotateRequest{}, start)
	if err := os.WriteFile(filepath.Join(a.dir, i.Place, "cert.pem"), []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.tryRetire(RetireRequest{}, start); !errors.As(err, new(store.DamagedError)) {
		t.Errorf("got %v, want a DamagedError", err)
	}
	a.retireRoot(RetireRequest{Force: true}, start)
}

// TestForgottenKeysAreNotThoseOfDevicesThatKeepTheirs: such a device was given the
// usual files, and only a renewal can write them again.
func TestForgottenKeysAreNotThoseOfDevicesThatKeepTheirs(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "board.local"), ForgetKey: yes()}, start)
	a.mustIssue(Request{Names: names(t, "gone.local"), For: target(t, "mosquitto"), ForgetKey: yes()}, start)
	a.mustRotate(RotateRequest{}, start)
	result := a.retireRoot(RetireRequest{Force: true}, start)
	if got, want := fmt.Sprint(result.Readers), "[{gone.local Mosquitto picoca-root.pem true}]"; got != want {
		t.Errorf("files with the root: got %s, want %s", got, want)
	}
}

// TestCertificateOfARetiredRoot is due, and not to be used.
func TestCertificateOfARetiredRoot(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "phone"), start)
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto")}, start)
	a.mustRotate(RotateRequest{}, start)
	result := a.retireRoot(RetireRequest{Force: true}, start)
	if got, want := fmt.Sprint(result.Readers), "[{broker.local Mosquitto picoca-root.pem false}]"; got != want {
		t.Errorf("files with the root: got %s, want %s", got, want)
	}
	a.use(func(c *CA) {
		for issued, err := range c.All(true) {
			if err != nil || !IsDue(issued, 0, start) {
				t.Errorf("%s is not due, %v", issued.Record.Name, err)
			}
		}
		if _, err := c.PhoneIdentity("phone", identity(t, "phone").P12, start); !errors.As(err, new(*RetiredIssuerError)) {
			t.Errorf("phone: got %v, want a RetiredIssuerError", err)
		}
		renewals, err := c.PlanRenewals(RenewalsRequest{}, start)
		if err != nil || len(renewals.Ready) != 2 {
			t.Errorf("renewals: got %d, %v, want 2", len(renewals.Ready), err)
		}
	})
}

func TestPassphraseOfEveryRootChanges(t *testing.T) {
	a := newAuthority(t, "")
	a.mustRotate(RotateRequest{}, start)
	change := func(old, passphrase Passphrase) (encrypted bool, err error) {
		a.use(func(c *CA) {
			encrypted, err = c.ChangePassphrase(t.Context(), Passphrases{Old: old, New: passphrase}, nobodyWaits(t))
		})
		return encrypted, err
	}
	if encrypted, err := change(noPassphrase, always("first")); err != nil || !encrypted {
		t.Fatalf("add: got %t, %v", encrypted, err)
	}
	if _, err := change(always("wrong"), noPassphrase); !errors.Is(err, store.ErrPassphrase) {
		t.Errorf("wrong: got %v, want ErrPassphrase before the new one is asked for", err)
	}
	a.use(func(c *CA) {
		for _, root := range a.roots() {
			if _, err := c.store.RootKey(root.Root, []byte("first")); err != nil {
				t.Error(err)
			}
		}
	})
	if encrypted, err := change(always("first"), always("")); err != nil || encrypted {
		t.Errorf("remove: got %t, %v", encrypted, err)
	}
	a.loseKey(0)
	a.loseKey(1)
	if _, err := change(noPassphrase, noPassphrase); !errors.Is(err, store.ErrNoSigningRoot) {
		t.Errorf("no key: got %v, want ErrNoSigningRoot", err)
	}
}

// TestRotationAndRetirementInterrupted at every operation of the disk: the next
// run finds the roots before or after.
func TestRotationAndRetirementInterrupted(t *testing.T) {
	for _, row := range []struct {
		what          string
		do            func(c *CA) error
		before, after string
	}{
		{"rotate", func(c *CA) error {
			rotation, err := c.PlanRotation(RotateRequest{}, start)
			if err == nil {
				_, err = rotation.Rotate(t.Context(), start, nobodyAsks, nobodyWaits(t))
			}
			return err
		}, "[old signing]", "[old old signing]"},
		{"retire", func(c *CA) error {
			_, err := c.RetireRoot(t.Context(), RetireRequest{}, start, nobodyWaits(t))
			return err
		}, "[old signing]", "[retired signing]"},
	} {
		t.Run(row.what, func(t *testing.T) {
			template := newAuthority(t, "")
			template.mustRotate(RotateRequest{}, start)
			done := 0
			for at, more := 1, true; more; at++ {
				a := authority{t, filepath.Join(t.TempDir(), "ca")}
				if err := os.CopyFS(a.dir, os.DirFS(template.dir)); err != nil {
					t.Fatal(err)
				}
				narrow(t, a.dir)
				plan := &faultdisk.Plan{At: at, NoSync: true}
				_, killed := plan.Run(func() error {
					c, err := Open(a.dir, Options{Wrap: plan.Wrap})
					if err != nil {
						return err
					}
					defer c.Close()
					return row.do(c)
				})
				more = plan.Reached()
				a.use(func(c *CA) { // recovers
					if err := c.lock(t.Context(), func(string) {}); err != nil {
						t.Fatal(err)
					}
				})
				switch got := fmt.Sprint(a.states()); {
				case got == row.after:
					done++
				case got != row.before || !killed:
					t.Errorf("step %d: got %s, want %s or %s", at, got, row.before, row.after)
				}
				a.mustIssue(Request{Names: names(t, "after.local"), Out: filepath.Join(t.TempDir(), "out")}, start)
			}
			if done < 2 {
				t.Errorf("got the state after %d times, want it before the end, too", done)
			}
		})
	}
}

// narrow gives a copied store the modes of a store.
func narrow(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return os.Chmod(name, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
