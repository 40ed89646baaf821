package output

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// flag is what the user chooses the place with.
func (o Options) flag() string { return cmp.Or(o.Flag, "--out") }

// ExistsError says what is in the place where files should go.
type ExistsError struct {
	Path  string // as the user knows it
	What  string // "already exists"
	Force bool   // the user may want it replaced, with --force
	flag  string
}

func (e *ExistsError) Error() string { return fmt.Sprintf("output %q %s", e.Path, e.What) }

// Hint says how to get past it.
func (e *ExistsError) Hint() fault.Hint {
	if e.Force {
		return fault.Hintf("choose another place with %s, or replace files of the same name with --force", e.flag)
	}
	return fault.Hintf("choose another place with %s", e.flag)
}

// EnclosedError says that files should go where a CA keeps its own, which have
// the same names.
type EnclosedError struct{ Path, flag string }

func (e *EnclosedError) Error() string {
	return fmt.Sprintf("output %q is in the folder of a certificate authority", e.Path)
}

// Hint says where to write instead.
func (e *EnclosedError) Hint() fault.Hint {
	return fault.Hintf("choose a place outside that folder with %s", e.flag)
}

// PartialError says that files were replaced and others were not. The same
// command completes the change.
type PartialError struct {
	Path      string   // of the folder
	New, Left []string // paths of files that are new, and of those that are not
	Err       error
}

func (e *PartialError) Error() string {
	if len(e.Left) == 0 {
		return fmt.Sprintf("output %q has all new files, but may lose them in a power cut: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("output %q was only partly replaced: %v; new: %s; still old: %s", e.Path, e.Err, listed(e.New), listed(e.Left))
}

func listed(paths []string) string {
	if len(paths) == 0 {
		return "none"
	}
	return strings.Join(paths, ", ")
}

// Unwrap returns what stopped the change.
func (e *PartialError) Unwrap() error { return e.Err }

// Hint says how to complete the change.
func (e *PartialError) Hint() fault.Hint {
	return fault.Hintf("fix that, then run the same command again: it completes the change")
}

// Error says what went wrong at a path.
type Error struct {
	Path string // as the user knows it
	Err  error
	flag string
}

func (e *Error) Error() string { return fmt.Sprintf("output %q: %v", e.Path, e.Err) }

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *Error) Hint() fault.Hint {
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return fault.Hintf("make that folder first, or choose another place with %s", e.flag)
	case errno.Is(e.Err, syscall.ENOSPC):
		return fault.Hintf("make room on that disk, or choose another place with %s", e.flag)
	}
	return fault.Hintf("choose another place with %s", e.flag)
}

func (f *Folder) exists(path, what string, force bool) error {
	return &ExistsError{path, what, force, f.options.flag()}
}

// fail is an Error for a path. What the operating system was asked for is left
// out: it may be a folder that exists for a moment.
func (f *Folder) fail(path string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &Error{path, err, f.options.flag()}
}

// failed turns an error of package durable into one with paths that the user
// knows.
func (f *Folder) failed(err error) error {
	if err == nil {
		return nil
	}
	if partial, ok := errors.AsType[*durable.PartialError](err); ok {
		e := &PartialError{Path: f.shown, Err: f.cause(partial.Err)}
		for _, name := range partial.New {
			e.New = append(e.New, f.at(name))
		}
		for _, name := range partial.Left {
			e.Left = append(e.Left, f.at(name))
		}
		return e
	}
	return f.cause(err)
}

func (f *Folder) cause(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	switch {
	case !ok:
		return f.fail(f.shown, err)
	case errors.Is(err, durable.ErrNotRegular), errors.Is(err, durable.ErrNotFolder):
		return f.exists(f.at(e.Path), "is "+e.Err.Error(), false)
	}
	return f.fail(f.at(e.Path), err)
}
