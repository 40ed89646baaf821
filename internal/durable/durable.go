// Package durable makes a set of files appear whole or not at all, also after
// a crash or a power cut.
//
// A set is staged in a folder of its own, every file and folder synced, and
// then moved to its place by one rename whose folder is synced in turn. A set
// that replaces files of an existing folder is first committed by a rename
// inside that folder; from then on Recover completes it, however often it is
// interrupted.
//
// The folder of a change is used through the handle that its Disk opened when
// it was made, so another user who can write to the same place cannot put
// something else under its name.
package durable

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Disk is an open folder of a file system. Names are slash-separated and
// relative to it; "." is the folder itself. What Create, Mkdir, Remove, Move
// and Change.Rename did to a folder lasts once SyncDir of it returned.
type Disk interface {
	Mkdir(name string, mode fs.FileMode) error
	Create(name string, mode fs.FileMode) (WriteSyncer, error) // fails with fs.ErrExist
	SyncFiles(files []WriteSyncer) error                       // all of them, in any order
	Remove(name string) error                                  // a file or an empty folder
	SyncDir(name string) error
	Names(dir string) ([]string, error) // of what is in a folder, in order
	Lstat(name string) (fs.FileInfo, error)
	// Enter opens a folder. It fails with ErrNotFolder if name is anything
	// else, a link to a folder included.
	Enter(name string) (Disk, error)
	// Move renames an entry, atomically and under the same name, into another
	// folder of the same disk. A file there is replaced.
	Move(name string, to Disk) error
	// Begin makes the folder of a change, which only its user can write to.
	Begin(name string, mode fs.FileMode) (Change, error)
	// Resume opens a folder that Begin made for the same user in an earlier
	// run. It fails with ErrForeign if name is anything else.
	Resume(name string) (Change, error)
	Close() error // the handle
}

// Change is the open folder of a change under way.
type Change interface {
	Disk
	// Rename gives the folder another name, atomically. The name is relative
	// to the Disk that the folder was begun in.
	Rename(name string) error
	// Settle makes the folder an ordinary one, which Resume refuses.
	Settle() error
	// Delete removes the folder, which is empty. It removes nothing but an
	// empty folder if something else has got its name.
	Delete() error
}

// WriteSyncer is a file being written. What was written lasts once Sync
// returned.
type WriteSyncer interface {
	io.WriteCloser
	Sync() error
}

// File is one file of a set: its name, which may be in folders ("main/key.pem"),
// and its mode from creation on.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode
}

var (
	// ErrNotRegular says that a folder, a link or a device is where a file
	// should be replaced.
	ErrNotRegular = errors.New("not a regular file")
	// ErrNotFolder says that a file or a link is where a folder should be.
	ErrNotFolder = errors.New("not a folder")
	// ErrForeign says that a folder was not made by a change of this user.
	ErrForeign = errors.New("not made by this user")
)

// PartialError says that a change which replaces files stopped midway. Recover
// completes it.
type PartialError struct {
	New  []string // files that are in their places
	Left []string // files that are not
	Err  error
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("%v (%d files are new, %d are not)", e.Err, len(e.New), len(e.Left))
}

// Unwrap returns what stopped the change.
func (e *PartialError) Unwrap() error { return e.Err }

// Folders of changes under way are called prefix, a random text and one of
// these endings.
const (
	staging   = ".stage"
	committed = ".commit"
)

// Committed reports whether name is that of a change which replaces files and
// was interrupted, if it was begun with that prefix.
func Committed(name, prefix string) bool {
	return strings.HasPrefix(name, prefix) && strings.HasSuffix(name, committed)
}

// Staged is a set of files that is written and synced, and not yet in its
// place. It is used up by Publish, Replace or Discard.
//
// Errors of this package are *fs.PathErrors with the path that a file has, or
// would have had, in its place: relative to the set's own folder, and "." for
// that. The names of changes under way do not appear.
type Staged struct {
	at    Disk // what the set was staged in
	close func()
	dir   Change
	base  string
	files []string
}

// Stage writes files to a new folder in folder work, whose name starts with
// prefix. The mode is that of the new folder and of those in it. After a
// failure nothing has changed.
func Stage(disk Disk, work, prefix string, mode fs.FileMode, files []File) (*Staged, error) {
	if err := checkNames(files); err != nil {
		return nil, err
	}
	at, done, err := enter(disk, work)
	if err != nil {
		return nil, place(err, ".")
	}
	s := &Staged{at: at, close: done, base: prefix + rand.Text() + staging}
	if s.dir, err = at.Begin(s.base, mode); err != nil {
		done()
		return nil, place(err, ".")
	}
	if err := s.write(mode, files); err != nil {
		_ = s.Discard() // Recover removes what is left
		return nil, err
	}
	return s, nil
}

