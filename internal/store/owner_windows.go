package store

import (
	"errors"
	"io/fs"
	"syscall"
)

// ownerOf returns -1: Windows has access lists.
func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }

// isNoName reports whether an error means that no file can have such a name, as
// x?y: ERROR_INVALID_NAME.
func isNoName(err error) bool { return errors.Is(err, syscall.Errno(123)) }
