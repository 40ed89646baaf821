package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The widest modes of what everybody may read and only the owner may change,
// and of what only the owner may read.
const (
	widestFile    fs.FileMode = 0o644
	widestFolder  fs.FileMode = 0o755
	widestPrivate fs.FileMode = 0o600
)

// The most bytes that are read of a file. picoca writes none that is larger: a
// revoked certificate takes 40 bytes of a CRL.
const (
	maxFile = 1 << 20
	maxCRL  = 64 << 20
	maxLine = 64 // layout, lock
)

// folder is an open folder of the store that only its owner can change.
type folder struct {
	store *Store
	root  *os.Root
	name  string
}

// top returns the store's own folder. It is closed with the store.
func (s *Store) top() folder { return folder{s, s.root, "."} }

// folder opens a folder of the store, and checks that only the owner can change
// it and the folders above it, up to the store's own.
func (s *Store) folder(name string) (folder, error) {
	at := s.top()
	if name == "." {
		return at, at.check()
	}
	for part := range strings.SplitSeq(name, "/") {
		next, err := at.open(part)
		at.close()
		if err != nil {
			return folder{}, err
		}
		at = next
	}
	return at, nil
}

// open opens a folder in this one.
func (f folder) open(base string) (folder, error) {
	name := path.Join(f.name, base)
	// The dot: of anything but a folder it cannot be opened, and does not wait
	// for the writer of a pipe.
	root, err := f.root.OpenRoot(base + string(filepath.Separator) + ".")
	if err != nil {
		return folder{}, f.store.fault(name, err)
	}
	below := folder{f.store, root, name}
	if err := below.check(); err != nil {
		below.close()
		return folder{}, err
	}
	return below, nil
}

func (f folder) close() {
	if f.name != "." {
		_ = f.root.Close() // it was only read
	}
}

func (f folder) check() error {
	info, err := f.root.Stat(".")
	if err != nil {
		return f.store.fault(f.name, err)
	}
	return f.store.checkInfo(f.name, info, widestFolder)
}

// read returns the bytes of a file in the folder. It fails with a MissingError,
// a FileError if it is not a regular file, a ModeError if its mode is wider
// than widest, an OwnerError, or a DamagedError if it has more than limit bytes.
func (f folder) read(base string, widest fs.FileMode, limit int64) ([]byte, error) {
	s, name := f.store, path.Join(f.name, base)
	file, err := f.root.OpenFile(base, reading(), 0)
	if err != nil {
		return nil, s.fault(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, s.fault(name, err)
	}
	if err := s.checkInfo(name, info, widest); err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, s.damaged(name, "is damaged: larger than any file that picoca writes there", nil)
	}
	data := make([]byte, info.Size()+1) // one more: nothing may follow
	n, err := io.ReadFull(file, data)
	switch {
	case err == nil:
		return nil, s.damaged(name, "is damaged: it grew while it was read", nil)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, s.fault(name, err)
	}
	return data[:n], nil
}

// readIfAny returns nil and no error if the file does not exist.
func (f folder) readIfAny(base string, widest fs.FileMode, limit int64) ([]byte, error) {
	there, err := f.exists(base)
	if err != nil || !there {
		return nil, err
	}
	return f.read(base, widest, limit)
}

// exists reports whether there is anything under a name in the folder, as
// Store.exists does.
func (f folder) exists(base string) (bool, error) {
	_, err := f.root.Lstat(base)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, f.store.fault(path.Join(f.name, base), err)
}

// isFolder reports whether there is a folder under a name in the folder.
func (f folder) isFolder(base string) (bool, error) {
	info, err := f.root.Lstat(base)
	switch {
	case err == nil:
		return info.IsDir(), nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, f.store.fault(path.Join(f.name, base), err)
}

// names lists what is in the folder, in no order.
func (f folder) names() ([]string, error) {
	dir, err := f.root.Open(".")
	if err != nil {
		return nil, f.store.fault(f.name, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, f.store.fault(f.name, err)
	}
	return names, nil
}

// read returns the bytes of a file of the store, see folder.read.
func (s *Store) read(name string, widest fs.FileMode, limit int64) ([]byte, error) {
	f, err := s.folder(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.read(path.Base(name), widest, limit)
}

// lstat asks the disk while the lock is held: only then does a wrong answer
// change anything, and only then is there a single goroutine.
func (s *Store) lstat(name string) (fs.FileInfo, error) {
	if s.held == nil {
		return s.root.Lstat(filepath.FromSlash(name))
	}
	return s.disk.Lstat(name)
}

// exists reports whether there is anything under a name. Only fs.ErrNotExist
// means that there is not: whatever else lstat fails with is an error.
func (s *Store) exists(name string) (bool, error) {
	_, err := s.lstat(name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, s.fault(name, err)
}

// isFolder reports whether there is a folder under a name, as exists does.
func (s *Store) isFolder(name string) (bool, error) {
	info, err := s.lstat(name)
	switch {
	case err == nil:
		return info.IsDir(), nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, s.fault(name, err)
}

// reading is how a file is opened that could be a pipe to which nothing is
// ever written.
func reading() int {
	if runtime.GOOS == "windows" {
		return os.O_RDONLY
	}
	return os.O_RDONLY | syscall.O_NONBLOCK
}

// checkInfo refuses files of other users, and modes wider than want; Windows
// has access lists instead.
func (s *Store) checkInfo(name string, info fs.FileInfo, want fs.FileMode) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if owner, _ := ownerOf(info); !s.mayOwn(owner) {
		return OwnerError{s.dir, s.Path(name), owner, s.euid}
	}
	if got := info.Mode().Perm(); got&^want != 0 {
		return ModeError{s.dir, s.Path(name), got, want}
	}
	return nil
}

// mayOwn reports whether a user may own the store's files: the one who runs
// picoca, root, and under sudo the one who ran that.
func (s *Store) mayOwn(uid int) bool {
	return uid == s.euid || uid == 0 || s.euid == 0 && s.opt.User != 0 && uid == s.opt.User
}

// checkTop refuses a store's folder that others can change, or that is none.
func (s *Store) checkTop() error { return s.top().check() }
