package store

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/durable"
)

// The files of the root.
const (
	rootCert = "root/cert.pem"
	rootKey  = "root/key.pem"
)

// Create puts a new authority into folder dir, which is made if need be, its
// key encrypted under passphrase unless that is empty. Otherwise it fails and
// leaves what stood there: with fs.ErrExist if there is an authority already,
// with ErrForeign if there is something else.
func Create(ctx context.Context, dir string, cert *x509.Certificate, key crypto.Signer, passphrase []byte, waiting func(holder string)) (err error) {
	if err := Vacant(dir); err != nil {
		return err
	}
	keyPEM, err := sealKey(key, passphrase)
	if err != nil {
		return err
	}
	made, err := makeFolder(dir)
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	if err != nil {
		return err
	}
	s, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && slices.Contains(made, filepath.Clean(dir)) {
			s.removeNew()
		}
		err = errors.Join(err, s.Close())
	}()
	if err := s.Lock(ctx, waiting); err != nil {
		return err
	}
	return s.create(certificatePEM(cert), keyPEM)
}

// makeFolder makes dir and the folders above it that are missing, for good. It
// returns those that it made, also when it fails.
func makeFolder(dir string) (made []string, err error) {
	missing := missingFolders(dir)
	for _, name := range slices.Backward(missing) {
		if err := os.Mkdir(name, 0o700); err == nil {
			made = append(made, name)
		} else if !errors.Is(err, fs.ErrExist) {
			return made, err
		}
	}
	for _, name := range missing {
		if err := syncFolder(filepath.Dir(name)); err != nil {
			return made, err
		}
	}
	return made, nil
}

// removeEmpty removes the folders that a Create which failed has made, unless
// somebody put something there since.
func removeEmpty(made []string) {
	for _, name := range slices.Backward(made) {
		_ = os.Remove(name)
	}
}

// missingFolders returns dir and the folders above it that are not there, the
// lowest first.
func missingFolders(dir string) []string {
	var missing []string
	for at := filepath.Clean(dir); at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, at)
	}
	return missing
}

func syncFolder(dir string) error {
	s, err := openFolder(dir)
	if err != nil {
		return err
	}
	return errors.Join(s.disk.SyncDir("."), s.Close())
}

// removeNew removes the folder of a store that did not come to be. Without the
// lock, or with a root, it is another Create's, and stays.
func (s *Store) removeNew() {
	if _, err := s.disk.Lstat("root"); err == nil {
		return
	}
	if s.held != nil {
		_ = errors.Join(s.disk.Remove("layout"), s.disk.Remove("lock"))
	}
	_ = os.Remove(s.dir)
}

func (s *Store) create(certPEM, keyPEM []byte) error {
	if err := s.checkLayout(); errors.Is(err, ErrNoCA) {
		if err := s.writeLayout(); err != nil {
			return s.named(err)
		}
	} else if err != nil {
		return err
	}
	return s.named(s.publish("root", []durable.File{
		{Name: "cert.pem", Data: certPEM, Mode: 0o644},
		{Name: "key.pem", Data: keyPEM, Mode: 0o600},
	}))
}

func (s *Store) writeLayout() error {
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, []durable.File{
		{Name: "layout", Data: fmt.Appendln(nil, layout), Mode: 0o600},
	})
	if err != nil {
		return err
	}
	return staged.Replace()
}

func (s *Store) publish(dir string, files []durable.File) error {
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, files)
	if err != nil {
		return err
	}
	return staged.Publish(dir)
}

// Vacant reports whether Create may put an authority into dir: nil if so,
// fs.ErrExist if one is there, ErrForeign if something else is, a ModeError if
// others can write to it, or a MissingError if one is there that lost a part.
func Vacant(dir string) error {
	// Listed before it is opened: what another Create makes in between is an
	// authority, and nothing foreign.
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := Open(dir)
	if err == nil {
		return errors.Join(s.Close(), &fs.PathError{Op: "create", Path: dir, Err: fs.ErrExist})
	}
	if !errors.Is(err, ErrNoCA) {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if name != "lock" && name != "layout" && !strings.HasPrefix(name, prefix) {
			return fmt.Errorf("%s: %w", dir, ErrForeign)
		}
	}
	if s, err = openFolder(dir); err != nil {
		return err
	}
	return errors.Join(s.checkFolder("."), s.Close())
}

// RootCertificate returns the certificate of the root.
func (s *Store) RootCertificate() (*x509.Certificate, error) {
	return s.certificate(rootCert)
}

// RootKeySealed reports whether RootKey needs a passphrase.
func (s *Store) RootKeySealed() (bool, error) {
	data, err := s.private(rootKey)
	return bytes.Contains(data, []byte("ENCRYPTED PRIVATE KEY")), err
}

// RootKey returns the root's key. It fails with ErrNoKey, ErrPassphrase, or a
// ModeError if others can read the file.
func (s *Store) RootKey(passphrase []byte) (crypto.Signer, error) {
	return s.key(rootKey, passphrase)
}

func (s *Store) key(name string, passphrase []byte) (crypto.Signer, error) {
	data, err := s.private(name)
	if err != nil {
		return nil, err
	}
	key, err := openKey(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path(name), err)
	}
	return key, nil
}

func certificatePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func (s *Store) certificate(name string) (*x509.Certificate, error) {
	data, err := s.read(name, widestFile)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, s.damaged(name, "has no certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, s.damaged(name, "is damaged: "+err.Error())
	}
	return cert, nil
}

// private reads a file that only its owner may read.
func (s *Store) private(name string) ([]byte, error) { return s.read(name, 0o600) }
