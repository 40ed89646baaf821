// Package store keeps a certificate authority in a folder of plain files: its
// roots, their keys, and every certificate that was issued. A copy of the
// folder is a backup, and openssl reads all of it.
//
//	layout                     the number of this format: 2
//	lock                       held while anything changes
//	roots/000001-7Q3F/         cert.pem key.pem crl.pem retired.json
//	issued/NAME/000001-2026-11-21-5a3f9a0c/  cert.pem about.json key.pem
//	issued/client_STEM_HASH/... issued/ca_STEM_HASH/...  identities, delegated CAs
//	devices/NAME/FILE          what outlives a device's certificates
//	revoked/SERIAL.json        when and why
//
// The highest root that has a key and is not retired signs. key.json in place
// of key.pem means that the key is in an SSH agent; a root with neither is the
// spare, whose key is on paper. A certificate without key.pem is a device's
// that keeps its own key.
//
// Layout 1 had a single root, in root/. It is still read, and becomes layout 2
// when the lock is taken.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/osdisk"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// layout is the number of the format that this package writes.
const layout = 2

// prefix begins the names of folders of changes under way.
const prefix = ".picoca-"

// Options are what a store must know about its surroundings. The zero value
// is right for a user who runs picoca without sudo.
type Options struct {
	// User is the user for whom root runs picoca (SUDO_UID), 0 if there is
	// none: root then uses that user's store too, and the files that it makes
	// there belong to the store's owner.
	User int
	// Wrap, unless nil, stands between the store and its disk for all that is
	// done while the lock is held, except reading files. Tests let operations
	// fail there.
	Wrap func(durable.Disk) durable.Disk

	iterations int // of PBKDF2, 0 for what new keys get
}

// Store is an open store. Reading needs no lock: what exists never changes,
// except about.json and crl.pem, which are replaced whole.
type Store struct {
	dir      string
	opt      Options
	euid     int
	root     *os.Root
	disk     durable.Disk
	layout   int // 0 if there is none yet
	held     *flock.Flock
	worker   bool            // the lock is another Store's
	together osdisk.Together // of workers
	known    []Root          // as last read, nil if they must be read again
	verified verified
}

