package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/picoca/picoca/internal/errno"
)

// readInput reads a file, or standard input for "-": at most limit bytes, and one
// more that shows that it is larger. What it is called begins an error.
func (a *app) readInput(what, name string, limit int64) ([]byte, error) {
	in := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, unreadable(what, err)
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, unreadable(what, err)
	}
	return data, nil
}

func unreadable(what string, err error) error {
	return fmt.Errorf("%s cannot be read: %w", what, errno.WithoutPath(err))
}
