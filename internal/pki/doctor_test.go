package pki

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// diagnose returns the findings of a CA, "ID: fix" each.
func (a authority) diagnose(now time.Time) []string {
	a.t.Helper()
	d, err := Diagnose(a.dir, Options{}, now)
	if err != nil {
		a.t.Fatal(err)
	}
	found := []string{}
	for _, f := range d.Findings {
		fix := f.Fix.Text(func(c fault.Command) string { return strings.Join(c, " ") })
		found = append(found, f.ID+": "+strings.ReplaceAll(fix, filepath.Dir(a.dir)+"/", ""))
	}
	return found
}

func (a authority) wantFindings(now time.Time, want ...string) {
	a.t.Helper()
	if got := a.diagnose(now); !slices.Equal(got, append([]string{}, want...)) {
		a.t.Errorf("got %q, want %q", got, want)
	}
}

func TestDoctorFindsNothingInAGoodCA(t *testing.T) {
	a := newAuthority(t, "a passphrase")
	a.wantFindings(start)
	a.wantFindings(start.Add(365 * day))
	b := newAuthority(t, "")
	b.mustIssue(targeted(t, "pico-w", "pico.local"), start)
	b.mustIssue(targeted(t, "nginx", "nas.local"), start)
	b.mustIssue(identity(t, "kitchen tablet"), start)
	b.wantFindings(start)
	d, err := Diagnose(b.dir, Options{}, start)
	if err != nil || d.Roots != 1 || d.Certificates != 3 || d.Files < 15 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestDoctorNeedsACA(t *testing.T) {
	if _, err := Diagnose(t.TempDir(), Options{}, start); !errors.Is(err, store.ErrNoCA) {
		t.Errorf("an empty folder: got %v, want %v", err, store.ErrNoCA)
	}
}

// TestDoctorFindsWhatAChangeOfRootsLeaves: certificates of a retired root.
func TestDoctorFindsWhatAChangeOfRootsLeaves(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "nginx", "nas.local"), start)
	a.addRoot(start.Add(day), false)
	a.use(func(c *CA) {
		roots, err := c.Roots()
		if err == nil {
			err = errors.Join(c.lock(t.Context(), nobodyWaits(t)), c.store.Retire(roots[0], start.Add(day)))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	got := a.diagnose(start.Add(2 * day))
	if !slices.Contains(got, "retired-root: renew nas.local") {
		t.Errorf("got %q", got)
	}
}

// TestDoctorAsksForNoListOfARootThatEnded: none can be signed, so no repair helps.
func TestDoctorAsksForNoListOfARootThatEnded(t *testing.T) {
	a := newAuthority(t, "")
	a.wantFindings(start.AddDate(11, 0, 0), "root-expired: root rotate")
}

// TestDoctorMissesTheKeyOfARoot: without that of the newest, an older one signs.
func TestDoctorMissesTheKeyOfARoot(t *testing.T) {
	a := newAuthority(t, "")
	old := a.roots()[0]
	a.mustRotate(RotateRequest{}, start)
	a.wantFindings(start)
	a.loseKey(1)
	renew := "renew --all, then root retire " + LetterOf(a.roots()[1].Root)
	a.wantFindings(start, "root-keyless: restore key.pem from a backup: --home FOLDER restore FILE, then copy it from there; if it is lost: "+renew)
	a.mustRotate(RotateRequest{}, start)
	a.wantFindings(start, "root-keyless: "+renew)
	d, err := Diagnose(a.dir, Options{}, start)
	if err != nil || !d.Findings[0].Note {
		t.Errorf("an older root: got %+v, %v, want a note", d.Findings, err)
	}
	a.retireRoot(RetireRequest{Root: LetterOf(old.Root)}, start)
	a.retireRoot(RetireRequest{}, start)
	a.wantFindings(start)
}

// TestDoctorGoesOnAfterADamage: one fault hides no other.
func TestDoctorGoesOnAfterADamage(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustIssue(targeted(t, "nginx", "nas.local"), start).Issued
	a.mustIssue(targeted(t, "pico-w", "pico.local"), start)
	a.mustIssue(targeted(t, "nginx", "lost.local"), start)
	for _, name := range []string{filepath.Join(a.dir, filepath.FromSlash(first.Place), "about.json"), filepath.Join("pico.local", "cert.der")} {
		if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll("lost.local"); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start,
		"certificate: restore it from a backup: --home FOLDER restore FILE, then copy it from there; or make a new certificate: renew nas.local",
		"folder-gone: export lost.local --out lost.local",
		"file-changed: export pico.local --out pico.local --force")
}

// TestDoctorOfADamagedRoot, beside which another one still verifies: no folder is then
// looked into, not that of a delegated CA either.
func TestDoctorOfADamagedRoot(t *testing.T) {
	a := newAuthority(t, "")
	a.mustDelegate(DelegateRequest{Program: "caddy", Out: "caddy"})
	root := a.mustRotate(RotateRequest{}, start).New
	if err := os.WriteFile(filepath.Join(a.dir, "roots", root.ID, "cert.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start, "root: restore it from a backup: --home FOLDER restore FILE, then copy it from there")
}

// TestListOfAnOldRootIsRepaired: no certificate of that root counts as damaged, which
// its owner would then move away, and a list is signed again without a backup.
func TestListOfAnOldRootIsRepaired(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "nginx", "nas.local"), start)
	a.mustIssue(targeted(t, "nginx", "lost.local"), start)
	a.mustRevoke("lost.local", start)
	old := a.root()
	a.mustRotate(RotateRequest{}, start)
	list := filepath.Join(a.dir, "roots", old.ID, "crl.pem")
	if err := os.WriteFile(list, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start, "root: move it away, then sign a new one: doctor --repair")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start, "crl-due: doctor --repair", "revoked: issue lost.local")
	key := filepath.Join(a.dir, "roots", old.ID, "key.pem")
	whole, err := os.ReadFile(key)
	if err == nil {
		err = os.WriteFile(key, []byte("damaged"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if _, err := c.Repair(t.Context(), start, noPassphrase, nobodyWaits(t)); !errors.As(err, new(*KeyAwayError)) {
			t.Errorf("repair without the key: got %v, want a KeyAwayError", err)
		}
	})
	if err := os.WriteFile(key, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if signed, err := c.Repair(t.Context(), start, noPassphrase, nobodyWaits(t)); !signed || err != nil {
			t.Errorf("repair: got %v, %v", signed, err)
		}
	})
	a.wantFindings(start, "revoked: issue lost.local")
	for _, list := range a.lists() {
		if got, want := len(list.RevokedCertificateEntries) == 1, bytes.Equal(list.AuthorityKeyId, old.Certificate.SubjectKeyId); got != want {
			t.Errorf("%s: got %d entries", list.Issuer, len(list.RevokedCertificateEntries))
		}
	}
}

// TestDoctorReplacesTheKeyOfAnIdentity, whose folder in the store does not show its name.
func TestDoctorReplacesTheKeyOfAnIdentity(t *testing.T) {
	a := newAuthority(t, "")
	req := identity(t, "Kitchen tablet")
	issued := a.mustIssue(req, start).Issued
	key := filepath.Join(a.dir, filepath.FromSlash(issued.Place), "key.pem")
	const want = "certificate: restore it from a backup: --home FOLDER restore FILE, then copy it from there; or make a new certificate: renew Kitchen tablet"
	if err := os.WriteFile(key, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start, want)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start, want)
	req.Renew = true
	a.mustIssue(req, start)
}

