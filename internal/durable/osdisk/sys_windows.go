package osdisk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Windows has access lists instead of owners and modes, and folders are identified by
// path there: see New.

func renameBetween(*os.File, string, *os.File) error { return errors.ErrUnsupported }

func mkdirIn(*os.File, string, fs.FileMode) error { return errors.ErrUnsupported }

func rmdirIn(*os.File, string) error { return errors.ErrUnsupported }

// remove removes by path where a file system knows nothing of the way in which
// os.Root removes, POSIX's: Wine 8, and drivers of Windows that answer
// STATUS_NOT_IMPLEMENTED or STATUS_INVALID_DEVICE_REQUEST. For FAT and an old
// Windows, which answer otherwise, Go has another way itself.
func remove(root *os.Root, name string) error {
	err := root.Remove(name)
	if errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return os.Remove(filepath.Join(root.Name(), name))
	}
	return err
}

func owned(fs.FileInfo, int) bool { return true }

func sameOwner(fs.FileInfo, fs.FileInfo) bool { return true }

func sameDevice(fs.FileInfo, fs.FileInfo) bool { return true }
