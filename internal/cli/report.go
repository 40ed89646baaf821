package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// report is standard output. It remembers that something could not be written: a
// run whose result nobody got has failed, though its work is done.
type report struct {
	io.Writer
	failed error
}

func (r *report) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if err != nil && r.failed == nil {
		r.failed = err
	}
	return n, err
}

// reportError says that standard output could not be written to.
type reportError struct{ error }

func (e reportError) Unwrap() error { return e.error }

func (e reportError) Error() string { return fmt.Sprintf("report is lost: %v", e.error) }

// judge names what went wrong with the report, among the faults of a run.
func (r *report) judge(err error) error {
	switch {
	case r.failed == nil:
		return err
	case err == nil:
		return r.fault()
	}
	faults := flatten(err)
	for i, fault := range faults {
		if errors.Is(fault, r.failed) {
			faults[i] = r.fault()
		}
	}
	return errors.Join(faults...)
}

func (r *report) fault() error { return reportError{r.failed} }

// terminal returns the file that w is, if that is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	if r, ok := w.(*report); ok {
		w = r.Writer
	}
	file, ok := w.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}
