package cli

import (
	"errors"
	"io"

	"golang.org/x/term"
)

// readHidden reads a line from a terminal that does not show it. It fails with
// errNoPassphrase when the input ends first.
func readHidden(fd int) ([]byte, error) {
	line, err := term.ReadPassword(fd)
	if errors.Is(err, io.EOF) {
		return nil, errNoPassphrase
	}
	return line, err
}
