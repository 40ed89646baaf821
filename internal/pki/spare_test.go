package pki

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/store"
)

// withSpare makes a CA with a spare, and returns what is on its page.
func withSpare(t *testing.T, passphrase, own string) (authority, paper.Content) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	a := authority{t, filepath.Join(dir, "ca")}
	created, err := Create(t.Context(), a.dir, spareRequest(own), []byte(passphrase), start, Options{}, nobodyWaits(t))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(created.Page)
	if err != nil {
		t.Fatal(err)
	}
	content, err := paper.Parse(page)
	if err != nil || !content.Certificate.Equal(created.Spare) {
		t.Fatalf("the page has another root, %v", err)
	}
	return a, content
}

func spareRequest(own string) InitRequest {
	return InitRequest{
		Key:   ca.P256,
		Root:  ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()},
		Spare: &SpareRequest{Out: "spare.html", Passphrase: []byte(own), Command: "picoca root rotate --from-spare FILE"},
	}
}

// publish publishes the spare from its page.
func (a authority) publish(content paper.Content, ask Passphrases, now time.Time) (result Rotated, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var rotation *Rotation
		if rotation, err = c.PlanSpare(content, 0, now); err == nil {
			result, err = rotation.Rotate(a.t.Context(), now, ask, nobodyWaits(a.t))
		}
	})
	return result, err
}

// TestSpareTakesOver when the root's key was stolen, lost, or expired.
func TestSpareTakesOver(t *testing.T) {
	for _, row := range []struct {
		what, root, paper string
		lost              bool
		ask               Passphrases
		want              string // passphrase of the published key
	}{
		{"stolen, one passphrase", "root", "", false, Passphrases{Old: always("root"), New: noPassphrase, Paper: noPassphrase}, "root"},
		{"stolen, the paper's own", "root", "paper", false, Passphrases{Old: always("root"), New: noPassphrase, Paper: always("paper")}, "root"},
		{"stolen, no passphrase", "", "paper", false, Passphrases{Old: noPassphrase, New: noPassphrase, Paper: always("paper")}, ""},
		{"lost, one passphrase", "root", "", true, Passphrases{Old: noPassphrase, New: noPassphrase, Paper: always("root")}, "root"},
		{"lost, the paper's own", "root", "paper", true, Passphrases{Old: noPassphrase, New: noPassphrase, Paper: always("paper")}, "paper"},
	} {
		t.Run(row.what, func(t *testing.T) {
			a, content := withSpare(t, row.root, row.paper)
			if got, want := a.states(), []RootState{RootSigning, RootSpare}; !slices.Equal(got, want) {
				t.Fatalf("states: got %q, want %q", got, want)
			}
			if row.lost {
				a.loseKey(0)
			}
			result, err := a.publish(content, row.ask, start.Add(day))
			if err != nil {
				t.Fatal(err)
			}
			if !result.WasSpare || result.Spare != nil || !result.New.Certificate.Equal(content.Certificate) {
				t.Errorf("got %+v, want the spare", result)
			}
			if got, want := a.states(), []RootState{RootOld, RootSigning}; !slices.Equal(got, want) {
				t.Errorf("states: got %q, want %q", got, want)
			}
			a.use(func(c *CA) {
				if _, err := c.store.RootKey(result.New, []byte(row.want)); err != nil {
					t.Error(err)
				}
				encrypted, err := c.store.KeyEncrypted(result.New)
				if err != nil || encrypted != (row.want != "") {
					t.Errorf("encrypted: got %t, %v", encrypted, err)
				}
			})
			if _, err := a.publish(content, row.ask, start.Add(day)); !errors.As(err, new(*HasKeyError)) {
				t.Errorf("again: got %v, want a HasKeyError", err)
			}
		})
	}
}

