package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
)

const fixturePassphrase = "correct horse battery"

// fixtureLines are the certificates of the fixture: whom they are for, what
// for, their number and their kind.
var fixtureLines = []string{
	`*.wild.local "pico-w" 1 server`,
	`arduino.local "pico-w/arduino" 1 server`,
	`circuit.local "pico-w/circuitpython@10" 1 server`,
	`Küche/Tablet "" 1 client`,
	`clock.local "pico-w" 1 server`,
	`fd00::20 "pico-w" 1 server`,
	`nas.local "computer" 1 server`,
	`pico.local "pico-w" 1 server`,
	`pico.local "pico-w" 2 server`,
	`rsa.local "pico-w" 1 server`,
	`sdk.local "pico-w/pico-sdk" 1 server`,
}

func linesOf(t testing.TB, s *Store) []string {
	t.Helper()
	var lines []string
	for issued, err := range s.All(false) {
		if err != nil {
			t.Errorf("%s: %v", issued.Place, err)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %q %d %s", issued.Record.Name, issued.Record.For, issued.Number(), issued.Record.Kind))
		if key, err := s.Key(issued); err != nil || !issued.HasKey || !ca.KeyMatches(issued.Leaf, key.Public()) {
			t.Errorf("%s: key: %v", issued.Place, err)
		}
	}
	return lines
}

func TestLayout1IsReadAndMigrated(t *testing.T) {
	s := open(t, copyFixture(t, "encrypted"))
	check := func(when string) {
		t.Helper()
		if got := linesOf(t, s); !slices.Equal(got, fixtureLines) {
			t.Errorf("%s: got\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(fixtureLines, "\n"))
		}
		root, err := s.SigningRoot()
		if err != nil || root.ID != "000001-T7Z6" || root.Key != KeyFile || root.CRL != nil || root.Retired != nil {
			t.Fatalf("%s: root: got %+v, %v", when, root, err)
		}
		if encrypted, err := s.KeyEncrypted(root); !encrypted || err != nil {
			t.Errorf("%s: encrypted %v, %v", when, encrypted, err)
		}
		if _, err := s.RootKey(root, []byte("wrong")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%s: got %v, want %v", when, err, ErrPassphrase)
		}
		if _, err := s.RootKey(root, []byte(fixturePassphrase)); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		latest, err := s.Latest(Device("pico.local"))
		if err != nil || latest.Number() != 2 || latest.Root.ID != root.ID {
			t.Errorf("%s: latest: got %+v, %v", when, latest, err)
		}
		if found, err := s.BySerial(ca.Serial(latest.Leaf)); err != nil || found.Place != latest.Place {
			t.Errorf("%s: by serial: got %q, %v", when, found.Place, err)
		}
	}
	check("layout 1")
	if got := entries(t, s.Path(".")); !slices.Equal(got, []string{"issued", "layout", "root"}) {
		t.Errorf("reading left %q", got)
	}
	cert, key := get(t, s.Path(rootCert)), get(t, s.Path(rootKey))
	lock(t, s)
	check("layout 2")
	if got := entries(t, s.Path(".")); !slices.Equal(got, []string{"issued", "layout", "lock", "roots"}) {
		t.Errorf("migration left %q", got)
	}
	if get(t, s.Path("roots/000001-T7Z6/cert.pem")) != cert || get(t, s.Path("roots/000001-T7Z6/key.pem")) != key {
		t.Error("the copy of the root differs")
	}
	checkModes(t, s.Path("roots"))
}

func checkModes(t testing.TB, dir string) {
	t.Helper()
	for name, mode := range modes(t, dir) {
		want := fs.FileMode(0o700)
		switch filepath.Ext(name) {
		case ".pem", ".json":
			want = 0o644
		}
		if name == "key.pem" {
			want = 0o600
		}
		if mode&^want != 0 {
			t.Errorf("%s has mode %04o, want %04o", name, mode, want)
		}
	}
}

func TestLayout1WithAnRSARoot(t *testing.T) {
	s := open(t, copyFixture(t, "rsa"))
	for range 2 {
		root, err := s.SigningRoot()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.RootKey(root, nil); err != nil {
			t.Error(err)
		}
		if got, want := linesOf(t, s), []string{`old.local "esp8266/micropython" 1 server`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if s.held == nil {
			lock(t, s)
		}
	}
}

// TestLostKeyOfLayout1: its certificates can still be exported.
func TestLostKeyOfLayout1(t *testing.T) {
	s := open(t, copyFixture(t, "rsa"))
	remove(t, s.Path(rootKey))
	for range 2 {
		roots, err := s.Roots()
		if err != nil || len(roots) != 1 || roots[0].Key != KeyElsewhere {
			t.Fatalf("got %+v, %v", roots, err)
		}
		if _, err := s.SigningRoot(); !errors.Is(err, ErrNoSigningRoot) || hintText(err) == "" {
			t.Errorf("got %v, want %v", err, ErrNoSigningRoot)
		}
		if s.held == nil {
			lock(t, s)
		}
	}
}

// TestMigrationInterruptedAnywhere ends it at each operation of the disk, with a
// kill and with an error: readers see the same store, and the next one that
// takes the lock completes it.
func TestMigrationInterruptedAnywhere(t *testing.T) {
	for _, cause := range []error{nil, syscall.EIO} {
		for at, more := 1, true; more; at++ {
			dir := copyFixture(t, "rsa")
			want := state(t, open(t, dir))
			plan := &faultdisk.Plan{At: at, Err: cause}
			when := fmt.Sprintf("%v at operation %d", cause, at)
			s, err := Open(dir, Options{Wrap: plan.Wrap})
			if err != nil {
				t.Fatal(err)
			}
			err, killed := plan.Run(func() error { return s.Lock(t.Context(), never(t)) })
			more = plan.Reached()
			if cause != nil && more && err == nil && !isDone(dir) {
				t.Errorf("%s: no error", when)
			}
			if cause == nil && killed != more {
				t.Errorf("%s: killed %v, reached %v", when, killed, more)
			}
			die(s)
			reader := open(t, dir)
			if got := state(t, reader); got != want {
				t.Fatalf("%s: a reader sees\n%s\nwant\n%s", when, got, want)
			}
			lock(t, reader)
			if got := state(t, reader); got != want {
				t.Fatalf("%s: after the lock\n%s\nwant\n%s", when, got, want)
			}
			if !isDone(dir) {
				t.Fatalf("%s: left %q", when, entries(t, dir))
			}
		}
	}
}

func isDone(dir string) bool {
	layout, err := os.ReadFile(filepath.Join(dir, "layout"))
	_, rootErr := os.Lstat(filepath.Join(dir, "root"))
	leftovers, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
	return err == nil && string(layout) == "2\n" && errors.Is(rootErr, fs.ErrNotExist) && len(leftovers) == 0
}

// TestReadersDuringAMigration: a reader that opened layout 1 goes on.
func TestReadersDuringAMigration(t *testing.T) {
	for range 20 {
		dir := copyFixture(t, "rsa")
		readers := make([]*Store, 4)
		for i := range readers {
			readers[i] = open(t, dir)
		}
		writer := open(t, dir)
		var wait sync.WaitGroup
		for _, s := range readers {
			wait.Go(func() {
				for range 20 {
					root, err := s.SigningRoot()
					if err == nil {
						_, err = s.RootKey(root, nil)
					}
					if err == nil {
						_, err = s.Latest(Device("old.local"))
					}
					if err != nil {
						t.Error(err)
					}
					if again, err := Open(dir, Options{}); err != nil {
						t.Error(err)
					} else {
						again.Close()
					}
				}
			})
		}
		wait.Go(func() { lock(t, writer) })
		wait.Wait()
	}
}

// TestMigrationKeepsWhatIsNotItsOwn: files of the user's, and a copy that is
// another root.
func TestMigrationKeepsWhatIsNotItsOwn(t *testing.T) {
	s := open(t, copyFixture(t, "rsa"))
	put(t, s.Path("root/notes.txt"), "mine", 0o644)
	lock(t, s)
	if got := entries(t, s.Path("root")); !slices.Equal(got, []string{"notes.txt"}) {
		t.Errorf("got %q", got)
	}
	other := open(t, copyFixture(t, "rsa"))
	root, err := other.SigningRoot()
	if err != nil {
		t.Fatal(err)
	}
	mkdir(t, other.Path("roots/"+root.ID), 0o700)
	put(t, other.Path("roots/"+root.ID+"/cert.pem"), "another", 0o644)
	err = other.Lock(t.Context(), never(t))
	if !isDamaged(err, other.Path("roots/"+root.ID+"/cert.pem")) || !strings.Contains(hintText(err), "remove") {
		t.Errorf("got %v, hint %q", err, hintText(err))
	}
	if got := get(t, other.Path("layout")); got != "1\n" {
		t.Errorf("layout: got %q", got)
	}
	// A root/ that was not migrated is no part of layout 2.
	third, _ := create(t)
	mkdir(t, third.Path("root"), 0o700)
	put(t, third.Path(rootCert), "x", 0o644)
	put(t, third.Path(rootKey), "y", 0o600)
	lock(t, third)
	if got := entries(t, third.Path("root")); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// TestMigrationRefusesADamagedRoot: the copy would be damaged too.
func TestMigrationRefusesADamagedRoot(t *testing.T) {
	s := open(t, copyFixture(t, "rsa"))
	data := get(t, s.Path(rootCert))
	put(t, s.Path(rootCert), data[:len(data)-100]+"A"+data[len(data)-99:], 0o644)
	before := snapshot(t, s.Path("."))
	if err := s.Lock(t.Context(), never(t)); !isDamaged(err, s.Path(rootCert)) {
		t.Errorf("got %v, want a DamagedError", err)
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

// TestFoldersOfReservedNamesStayInUse: layout 1 called them as the device.
func TestFoldersOfReservedNamesStayInUse(t *testing.T) {
	s, root := createLocked(t)
	first := issue(t, s, root, "con.local")
	if first.Place[:len("issued/con_.local/")] != "issued/con_.local/" {
		t.Errorf("got %q", first.Place)
	}
	if err := os.Rename(s.Path("issued/con_.local"), s.Path("issued/con.local")); err != nil {
		t.Fatal(err)
	}
	latest, err := s.Latest(Device("con.local"))
	if err != nil || !latest.Leaf.Equal(first.Leaf) {
		t.Errorf("got %v, %v", latest.Place, err)
	}
	second := issue(t, s, root, "con.local")
	if second.Number() != 2 || !strings.HasPrefix(second.Place, "issued/con.local/") {
		t.Errorf("got %q", second.Place)
	}
	if got := len(linesOf(t, s)); got != 2 {
		t.Errorf("list: got %d, want 2", got)
	}
}
