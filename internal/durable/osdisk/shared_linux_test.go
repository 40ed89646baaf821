package osdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/picoca/picoca/internal/durable"
)

const nobody = 65534

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
}

// shared is a disk in a folder where everybody can rename everything.
func shared(t testing.TB) (*Disk, string) {
	t.Helper()
	d, dir := newDisk(t, false)
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	return d, dir
}

// TestWhatIsResumed: a change of this user, which where others can rename
// everything is one with the sticky bit.
func TestWhatIsResumed(t *testing.T) {
	needRoot(t)
	for _, test := range []struct {
		name   string
		folder fs.FileMode // of the folder that it is in
		uid    int
		mode   fs.FileMode
		owner  *Owner
		want   error
	}{
		{"own, in a private folder", 0o755, 0, 0o755, nil, nil},
		{"own, in a sticky folder", 0o777 | fs.ModeSticky, 0, 0o755, nil, nil},
		{"own, where others write", 0o777, 0, 0o755, nil, durable.ErrForeign},
		{"own, where a group writes", 0o775, 0, 0o755, nil, durable.ErrForeign},
		{"marked, where others write", 0o777, 0, 0o755 | fs.ModeSticky, nil, nil},
		{"marked and open to others", 0o777, 0, 0o777 | fs.ModeSticky, nil, durable.ErrForeign},
		{"of others, in a private folder", 0o755, nobody, 0o755, nil, durable.ErrForeign},
		{"of others, marked", 0o777, nobody, 0o755 | fs.ModeSticky, nil, durable.ErrForeign},
		{"of the user behind sudo", 0o755, nobody, 0o755, &Owner{nobody, nobody}, nil},
	} {
		d, dir := newDisk(t, false)
		d.options.Owner = test.owner
		name := filepath.Join(dir, "x.commit")
		if err := errors.Join(os.Mkdir(name, 0o700), os.Chown(name, test.uid, test.uid), os.Chmod(name, test.mode), os.Chmod(dir, test.folder)); err != nil {
			t.Fatal(err)
		}
		c, err := d.Resume("x.commit")
		if !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
		if err == nil {
			c.Close()
		}
		if names, err := d.Names("."); err != nil || len(names) != 1 {
			t.Errorf("%s: left %q, %v", test.name, names, err)
		}
	}
}

// TestFoldersOfAnotherUsersFolderAreMarked: who owns a folder can rename what is
// in it, sticky bit or not.
func TestWhatIsMarked(t *testing.T) {
	needRoot(t)
	for _, test := range []struct {
		uid  int
		mode fs.FileMode
		want bool
	}{
		{0, 0o755, false}, {0, 0o777 | fs.ModeSticky, false}, {0, 0o777, true}, {0, 0o775, true}, {nobody, 0o755, true}, {nobody, 0o777 | fs.ModeSticky, true},
	} {
		d, dir := newDisk(t, false)
		if err := errors.Join(os.Chown(dir, test.uid, test.uid), os.Chmod(dir, test.mode)); err != nil {
			t.Fatal(err)
		}
		c, err := d.Begin("x.stage", 0o755)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		info, err := os.Stat(filepath.Join(dir, "x.stage"))
		if err != nil || info.Mode()&fs.ModeSticky != 0 != test.want || info.Mode().Perm() != 0o755 {
			t.Errorf("folder of %d with mode %v: got mode %v, %v; want marked %v", test.uid, test.mode, info.Mode(), err, test.want)
		}
		if err := errors.Join(c.Rename("out"), c.Settle()); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(filepath.Join(dir, "out")); err != nil || info.Mode() != fs.ModeDir|0o755 {
			t.Errorf("settled: got mode %v, %v", info.Mode(), err)
		}
	}
}

// TestFileSystemThatGivesAllToOneUser, as FAT and NFS do: here it is a thread
// whose files belong to the user nobody, while the process is root's.
func TestFileSystemThatGivesAllToOneUser(t *testing.T) {
	needRoot(t)
	for _, mode := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky} {
		d, dir := shared(t)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		var begun, resumed error
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and never unlocked: the thread ends with this
			// setfsuid(2) changes this thread only.
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
				begun = errno
				return
			}
			var c durable.Change
			if c, begun = startChange(d, "x.commit"); begun == nil {
				begun = c.Close()
			}
			if c, resumed = d.Resume("x.commit"); resumed == nil {
				resumed = c.Close()
			}
		}()
		<-done
		if begun != nil || resumed != nil {
			t.Errorf("mode %v: begin: %v, resume: %v", mode, begun, resumed)
		}
		if names, err := d.Names("x.commit"); err != nil || len(names) != 1 {
			t.Errorf("mode %v: got %q, %v", mode, names, err)
		}
	}
}

