package terminal

import (
	"errors"
	"io"

	"golang.org/x/term"
)

// hideTyped only remembers how the terminal is: readTyped hides.
func hideTyped(fd int) (show func() error, err error) {
	before, err := term.GetState(fd)
	return func() error { return term.Restore(fd, before) }, err
}

// readTyped reads a line from a terminal that does not show it. It fails with
// ErrEnded when the input ends first.
func readTyped(fd int) ([]byte, error) {
	line, err := term.ReadPassword(fd)
	if errors.Is(err, io.EOF) {
		return nil, ErrEnded
	}
	return line, err
}
