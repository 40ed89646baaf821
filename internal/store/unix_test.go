//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestModesAreNarrowUnderAnyUmask: nothing changes a mode after its creation,
// so what a file has at the end it had from the beginning.
func TestModesAreNarrowUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		before := syscall.Umask(umask)
		s, root := createLocked(t)
		leaf := root.leaf(t, "pico.local")
		_, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key)
		fileErr := s.PutDeviceFile("pico.local", "vapid.pem", nil)
		syscall.Umask(before)
		if err := errors.Join(err, fileErr); err != nil {
			t.Fatal(err)
		}
		for name, got := range modes(t, s.Path(".")) {
			want := fs.FileMode(0o700)
			switch name {
			case "key.pem", "vapid.pem", "lock", "layout":
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

// useAll reads and changes whatever can be in the store in folder dir.
func useAll(t *testing.T, dir string, root, leaf pair) error {
	createErr := Create(t.Context(), dir, Options{}, []NewRoot{root.root()}, func(string) {})
	if errors.Is(createErr, fs.ErrExist) {
		createErr = nil
	}
	s, err := Open(dir, Options{})
	if err != nil {
		return errors.Join(createErr, err)
	}
	defer s.Close()
	signing, rootErr := s.SigningRoot()
	keyErr := rootErr
	if rootErr == nil {
		_, keyErr = s.RootKey(signing, nil)
	}
	issued, latestErr := s.Latest(Device("pico.local"))
	leafKeyErr := latestErr
	if latestErr == nil {
		_, leafKeyErr = s.Key(issued)
	}
	lockErr := s.Lock(t.Context(), func(string) {})
	if lockErr == nil {
		_, lockErr = s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key)
	}
	all := errors.Join(createErr, rootErr, keyErr, latestErr, leafKeyErr, lockErr)
	for _, err := range s.All(false) {
		all = errors.Join(all, err)
	}
	return all
}

// obstacles are what can be in the place of a file or folder.
var obstacles = map[string]func(path string) error{
	"a named pipe":                     func(path string) error { return unix.Mkfifo(path, 0o600) },
	"a socket":                         makeSocket,
	"leads in a circle":                func(path string) error { return os.Symlink(filepath.Base(path), path) },
	"leads out of the store":           func(path string) error { return os.Symlink("/etc", path) },
	"to something that does not exist": func(path string) error { return os.Symlink("nowhere", path) },
}

func makeSocket(path string) error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return err
	}
	listener.SetUnlinkOnClose(false)
	return listener.Close()
}

// goWords are of Go's or the system's, and mean nothing to a user.
var goWords = []string{"openat", "escapes", "lstat", "statat", "too many levels", "no such device", "ELOOP", "readdirent", "fdopendir", "unlinkat"}

// TestObstaclesAreNamed puts each obstacle in the place of each file and
// folder: nothing waits, and the error says what was found, with a hint.
func TestObstaclesAreNamed(t *testing.T) {
	t.Chdir(t.TempDir()) // a socket's path must be short
	n := 0
	for what, obstruct := range obstacles {
		for _, name := range []string{"layout", "lock", "roots", "ROOT", "ROOT/cert.pem", "ROOT/key.pem", "issued", "issued/pico.local", "PLACE", "PLACE/cert.pem", "PLACE/key.pem", "PLACE/about.json"} {
			n++
			dir := fmt.Sprintf("s%d", n)
			root := newRoot(t)
			if err := makeStore(t, dir, root.root()); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir)
			lock(t, s)
			issued := issue(t, s, root, "pico.local")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			name := strings.NewReplacer("PLACE", issued.Place, "ROOT", "roots/"+issued.Root.ID).Replace(name)
			path := filepath.Join(dir, name)
			remove(t, path)
			if err := obstruct(path); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- useAll(t, dir, root, root.leaf(t, "pico.local")) }()
			select {
			case err := <-done:
				checkWords(t, name, what, err)
			case <-time.After(time.Minute):
				t.Fatalf("%s %s: hangs", name, what)
			}
		}
	}
}

