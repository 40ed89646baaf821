package push

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"github.com/picoca/picoca/internal/fault"
)

// diskHints are what to do about errors of a disk.
var diskHints = []struct {
	err  error
	hint fault.Hint
}{
	{windows.ERROR_WRITE_PROTECT, fault.Hintf("the drive cannot be written to: a board may have kept it for itself (storage.remount in its boot.py), or its file system is damaged")},
	{windows.ERROR_DISK_FULL, fault.Hintf("delete files that the device no longer needs, then run the same command again")},
	{windows.ERROR_NOT_READY, fault.Hintf("connect the drive again, then run the same command again")},
	{fs.ErrPermission, fault.Hintf("run picoca as a user who may write there")},
}

// freeBytes returns what a user may still write. A board's drive has blocks of
// at most 4096 bytes.
func freeBytes(root *os.Root) (free, block int64, err error) {
	path, err := windows.UTF16PtrFromString(root.Name())
	if err != nil {
		return 0, 0, err
	}
	var available uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, nil, nil); err != nil {
		return -1, 1, nil
	}
	return int64(available), 4096, nil
}

// syncFolder does nothing: Windows cannot do so, and flushes what a removable
// drive has at once.
func syncFolder(*os.Root) error { return nil }

// copyOwner does nothing: a new file inherits what its folder says.
func copyOwner(*os.File, fs.FileInfo, bool) {}
