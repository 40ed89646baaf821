package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/picoca/picoca/internal/durable"
)

var _ durable.Disk = Disk{}

func newDisk(t testing.TB) (Disk, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return Disk{root}, dir
}

// TestDiskDoesWhatDurableCountsOn holds the real file system against what the
// tests of package durable let theirs do.
func TestDiskDoesWhatDurableCountsOn(t *testing.T) {
	disk, dir := newDisk(t)
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
		{"make another", func() error { return write(disk, "b", "b") }, nil},
		{"sync a folder", func() error { return disk.SyncDir("a") }, nil},
		{"sync the root", func() error { return disk.SyncDir(".") }, nil},
		{"sync none", func() error { return disk.SyncDir("none") }, fs.ErrNotExist},
		{"move over a file", func() error { return disk.Rename("b", "a/x") }, nil},
		{"move none", func() error { return disk.Rename("b", "c") }, fs.ErrNotExist},
		{"move a folder", func() error { return disk.Rename("a", "c") }, nil},
		{"remove none", func() error { return disk.Remove("a") }, fs.ErrNotExist},
		{"look at none", func() error { _, err := disk.Lstat("a"); return err }, fs.ErrNotExist},
		{"list none", func() error { _, err := disk.ReadDir("a"); return err }, fs.ErrNotExist},
	} {
		if err := step.do(); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Fatalf("%s: got %v, want %v", step.what, err, step.want)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "c", "x")); string(data) != "b" {
		t.Errorf("got %q, %v; want what was moved over it", data, err)
	}
	if err := disk.Remove("c"); err == nil {
		t.Error("a folder is removed with what is in it")
	}
	if err := errors.Join(disk.Remove("c/x"), disk.Remove("c")); err != nil {
		t.Error(err)
	}
}

func write(disk Disk, name, data string) error {
	f, err := disk.Create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(data))
	return errors.Join(err, f.Sync(), f.Close())
}

func TestDiskListsByName(t *testing.T) {
	disk, dir := newDisk(t)
	for _, name := range []string{"b", "a", "c", "000010", "000009"} {
		put(t, filepath.Join(dir, name), "", 0o600)
	}
	entries, err := disk.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if want := []string{"000009", "000010", "a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiskStaysInItsFolder(t *testing.T) {
	disk, dir := newDisk(t)
	beside := t.TempDir()
	put(t, filepath.Join(beside, "mine"), "mine", 0o600)
	if err := os.Symlink(beside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, beside)
	for what, do := range map[string]func() error{
		"make a folder": func() error { return disk.Mkdir("out/a", 0o700) },
		"make a file":   func() error { return write(disk, "out/x", "x") },
		"move out":      func() error { return errors.Join(write(disk, "y", "y"), disk.Rename("y", "out/y")) },
		"move in":       func() error { return disk.Rename("out/mine", "mine") },
		"remove":        func() error { return disk.Remove("out/mine") },
		"list":          func() error { _, err := disk.ReadDir("out"); return err },
		"climb":         func() error { return disk.Mkdir("../"+filepath.Base(beside)+"/a", 0o700) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if got := snapshot(t, beside); got != before {
		t.Errorf("beside it: got\n%s\nwant\n%s", got, before)
	}
}
