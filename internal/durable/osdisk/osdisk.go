// Package osdisk is the one real disk of package durable.
package osdisk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/picoca/picoca/internal/durable"
)

// Disk gives package durable the files below an os.Root, which no symbolic
// link leads out of.
type Disk struct{ *os.Root }

// Options are a stand-in.
type Options struct{ Owner int }

// New is a stand-in.
func New(root *os.Root, opt Options) Disk { return Disk{root} }

// Mkdir makes a folder with exactly the given mode, less the umask.
func (d Disk) Mkdir(name string, mode fs.FileMode) error {
	return d.Root.Mkdir(filepath.FromSlash(name), mode)
}

// Create makes a file that was not there, with its mode from the beginning.
func (d Disk) Create(name string, mode fs.FileMode) (durable.WriteSyncer, error) {
	return d.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// SyncFiles syncs files side by side: a journal commits them together.
func (d Disk) SyncFiles(files []durable.WriteSyncer) error {
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, file := range files {
		wg.Go(func() { errs[i] = file.Sync() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Rename moves a file, over another if need be, or a folder.
func (d Disk) Rename(oldName, newName string) error {
	return d.Root.Rename(filepath.FromSlash(oldName), filepath.FromSlash(newName))
}

// Names lists the names in a folder, in order.
func (d Disk) Names(dir string) ([]string, error) {
	folder, err := d.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// SyncDir makes what was made, renamed or removed in a folder last. Windows
// has no such call: there NTFS orders its own journal.
func (d Disk) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := d.Open(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
