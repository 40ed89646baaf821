//go:build unix

package push

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/picoca/picoca/internal/fault"
)

// diskHints are what to do about errors of a disk.
var diskHints = []struct {
	err  error
	hint fault.Hint
}{
	{syscall.EROFS, fault.Hintf("the drive cannot be written to: a board may have kept it for itself (storage.remount in its boot.py), or its file system is damaged")},
	{syscall.ENOSPC, fault.Hintf("delete files that the device no longer needs, then run the same command again")},
	{syscall.EIO, fault.Hintf("connect the drive again, then run the same command again")},
	{syscall.ENODEV, fault.Hintf("connect the drive again, then run the same command again")},
	{fs.ErrPermission, fault.Hintf("run picoca as a user who may write there")},
	{syscall.ENOTDIR, fault.Hintf("name a folder: --to FOLDER")},
}

// freeBytes returns what a user may still write, and the size of a block.
func freeBytes(root *os.Root) (free, block int64, err error) {
	dir, err := root.Open(".")
	if err != nil {
		return 0, 0, err
	}
	defer dir.Close()
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &stat); err != nil {
		return -1, 1, nil // not every file system knows
	}
	block = max(int64(stat.Bsize), 1)
	return int64(stat.Bavail) * block, block, nil
}

// syncFolder has renames on the medium.
func syncFolder(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // not every file system can
		return err
	}
	return nil
}

// copyOwner gives a file the owner and mode of the one that it will replace,
// as far as this user may: a server reads it as another one. A private
// file is never for everyone.
func copyOwner(file *os.File, like fs.FileInfo, private bool) {
	mode := like.Mode().Perm()
	if private {
		mode &^= 0o007
	}
	if stat, ok := like.Sys().(*syscall.Stat_t); ok {
		_ = file.Chown(int(stat.Uid), int(stat.Gid))
	}
	_ = file.Chmod(mode)
}
