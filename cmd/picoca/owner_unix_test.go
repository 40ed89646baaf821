//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// uidOf returns the user whom a file belongs to.
func uidOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