// enter opens a folder, unless it is the disk's own.
func enter(disk Disk, name string) (Disk, func(), error) {
	if name == "." {
		return disk, func() {}, nil
	}
	at, err := disk.Enter(name)
	if err != nil {
		return nil, nil, err
	}
	return at, func() { _ = at.Close() }, nil
}

// place says where an error belongs. Disks name what they were asked for, which
// may be a folder that exists for a moment.
func place(err error, name string) error {
	op, cause := "write", err
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		op, cause = e.Op, e.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: cause}
}

// checkNames refuses names that are not below the set's folder, and those that
// are a file and a folder at once.
func checkNames(files []File) error {
	names := map[string]bool{}
	for _, file := range files {
		if !fs.ValidPath(file.Name) || file.Name == "." {
			return fmt.Errorf("file name %q is not a path below a folder", file.Name)
		}
		if names[file.Name] {
			return &fs.PathError{Op: "create", Path: file.Name, Err: fs.ErrExist}
		}
		names[file.Name] = true
	}
	for _, folder := range Folders(slices.Collect(eachName(files))) {
		if names[folder] {
			return &fs.PathError{Op: "create", Path: folder, Err: fs.ErrExist}
		}
	}
	return nil
}

func eachName(files []File) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, file := range files {
			if !yield(file.Name) {
				return
			}
		}
	}
}

