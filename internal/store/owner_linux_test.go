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

	"github.com/picoca/picoca/internal/testpki"
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
		// The raw call changes only this thread.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); errno != 0 {
			t.Errorf("setresuid: %v", errno)
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

// TestCreateUnderAUmaskOfAll: a folder without rights would be of no use, and in the
// way of every later run.
func TestCreateUnderAUmaskOfAll(t *testing.T) {
	root := newRoot(t)
	for _, name := range []string{"store", "a/b/store"} {
		dir := filepath.Join(openTempDir(t), name)
		before := syscall.Umask(0o777)
		var err error
		asNobody(t, func() {
			err = Create(t.Context(), dir, Options{}, []NewRoot{root.root()}, never(t))
		})
		syscall.Umask(before)
		if err != nil {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, part := range []string{dir, filepath.Join(dir, "roots")} {
			if info, err := os.Stat(part); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: got %v, %v, want mode 0700", part, info, err)
			}
		}
	}
}

// chown gives a whole store to another user.
func chown(t *testing.T, dir string, uid int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(name, uid, uid))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// needRoot skips what only root can prepare: files of other users. CI runs as
// root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make files of other users")
	}
}

// TestStoreOfAnotherUserIsRefused, and so is each file of another user's in it.
func TestStoreOfAnotherUserIsRefused(t *testing.T) {
	needRoot(t)
	for _, name := range []string{".", "layout", "roots", "ROOT", "ROOT/cert.pem", "ROOT/key.pem", "issued", "issued/pico.local", "PLACE", "PLACE/cert.pem", "PLACE/about.json", "PLACE/key.pem"} {
		s, root := createLocked(t)
		issued := issue(t, s, root, "pico.local")
		s.Close()
		name := strings.NewReplacer("PLACE", issued.Place, "ROOT", "roots/"+issued.Root.ID).Replace(name)
		if err := os.Lchown(s.Path(name), 4711, 4711); err != nil {
			t.Fatal(err)
		}
		err := useAll(t, s.Path("."), root, root.leaf(t, "pico.local"))
		e, ok := errors.AsType[OwnerError](err)
		if !ok || e.Path != s.Path(name) || e.Owner != 4711 || !strings.Contains(hintText(err), "without sudo") {
			t.Errorf("%s: got %v, hint %q, want an OwnerError", name, err, hintText(err))
		}
	}
	root := newRoot(t)
	empty := t.TempDir()
	chown(t, empty, 4711)
	if err := makeStore(t, empty, root.root()); !isA[OwnerError](err) {
		t.Errorf("create in another's folder: got %v, want an OwnerError", err)
	}
}

// TestUnderSudoFilesBelongToTheStoresOwner: otherwise the user could not change
// the store any more.
func TestUnderSudoFilesBelongToTheStoresOwner(t *testing.T) {
	needRoot(t)
	old := copyFixture(t, "rsa")
	chown(t, old, 4711)
	s, err := Open(old, Options{User: 4711})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lock(t, s) // it is migrated, too
	root, err := s.SigningRoot()
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.RootKey(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := pair{testpki.Pair{Cert: root.Certificate, Key: key}}
	issued := issue(t, s, signer, "pico.local")
	for _, err := range []error{
		s.Revoke([]Revocation{issued.Revocation(noon, "")}, []NewCRL{{root, signer.crl(t, 1)}}),
		s.PutDeviceFile("pico.local", "vapid.pem", nil), s.ChangePassphrase(nil, nil), s.SetRecord(issued, issued.Record),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	files := 0
	err = filepath.WalkDir(old, func(name string, entry fs.DirEntry, err error) error {
		info, infoErr := os.Lstat(name)
		if err := errors.Join(err, infoErr); err != nil {
			return err
		}
		files++
		if uid, gid := ownerOf(info); uid != 4711 || gid != 4711 {
			t.Errorf("%s belongs to %d:%d", name, uid, gid)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Errorf("looked at %d, %v", files, err)
	}
}

// TestFaultsNameTheUsersFolder, not those that exist only during a change.
func TestFaultsNameTheUsersFolder(t *testing.T) {
	dir := openTempDir(t)
	root := newRoot(t)
	if err := makeStore(t, filepath.Join(dir, "store"), root.root()); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "store"))
	lock(t, s)
	issued := issue(t, s, root, "pico.local")
	if err := errors.Join(os.Chmod(s.Path("."), 0o755), os.Chmod(s.Path("roots"), 0o755), os.Chmod(s.Path("roots/"+issued.Root.ID), 0o755), os.Chmod(s.Path("issued"), 0o755)); err != nil {
		t.Fatal(err)
	}
	other := root.leaf(t, "other.local")
	asNobody(t, func() {
		_, putErr := s.Put(Record{Name: "other.local"}, other.Cert, other.Key)
		_, keyErr := s.RootKey(issued.Root, nil)
		_, latestErr := s.Latest(Device("pico.local"))
		for path, err := range map[string]error{s.Path("."): putErr, s.Path("roots/" + issued.Root.ID + "/key.pem"): keyErr, s.Path("issued/pico.local"): latestErr} {
			want := fmt.Sprintf("%s cannot be accessed: permission denied", strings.TrimSuffix(path, "/"))
			if err == nil || err.Error() != want || !errors.Is(err, fs.ErrPermission) || hintText(err) == "" {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

// TestUmaskOfAllBlocksNoLaterRun: what a store gets under it can be used, too.
func TestUmaskOfAllBlocksNoLaterRun(t *testing.T) {
	root := newRoot(t)
	dir := filepath.Join(openTempDir(t), "store")
	if err := makeStore(t, dir, root.root()); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		remove(t, filepath.Join(dir, "lock"))
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, 65534, os.Getegid()))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one, two := root.leaf(t, "pico.local"), root.leaf(t, "pico.local")
	for i, leaf := range []pair{one, two} {
		before := syscall.Umask([]int{0o777, 0o022}[i])
		asNobody(t, func() {
			s, err := Open(dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Lock(t.Context(), never(t)); err != nil {
				t.Errorf("run %d: %v", i, err)
				return
			}
			if issued, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key); err != nil || issued.Number() != i+1 {
				t.Errorf("run %d: got %q, %v", i, issued.Place, err)
			}
			if latest, err := s.Latest(Device("pico.local")); err != nil || latest.Number() != i+1 {
				t.Errorf("run %d: latest: got %q, %v", i, latest.Place, err)
			}
		})
		syscall.Umask(before)
	}
}
