// Package durable makes a set of files appear whole or not at all, also after
// a crash or a power cut.
//
// A set is staged in a folder of its own, every file and the folder synced,
// and then moved to its place by one rename whose folder is synced in turn. A
// set that replaces files of a standing folder is first committed by a rename
// inside that folder; from then on Recover completes it, however often it is
// interrupted.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Disk is the part of a file system that a change needs. Names are
// slash-separated and relative. Rename must be atomic; what Create, Mkdir,
// Rename and Remove did to a folder lasts once SyncDir of it returned.
type Disk interface {
	Mkdir(name string, mode fs.FileMode) error
	Create(name string, mode fs.FileMode) (WriteSyncer, error) // fails with fs.ErrExist
	SyncFiles(files []WriteSyncer) error                       // all of them, in any order
	Rename(oldName, newName string) error                      // replaces a file
	Remove(name string) error                                  // a file or an empty folder
	SyncDir(name string) error
	Names(dir string) ([]string, error) // of what is in a folder, in order
	Lstat(name string) (fs.FileInfo, error)
}

// WriteSyncer is a file being written. What was written lasts once Sync
// returned.
type WriteSyncer interface {
	io.WriteCloser
	Sync() error
}

// File is one file of a set, with a base name and its mode from creation on.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode
}

// ErrNotRegular says that a folder, a link or a device stands where a file
// should be replaced.
var ErrNotRegular = errors.New("not a regular file")

// Folders of changes under way are called prefix, a random text and one of
// these endings.
const (
	staging   = ".stage"
	committed = ".commit"
)

// Staged is a set of files that is written and synced, and not yet in its
// place. It is used up by Publish, Replace or Discard.
type Staged struct {
	disk Disk
	dir  string
}

// Stage writes files to a new folder in folder work, whose name starts with
// prefix. After a failure nothing has changed.
func Stage(disk Disk, work, prefix string, mode fs.FileMode, files []File) (*Staged, error) {
	s := &Staged{disk, path.Join(work, prefix+rand.Text()+staging)}
	if err := disk.Mkdir(s.dir, mode); err != nil {
		return nil, err
	}
	if err := writeFiles(disk, s.dir, files); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	if err := disk.SyncDir(s.dir); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// Probe proves that a folder can be written to, and leaves it as it was.
func Probe(disk Disk, work, prefix string) error {
	dir := path.Join(work, prefix+rand.Text()+staging)
	if err := disk.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return disk.Remove(dir)
}

// Publish makes folder dir appear with the files in it, on the same file
// system. It fails with fs.ErrExist if dir is there, and after any failure
// nothing has changed.
func (s *Staged) Publish(dir string) error {
	_, err := s.disk.Lstat(dir)
	if err == nil {
		err = &fs.PathError{Op: "publish", Path: dir, Err: fs.ErrExist}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, s.Discard())
	}
	return s.move(dir)
}

// move gives the staged folder another name for good, or discards it.
func (s *Staged) move(name string) error {
	if err := s.disk.Rename(s.dir, name); err != nil {
		return errors.Join(err, s.Discard())
	}
	fault := s.disk.SyncDir(path.Dir(name))
	if fault == nil {
		return nil
	}
	err := s.disk.Rename(name, s.dir)
	if err == nil {
		err = s.disk.SyncDir(path.Dir(name))
	}
	if err != nil {
		// A power cut may still bring the new name back, and then with every
		// file: they are left to Recover.
		return errors.Join(fault, err)
	}
	return errors.Join(fault, s.Discard())
}

// Replace puts the files into the standing folder that they were staged in,
// over files of the same names. It fails, changing nothing, if a name is taken
// by a folder or a link. Once it returned nil the files are there for good,
// and after another failure or a crash Recover leaves all of the old or all of
// the new; it must have run before the next Replace in that folder.
func (s *Staged) Replace() error {
	if err := s.replaceable(); err != nil {
		return errors.Join(err, s.Discard())
	}
	// The decision must last before its first effect can be seen.
	commit := strings.TrimSuffix(s.dir, staging) + committed
	if err := s.move(commit); err != nil {
		return err
	}
	return finish(s.disk, commit)
}

func (s *Staged) replaceable() error {
	names, err := s.disk.Names(s.dir)
	if err != nil {
		return err
	}
	for _, base := range names {
		name := path.Join(path.Dir(s.dir), base)
		info, err := s.disk.Lstat(name)
		if err == nil && !info.Mode().IsRegular() {
			err = &fs.PathError{Op: "replace", Path: name, Err: ErrNotRegular}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Discard removes the staged files.
func (s *Staged) Discard() error { return removeAll(s.disk, s.dir) }

// Recover completes every committed change in folder dir and removes what
// never came to that. Nobody else may be changing dir under the same prefix.
func Recover(disk Disk, prefix, dir string) error {
	names, err := disk.Names(dir)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(base string) bool {
		return !strings.HasPrefix(base, prefix) || !isFolder(disk, path.Join(dir, base))
	})
	if len(names) == 0 {
		return nil
	}
	// Whoever was interrupted may not have come to this: a name that a power
	// cut could still take back decides nothing.
	if err := disk.SyncDir(dir); err != nil {
		return err
	}
	var faults []error
	for _, base := range names {
		name := path.Join(dir, base)
		switch {
		case strings.HasSuffix(name, committed):
			faults = append(faults, finish(disk, name))
		case strings.HasSuffix(name, staging):
			faults = append(faults, removeAll(disk, name))
		}
	}
	return errors.Join(faults...)
}

func isFolder(disk Disk, name string) bool {
	info, err := disk.Lstat(name)
	return err == nil && info.IsDir()
}

// finish moves the files of a committed change up to their places.
func finish(disk Disk, commit string) error {
	names, err := disk.Names(commit)
	if err != nil {
		return err
	}
	dir := path.Dir(commit)
	for _, base := range names {
		if err := disk.Rename(path.Join(commit, base), path.Join(dir, base)); err != nil {
			return err
		}
	}
	if err := disk.SyncDir(dir); err != nil {
		return err
	}
	return disk.Remove(commit)
}

// writeFiles writes all files before it syncs any: a disk can sync several with
// one commit of its journal.
func writeFiles(disk Disk, dir string, files []File) (err error) {
	var open []WriteSyncer
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, file := range files {
		if file.Name != path.Base(file.Name) || strings.Trim(file.Name, ".") == "" {
			return fmt.Errorf("file name %q is not a base name", file.Name)
		}
		f, err := disk.Create(path.Join(dir, file.Name), file.Mode)
		if err != nil {
			return err
		}
		open = append(open, f)
		if _, err := f.Write(file.Data); err != nil {
			return err
		}
	}
	return disk.SyncFiles(open)
}

// removeAll removes a folder of a change and the files in it.
func removeAll(disk Disk, dir string) error {
	names, err := disk.Names(dir)
	if err != nil {
		return err
	}
	for _, base := range names {
		if err := disk.Remove(path.Join(dir, base)); err != nil {
			return err
		}
	}
	return disk.Remove(dir)
}
