//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user and the group that a file belongs to, -1 if they are
// unknown.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid), int(stat.Gid)
	}
	return -1, -1
}