// Folders returns the folders that names are in, each once and before those in
// it.
func Folders(names []string) []string {
	var all []string
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// write fills the staged folder. Several files are written before any is synced:
// a disk can sync them with one commit of its journal.
func (s *Staged) write(mode fs.FileMode, files []File) error {
	s.files = slices.Collect(eachName(files))
	below := Folders(s.files)
	for _, name := range below {
		if err := s.dir.Mkdir(name, mode); err != nil {
			return place(err, name)
		}
	}
	if err := writeFiles(s.dir, files); err != nil {
		return err
	}
	for _, name := range append(below, ".") {
		if err := s.dir.SyncDir(name); err != nil {
			return place(err, name)
		}
	}
	return nil
}

// maxOpen is how many files are open at once: a restored store has thousands.
const maxOpen = 200

// writeFiles writes files, and syncs them.
func writeFiles(disk Disk, files []File) error {
	for some := range slices.Chunk(files, maxOpen) {
		if err := writeSome(disk, some); err != nil {
			return err
		}
	}
	return nil
}

func writeSome(disk Disk, files []File) (err error) {
	open := make([]WriteSyncer, 0, len(files))
	defer func() {
		for i, f := range open {
			if closed := f.Close(); closed != nil {
				err = cmp.Or(err, place(closed, files[i].Name))
			}
		}
	}()
	for _, file := range files {
		f, err := disk.Create(file.Name, file.Mode)
		if err != nil {
			return place(err, file.Name)
		}
		open = append(open, f)
		if _, err := f.Write(file.Data); err != nil {
			return place(err, file.Name)
		}
	}
	if err := disk.SyncFiles(open); err != nil {
		return place(err, ".")
	}
	return nil
}

// Probe proves that a folder can be written to, and leaves it as it was.
func Probe(disk Disk, work, prefix string) error {
	at, done, err := enter(disk, work)
	if err != nil {
		return place(err, ".")
	}
	defer done()
	dir, err := at.Begin(prefix+rand.Text()+staging, 0o700)
	if err != nil {
		return place(err, ".")
	}
	defer dir.Close()
	if err := dir.Delete(); err != nil {
		return place(err, ".")
	}
	return nil
}

// Publish makes folder dir, which is relative to the one that the files were
// staged in, appear with the files in it. It fails with fs.ErrExist if dir
// exists, and after any failure nothing has changed. made are the folders in which
// those above dir were made: they last as soon as dir does, and a disk can sync
// all of it at once.
func (s *Staged) Publish(dir string, made ...string) error {
	defer s.release()
	_, err := s.at.Lstat(dir)
	if err == nil {
		err = fs.ErrExist
	}
	if !errors.Is(err, fs.ErrNotExist) {
		_ = s.discard()
		return place(err, dir)
	}
	if err := s.move(dir, s.dir.Settle, made...); err != nil {
		return place(err, dir)
	}
	return nil
}

// move gives the staged folder another name for good, and discards it if that
// fails. It does what is left to be done before that name lasts, and syncs the
// folders that were changed for it.
func (s *Staged) move(name string, also func() error, changed ...string) error {
	if err := s.dir.Rename(name); err != nil {
		_ = s.discard()
		return err
	}
	fault := also()
	for _, dir := range append([]string{path.Dir(name)}, changed...) {
		if fault == nil {
			fault = s.at.SyncDir(dir)
		}
	}
	if fault == nil {
		return nil
	}
	err := s.dir.Rename(s.base)
	if err == nil {
		err = s.at.SyncDir(path.Dir(name))
	}
	if err == nil {
		_ = s.discard()
	}
	// Otherwise a power cut may still bring the new name back, and then with
	// every file: they are left to Recover.
	return fault
}

// Replace puts the files into the existing folder that they were staged in,
// over files of the same names. It fails, changing nothing, if the name of a
// file is taken by something else, or that of a folder by anything but a
// folder. Once it returned nil the files are there for good. If it stops
// midway it fails with a PartialError; after that or a crash Recover leaves
// all of the old or all of the new, and must run before the next Replace in
// that folder.
func (s *Staged) Replace() error {
	defer s.release()
	if err := Replaceable(s.at, s.files); err != nil {
		_ = s.discard()
		return err
	}
	// The decision must last before its first effect can be seen.
	commit := strings.TrimSuffix(s.base, staging) + committed
	if err := s.move(commit, func() error { return nil }); err != nil {
		return place(err, ".")
	}
	return s.finish()
}

// Replaceable fails if a file of one of the names could not be put into a
// folder: with ErrNotRegular or ErrNotFolder if the name is taken, or because
// that cannot be found out. It follows no links.
func Replaceable(disk Disk, names []string) error {
	for _, name := range Folders(names) {
		info, err := disk.Lstat(name)
		if err == nil && !info.IsDir() {
			err = ErrNotFolder
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return place(err, name)
		}
	}
	for _, name := range names {
		info, err := disk.Lstat(name)
		if err == nil && !info.Mode().IsRegular() {
			err = ErrNotRegular
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return place(err, name)
		}
	}
	return nil
}

// finish completes the change that is now committed.
func (s *Staged) finish() error {
	below := Folders(s.files)
	m := mover{isFolder: func(_ Disk, _, name string) (bool, error) { return slices.Contains(below, name), nil }}
	err := m.finish(s.dir, s.at)
	if err == nil {
		return nil
	}
	partial := &PartialError{Err: err}
	for _, name := range s.files {
		if m.has(name) {
			partial.New = append(partial.New, name)
		} else {
			partial.Left = append(partial.Left, name)
		}
	}
	return partial
}

// mover moves the files of a committed change up to their places.
type mover struct {
	isFolder func(in Disk, base, name string) (bool, error)
	done     []string // files, or whole folders
}

// has reports whether a file is in its place.
func (m *mover) has(name string) bool {
	return slices.ContainsFunc(m.done, func(done string) bool {
		return name == done || strings.HasPrefix(name, done+"/")
	})
}

func (m *mover) finish(commit Change, to Disk) error {
	if err := m.all(commit, to, "."); err != nil {
		return err
	}
	err := to.SyncDir(".")
	if err == nil {
		err = commit.Delete()
	}
	if err != nil {
		return place(err, ".")
	}
	return nil
}

func (m *mover) all(from, to Disk, where string) error {
	names, err := from.Names(".")
	if err != nil {
		return place(err, where)
	}
	for _, base := range names {
		if err := m.one(from, to, base, path.Join(where, base)); err != nil {
			return err
		}
	}
	return nil
}

func (m *mover) one(from, to Disk, base, name string) error {
	isFolder, err := m.isFolder(from, base, name)
	if err == nil && isFolder {
		if _, err = to.Lstat(base); err == nil {
			return m.merge(from, to, base, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = from.Move(base, to)
	}
	if err != nil {
		return place(err, name)
	}
	m.done = append(m.done, name)
	return nil
}

// merge moves the files of a folder into one that exists.
func (m *mover) merge(from, to Disk, base, name string) error {
	source, err := from.Enter(base)
	if err != nil {
		return place(err, name)
	}
	defer source.Close()
	target, err := to.Enter(base)
	if err != nil {
		return place(err, name)
	}
	defer target.Close()
	if err := m.all(source, target, name); err != nil {
		return err
	}
	if err = target.SyncDir("."); err == nil {
		err = from.Remove(base)
	}
	if err != nil {
		return place(err, name)
	}
	return nil
}

// Name returns the name of the folder that the files are in, relative to the one
// that they were staged in.
func (s *Staged) Name() string { return s.base }

// Discard removes the staged files.
func (s *Staged) Discard() error {
	defer s.release()
	if err := s.discard(); err != nil {
		return place(err, ".")
	}
	return nil
}

func (s *Staged) discard() error { return remove(s.dir) }

func (s *Staged) release() {
	_ = s.dir.Close()
	s.close()
}

// remove removes the folder of a change and all that is in it.
func remove(dir Change) error {
	if err := empty(dir); err != nil {
		return err
	}
	return dir.Delete()
}

// empty removes all that is in a folder which only its owner can write to.
func empty(dir Disk) error {
	names, err := dir.Names(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := removeFrom(dir, name); err != nil {
			return err
		}
	}
	return nil
}

func removeFrom(dir Disk, name string) error {
	fault := dir.Remove(name)
	if fault == nil {
		return nil
	}
	sub, err := dir.Enter(name)
	if err != nil {
		return fault // it is no folder
	}
	defer sub.Close()
	if err := empty(sub); err != nil {
		return err
	}
	return dir.Remove(name)
}

// Recover completes every committed change of this user in folder dir, and
// removes what never came to that. It ignores what others have put there under
// such names. A change that cannot be completed is a PartialError; what cannot
// be removed only takes up space, and is no error. No other process may be
// changing dir under the same prefix.
func Recover(disk Disk, prefix, dir string) error {
	return recoverIn(disk, prefix, dir, committed, staging)
}

// Sweep removes from folder dir what Publish left there when it was
// interrupted. In contrast to Recover it completes nothing.
func Sweep(disk Disk, prefix, dir string) error {
	return recoverIn(disk, prefix, dir, staging)
}

func recoverIn(disk Disk, prefix, dir string, endings ...string) error {
	at, done, err := enter(disk, dir)
	if err != nil {
		return place(err, ".")
	}
	defer done()
	names, err := at.Names(".")
	if err != nil {
		return place(err, ".")
	}
	r := recovery{at: at}
	for _, base := range names {
		ending := path.Ext(base)
		if strings.HasPrefix(base, prefix) && slices.Contains(endings, ending) {
			r.one(base, ending)
		}
	}
	return errors.Join(r.faults...)
}

type recovery struct {
	at     Disk
	synced bool
	faults []error
}

// one completes or removes one change, if it is this user's.
func (r *recovery) one(base, ending string) {
	dir, err := r.at.Resume(base)
	if err == nil {
		defer dir.Close()
		err = r.end(dir, ending)
	} else if errors.Is(err, ErrForeign) || errors.Is(err, fs.ErrNotExist) || ending == staging {
		return
	} else {
		err = place(err, ".")
	}
	if err != nil {
		r.faults = append(r.faults, err)
	}
}

func (r *recovery) end(dir Change, ending string) error {
	if err := r.sync(); err != nil {
		return err
	}
	if ending == committed {
		return complete(dir, r.at)
	}
	_ = remove(dir)
	return nil
}

// sync makes the names of the changes last: the process that was interrupted
// may not have come to this, and a name that a power cut could still take back
// decides nothing.
func (r *recovery) sync() error {
	if r.synced {
		return nil
	}
	if err := r.at.SyncDir("."); err != nil {
		return place(err, ".")
	}
	r.synced = true
	return nil
}

// complete finishes a change of an earlier run.
func complete(dir Change, at Disk) error {
	m := mover{isFolder: func(in Disk, base, _ string) (bool, error) {
		info, err := in.Lstat(base)
		return err == nil && info.IsDir(), err
	}}
	fault := m.finish(dir, at)
	if fault == nil {
		return nil
	}
	left, err := list(dir, ".")
	if err != nil || len(left) == 0 {
		return fault
	}
	return &PartialError{New: m.done, Left: left, Err: fault}
}

// list returns the files below a folder.
func list(dir Disk, where string) ([]string, error) {
	names, err := dir.Names(".")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, base := range names {
		below, err := listOne(dir, base, path.Join(where, base))
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

func listOne(in Disk, base, name string) ([]string, error) {
	dir, err := in.Enter(base)
	if errors.Is(err, ErrNotFolder) {
		return []string{name}, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return list(dir, name)
}
