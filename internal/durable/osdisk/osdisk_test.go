package osdisk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/picoca/picoca/internal/durable"
)

var _ durable.Disk = (*Disk)(nil)

// ways are the two that identify folders. Windows has the second only.
var ways = map[string]bool{"by handle": false, "by path": true}

func newDisk(t testing.TB, byPath bool) (*Disk, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.byPath = d.byPath || byPath
	t.Cleanup(func() { d.Close() })
	return d, dir
}

func write(d durable.Disk, name, data string) error {
	f, err := d.Create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(data))
	return errors.Join(err, f.Sync(), f.Close())
}

// startChange begins one, and writes a file.
func startChange(d *Disk, name string) (durable.Change, error) {
	c, err := d.Begin(name, 0o755)
	if err != nil {
		return nil, err
	}
	return c, errors.Join(write(c, "x", "new"), c.SyncDir("."))
}

// TestDiskDoesWhatDurableCountsOn checks the real file system against what the
// tests of package durable let theirs do.
func TestDiskDoesWhatDurableCountsOn(t *testing.T) {
	for name, byPath := range ways {
		t.Run(name, func(t *testing.T) {
			disk, dir := newDisk(t, byPath)
			var staged, again durable.Change
			var into durable.Disk
			for _, step := range []struct {
				what string
				do   func() error
				want error
			}{
				{"make a folder", func() error { return disk.Mkdir("a", 0o700) }, nil},
				{"make it again", func() error { return disk.Mkdir("a", 0o700) }, fs.ErrExist},
				{"make one below none", func() error { return disk.Mkdir("none/a", 0o700) }, fs.ErrNotExist},
				{"make a file", func() error { return write(disk, "a/x", "x") }, nil},
				{"make it again", func() error { return write(disk, "a/x", "y") }, fs.ErrExist},
				{"make one below none", func() error { return write(disk, "none/x", "x") }, fs.ErrNotExist},
				{"sync a folder", func() error { return disk.SyncDir("a") }, nil},
				{"sync the root", func() error { return disk.SyncDir(".") }, nil},
				{"begin a change", func() (err error) { staged, err = startChange(disk, "s.stage"); return err }, nil},
				{"begin it again", func() error { _, err := disk.Begin("s.stage", 0o755); return err }, fs.ErrExist},
				{"rename it", func() error { return staged.Rename("s.commit") }, nil},
				{"write to it after", func() error { return write(staged, "y", "new y") }, nil},
				{"enter a folder", func() (err error) { into, err = disk.Enter("a"); return err }, nil},
				{"enter a file", func() error { _, err := disk.Enter("a/x"); return err }, durable.ErrNotFolder},
				{"enter none", func() error { _, err := disk.Enter("none"); return err }, fs.ErrNotExist},
				{"move over a file", func() error { return staged.Move("x", into) }, nil},
				{"move none", func() error { return staged.Move("x", into) }, fs.ErrNotExist},
				{"close the change", func() error { return staged.Close() }, nil},
				{"resume it", func() (err error) { again, err = disk.Resume("s.commit"); return err }, nil},
				{"resume none", func() error { _, err := disk.Resume("none"); return err }, fs.ErrNotExist},
				{"resume a file", func() error { _, err := disk.Resume("a/x"); return err }, durable.ErrForeign},
				{"settle it", func() error { return again.Settle() }, nil},
				{"move up", func() error { return again.Move("y", disk) }, nil},
				{"close it again", func() error { return again.Close() }, nil},
				{"remove it", func() error { return disk.Remove("s.commit") }, nil},
				{"remove none", func() error { return disk.Remove("s.commit") }, fs.ErrNotExist},
				{"look at none", func() error { _, err := disk.Lstat("none"); return err }, fs.ErrNotExist},
				{"list none", func() error { _, err := disk.ReadDir("none"); return err }, fs.ErrNotExist},
				{"close the folder", func() error { return into.Close() }, nil},
			} {
				if err := step.do(); !errors.Is(err, step.want) || step.want == nil && err != nil {
					t.Fatalf("%s: got %v, want %v", step.what, err, step.want)
				}
			}
			for name, want := range map[string]string{"a/x": "new", "y": "new y"} {
				if data, err := os.ReadFile(filepath.Join(dir, name)); string(data) != want {
					t.Errorf("%s: got %q, %v; want %q", name, data, err, want)
				}
			}
			if err := disk.Remove("a"); err == nil {
				t.Error("a folder is removed with what is in it")
			}
			if same, err := disk.SameDisk("a"); !same || err != nil {
				t.Errorf("same disk: got %t, %v", same, err)
			}
			if same, err := disk.SameDisk("none"); same || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("same disk as none: got %t, %v, want %v", same, err, fs.ErrNotExist)
			}
			if err := disk.SyncDir("none"); runtime.GOOS != "windows" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("sync none: got %v, want %v", err, fs.ErrNotExist)
			}
		})
	}
}

