package osdisk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"

	"github.com/picoca/picoca/internal/durable"
)

// ErrTooLarge says that a file has more bytes than its reader wants.
var ErrTooLarge = errors.New("is too large")

// Read returns the bytes of a regular file. It follows no links, waits for no
// pipe, and fails with ErrTooLarge if there are more than limit.
func (d *Disk) Read(name string, limit int64) ([]byte, error) {
	data, err := d.read(name, limit)
	return data, named(err, name)
}

func (d *Disk) read(name string, limit int64) ([]byte, error) {
	if first, rest, below := strings.Cut(name, "/"); below {
		sub, err := d.Sub(first)
		if err != nil {
			return nil, err
		}
		defer sub.Close()
		return sub.read(rest, limit)
	}
	info, err := d.Root.Lstat(d.at(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, durable.ErrNotRegular
	}
	file, err := d.OpenFile(d.at(name), reading(), 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readOpened(file, info, limit)
}

// reading is how a file is opened that may have become a pipe since.
func reading() int {
	if runtime.GOOS == "windows" {
		return os.O_RDONLY
	}
	return os.O_RDONLY | syscall.O_NONBLOCK
}

// readOpened reads a file that was found to be the one which info describes.
func readOpened(file *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	opened, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, opened) {
		return nil, durable.ErrNotRegular // a link has taken its place
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}

// IsAt reports whether the folder can still be reached by a path.
func (d *Disk) IsAt(path string) bool {
	if d.byPath {
		return true
	}
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	info, err := d.Root.Stat(".")
	return err == nil && os.SameFile(there, info)
}

// Replaceable reports whether this user may put another file in the place of
// one: in a folder with the sticky bit only the owners of the file and of the
// folder may, and root.
func (d *Disk) Replaceable(name string) (bool, error) {
	if d.byPath || os.Geteuid() == 0 {
		return true, nil
	}
	folder, err := d.Root.Stat(d.at(path.Dir(name)))
	if err != nil || folder.Mode()&fs.ModeSticky == 0 || owned(folder, os.Geteuid()) {
		return err == nil, named(err, name)
	}
	info, err := d.Lstat(name)
	if err != nil {
		return false, err
	}
	return owned(info, os.Geteuid()), nil
}

// SameDisk reports whether a folder below is on the same file system, so that a
// rename reaches it. It fails with fs.ErrNotExist if there is none.
func (d *Disk) SameDisk(name string) (bool, error) {
	if d.byPath {
		_, err := d.Lstat(name)
		return err == nil, err
	}
	here, err := d.Root.Stat(".")
	if err != nil {
		return false, named(err, name)
	}
	there, err := d.Lstat(name)
	return err == nil && sameDevice(here, there), err
}
