// Package output writes a set of files into a folder that is not picoca's own:
// the user's. It checks the folder first, replaces only what may be replaced,
// and makes all of the files appear or none, even if other users can write to
// the same place.
package output

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/osdisk"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// File is one file of a set. Its name is a slash-separated path below the
// folder. Only the owner can read a private one.
type File struct {
	Name    string
	Data    []byte
	Private bool
}

// Owner is the user and group that the files are for.
type Owner = osdisk.Owner

// Together lets several goroutines sync the folder above theirs together.
type Together = osdisk.Together

// mark begins the names of folders of changes under way, of every CA.
const mark = ".picoca-"

// Prefix returns the prefix for the changes of the CA that id, its root
// certificate, identifies. Another CA has another prefix: its lock is not ours,
// so its changes under way must not be removed.
func Prefix(id []byte) string {
	sum := sha256.Sum256(id)
	return fmt.Sprintf("%s%x-", mark, sum[:4])
}

// Policy says what may be in the folder already.
type Policy struct {
	rule rule
	own  func(name string, data []byte) bool
}

type rule int

const (
	mustBeEmpty rule = iota
	mustBeAbsent
	mayReplace
	mayReplaceOwn
)

// Policies. Files with other names than those that are written always stay.
var (
	Empty     = Policy{rule: mustBeEmpty}  // the folder must not exist, or be empty
	Beside    = Policy{rule: mustBeAbsent} // there may be files, but none with the same name
	Overwrite = Policy{rule: mayReplace}   // files with the same name are replaced
)

// Own replaces files with the same name for which own reports true. Files that
// are too large to come from picoca are not asked for.
func Own(own func(name string, data []byte) bool) Policy {
	return Policy{rule: mayReplaceOwn, own: own}
}

// Options say how a folder is used. The zero value of Policy is Empty.
type Options struct {
	// Prefix is that of changes under way: see the function Prefix.
	Prefix string
	Policy Policy
	// Owner gets what is created: the user behind sudo. nil leaves it to the
	// user whom the process runs as.
	Owner *Owner
	// Enclosed reports whether a path without links is in the folder of a CA,
	// whose files have the same names. nil: none is.
	Enclosed func(dir string) bool
	// Shared is set where several goroutines write folders to one. What a crash left
	// there is gone already: Prepare of a folder for each of thousands need not look
	// for it, and must not, as the others are at work.
	Shared *Together
	// Flag is what the user chooses the place with; "" stands for --out.
	Flag string
	// Wrap replaces the disk, for tests.
	Wrap Wrap
}

// Wrap puts another disk in front of one.
type Wrap = func(durable.Disk) durable.Disk

// Folder is a folder that files can be written to. Open it, Prepare it once the
// CA's lock is held, then Stage and Commit.
type Folder struct {
	options Options
	shown   string // the path as the user typed it
	parent  *osdisk.Disk
	base    string       // the folder in parent
	dir     *osdisk.Disk // nil if it does not exist
	ready   []string     // names that Prepare has checked
	staged  *durable.Staged
}

// Open looks at a folder without changing anything; it need not exist, but the
// one above it must. It refuses what Prepare would refuse, unless an earlier
// change was interrupted there: then only Prepare can judge. The error is an
// ExistsError, an EnclosedError or an Error.
func Open(dir string, options Options) (*Folder, error) {
	f := &Folder{options: options, shown: dir}
	above, err := f.split()
	if err != nil {
		return nil, f.fail(dir, err)
	}
	if f.parent, err = osdisk.Open(above, osdisk.Options{Owner: options.Owner, Together: options.Shared}); err != nil {
		return nil, f.noParent(above, err)
	}
	if err := f.checkEnclosed(above); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Check(nil); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// split divides the path into the folder above and the name there.
func (f *Folder) split() (above string, err error) {
	folder := filepath.Clean(f.shown)
	if filepath.Base(folder) == ".." { // it has no name in the folder above it
		if folder, err = filepath.Abs(folder); err != nil {
			return "", err
		}
	}
	above, f.base = filepath.Dir(folder), filepath.Base(folder)
	if folder == above { // the top of a disk, or "."
		f.base = "."
	}
	if !filepath.IsLocal(f.base) {
		return "", errReserved
	}
	if losesEnd(runtime.GOOS, f.base) {
		return "", errEnd
	}
	return above, nil
}

// losesEnd reports whether Windows drops the end of a name: what is written to "x."
// would be in "x", and a program that finds "x." cannot open it.
func losesEnd(system, name string) bool {
	return system == "windows" && name != "." && strings.TrimRight(name, ". ") != name
}

func (f *Folder) noParent(above string, err error) error {
	if info, statErr := os.Stat(above); statErr == nil && !info.IsDir() {
		return f.exists(above, "is not a folder", false)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return f.fail(above, fs.ErrNotExist)
	}
	return f.fail(f.shown, err)
}

// checkEnclosed refuses the folder of a CA. It asks about the folder that is
// open: a link on the way to it may have changed since.
func (f *Folder) checkEnclosed(above string) error {
	if f.options.Enclosed == nil {
		return nil
	}
	real, err := realPath(above)
	switch {
	case err != nil:
		return f.fail(f.shown, err)
	case !f.parent.IsAt(real):
		return f.fail(f.shown, errChanged)
	case f.options.Enclosed(filepath.Join(real, f.base)):
		return f.enclosed(filepath.Join(real, f.base))
	}
	return nil
}

// enclosed is the error for a folder that is, or could be, in that of a CA: what
// cannot be looked into could be one.
func (f *Folder) enclosed(dir string) error {
	_, err := os.Lstat(filepath.Join(dir, "layout"))
	if errors.Is(err, fs.ErrPermission) || errno.Is(err, syscall.ENAMETOOLONG) {
		return f.fail(f.shown, err)
	}
	return &EnclosedError{f.shown, f.options.flag()}
}

// realPath returns the absolute path of a folder without links. They are resolved
// first: filepath.Abs drops a name before "..", and the system looks up ".." in
// what a link leads to.
func realPath(dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		here, err := os.Getwd() // by $PWD, it may have links
		if err != nil {
			return "", err
		}
		if here, err = filepath.EvalSymlinks(here); err != nil {
			return "", err
		}
		dir = here + string(filepath.Separator) + dir // not Join, which would clean it
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return filepath.Clean(dir), nil // what is missing is reported elsewhere
	}
	return real, nil
}

