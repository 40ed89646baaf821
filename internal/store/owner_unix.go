//go:build unix

package store

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user ID of a file's owner, -1 if it is unknown.
func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