// Open opens the store in folder dir, of either layout, and writes nothing. It
// fails with ErrNoCA if there is none, with a LayoutError if a later version
// wrote it, with a ModeError or an OwnerError if others can write to it, with a
// MissingError if a part of it was lost.
func Open(dir string, opt Options) (*Store, error) {
	s, err := openDir(dir, opt)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noCA(dir, opt)
	}
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openDir opens a folder, whatever is in it.
func openDir(dir string, opt Options) (*Store, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() { // opening a pipe could take forever
		// Not ENOTDIR, which on Windows is fs.ErrNotExist.
		return nil, fault.With(FileError{dir, "is not a folder", durable.ErrNotFolder}, anotherHome)
	}
	if err != nil {
		return nil, dirFault(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, dirFault(dir, err)
	}
	return newStore(dir, opt, root, info, nil), nil
}

func newStore(dir string, opt Options, root *os.Root, info fs.FileInfo, together *osdisk.Together) *Store {
	s := &Store{dir: dir, opt: opt, euid: os.Geteuid(), root: root, verified: newVerified()}
	s.disk = osdisk.New(root, osdisk.Options{Owner: s.ownerOfNew(info), Together: together})
	if opt.Wrap != nil {
		s.disk = opt.Wrap(s.disk)
	}
	return s
}

// Worker returns a handle on the same folder for another goroutine. If s holds the
// lock, the worker may put certificates, of holders that no other goroutine puts
// any of meanwhile. Workers sync together the folders that they share. Close it
// before s.
func (s *Store) Worker() (*Store, error) {
	root, err := s.root.OpenRoot(".")
	if err != nil {
		return nil, dirFault(s.dir, err)
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(dirFault(s.dir, err), root.Close())
	}
	w := newStore(s.dir, s.opt, root, info, &s.together)
	w.layout, w.held, w.worker = s.layout, s.held, true
	return w, nil
}

func dirFault(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	what := orReason("", err)
	if errno.Is(err, syscall.ENOTDIR) {
		what = "is not a folder"
	}
	e := FileError{dir, what, bare(err)}
	if e.reason() == "" {
		return fault.With(e, anotherHome) // it was never a store: there is nothing to restore
	}
	return e
}

// anotherHome is for a place where no store can be.
var anotherHome = fault.Hintf("name another folder: --home FOLDER")

// ownerOfNew returns the user who shall own new files: under sudo the owner of
// the store. nil means that it needs no care.
func (s *Store) ownerOfNew(dir fs.FileInfo) *osdisk.Owner {
	if uid, gid := ownerOf(dir); s.euid == 0 && s.opt.User != 0 && uid == s.opt.User {
		return &osdisk.Owner{UID: uid, GID: gid}
	}
	return nil
}

// check proves that the folder holds a store. What is missing is looked for
// again, as another Create or a migration may be under way. A look that fell in
// the middle of one is followed by one that sees what was made: Create writes the
// layout before the roots.
func (s *Store) check() error {
	err := s.checkOnce()
	if errors.Is(err, ErrNoCA) {
		err = s.checkOnce()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = s.checkOnce()
	}
	if !errors.Is(err, ErrNoCA) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if restoring, _ := s.isRestoring(); restoring {
		return fault.With(fmt.Errorf("%s: %w", s.dir, ErrRestoring), fault.Hintf("wait for it, or complete it: %s", fault.Command{"restore", "FILE"}))
	}
	return err
}

func (s *Store) checkOnce() error {
	if err := s.readLayout(); errors.Is(err, fs.ErrNotExist) {
		return s.absent("layout", "roots", rootCert, rootKey)
	} else if err != nil {
		return err
	}
	if err := s.checkTop(); err != nil {
		return err
	}
	f, err := s.folder(s.rootsFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return s.absent(s.rootsFolder())
	}
	if err == nil {
		f.close()
	}
	return err
}

// absent returns ErrNoCA for a folder in which an authority never was, and a
// MissingError for a store that has lost a part: of that there are traces.
func (s *Store) absent(part string, traces ...string) error {
	for _, trace := range traces {
		if there, err := s.exists(trace); there || err != nil {
			return errors.Join(err, MissingError{Path: s.Path(part)})
		}
	}
	issued, err := s.anyIssued()
	if err != nil {
		return err
	}
	if issued {
		return MissingError{Path: s.Path(part)}
	}
	return s.noCA()
}

// readLayout reads the number of the layout, and what it fails with is a
// MissingError if there is none.
func (s *Store) readLayout() error {
	s.layout = 0
	data, err := s.read("layout", widestFile, maxLine)
	if err != nil {
		return err
	}
	s.layout, err = parseLayout(data)
	return err
}

func parseLayout(data []byte) (int, error) {
	text := strings.TrimSpace(string(data))
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > layout {
		return 0, LayoutError{text[:min(len(text), 20)]} // of any file
	}
	return n, nil
}

// Encloses reports whether dir, which need not exist, is the folder of a store
// or lies in one. A folder that cannot be looked into counts as one.
func Encloses(dir string) bool {
	at, err := filepath.Abs(dir)
	if err != nil {
		return true
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(parent, filepath.Base(at))
	}
	for {
		if mayExist(at, "layout") && (mayExist(at, "roots") || mayExist(at, "root")) {
			return true
		}
		above := filepath.Dir(at)
		if above == at {
			return false
		}
		at = above
	}
}

func mayExist(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return !errors.Is(err, fs.ErrNotExist) && !errno.Is(err, syscall.ENOTDIR) && !isNoName(err)
}

// Path returns the path of a file of the store as the user would type it.
func (s *Store) Path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Close releases the lock, if it is held, and the folder.
func (s *Store) Close() error {
	if s.held != nil && !s.worker {
		return errors.Join(s.held.Close(), s.disk.Close())
	}
	return s.disk.Close()
}

// Lock waits until no other process changes the store, then completes or sweeps
// what a crash left, and turns layout 1 into layout 2. When it has to wait for
// more than a second it calls waiting once with the process ID of the holder,
// "" if that is unknown. Close releases the lock.
func (s *Store) Lock(ctx context.Context, waiting func(holder string)) error {
	if err := s.lock(ctx, waiting); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	return s.migrate()
}

// lock takes the lock, and recovers.
func (s *Store) lock(ctx context.Context, waiting func(holder string)) error {
	if err := ctx.Err(); err != nil { // before a lock file is left for nothing
		return fmt.Errorf("lock: %w", err)
	}
	if err := s.makeLock(); err != nil {
		return err
	}
	lock := flock.New(s.Path("lock"), flock.SetPermissions(0o600))
	if err := s.wait(ctx, lock, waiting); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	s.held, s.known = lock, nil
	s.writeHolder()
	return s.named(durable.Recover(s.disk, prefix, "."))
}

// makeLock makes the lock file through the store's own folder: package flock
// opens it by its path, which would follow a link out of the store.
func (s *Store) makeLock() error {
	info, err := s.lstat("lock")
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fault.With(s.fault("lock", ErrNotRegular), fault.Hintf("move it away: the same command then makes a new one"))
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return s.fault("lock", err)
	}
	file, err := s.disk.Create("lock", 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	if err != nil {
		return s.named(err)
	}
	// Whatever the umask: a file of mode 0 would block every later run.
	return s.named(errors.Join(file.Close(), s.root.Chmod("lock", 0o600)))
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

// writeHolder puts the process ID into the lock file, as a courtesy to those who
// wait; Windows forbids it while the lock is held. The file is not emptied first:
// ext4 would begin to write it to the disk at once. So all IDs get one width.
func (s *Store) writeHolder() {
	if file, err := s.root.OpenFile("lock", os.O_WRONLY, 0); err == nil {
		fmt.Fprintf(file, "%-20d\n", os.Getpid())
		file.Close()
	}
}

// holder returns the process ID in the lock file, which may hold anything.
func (s *Store) holder() string {
	data, _ := s.read("lock", widestPrivate, maxLine)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && pid > 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// publish makes a folder appear with all of its files.
func (s *Store) publish(dir string, files []durable.File) error {
	s.known = nil
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, files)
	if err != nil {
		return s.named(err)
	}
	return s.named(staged.Publish(dir))
}

// replace puts files, named by their paths, into existing folders in one step.
func (s *Store) replace(files ...durable.File) error {
	if s.held == nil {
		return ErrUnlocked
	}
	s.known = nil
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, files)
	if err != nil {
		return s.named(err)
	}
	return s.named(staged.Replace())
}

// makeFolders makes folders for good. One that exists already may come from a
// process that was killed before it had synced it.
func (s *Store) makeFolders(dirs ...string) error {
	if err := s.mkdirs(dirs...); err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := s.disk.SyncDir(path.Dir(dir)); err != nil {
			return s.named(err)
		}
	}
	return nil
}

