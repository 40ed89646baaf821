package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs a function without root's right to pass over modes.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		// setfsuid(2) changes this thread alone.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
			t.Errorf("setfsuid: %v", errno)
			return
		}
		do()
	}()
	<-done
}

// openTempDir returns a folder that everybody can reach and change.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCreateUnderAUmaskOfAllLeavesNothing: nobody could use the folder, and it
// would be in the way of every later run.
func TestCreateUnderAUmaskOfAllLeavesNothing(t *testing.T) {
	root := newPair(t, "Home CA TEST")
	for _, name := range []string{"store", "a/b/store"} {
		dir := openTempDir(t)
		before := syscall.Umask(0o777)
		var err error
		asNobody(t, func() { err = Create(t.Context(), filepath.Join(dir, name), root.cert, root.key, nil, never(t)) })
		syscall.Umask(before)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got %v, want %v", name, err, fs.ErrPermission)
		}
		if got := entries(t, dir); len(got) != 0 {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

// TestFaultsNameTheUsersFolder, not those that a change has for a moment.
func TestFaultsNameTheUsersFolder(t *testing.T) {
	dir := openTempDir(t)
	root := newPair(t, "Home CA TEST")
	if err := Create(t.Context(), filepath.Join(dir, "store"), root.cert, root.key, nil, never(t)); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "store"))
	lock(t, s)
	issued, p := issue(t, s, "pico.local")
	if err := errors.Join(os.Chmod(s.Path("."), 0o755), os.Chmod(s.Path("issued"), 0o755)); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		_, putErr := s.Put(p.about("other.local"), p.cert, p.key)
		_, readErr := s.Key(issued)
		_, rootErr := s.RootKey(nil)
		for path, err := range map[string]error{s.Path("."): putErr, s.Path(issued.Place() + "/key.pem"): readErr, s.Path(rootKey): rootErr} {
			if want := fmt.Sprintf("%s: %v", strings.TrimSuffix(path, "/"), syscall.EACCES); err == nil || err.Error() != want || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}
