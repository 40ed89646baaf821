//go:build unix

package osdisk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// renameBetween renames an entry of one open folder into another.
func renameBetween(from *os.File, name string, to *os.File) error {
	return uninterrupted(func() error { return unix.Renameat(int(from.Fd()), name, int(to.Fd()), name) })
}

// mkdirIn makes a folder that is marked from the beginning, where mkdir(2) can
// do that.
func mkdirIn(in *os.File, name string, mode fs.FileMode) error {
	return uninterrupted(func() error { return unix.Mkdirat(int(in.Fd()), name, uint32(mode.Perm())|unix.S_ISVTX) })
}

func rmdirIn(in *os.File, name string) error {
	return uninterrupted(func() error { return unix.Unlinkat(int(in.Fd()), name, unix.AT_REMOVEDIR) })
}

func remove(root *os.Root, name string) error { return root.Remove(name) }

// uninterrupted repeats a call that a signal interrupted, as package os does.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func uidOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

func owned(info fs.FileInfo, uid int) bool { return uidOf(info) == uid }

func sameOwner(x, y fs.FileInfo) bool { return uidOf(x) == uidOf(y) }

func sameDevice(x, y fs.FileInfo) bool {
	return x.Sys().(*syscall.Stat_t).Dev == y.Sys().(*syscall.Stat_t).Dev
}
