// Package osdisk gives package durable the real file system, below an os.Root
// that no symbolic link leads out of.
package osdisk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/picoca/picoca/internal/durable"
)

// Owner is the user and group that files are handed over to.
type Owner struct{ UID, GID int }

// Options say how a disk makes what it makes.
type Options struct {
	// Owner gets all that is created: the user behind sudo. nil leaves it to
	// the user whom the process runs as.
	Owner *Owner
	// Together, unless nil, syncs folders with the other disks on the same folder
	// that have it.
	Together *Together
}

// Disk is an open folder. Names are slash-separated and relative to it. Errors
// are *fs.PathErrors with the name that was asked for. It is for one goroutine.
type Disk struct {
	*os.Root
	options Options
	// base is the folder below Root: "." unless folders are identified by path.
	base   string
	byPath bool
	shared bool     // another Disk closes Root
	below  bool     // it was entered from another Disk
	self   *os.File // the folder, once a call needed it
	umask  umask
	usual  *custom // once learned
}

// umask is what is known of the part of the process's umask that concerns the
// owner.
type umask int

const (
	unknown umask = iota
	harmless
	masking // it takes rights from the owner
)

// New returns the folder of root as a disk, whose Close closes root.
//
// Windows does not rename a folder that is open, so folders there are identified by
// path instead of by handle.
func New(root *os.Root, options Options) *Disk {
	return &Disk{Root: root, options: options, base: ".", byPath: runtime.GOOS == "windows"}
}

// Open opens a folder by its path, which may be a link. It does not wait for
// the writer of a pipe.
func Open(dir string, options Options) (*Disk, error) {
	root, err := os.OpenRoot(dir + string(filepath.Separator) + ".")
	if err != nil {
		return nil, named(err, dir)
	}
	return New(root, options), nil
}

// named gives an error the name that was asked for.
func named(err error, name string) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}

// at is a name in Root.
func (d *Disk) at(name string) string { return filepath.FromSlash(path.Join(d.base, name)) }

// folderAt is a name in Root that only a folder can have: a pipe opened by it
// would wait for a writer.
func (d *Disk) folderAt(name string) string {
	if at := d.at(name); at != "." {
		return at + string(filepath.Separator) + "."
	}
	return "."
}

// Close closes the folder.
func (d *Disk) Close() error {
	var err error
	if d.self != nil {
		err = d.self.Close()
	}
	if d.shared {
		return err
	}
	return errors.Join(err, d.Root.Close())
}

// handle opens the folder itself, once.
func (d *Disk) handle() (*os.File, error) {
	if d.self == nil {
		self, err := d.Open(d.folderAt("."))
		if err != nil {
			return nil, err
		}
		d.self = self
	}
	return d.self, nil
}

// Mkdir makes a folder with exactly the given mode, less what the umask takes
// from others than its owner.
func (d *Disk) Mkdir(name string, mode fs.FileMode) error {
	if err := d.Root.Mkdir(d.at(name), mode.Perm()); err != nil {
		return named(err, name)
	}
	if d.options.Owner == nil && d.umask == harmless || d.byPath {
		return nil
	}
	return named(d.adopt(name, mode), name)
}

// adopt gives a new folder the rights of its owner, and to its owner.
func (d *Disk) adopt(name string, mode fs.FileMode) error {
	info, err := d.unmask(name, mode)
	if err != nil || d.options.Owner == nil {
		return err
	}
	dir, err := d.enter(name, info)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.handOver()
}

// unmask gives a new folder those rights of its owner that the umask took.
func (d *Disk) unmask(name string, mode fs.FileMode) (fs.FileInfo, error) {
	info, err := d.Root.Lstat(d.at(name))
	if err != nil || !info.IsDir() || info.Mode()&0o700 == mode&0o700 {
		return info, err
	}
	if err := d.Root.Chmod(d.at(name), info.Mode().Perm()|mode&0o700); err != nil {
		return nil, err
	}
	return d.Root.Lstat(d.at(name))
}

// handOver gives a new folder to its owner. Root made it by a name that another
// user may have given to a folder of root's since, though not to an empty one
// without emptying it.
func (d *Disk) handOver() error {
	if err := d.proveEmpty(); err != nil {
		return err
	}
	info, err := d.self.Stat()
	if err == nil && !owned(info, os.Geteuid()) {
		err = durable.ErrForeign
	}
	if err != nil {
		return err
	}
	return d.self.Chown(d.options.Owner.UID, d.options.Owner.GID)
}

