//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func inspect(t *testing.T, dir string) Inspection {
	t.Helper()
	before := snapshot(t, dir)
	found, err := Inspect(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if now := snapshot(t, dir); now != before {
		t.Errorf("Inspect changed the store\nbefore:\n%s\nnow:\n%s", before, now)
	}
	return found
}

func TestAStoreInOrderHasNothingToReport(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "pico.local")
	if err := s.PutDeviceFile("pico.local", "vapid.pem", []byte("key")); err != nil {
		t.Fatal(err)
	}
	found := inspect(t, s.dir)
	if len(found.Modes)+len(found.Owners)+len(found.Leftovers)+len(found.Foreign)+len(found.Unreadable) > 0 || found.Layout != 2 || found.Files < 12 {
		t.Errorf("got %+v", found)
	}
}

// TestInspectReportsEveryFile: one fault hides no other, and a pipe does not
// stop it.
func TestInspectReportsEveryFile(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	path := func(elem ...string) string { return filepath.Join(append([]string{s.dir}, elem...)...) }
	for _, name := range []string{"notes.txt", "issued/.DS_Store", "issued/pico.local/about.json", "revoked-list", issued.Place + "/cert.pem~", "roots/000002"} {
		put(t, path(filepath.FromSlash(name)), "x", 0o644)
	}
	mkdir(t, path("old", "deep"), 0o700)
	mkdir(t, path(".picoca-ABC.stage"), 0o700)
	mkdir(t, path("devices", "pico.local"), 0o700)
	if err := errors.Join(syscall.Mkfifo(path("pipe"), 0o600), syscall.Mkfifo(path("devices", "pico.local", "vapid.pem"), 0o600),
		os.Symlink("notes.txt", path("link")), os.Remove(path("lock")), os.Symlink("notes.txt", path("lock"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{issued.Place + "/key.pem", issued.Place} {
		if err := os.Chmod(path(filepath.FromSlash(name)), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	found := inspect(t, s.dir)
	if len(found.Modes) != 2 || len(found.Leftovers) != 1 {
		t.Errorf("got modes %v, leftovers %v", found.Modes, found.Leftovers)
	}
	var foreign []string
	for _, name := range found.Foreign {
		foreign = append(foreign, strings.TrimPrefix(filepath.ToSlash(name), filepath.ToSlash(s.dir)+"/"))
	}
	slices.Sort(foreign)
	want := []string{"devices/pico.local/vapid.pem", "issued/.DS_Store", issued.Place + "/cert.pem~", "issued/pico.local/about.json", "lock", "notes.txt", "old", "pipe", "revoked-list", "roots/000002"}
	slices.Sort(want)
	if !slices.Equal(foreign, want) {
		t.Errorf("foreign: got %q, want %q", foreign, want)
	}
}

func TestInspectNeedsAStoresFolder(t *testing.T) {
	if _, err := Inspect(filepath.Join(t.TempDir(), "none"), Options{}); !is(ErrNoCA)(err) {
		t.Errorf("got %v, want %v", err, ErrNoCA)
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "", 0o600)
	if _, err := Inspect(file, Options{}); !isA[FileError](err) {
		t.Errorf("a file: got %v", err)
	}
}

func TestMisnumberedCertificatesGetTheirName(t *testing.T) {
	s, root := createLocked(t)
	var all []Issued
	for range 5 {
		all = append(all, issue(t, s, root, "pico.local"))
	}
	dir := filepath.Join(s.dir, "issued", "pico.local")
	rename := func(i Issued, base string) {
		if err := os.Rename(s.Path(i.Place), filepath.Join(dir, base)); err != nil {
			t.Fatal(err)
		}
	}
	base := func(i Issued) string { return filepath.Base(i.Place) }
	rename(all[0], "000001-2020-01-01-00000000")
	rename(all[2], "000002"+base(all[2])[6:])      // a twin of an earlier number is no harm
	rename(all[4], "000004-9999"+base(all[4])[6:]) // the last by name
	history, err := s.History(Device("pico.local"))
	if err != nil {
		t.Fatal(err)
	}
	found := s.Misnumbered(history)
	if len(found) != 2 || filepath.Base(found[0].Want) != base(all[0]) || found[0].Twin != "" || filepath.Base(found[1].Want) != base(all[4]) || filepath.Base(found[1].Twin) != base(all[3]) {
		t.Fatalf("got %+v", found)
	}
	for _, m := range found {
		if err := os.Rename(m.Path, m.Want); err != nil {
			t.Fatal(err)
		}
	}
	if history, err = s.History(Device("pico.local")); err != nil || len(s.Misnumbered(history)) > 0 || !history[4].Leaf.Equal(all[4].Leaf) {
		t.Errorf("afterwards: got %+v, %v", s.Misnumbered(history), err)
	}
}
