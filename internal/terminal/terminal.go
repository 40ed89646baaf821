// Package terminal is what writing to a terminal and asking there needs, whatever
// the program: its size, lines that fit, columns, text that cannot control it, typed
// answers, and what shows that something takes its time.
package terminal

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// LineWidth is that of a usual terminal.
const LineWidth = 80

// Writer is an output of the program. It remembers that something could not be
// written: a run whose result was lost has failed, though its work is done.
type Writer struct {
	io.Writer
	err error
}

// Write fails with the first error again once there was one: however often that is
// reported, it is one fault.
func (w *Writer) Write(data []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.Writer.Write(data)
	w.err = err
	return n, err
}

// Err returns why something could not be written, nil if everything was.
func (w *Writer) Err() error { return w.err }

// Is reports whether a stream, an io.Reader or an io.Writer, is a terminal.
func Is(stream any) bool {
	_, ok := file(stream)
	return ok
}

// Open opens the terminal that the program was started from, where standard input is
// something else.
func Open() (*os.File, error) {
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	return os.OpenFile(name, os.O_RDWR, 0)
}

// HasColours reports whether w is a terminal that shows colours, and the user wants
// them: https://no-color.org
func HasColours(w io.Writer, getenv func(string) string) bool {
	return Is(w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// Size returns the size of the terminal that w writes to, or zero if there is none.
func Size(w io.Writer) (columns, rows int) {
	file, ok := file(w)
	if !ok {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// file returns the file that a stream is, if that is a terminal.
func file(stream any) (*os.File, bool) {
	if w, ok := stream.(*Writer); ok {
		stream = w.Writer
	}
	file, ok := stream.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}