// proveEmpty fails with durable.ErrForeign if there is something in the folder.
// It leaves the folder's handle open.
func (d *Disk) proveEmpty() error {
	self, err := d.handle()
	if err != nil {
		return err
	}
	names, err := self.Readdirnames(1)
	if len(names) > 0 {
		return durable.ErrForeign
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Create makes a file that did not exist, with its mode from the beginning. The
// umask takes nothing from its owner.
func (d *Disk) Create(name string, mode fs.FileMode) (durable.WriteSyncer, error) {
	file, err := d.Root.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
	if err != nil {
		return nil, named(err, name)
	}
	if err := d.finishFile(file, mode); err != nil {
		return nil, named(errors.Join(err, file.Close()), name)
	}
	return file, nil
}

func (d *Disk) finishFile(file *os.File, mode fs.FileMode) error {
	if d.umask == masking {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if err := file.Chmod(info.Mode().Perm() | mode&0o700); err != nil {
			return err
		}
	}
	if d.options.Owner == nil {
		return nil
	}
	return file.Chown(d.options.Owner.UID, d.options.Owner.GID)
}

// SyncFiles syncs files side by side: a journal commits them together.
func (d *Disk) SyncFiles(files []durable.WriteSyncer) error {
	if len(files) == 0 {
		return nil
	}
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, file := range files[1:] {
		wg.Go(func() { errs[i+1] = file.Sync() })
	}
	errs[0] = files[0].Sync() // here: a thread less
	wg.Wait()
	return errors.Join(errs...)
}

// Remove removes a file or an empty folder.
func (d *Disk) Remove(name string) error { return named(remove(d.Root, d.at(name)), name) }

// Lstat describes what has a name, which may be a link.
func (d *Disk) Lstat(name string) (fs.FileInfo, error) {
	info, err := d.Root.Lstat(d.at(name))
	return info, named(err, name)
}

// ReadDir lists a folder, ordered by name.
func (d *Disk) ReadDir(name string) ([]fs.DirEntry, error) {
	folder, err := d.Open(d.folderAt(name))
	if err != nil {
		return nil, named(err, name)
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	return entries, named(err, name)
}

// Names lists the names in a folder, in order. ReadDir would look at each of the
// files too.
func (d *Disk) Names(dir string) ([]string, error) {
	folder, err := d.Open(d.folderAt(dir))
	if err != nil {
		return nil, named(err, dir)
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	slices.Sort(names)
	return names, named(err, dir)
}

// SyncDir makes what was made, renamed or removed in a folder last. Windows
// has no such call: there NTFS orders its own journal.
func (d *Disk) SyncDir(name string) error {
	switch {
	case runtime.GOOS == "windows":
		return nil
	case d.options.Together != nil && !d.below: // a folder below has other names
		return named(d.options.Together.sync(name, func() error { return d.syncDir(name) }), name)
	}
	return named(d.syncDir(name), name)
}

func (d *Disk) syncDir(name string) error {
	if name == "." {
		self, err := d.handle()
		if err == nil {
			err = self.Sync()
		}
		return err
	}
	dir, err := d.Open(d.folderAt(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Enter opens a folder. It fails with durable.ErrNotFolder if name is anything
// else, a link to a folder included.
func (d *Disk) Enter(name string) (durable.Disk, error) { return asDisk(d.Sub(name)) }

// asDisk keeps a nil *Disk from becoming an interface that is not nil.
func asDisk(d *Disk, err error) (durable.Disk, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Sub is Enter, with the type of its result.
func (d *Disk) Sub(name string) (*Disk, error) {
	info, err := d.Root.Lstat(d.at(name))
	if err != nil {
		return nil, named(err, name)
	}
	sub, err := d.enter(name, info)
	return sub, named(err, name)
}

// enter opens the folder that info describes.
func (d *Disk) enter(name string, info fs.FileInfo) (*Disk, error) {
	if !info.IsDir() {
		return nil, durable.ErrNotFolder
	}
	if d.byPath {
		return &Disk{Root: d.Root, options: d.options, base: d.at(name), byPath: true, shared: true, below: true}, nil
	}
	root, err := d.OpenRoot(d.folderAt(name))
	if err != nil {
		return nil, err
	}
	// A link may have taken its place: os.Root follows those inside it.
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = durable.ErrNotFolder
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Disk{Root: root, options: d.options, base: ".", below: true}, nil
}

// Move renames an entry into another folder, over a file if need be.
func (d *Disk) Move(name string, to durable.Disk) error {
	target := to.(interface{ disk() *Disk }).disk()
	if d.byPath {
		return named(d.Root.Rename(d.at(name), target.at(name)), name)
	}
	from, err := d.handle()
	if err != nil {
		return named(err, name)
	}
	into, err := target.handle()
	if err != nil {
		return named(err, name)
	}
	return named(renameBetween(from, name, into), name)
}

func (d *Disk) disk() *Disk { return d }
