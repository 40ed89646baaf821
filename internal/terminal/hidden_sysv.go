//go:build aix || linux || solaris

package terminal

import "golang.org/x/sys/unix"

// The calls that read and set how a terminal behaves.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)
