//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestModesAreNarrowUnderAnyUmask: nothing changes a mode after its creation,
// so what stands there at the end stood there from the beginning.
func TestModesAreNarrowUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		before := syscall.Umask(umask)
		s, _ := create(t)
		lock(t, s)
		p := newPair(t, "pico.local")
		_, err := s.Put(p.about("pico.local"), p.cert, p.key)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range modes(t, s.Path(".")) {
			want := fs.FileMode(0o700)
			switch name {
			case "key.pem", "lock", "layout":
				want = 0o600
			case "cert.pem", "about.json":
				want = 0o644 &^ fs.FileMode(umask)
			}
			if got != want {
				t.Errorf("umask %03o: %s has mode %04o, want %04o", umask, name, got, want)
			}
		}
	}
}

// TestNothingWaitsForAPipe puts one in the place of each file and folder.
func TestNothingWaitsForAPipe(t *testing.T) {
	names := []string{".", "layout", "lock", "root", rootCert, rootKey, "issued", "issued/pico.local", "PLACE", "PLACE/cert.pem", "PLACE/key.pem", "PLACE/about.json"}
	for _, name := range names {
		s, root := create(t)
		lock(t, s)
		issued, p := issue(t, s, "pico.local")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		path := s.Path(strings.Replace(name, "PLACE", issued.Place(), 1))
		if err := errors.Join(os.RemoveAll(path), unix.Mkfifo(path, 0o600)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- useAll(t, s.Path("."), root, p) }()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s is a pipe: no error", name)
			}
		case <-time.After(5 * time.Minute):
			t.Fatalf("%s is a pipe: hangs", name)
		}
	}
}

// useAll reads and changes whatever can be in the store in folder dir.
func useAll(t *testing.T, dir string, root, p pair) error {
	createErr := Create(t.Context(), dir, root.cert, root.key, nil, func(string) {})
	if errors.Is(createErr, fs.ErrExist) {
		createErr = nil
	}
	s, err := Open(dir)
	if err != nil {
		return errors.Join(createErr, err)
	}
	defer s.Close()
	_, certErr := s.RootCertificate()
	_, keyErr := s.RootKey(nil)
	issued, latestErr := s.Latest("pico.local")
	_, aboutErr := s.About(issued)
	_, leafErr := s.Certificate(issued)
	_, leafKeyErr := s.Key(issued)
	lockErr := s.Lock(t.Context(), func(string) {})
	if lockErr == nil {
		_, lockErr = s.Put(p.about("pico.local"), p.cert, p.key)
	}
	for _, err := range s.All(false) {
		lockErr = errors.Join(lockErr, err)
	}
	return errors.Join(createErr, certErr, keyErr, latestErr, aboutErr, leafErr, leafKeyErr, lockErr)
}

// TestLockMakesNothingOutside: it is opened by its path, which follows links.
func TestLockMakesNothingOutside(t *testing.T) {
	s, _ := create(t)
	target := filepath.Join(t.TempDir(), "made")
	relink(t, s.Path("lock"), target)
	if err := s.Lock(t.Context(), never(t)); !errors.Is(err, ErrNotRegular) {
		t.Errorf("got %v, want %v", err, ErrNotRegular)
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("file outside: got %v, want none", err)
	}
}