func TestSheetThatIsNoSpareOfThisCA(t *testing.T) {
	_, foreign := withSpare(t, "", "paper")
	a, content := withSpare(t, "", "paper")
	ask := Passphrases{Old: noPassphrase, New: noPassphrase, Paper: always("wrong")}
	if _, err := a.publish(foreign, ask, start); !errors.As(err, new(*ForeignPaperError)) {
		t.Errorf("another CA's: got %v, want a ForeignPaperError", err)
	}
	if _, err := a.publish(content, ask, start); !errors.Is(err, store.ErrPassphrase) {
		t.Errorf("wrong passphrase: got %v, want ErrPassphrase", err)
	}
	mixed := paper.Content{Certificate: content.Certificate, Key: foreign.Key}
	ask.Paper = always("paper")
	if _, err := a.publish(mixed, ask, start); !errors.Is(err, store.ErrOtherKey) {
		t.Errorf("another key: got %v, want ErrOtherKey", err)
	}
	if _, err := a.publish(content, ask, content.Certificate.NotAfter.Add(day)); !errors.As(err, new(ca.ExpiredError)) {
		t.Errorf("expired: got %v, want an ExpiredError", err)
	}
	a.retireRoot(RetireRequest{Root: "2"}, start)
	if _, err := a.publish(content, ask, start); !errors.As(err, new(*RetiredRootError)) {
		t.Errorf("retired: got %v, want a RetiredRootError", err)
	}
	if got, want := a.states(), []RootState{RootSigning, RootRetired}; !slices.Equal(got, want) {
		t.Errorf("states: got %q, want %q", got, want)
	}
}

// TestRotationBesideASpare: the spare cannot vouch for what is added.
func TestRotationBesideASpare(t *testing.T) {
	a, _ := withSpare(t, "", "paper")
	result := a.mustRotate(RotateRequest{Permit: []string{"example.com"}}, start)
	if result.Spare == nil || result.WasSpare {
		t.Errorf("got %+v, want the spare named", result)
	}
	if got, want := a.states(), []RootState{RootOld, RootSpare, RootSigning}; !slices.Equal(got, want) {
		t.Errorf("states: got %q, want %q", got, want)
	}
}

func TestSpareNeedsAPassphrase(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Create(t.Context(), "ca", spareRequest(""), nil, start, Options{}, nobodyWaits(t))
	if !errors.Is(err, errOpenSpare) {
		t.Errorf("got %v, want errOpenSpare", err)
	}
	if entries, _ := os.ReadDir("."); len(entries) > 0 {
		t.Errorf("got %d files, want none", len(entries))
	}
}

func TestPageIsNotPutIntoTheStore(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Symlink("ca", "link"); err != nil {
		t.Skip(err)
	}
	for _, out := range []string{"ca", "ca/", "ca/spare.html", "ca/sub/spare.html", "./x/../ca/spare.html"} {
		if err := CheckSpare(out, "ca", Options{}); err == nil && out != "ca" {
			t.Errorf("%s: got no error", out)
		}
	}
	for _, out := range []string{"spare.html", "castle/spare.html"} {
		if err := CheckSpare(out, "ca", Options{}); err != nil {
			t.Errorf("%s: got %v", out, err)
		}
	}
}

// TestPageAndStoreInterrupted: there is never a CA whose spare is on no paper, and
// after a failure there is no page either.
func TestPageAndStoreInterrupted(t *testing.T) {
	template := t.TempDir()
	t.Chdir(template)
	req := spareRequest("paper")
	root, err := newRoot(req, start, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSpare(req, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	for _, plan := range []faultdisk.Plan{{}, {Err: fs.ErrPermission}, {Err: fs.ErrPermission, ForGood: true}} {
		created := 0
		for at, more := 1, true; more; at++ {
			t.Chdir(t.TempDir())
			plan := plan
			plan.At, plan.NoSync = at, true
			o := Options{Wrap: plan.Wrap}
			err, killed := plan.Run(func() error {
				_, err := s.write("spare.html", "ca", o, func() error {
					return store.Create(t.Context(), "ca", o.store(), []store.NewRoot{root, s.root}, nobodyWaits(t))
				})
				return err
			})
			more = plan.Reached()
			page, readErr := os.ReadFile("spare.html")
			_, openErr := store.Open("ca", store.Options{})
			switch {
			case openErr == nil:
				created++
				if !bytes.Equal(page, s.page) {
					t.Errorf("step %d: a CA whose page is not there, %v", at, readErr)
				}
			case err != nil && !killed && readErr == nil:
				t.Errorf("step %d: failed with %v, and left the page", at, err)
			}
		}
		if created == 0 {
			t.Error("no CA was created")
		}
	}
}

func TestFoldersWithinOthers(t *testing.T) {
	for _, test := range []struct {
		system, path string
		want         bool
	}{
		{"linux", "/srv/ca", true},
		{"linux", "/srv/ca/spare", true},
		{"linux", "/srv/cats", false},
		{"linux", "/srv/CA/spare", false},
		{"windows", "/srv/CA/spare", true},
		{"darwin", "/Srv/ca", true},
	} {
		if got := isWithin(test.system, test.path, "/srv/ca"); got != test.want {
			t.Errorf("%s: %s: got %t, want %t", test.system, test.path, got, test.want)
		}
	}
}