// TestDoctorReadsWhatOutlivesCertificates: the keys of messages and updates are
// needed years after they were made, when a project is written again.
func TestDoctorReadsWhatOutlivesCertificates(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "pico-w", "pico.local"), start)
	if _, err := a.messageProject("messages", "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.updatesProject(ProjectRequest{Name: "pico.local", Updates: 8443, Out: "updates"}); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start)
	again := "device-file: write the project again: example pico.local "
	for file, want := range map[string]string{
		vapidFile:           "device-file: restore the CA's folder from a backup",
		ownerFile(a.root()): "device-file: restore the CA's folder from a backup",
		contactFile:         again + "--push --contact you@example.com --force",
		updatesFile:         again + "--updates --force",
	} {
		name := filepath.Join(a.dir, "devices", "pico.local", file)
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		a.wantFindings(start, want)
		if err := os.WriteFile(name, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRepairAsksOnlyForAKeyThatItNeeds, and signs a list that lacks a
// certificate.
func TestRepairAsksOnlyForAKeyThatItNeeds(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "nginx", "nas.local"), start)
	list := filepath.Join(a.dir, "roots")
	entries, err := os.ReadDir(list)
	if err != nil {
		t.Fatal(err)
	}
	list = filepath.Join(list, entries[0].Name(), "crl.pem")
	before, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	repair := func() (signed bool) {
		a.use(func(c *CA) {
			if signed, err = c.Repair(t.Context(), start.Add(day), noPassphrase, nobodyWaits(t)); err != nil {
				t.Fatal(err)
			}
		})
		return signed
	}
	if repair() {
		t.Error("a list that is in order was signed again")
	}
	a.mustRevoke("nas.local", start.Add(day))
	if err := os.WriteFile(list, before, 0o600); err != nil {
		t.Fatal(err)
	}
	a.wantFindings(start.Add(day), "crl-incomplete: doctor --repair", "revoked: issue nas.local")
	if !repair() {
		t.Error("a list that lacks a certificate was not signed")
	}
	a.wantFindings(start.Add(day), "revoked: issue nas.local")
}

func TestTakingAFileOutOfTheStore(t *testing.T) {
	t.Setenv("HOME", "/home/ann")
	for system, want := range map[string]string{
		"linux":   `mv -n -- notes.txt "$HOME"/`,
		"windows": "move notes.txt /home/ann",
	} {
		if got := takeOut(system, "notes.txt").Text(nil); got != want {
			t.Errorf("%s: got %s, want %s", system, got, want)
		}
	}
}
