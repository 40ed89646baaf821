package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/picoca/picoca/internal/export"
)

// picture is where the QR code is saved to; nil if nowhere.
type picture struct {
	*destination
	name  string
	force bool // replace what has the name
}

// openPicture proves that the code can be saved as that file, if it has a name,
// before anything is asked for or signed.
func (a *app) openPicture(ctx context.Context, name string, root *x509.Certificate, force bool) (*picture, error) {
	if name == "" {
		return nil, nil
	}
	if os.IsPathSeparator(name[len(name)-1]) {
		return nil, inTheWayError{name, "is a folder", false}
	}
	d, err := openDestination(filepath.Dir(name), root, true)
	if err != nil {
		return nil, err
	}
	p := &picture{d, filepath.Base(name), force}
	if err := p.check(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if err := a.locked(ctx, p.prepare); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// locked does something that would sweep what another picoca has under way. The
// lock is not held while the phone is served.
func (a *app) locked(ctx context.Context, do func() error) (err error) {
	s, err := a.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := lockForOutput(ctx, s, a.waiting); err != nil {
		return err
	}
	return do()
}

func (p *picture) check() error {
	if p.force {
		return p.replaceable(p.file(nil))
	}
	return p.vacant(p.file(nil))
}

func (p *picture) file(data []byte) []export.File { return []export.File{{Name: p.name, Data: data}} }

// write saves the picture. It looks again first: the passphrase may have taken
// hours.
func (p *picture) write(data []byte) error {
	for _, step := range []func() error{p.check, p.prepare, func() error { return p.stage(p.file(data)) }, p.commit} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *picture) close() error {
	if p == nil {
		return nil
	}
	return p.destination.close()
}

// pictureError says why the code cannot be saved. The flag for its place is not
// that of other files.
type pictureError struct{ error }

func (e pictureError) Unwrap() error { return e.error }

func hintPicture(e pictureError) string {
	const another = "choose another file with --png"
	if way, ok := errors.AsType[inTheWayError](e); ok && way.replaceable {
		return another + ", or replace this one with --force"
	}
	for _, fault := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.EROFS, syscall.ENOTDIR} {
		if errors.Is(e, fault) {
			return another
		}
	}
	if isA[inTheWayError](e) || isA[inStoreError](e) {
		return another
	}
	return ""
}