// TestRaceForAChange lets another thread put a folder or a link of the user, or
// a pipe, in the place of a change again and again while it is begun, written to
// and removed. The user's files stay, and nothing blocks.
func TestRaceForAChange(t *testing.T) {
	d, dir := shared(t)
	precious := filepath.Join(dir, "precious")
	if err := errors.Join(os.Mkdir(precious, 0o700), os.WriteFile(filepath.Join(precious, "x"), []byte("precious"), 0o600), unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const rounds = 300
	var round atomic.Int64
	var other sync.WaitGroup
	other.Go(func() {
		for at := round.Load(); at < rounds; at = round.Load() {
			swap(filepath.Join(dir, changeName(at)), precious)
		}
	})
	refused := 0
	for at := range int64(rounds) {
		round.Store(at)
		if err := useChange(d, changeName(at)); err != nil {
			refused++
		}
	}
	round.Store(rounds)
	other.Wait()
	t.Logf("%d of %d changes were refused", refused, rounds)
	found, _ := filepath.Glob(filepath.Join(dir, "*", "x"))
	for _, name := range found {
		if data, err := os.ReadFile(name); err == nil && string(data) == "precious" {
			return
		}
	}
	t.Errorf("the user's file is lost; left %q", found)
}

func changeName(round int64) string { return fmt.Sprintf("x%d.stage", round) }

// swap puts other things in the place of a change, for a moment each.
func swap(name, precious string) {
	for _, other := range []string{precious, filepath.Join(filepath.Dir(name), "pipe")} {
		_ = os.Rename(name, name+".moved")
		if os.Rename(other, name) == nil {
			_ = os.Rename(name, other)
		}
		if os.Symlink("precious", name) == nil {
			_ = os.Remove(name)
		}
		_ = os.Rename(name+".moved", name)
	}
}

// useChange begins a change, resumes it, and removes it with its file.
func useChange(d *Disk, name string) error {
	c, err := startChange(d, name)
	if err != nil {
		return err
	}
	again, err := d.Resume(name)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	return errors.Join(again.Remove("x"), again.Delete(), again.Close(), c.Close())
}

// TestEnterOpensWhatWasLookedAt: something else may have got the name since.
// A pipe would make it wait for a writer.
func TestEnterOpensWhatWasLookedAt(t *testing.T) {
	for what, replace := range map[string]func(name string) error{
		"a link":         func(name string) error { return os.Symlink("other", name) },
		"another folder": func(name string) error { return os.Mkdir(name, 0o700) },
		"a pipe":         func(name string) error { return unix.Mkfifo(name, 0o600) },
		"nothing":        func(string) error { return nil },
	} {
		d, dir := newDisk(t, false)
		name := filepath.Join(dir, "x")
		if err := errors.Join(os.Mkdir(name, 0o700), os.Mkdir(filepath.Join(dir, "other"), 0o700)); err != nil {
			t.Fatal(err)
		}
		info, err := d.Lstat("x")
		if err := errors.Join(err, os.Rename(name, name+".moved"), replace(name)); err != nil {
			t.Fatal(err)
		}
		if sub, err := d.enter("x", info); err == nil {
			t.Errorf("%s is opened", what)
			sub.Close()
		}
	}
}

// TestBeginProvesWhatItMade: another user may have put something in its place
// before it was opened.
func TestBeginProvesWhatItMade(t *testing.T) {
	needRoot(t)
	for what, put := range map[string]func(name string) error{
		"a folder of others": func(name string) error { return errors.Join(os.Mkdir(name, 0o755), os.Chown(name, nobody, nobody)) },
		"a folder with files": func(name string) error {
			return errors.Join(os.Mkdir(name, 0o755), os.WriteFile(filepath.Join(name, "x"), nil, 0o600))
		},
		"a file": func(name string) error { return os.WriteFile(name, nil, 0o600) },
		"a link": func(name string) error { return os.Symlink(".", name) },
	} {
		d, dir := shared(t)
		if err := put(filepath.Join(dir, "x.stage")); err != nil {
			t.Fatal(err)
		}
		if _, err := d.opened("x.stage", 0o755, true); !errors.Is(err, durable.ErrForeign) && !errors.Is(err, durable.ErrNotFolder) {
			t.Errorf("%s: got %v, want %v", what, err, durable.ErrForeign)
		}
		if err := put(filepath.Join(dir, "y")); err != nil {
			t.Fatal(err)
		}
		d.options.Owner = &Owner{nobody, nobody}
		if err := d.adopt("y", 0o755); err == nil {
			t.Errorf("%s is handed over", what)
		}
	}
}

func TestNewFoldersAreHandedOver(t *testing.T) {
	needRoot(t)
	d, dir := newDisk(t, false)
	d.options.Owner = &Owner{nobody, nobody}
	if err := d.Mkdir("x", 0o755); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "x"))
	if err != nil || !owned(info, nobody) {
		t.Errorf("got %v, %v; want a folder of the user nobody", info, err)
	}
}