func checkWords(t *testing.T, name, what string, err error) {
	t.Helper()
	if filepath.Dir(name) == "issued/pico.local" { // such an entry is not a certificate's
		return
	}
	if err == nil || hintText(err) == "" {
		t.Errorf("%s %s: got %v, without a hint", name, what, err)
		return
	}
	for _, word := range goWords {
		if strings.Contains(err.Error(), word) {
			t.Errorf("%s %s: got %q", name, what, err)
		}
	}
	switch {
	case name == "lock" && !strings.HasPrefix(what, "a "):
		what = "is a symbolic link, expected a file"
	case filepath.Ext(name) != ".pem" && filepath.Ext(name) != ".json" && name != "layout" && name != "lock" && strings.HasPrefix(what, "a "):
		what = "is not a folder"
	}
	if !strings.Contains(err.Error(), what) {
		t.Errorf("%s %s: got %q, which does not say so", name, what, err)
	}
}

// TestLockMakesNothingOutside: package flock opens it by its path, which follows
// links.
func TestLockMakesNothingOutside(t *testing.T) {
	for _, target := range []string{filepath.Join(t.TempDir(), "made"), "inside"} {
		s, _ := create(t)
		remove(t, s.Path("lock"))
		if err := os.Symlink(target, s.Path("lock")); err != nil {
			t.Fatal(err)
		}
		if err := s.Lock(t.Context(), never(t)); !errors.Is(err, ErrNotRegular) {
			t.Errorf("got %v, want %v", err, ErrNotRegular)
		}
		if _, err := os.Stat(s.Path("lock")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("file behind the link: got %v, want none", err)
		}
	}
}

// TestOneHintNarrowsTheWholeStore: a copy that went through a USB drive has
// wide modes everywhere.
func TestOneHintNarrowsTheWholeStore(t *testing.T) {
	for _, name := range []string{"store", "it's a store", "$HOME"} {
		dir := filepath.Join(t.TempDir(), name)
		root := newRoot(t)
		if err := makeStore(t, dir, root.root()); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		lock(t, s)
		issue(t, s, root, "pico.local")
		s.Close()
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chmod(name, 0o777))
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(dir, Options{})
		if !isA[ModeError](err) {
			t.Fatalf("got %v, want a ModeError", err)
		}
		if out, err := exec.Command("sh", "-c", hintText(err)).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", hintText(err), err, out)
		}
		if err := useAll(t, dir, root, root.leaf(t, "pico.local")); err != nil {
			t.Errorf("after %s: %v", hintText(err), err)
		}
	}
}

// TestOwnerIsChecked as ssh and git do. The process's own user is made up, so
// that the test needs no other user.
func TestOwnerIsChecked(t *testing.T) {
	me := os.Getuid()
	for name, row := range map[string]struct {
		euid, user, owner int
		want              bool
	}{
		"own":                 {1000, 0, 1000, true},
		"root's":              {1000, 0, 0, true},
		"another's":           {1000, 0, 1001, false},
		"another's, SUDO_UID": {1000, 1001, 1001, false},
		"root, another's":     {0, 0, 1001, false},
		"sudo, the user's":    {0, 1001, 1001, true},
		"sudo, another's":     {0, 1001, 1002, false},
		"sudo, root's":        {0, 1001, 0, true},
	} {
		s := &Store{euid: row.euid, opt: Options{User: row.user}}
		if got := s.mayOwn(row.owner); got != row.want {
			t.Errorf("%s: got %v, want %v", name, got, row.want)
		}
	}
	if me != 0 {
		s, _ := create(t)
		s.euid = me + 1
		if _, err := s.Roots(); !isA[OwnerError](err) || hintText(err) == "" {
			t.Errorf("got %v, want an OwnerError", err)
		}
	}
}

func TestBackupWaitsForNoPipe(t *testing.T) {
	s, _ := createLocked(t)
	if err := unix.Mkfifo(s.Path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	for _, err = range s.Files() {
	}
	if err == nil || !strings.Contains(err.Error(), "pipe is a named pipe") || hintText(err) == "" {
		t.Errorf("got %v, hint %q", err, hintText(err))
	}
}