// mkdirs makes folders that are not yet synced.
func (s *Store) mkdirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := s.disk.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return s.named(err)
		}
	}
	return nil
}

// numbered lists the folders in a folder whose names begin with a number, in
// the order of their numbers.
func (f folder) numbered() ([]string, error) {
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return number(name) == 0 })
	slices.SortFunc(names, byNumber)
	kept := names[:0]
	for _, name := range names {
		isFolder, err := f.isFolder(name)
		if err != nil {
			return nil, err
		}
		if isFolder {
			kept = append(kept, name)
		}
	}
	return kept, nil
}

func byNumber(x, y string) int {
	if d := number(x) - number(y); d != 0 {
		return d
	}
	return strings.Compare(x, y)
}

// maxDigits bounds a folder's number.
const maxDigits = 12

// number returns the number that a folder of the store begins with, 0 for
// anything else. Its six digits keep the folders in order where people look.
func number(name string) int {
	digits, _, dash := strings.Cut(name, "-")
	if !dash || len(digits) < 6 || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	n, _ := strconv.Atoi(digits)
	return n
}

// next returns the number after the last, or an error if a user made up a
// folder with the highest that there can be.
func next(last int) (int, error) {
	if len(strconv.Itoa(last+1)) > maxDigits {
		return 0, fmt.Errorf("folder number %d has no successor", last)
	}
	return last + 1, nil
}
