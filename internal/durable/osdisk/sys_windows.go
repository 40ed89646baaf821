package osdisk

import (
	"errors"
	"io/fs"
	"os"
)

// Windows has access lists instead of owners and modes, and folders are identified by
// path there: see New.

func renameBetween(*os.File, string, *os.File) error { return errors.ErrUnsupported }

func mkdirIn(*os.File, string, fs.FileMode) error { return errors.ErrUnsupported }

func rmdirIn(*os.File, string) error { return errors.ErrUnsupported }

func owned(fs.FileInfo, int) bool { return true }

func sameOwner(fs.FileInfo, fs.FileInfo) bool { return true }

func sameDevice(fs.FileInfo, fs.FileInfo) bool { return true }