// Real returns the absolute path of the folder, without links above it.
func (f *Folder) Real() (string, error) {
	above, err := f.split()
	if err != nil {
		return "", f.fail(f.shown, err)
	}
	real, err := realPath(above)
	if err != nil {
		return "", f.fail(f.shown, err)
	}
	return filepath.Join(real, f.base), nil
}

var (
	errChanged  = errors.New("was moved during the check")
	errReserved = errors.New("is a name that Windows reserves for a device")
	errEnd      = errors.New("ends in a dot or a space, which Windows drops")
)

// Exists reports whether the folder existed when Open, Check or Prepare last
// looked.
func (f *Folder) Exists() bool { return f.dir != nil }

// Close discards what was staged and not committed.
func (f *Folder) Close() error {
	if f.staged != nil {
		_ = f.staged.Discard() // the next Prepare removes what is left
		f.staged = nil
	}
	return errors.Join(f.leave(), f.parent.Close())
}

func (f *Folder) leave() error {
	if f.dir == nil {
		return nil
	}
	err := f.dir.Close()
	f.dir = nil
	return err
}

// wrap returns the disk through which everything is changed and looked at.
func (f *Folder) wrap(d *osdisk.Disk) durable.Disk {
	if f.options.Wrap == nil {
		return d
	}
	return f.options.Wrap(d)
}

