// Package store keeps a certificate authority in a folder of plain files: the
// root, its key, and every certificate that was issued. A copy of the folder
// is a backup, and openssl reads all of it.
//
//	layout                     the number of this format
//	lock                       held while anything changes
//	root/cert.pem root/key.pem
//	issued/NAME/000001-2026-11-21-5a3f9a0c/cert.pem key.pem about.json
//	issued/client_LABEL_0123456789abcdef/...  the same for a client identity
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/picoca/picoca/internal/durable"
)

// layout is the number of the format that this package writes.
const layout = 1

// prefix begins the names of folders of changes under way.
const prefix = ".picoca-"

var (
	// ErrNoCA says that the folder holds no certificate authority.
	ErrNoCA = errors.New("no certificate authority")
	// ErrForeign says that a folder holds something else than a store.
	ErrForeign = errors.New("folder is not empty and is not a store of picoca")
	// ErrNotRegular says that a link or a device stands where a file should: to
	// open a pipe could take for ever.
	ErrNotRegular = errors.New("not a regular file")
)

// LayoutError says that a store has a format of a later version, or none.
type LayoutError struct{ Have string }

func (e LayoutError) Error() string {
	return fmt.Sprintf("layout: have %q, want at most %d", e.Have, layout)
}

// ModeError says that others than its owner can read or change a file that is
// the owner's alone.
type ModeError struct {
	Path       string
	Have, Want fs.FileMode
}

func (e ModeError) Error() string {
	return fmt.Sprintf("%s has mode %04o, wider than %04o", e.Path, e.Have, e.Want)
}

// MissingError says that a file or folder of the store is gone. It is
// fs.ErrNotExist.
type MissingError struct {
	Path   string
	Device string // whose certificate it belongs to, "" for the root and clients
}

func (e MissingError) Error() string { return e.Path + " is missing" }

func (e MissingError) Unwrap() error { return fs.ErrNotExist }

// DamagedError says that a file of the store is not what was written.
type DamagedError struct {
	Path, What string
	Device     string // as in MissingError
	cause      error
}

func (e DamagedError) Error() string { return e.Path + " " + e.What }

// Unwrap returns ErrNoKey or ErrOtherKey for the key of a certificate.
func (e DamagedError) Unwrap() error { return e.cause }

// Store is an open store. Reading needs no lock: what is there never changes.
type Store struct {
	dir  string
	disk Disk
	held *flock.Flock
}

// Open opens the store in folder dir. It fails with ErrNoCA if there is none,
// with a LayoutError if it is of a later version, with a ModeError if others
// can write to it, with a MissingError if a part of it was lost.
func Open(dir string) (*Store, error) {
	s, err := openFolder(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noCA(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openFolder(dir string) (*Store, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() { // to open a pipe could take for ever
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, disk: Disk{root}}, nil
}

func (s *Store) check() error {
	if err := s.checkLayout(); err != nil {
		return err
	}
	if _, err := s.disk.Lstat("root"); errors.Is(err, fs.ErrNotExist) {
		return s.absent("root", "issued")
	}
	for _, dir := range []string{".", "root"} {
		if err := s.checkFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

func noCA(dir string) error { return fmt.Errorf("%w in %s", ErrNoCA, dir) }

// absent tells a folder in which no authority ever was from a store that has
// lost a part: of that there are traces.
func (s *Store) absent(part string, traces ...string) error {
	for _, trace := range traces {
		if _, err := s.disk.Lstat(filepath.FromSlash(trace)); err == nil {
			return MissingError{Path: s.Path(part)}
		}
	}
	for _, err := range s.All(true) {
		if err == nil {
			return MissingError{Path: s.Path(part)}
		}
	}
	return noCA(s.dir)
}

func (s *Store) checkLayout() error {
	data, err := s.read("layout", widestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s.absent("layout", rootCert, rootKey)
	}
	if err != nil {
		return err
	}
	return parseLayout(data)
}

func parseLayout(data []byte) error {
	have := strings.TrimSpace(string(data))
	if n, err := strconv.Atoi(have); err != nil || n < 1 || n > layout {
		return LayoutError{have[:min(len(have), 20)]} // of whatever file that is
	}
	return nil
}

// Encloses reports whether dir, which need not be there, is the folder of a
// store or lies in one.
func Encloses(dir string) bool {
	at, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(parent, filepath.Base(at))
	}
	for {
		if isThere(filepath.Join(at, "layout")) && isThere(filepath.Join(at, "root")) {
			return true
		}
		above := filepath.Dir(at)
		if above == at {
			return false
		}
		at = above
	}
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Path returns the path of a file of the store as the user would type it.
func (s *Store) Path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Close releases the lock, if it is held, and the folder.
func (s *Store) Close() error {
	if s.held != nil {
		return errors.Join(s.held.Close(), s.disk.Close())
	}
	return s.disk.Close()
}

// Lock waits until nobody else changes the store, then completes or sweeps
// what a crash left. When it has to wait for more than a second it calls
// waiting once with the process ID of the holder, "" if that is unknown.
// Close releases the lock.
func (s *Store) Lock(ctx context.Context, waiting func(holder string)) error {
	// It is opened by its path, which would follow a link out of the store.
	if info, err := s.disk.Lstat("lock"); err == nil && !info.Mode().IsRegular() {
		return s.fault("lock", ErrNotRegular)
	}
	lock := flock.New(s.Path("lock"), flock.SetPermissions(0o600))
	if err := s.wait(ctx, lock, waiting); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	s.held = lock
	// A courtesy to whoever waits; Windows forbids it while the lock is held.
	_ = s.disk.WriteFile("lock", []byte(strconv.Itoa(os.Getpid())), 0o600)
	return s.named(durable.Recover(s.disk, prefix, "."))
}

func (s *Store) wait(ctx context.Context, lock *flock.Flock, waiting func(holder string)) error {
	const again = 5 * time.Millisecond
	second, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := lock.TryLockContext(second, again)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		waiting(s.holder())
		_, err = lock.TryLockContext(ctx, again)
	}
	return err
}

// holder returns the process ID in the lock file, which anything could be in.
func (s *Store) holder() string {
	data, _ := s.read("lock", 0o600)
	if pid, err := strconv.Atoi(string(data)); err == nil && pid > 0 {
		return strconv.Itoa(pid)
	}
	return ""
}
