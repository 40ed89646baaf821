package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// Files yields every file of the store, "layout" first, the others in order of
// their names. The lock and changes under way are left out. It ends with the
// first error: whatever is neither a file nor a folder is one. The lock should
// be held.
func (s *Store) Files() iter.Seq2[durable.File, error] {
	return func(yield func(durable.File, error) bool) {
		data, err := s.read("layout", widestFile, maxLine)
		if yield(durable.File{Name: "layout", Data: data, Mode: modeOf("layout")}, err) && err == nil {
			s.top().files(yield)
		}
	}
}

// files yields the files in a folder and below, and reports whether to go on.
func (f folder) files(yield func(durable.File, error) bool) bool {
	names, err := f.names()
	if err != nil {
		return yield(durable.File{}, err) && false
	}
	for _, base := range sorted(names) {
		if f.name == "." && (base == "layout" || transient(base)) {
			continue
		}
		if !f.yieldOne(base, yield) {
			return false
		}
	}
	return true
}

// transient reports whether a name of the store's own folder is of something
// that a backup does not hold.
func transient(base string) bool { return base == "lock" || strings.HasPrefix(base, prefix) }

func (f folder) yieldOne(base string, yield func(durable.File, error) bool) bool {
	name := path.Join(f.name, base)
	info, err := f.root.Lstat(base)
	switch {
	case err != nil:
		return yield(durable.File{}, f.store.fault(name, err)) && false
	case info.IsDir():
		below, err := f.open(base)
		if err != nil {
			return yield(durable.File{}, err) && false
		}
		defer below.close()
		return below.files(yield)
	case !info.Mode().IsRegular():
		return yield(durable.File{}, fault.With(fmt.Errorf("%s is %s", f.store.Path(name), kindOf(info.Mode())),
			fault.Hintf("a backup holds only files and folders: move it out of the store"))) && false
	}
	widest := widestFile
	if isPrivate(name) {
		widest = widestPrivate
	}
	data, err := f.read(base, widest, maxCRL)
	return yield(durable.File{Name: name, Data: data, Mode: modeOf(name)}, err) && err == nil
}

// isPrivate reports whether only the owner may read a file of the store.
func isPrivate(name string) bool {
	return path.Base(name) == "key.pem" || strings.HasPrefix(name, "devices/")
}

// public are the files that everyone may read.
var public = []string{"cert.pem", "about.json", "crl.pem", "retired.json", "key.json"}

// modeOf returns the mode that picoca gives a file of the store. What it does not
// know is private.
func modeOf(name string) fs.FileMode {
	if !isPrivate(name) && (slices.Contains(public, path.Base(name)) || path.Dir(name) == "revoked") {
		return widestFile
	}
	return widestPrivate
}

// Restore puts the files of a store, as Files yields them, into folder dir, which
// must be vacant and is made if need be. They are written first, then verify
// looks at the store that they are; only then, in one step, they become the
// store in dir. It fails as Vacant does, or with an UnusableError if verify does,
// and then leaves what exists. After a crash the same call completes the restore
// if it had come to that step, and then fails with fs.ErrExist.
func Restore(ctx context.Context, dir string, opt Options, files []durable.File, verify func(*Store) error, waiting func(holder string)) error {
	if err := Restorable(ctx, dir, opt, waiting); err != nil {
		return err
	}
	return inNewDir(ctx, dir, opt, waiting, func(s *Store) error { return s.restore(files, verify) })
}

// Restorable reports whether Restore may put a store into dir, as Vacant does. It
// completes a restore that was interrupted: until then the store has only some
// of its parts.
func Restorable(ctx context.Context, dir string, opt Options, waiting func(holder string)) error {
	s, err := openDir(dir, opt)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	restoring, err := s.isRestoring()
	if restoring {
		err = s.lock(ctx, waiting)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return Vacant(dir, opt)
}

// isRestoring reports whether a restore was interrupted after its commit: of the
// parts that a store must have, the roots are moved last, in order of the names.
func (s *Store) isRestoring() (bool, error) {
	names, err := s.top().names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if !durable.Committed(name, prefix) {
			continue
		}
		for _, roots := range []string{"roots", "root"} { // of either layout
			if there, err := s.exists(name + "/" + roots); there || err != nil {
				return there, err
			}
		}
	}
	return false, nil
}

// restore needs the lock.
func (s *Store) restore(files []durable.File, verify func(*Store) error) error {
	if err := s.check(); !errors.Is(err, ErrNoCA) {
		return errors.Join(err, existing(s.dir, err))
	}
	for i, file := range files {
		if top, _, _ := strings.Cut(file.Name, "/"); transient(top) {
			return &UnusableError{fmt.Errorf("%s is no part of a store", file.Name)}
		}
		files[i].Mode = modeOf(file.Name)
	}
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, files)
	if err != nil {
		return s.named(err)
	}
	if err := s.verifyStaged(staged.Name(), verify); err != nil {
		return errors.Join(err, s.named(staged.Discard()))
	}
	return s.named(staged.Replace())
}

// UnusableError says what is wrong with files that are no usable store.
type UnusableError struct{ Err error }

func (e *UnusableError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UnusableError) Unwrap() error { return e.Err }

// verifyStaged opens what was staged as the store that it will be.
func (s *Store) verifyStaged(name string, verify func(*Store) error) error {
	staged, err := openDir(filepath.Join(s.dir, name), Options{User: s.opt.User})
	if err != nil {
		return err
	}
	staged.dir = s.dir // errors name the paths that the files will have
	err = staged.check()
	if errors.Is(err, ErrNoCA) {
		err = MissingError{Path: s.Path("roots")}
	}
	if err == nil {
		err = verify(staged)
	}
	if err != nil {
		err = &UnusableError{err}
	}
	return errors.Join(err, staged.Close())
}
