package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The widest modes of what everybody may read and the owner alone may change.
const (
	widestFile   fs.FileMode = 0o644
	widestFolder fs.FileMode = 0o755
)

// read returns the bytes of a file. It fails with a MissingError, with
// ErrNotRegular, or with a ModeError if the file's mode is wider than mode or
// others can change its folder.
func (s *Store) read(name string, mode fs.FileMode) ([]byte, error) {
	folder, err := s.disk.OpenRoot(filepath.FromSlash(path.Dir(name)))
	if err != nil {
		return nil, s.fault(name, err)
	}
	defer folder.Close()
	file, err := folder.OpenFile(path.Base(name), reading(), 0)
	if err != nil {
		return nil, s.fault(name, err)
	}
	defer file.Close()
	if err := s.checkOpened(name, file, folder, mode); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, s.fault(name, err)
	}
	return data, nil
}

// reading is how a file is opened that could be a pipe, which nobody may ever
// write to.
func reading() int {
	if runtime.GOOS == "windows" {
		return os.O_RDONLY
	}
	return os.O_RDONLY | syscall.O_NONBLOCK
}

func (s *Store) checkOpened(name string, file *os.File, folder *os.Root, mode fs.FileMode) error {
	info, err := folder.Stat(".")
	if err != nil {
		return s.fault(name, err)
	}
	if err := s.checkInfo(path.Dir(name), info, widestFolder); err != nil {
		return err
	}
	if info, err = file.Stat(); err != nil {
		return s.fault(name, err)
	}
	if !info.Mode().IsRegular() {
		return s.fault(name, ErrNotRegular)
	}
	return s.checkInfo(name, info, mode)
}

// checkFolder refuses a folder that others can change, and what is none.
func (s *Store) checkFolder(name string) error {
	info, err := s.disk.Stat(filepath.FromSlash(name))
	if err != nil {
		return s.fault(name, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: %w", s.Path(name), syscall.ENOTDIR)
	}
	return s.checkInfo(name, info, widestFolder)
}

// checkInfo refuses modes wider than want; Windows has access lists instead.
func (s *Store) checkInfo(name string, info fs.FileInfo, want fs.FileMode) error {
	if have := info.Mode().Perm(); runtime.GOOS != "windows" && have&^want != 0 {
		return ModeError{s.Path(name), have, want}
	}
	return nil
}

// fault says what is wrong with a file by the path that the user knows.
func (s *Store) fault(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return MissingError{s.Path(name), deviceOf(name)}
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", s.Path(name), err)
}

func (s *Store) damaged(name, what string) error {
	return DamagedError{s.Path(name), what, deviceOf(name), nil}
}

// named says what went wrong with a change by a path that the user knows: those
// of package durable are relative, and some are of folders for a moment.
func (s *Store) named(err error) error {
	name, cause := "", err
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		name, cause = e.Path, e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		name, cause = e.New, e.Err
	} else {
		return err
	}
	if strings.HasPrefix(filepath.Base(name), prefix) || strings.HasPrefix(name, prefix) {
		name = "."
	}
	return fmt.Errorf("%s: %w", s.Path(name), cause)
}