// enter looks whether the folder exists, and opens it.
func (f *Folder) enter() error {
	if err := f.leave(); err != nil {
		return f.fail(f.shown, err)
	}
	info, err := f.wrap(f.parent).Lstat(f.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.fail(f.shown, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return f.exists(f.shown, "is a symbolic link", false)
	case !info.IsDir():
		return f.exists(f.shown, "is not a folder", false)
	}
	if f.dir, err = f.parent.Sub(f.base); err != nil {
		return f.fail(f.shown, err)
	}
	return nil
}

// Names lists what is in the folder, in order and without changes under way. A
// folder that does not exist has nothing in it.
func (f *Folder) Names() ([]string, error) {
	names, err := f.list()
	return slices.DeleteFunc(names, isChange), err
}

func (f *Folder) list() ([]string, error) {
	if f.dir == nil {
		return nil, nil
	}
	names, err := f.wrap(f.dir).Names(".")
	if err != nil {
		return nil, f.fail(f.shown, err)
	}
	return names, nil
}

func isChange(name string) bool { return strings.HasPrefix(name, mark) }

// MaxRead is the largest file that Read returns.
const MaxRead = 1 << 20

// Read returns a file of the folder. It fails with an Error: fs.ErrNotExist if
// there is none, durable.ErrNotRegular if it is something else, or
// osdisk.ErrTooLarge. Before Prepare it may be of a change that was
// interrupted.
func (f *Folder) Read(name string) ([]byte, error) {
	if f.dir == nil {
		return nil, f.fail(f.at(name), fs.ErrNotExist)
	}
	data, err := f.dir.Read(name, MaxRead)
	if err != nil {
		return nil, f.fail(f.at(name), err)
	}
	return data, nil
}

// at is the path of a file as the user knows it.
func (f *Folder) at(name string) string { return filepath.Join(f.shown, filepath.FromSlash(name)) }

// Prepare looks again, as waiting for the lock may have taken hours. It first
// completes or removes what a crash left, then checks the folder for files of
// these names, and those below it for whether files can be moved there. The lock
// must be held from here on: another run would take what this one does for the
// rest of a crash.
func (f *Folder) Prepare(names []string) error {
	if err := f.enter(); err != nil {
		return err
	}
	if err := f.recover(names); err != nil {
		return err
	}
	if err := f.judge(names); err != nil {
		return err
	}
	if err := f.probe(names); err != nil {
		return err
	}
	f.ready = slices.Clone(names)
	return nil
}

// recover ends the changes that were interrupted. One that cannot be completed
// is in the way of its own files only.
func (f *Folder) recover(names []string) error {
	if f.dir == nil && f.options.Shared != nil {
		return nil
	}
	if f.dir == nil {
		// A change beside the place of the folder, which replaces files there,
		// belongs to another command.
		return f.failed(durable.Sweep(f.wrap(f.parent), f.options.Prefix, "."))
	}
	for _, err := range fault.Flatten(durable.Recover(f.wrap(f.dir), f.options.Prefix, ".")) {
		partial, ok := errors.AsType[*durable.PartialError](err)
		if !ok || slices.ContainsFunc(partial.Left, func(left string) bool { return slices.Contains(names, left) }) {
			return f.failed(err)
		}
	}
	return f.sweepBelow(names)
}

// sweepBelow removes what probe left in folders below when it was interrupted.
func (f *Folder) sweepBelow(names []string) error {
	for _, folder := range durable.Folders(names) {
		err := durable.Sweep(f.wrap(f.dir), f.options.Prefix, folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, durable.ErrNotFolder) {
			return f.fail(f.at(folder), err)
		}
	}
	return nil
}

// work is where files are staged: in the folder itself, or beside its place.
func (f *Folder) work() durable.Disk {
	if f.dir != nil {
		return f.wrap(f.dir)
	}
	return f.wrap(f.parent)
}

// probe proves that the files can be moved to the folders below that exist:
// rename cannot reach another disk. Stage proves that they can be written.
func (f *Folder) probe(names []string) error {
	if f.dir == nil {
		return nil
	}
	for _, folder := range durable.Folders(names) {
		if err := f.probeBelow(folder); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) probeBelow(folder string) error {
	same, err := f.dir.SameDisk(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.fail(f.at(folder), err)
	case !same:
		return f.exists(f.at(folder), "is on another disk", false)
	}
	if err := durable.Probe(f.work(), folder, f.options.Prefix); err != nil {
		return f.fail(f.at(folder), err)
	}
	return nil
}

// Stage writes the files to a folder that only the user can change: all that can
// fill a disk happens here. Prepare must have checked their names.
func (f *Folder) Stage(files []File) error {
	all := make([]durable.File, len(files))
	for i, file := range files {
		if !slices.Contains(f.ready, file.Name) {
			return f.fail(f.at(file.Name), errUnchecked)
		}
		all[i] = durable.File{Name: file.Name, Data: file.Data, Mode: 0o644}
		if file.Private {
			all[i].Mode = 0o600
		}
	}
	var err error
	f.staged, err = durable.Stage(f.work(), ".", f.options.Prefix, 0o755, all)
	return f.failed(err)
}

var errUnchecked = errors.New("was not checked before")

// ReadBack returns a staged file from the disk, of at most limit bytes.
func (f *Folder) ReadBack(name string, limit int64) ([]byte, error) {
	work := f.dir
	if work == nil {
		work = f.parent
	}
	data, err := work.Read(f.staged.Name()+"/"+name, limit)
	if err != nil {
		return nil, f.fail(f.at(name), err)
	}
	return data, nil
}

// Commit makes the staged files appear in the folder, all or none. It fails with
// a PartialError if it stops after the first: the next Prepare completes it.
func (f *Folder) Commit() error {
	staged := f.staged
	f.staged = nil
	if f.dir != nil {
		return f.failed(staged.Replace())
	}
	err := staged.Publish(f.base)
	if errors.Is(err, fs.ErrExist) {
		return f.exists(f.shown, "already exists", false)
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return f.fail(f.shown, e.Err)
	}
	return f.failed(err)
}

// Split finds out whether out, the place for one file, is its path or a folder
// for it: one that exists, or that ends like one. It returns the folder and the
// file's name there, which otherwise is name.
func Split(out, name string) (dir, base string) {
	if out == "" {
		return ".", name
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() || os.IsPathSeparator(out[len(out)-1]) {
		return out, name
	}
	return filepath.Dir(out), filepath.Base(out)
}

// Unfinished reports whether a change in the folder was interrupted: only
// Prepare can then say what the folder holds.
func (f *Folder) Unfinished() bool {
	names, err := f.list()
	return err == nil && slices.ContainsFunc(names, func(name string) bool { return durable.Committed(name, f.options.Prefix) })
}

// ReadIfAny is Read for a file that may not exist: it returns nil then, and for
// what picoca cannot have written because it is no file, or too large.
func (f *Folder) ReadIfAny(name string) ([]byte, error) {
	data, err := f.Read(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, durable.ErrNotRegular) || errors.Is(err, osdisk.ErrTooLarge) {
		return nil, nil
	}
	return data, err
}
