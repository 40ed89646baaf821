package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// NewRoot is a root to be stored.
type NewRoot struct {
	Certificate *x509.Certificate
	// Key is nil for the spare, and for a key in an SSH agent.
	Key        crypto.Signer
	Passphrase []byte // empty: the key is not encrypted
	// EncryptedKey is the key as PKCS#8 in DER that is stored as it is, under a
	// passphrase which is not known. Whether it is the certificate's is seen only
	// when it is opened.
	EncryptedKey []byte
	// Agent describes the key in an SSH agent, nil if it is not in one.
	Agent *AgentKey
	// CRL is the root's first certificate revocation list, in DER.
	CRL []byte
}

// Create puts a new authority with these roots, which get the numbers from 1
// on, into folder dir, which is made if need be. Otherwise it fails and leaves
// what exists: with fs.ErrExist if there is an authority already, with
// ErrForeign if there is something else.
func Create(ctx context.Context, dir string, opt Options, roots []NewRoot, waiting func(holder string)) error {
	if err := Vacant(dir, opt); err != nil {
		return err
	}
	var files []durable.File
	for i, root := range roots {
		rootFiles, err := root.files(rootID(i+1, root.Certificate), opt)
		if err != nil {
			return err
		}
		files = append(files, rootFiles...)
	}
	return inNewDir(ctx, dir, opt, waiting, func(s *Store) error { return s.create(files) })
}

// inNewDir makes a store in folder dir, which is made if need be, while the lock
// is held. After a failure it removes what it has made.
func inNewDir(ctx context.Context, dir string, opt Options, waiting func(holder string), create func(*Store) error) (err error) {
	made, err := makeDir(dir)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return notMade(dir, dirFault(dir, err))
	}
	s, err := openDir(dir, opt)
	if err != nil {
		return notMade(dir, err)
	}
	defer func() {
		vacant := err != nil && slices.Contains(made, filepath.Clean(dir)) && s.removeNew()
		err = errors.Join(err, s.Close())
		if vacant && runtime.GOOS == "windows" {
			// Only now: it does not remove what is open. That also keeps another
			// Create's lock.
			_ = os.Remove(s.Path("lock"))
		}
	}()
	if err := s.lock(ctx, waiting); err != nil {
		return err
	}
	return create(s)
}

// notMade is the error for a folder that could not be made or opened. It is never
// fs.ErrNotExist, which would stand for a store that is yet to be made: the folder
// is a link that leads nowhere, or in a place such as /proc.
func notMade(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(dir+" cannot be made: "+bare(err).Error(), anotherHome)
	}
	return err
}

// makeDir makes dir and the folders above it that are missing, for good. It
// returns those that it made, also when it fails.
func makeDir(dir string) (made []string, err error) {
	missing, err := missingDirs(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(missing) {
		err := os.Mkdir(name, 0o700)
		if err == nil {
			made = append(made, name)
			err = os.Chmod(name, 0o700) // any umask
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return made, err
		}
	}
	for _, name := range missing {
		if err := syncDir(filepath.Dir(name)); err != nil {
			return made, err
		}
	}
	return made, nil
}

// removeEmpty removes the folders that a Create which failed has made, unless
// something was put there since.
func removeEmpty(made []string) {
	for _, name := range slices.Backward(made) {
		_ = os.Remove(name)
	}
}

// missingDirs returns dir and the folders above it that do not exist, the
// lowest first.
func missingDirs(dir string) (missing []string, err error) {
	for at := filepath.Clean(dir); at != filepath.Dir(at); at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, at)
	}
	return missing, nil
}

func syncDir(dir string) error {
	s, err := openDir(dir, Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.disk.SyncDir("."), s.Close())
}

// removeNew removes the folder of a store that did not come to be, and reports
// whether it tried. Without the lock, or with roots, it is another Create's, and
// stays; so does a restore that can be completed.
func (s *Store) removeNew() bool {
	restoring, err := s.isRestoring()
	if restoring || err != nil {
		return false
	}
	for _, roots := range []string{"roots", "root"} { // of either layout
		if there, err := s.exists(roots); there || err != nil {
			return false
		}
	}
	if s.held != nil {
		_ = errors.Join(s.disk.Remove("layout"), s.disk.Remove("lock"))
	}
	_ = os.Remove(s.dir)
	return true
}

// create needs the lock. The layout comes first: roots without one would be a
// store that has lost a part.
func (s *Store) create(files []durable.File) error {
	if err := s.check(); !errors.Is(err, ErrNoCA) {
		return errors.Join(err, existing(s.dir, err))
	}
	if s.layout != layout {
		if err := s.writeLayout(); err != nil {
			return err
		}
	}
	return s.publish("roots", files)
}

// existing is fs.ErrExist when there is a store without a fault.
func existing(dir string, err error) error {
	if err != nil {
		return nil
	}
	return fault.With(&fs.PathError{Op: "create", Path: dir, Err: fs.ErrExist},
		fault.Hintf("use the existing CA: %s; or name another folder with --home", fault.Command{"list"}))
}

func (s *Store) writeLayout() error {
	return s.replace(durable.File{Name: "layout", Data: fmt.Appendln(nil, layout), Mode: 0o600})
}

// Vacant reports whether Create may put an authority into dir: nil if so,
// fs.ErrExist if one is there, ErrForeign if something else is, a ModeError or
// an OwnerError if others can write to it, or a MissingError if one is there
// that lost a part.
func Vacant(dir string, opt Options) error {
	// Listed before it is opened: what another Create makes in between is an
	// authority, and nothing foreign.
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return dirFault(dir, err)
	}
	s, err := openDir(dir, opt)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.check(); !errors.Is(err, ErrNoCA) {
		return errors.Join(err, existing(dir, err))
	}
	for _, entry := range entries {
		name := entry.Name()
		if name != "lock" && name != "layout" && !strings.HasPrefix(name, prefix) {
			return fault.With(fmt.Errorf("%s: %w", dir, ErrForeign), fault.Hintf("name an empty folder, or one that does not exist, with --home"))
		}
	}
	return s.checkTop()
}
