//go:build unix

package terminal

import (
	"errors"

	"golang.org/x/sys/unix"
)

// hideTyped makes a terminal not show what is typed, until show is called.
func hideTyped(fd int) (show func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	show = func() error { return unix.IoctlSetTermios(fd, setTermios, before) }
	return show, unix.IoctlSetTermios(fd, setTermios, &hidden)
}

// readTyped reads a line from a terminal after hideTyped. It fails with
// ErrEnded when the input ends first, for which term.ReadPassword waits
// for ever: a read of nothing is no error to it.
func readTyped(fd int) ([]byte, error) {
	return readLine(func(buf []byte) (int, error) { return unix.Read(fd, buf) })
}

// readLine returns the bytes before a line break. Each read returns a line or a
// part of one, and nothing when the input ended.
func readLine(read func([]byte) (int, error)) ([]byte, error) {
	var line []byte
	for buf := make([]byte, 256); ; {
		n, err := read(buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return nil, ErrEnded
		}
		line = append(line, buf[:n]...)
		if line[len(line)-1] == '\n' {
			return line[:len(line)-1], nil
		}
	}
}