// TestErrorsHaveTheNameThatWasAskedFor: package durable says where it belongs.
func TestErrorsHaveTheNameThatWasAskedFor(t *testing.T) {
	disk, _ := newDisk(t, false)
	sub, err := startChange(disk, "s.stage")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for what, err := range map[string]error{
		"mkdir": sub.Mkdir("none/x", 0o700), "create": write(sub, "none/x", ""), "remove": sub.Remove("none/x"),
		"sync": sub.SyncDir("none/x"), "move": sub.Move("none/x", disk),
	} {
		if what == "sync" && runtime.GOOS == "windows" {
			continue // it syncs no folders
		}
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != "none/x" {
			t.Errorf("%s: got %v, want an error with the path none/x", what, err)
		}
	}
}

func TestDiskListsByName(t *testing.T) {
	disk, dir := newDisk(t, false)
	want := []string{"000009", "000010", "a", "b", "c"}
	for _, name := range []string{"b", "a", "c", "000010", "000009"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := disk.ReadDir(".")
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if names, err := disk.Names("."); err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v; want %q", names, err, want)
	}
}

func TestDiskStaysInItsFolder(t *testing.T) {
	for name, byPath := range ways {
		disk, dir := newDisk(t, byPath)
		beside := t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(beside, "mine"), []byte("mine"), 0o600), os.Symlink(beside, filepath.Join(dir, "out")),
			os.Mkdir(filepath.Join(dir, "in"), 0o755), os.Symlink("in", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		for what, do := range map[string]func() error{
			"make a folder":            func() error { return disk.Mkdir("out/a", 0o700) },
			"make a file":              func() error { return write(disk, "out/x", "x") },
			"move out":                 func() error { return disk.Root.Rename("in", "out/in") },
			"remove":                   func() error { return disk.Remove("out/mine") },
			"list":                     func() error { _, err := disk.ReadDir("out"); return err },
			"enter":                    func() error { _, err := disk.Enter("out"); return err },
			"enter a link that stays":  func() error { _, err := disk.Enter("link"); return err },
			"resume a link":            func() error { _, err := disk.Resume("out"); return err },
			"resume a link that stays": func() error { _, err := disk.Resume("link"); return err },
			"read":                     func() error { _, err := disk.Read("out/mine", 100); return err },
			"climb":                    func() error { return disk.Mkdir("../"+filepath.Base(beside)+"/a", 0o700) },
		} {
			if err := do(); err == nil {
				t.Errorf("%s, %s: no error", name, what)
			}
		}
		entries, err := os.ReadDir(beside)
		if err != nil || len(entries) != 1 || entries[0].Name() != "mine" {
			t.Errorf("%s: beside it: got %v, %v", name, entries, err)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	disk, dir := newDisk(t, false)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o755), os.WriteFile(filepath.Join(dir, "a", "x"), []byte("12345"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if data, err := disk.Read("a/x", 5); err != nil || string(data) != "12345" {
		t.Errorf("got %q, %v", data, err)
	}
	for name, want := range map[string]error{"a/x": ErrTooLarge, "a": durable.ErrNotRegular, "none": fs.ErrNotExist, "a/none": fs.ErrNotExist} {
		if data, err := disk.Read(name, 4); !errors.Is(err, want) {
			t.Errorf("%s: got %q, %v; want %v", name, data, err, want)
		}
	}
}
