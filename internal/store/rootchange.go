package store

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// files returns the files of a new root, in a folder of its own name, after
// proving that they will be read again.
func (r NewRoot) files(id string, opt Options) ([]durable.File, error) {
	if err := ca.VerifyRoot(r.Certificate); err != nil {
		return nil, err
	}
	files := []durable.File{{Name: path.Join(id, "cert.pem"), Data: ca.CertificatePEM(r.Certificate), Mode: 0o644}}
	keyPEM, err := r.keyPEM(opt)
	if err != nil {
		return nil, err
	}
	if keyPEM != nil {
		files = append(files, durable.File{Name: path.Join(id, "key.pem"), Data: keyPEM, Mode: 0o600})
	}
	if r.Agent != nil {
		files = append(files, durable.File{Name: path.Join(id, "key.json"), Data: encodeJSON(r.Agent), Mode: 0o644})
	}
	if r.CRL != nil {
		if _, err := parseCRL(r.CRL, r.Certificate); err != nil {
			return nil, fmt.Errorf("CRL: %w", err)
		}
		files = append(files, durable.File{Name: path.Join(id, "crl.pem"), Data: crlPEM(r.CRL), Mode: 0o644})
	}
	return files, nil
}

// keyPEM returns the root's key file, nil if its key is elsewhere.
func (r NewRoot) keyPEM(opt Options) ([]byte, error) {
	switch {
	case r.EncryptedKey != nil:
		return pem.EncodeToMemory(&pem.Block{Type: encryptedLabel, Bytes: r.EncryptedKey}), checkCost(r.EncryptedKey)
	case r.Key == nil:
		return nil, nil
	case !ca.KeyMatches(r.Certificate, r.Key.Public()):
		return nil, ErrOtherKey
	}
	return encryptKey(r.Key, r.Passphrase, opt.iterations)
}

func crlPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// AddRoot stores a further root under the next number, completely or not at
// all. The lock must be held. It fails with ErrSameKey if the store has a root
// with that key, unless that is the spare and this its certificate with its
// key.
func (s *Store) AddRoot(root NewRoot) (Root, error) {
	if s.held == nil {
		return Root{}, ErrUnlocked
	}
	roots, err := s.roots()
	if err != nil {
		return Root{}, err
	}
	last := 0
	for _, other := range roots {
		last = max(last, other.Number)
		isSpare := other.Key == KeyElsewhere && (root.Key != nil || root.EncryptedKey != nil || root.Agent != nil) && other.Certificate.Equal(root.Certificate)
		if ca.KeyMatches(other.Certificate, root.Certificate.PublicKey) && !isSpare {
			return Root{}, fault.With(fmt.Errorf("root %s: %w", other.ID, ErrSameKey), fault.Hintf("a new root needs a new key"))
		}
	}
	if last, err = next(last); err != nil {
		return Root{}, err
	}
	id := rootID(last, root.Certificate)
	files, err := root.files(".", s.opt)
	if err != nil {
		return Root{}, err
	}
	if err := s.publish(path.Join("roots", id), files); err != nil {
		return Root{}, err
	}
	// Nothing is read that could fail: an error means that nothing was added.
	return root.stored(id, last), nil
}

// stored returns the root as it will be read.
func (r NewRoot) stored(id string, number int) Root {
	stored := Root{ID: id, Number: number, Certificate: r.Certificate, Key: KeyElsewhere}
	switch {
	case r.Key != nil, r.EncryptedKey != nil:
		stored.Key = KeyFile
	case r.Agent != nil:
		stored.Key = KeyAgent
	}
	if r.CRL != nil {
		stored.CRL, _ = x509.ParseRevocationList(r.CRL) // files checked it
	}
	return stored
}

// NewCRL is a certificate revocation list of a root, in DER.
type NewCRL struct {
	Root Root
	DER  []byte
}

// PutCRL replaces a root's CRL. The lock must be held. It fails if the list is
// not signed by the root, or if its number is not higher than the last.
func (s *Store) PutCRL(root Root, der []byte) error {
	file, err := s.crlFile(NewCRL{root, der})
	if err != nil {
		return err
	}
	return s.replace(file)
}

func (s *Store) crlFile(crl NewCRL) (durable.File, error) {
	current, err := s.readRoot(crl.Root.ID)
	if err != nil {
		return durable.File{}, err
	}
	list, err := parseCRL(crl.DER, current.Certificate)
	if err != nil {
		return durable.File{}, fmt.Errorf("CRL: %w", err)
	}
	if current.CRL != nil && current.CRL.Number != nil && (list.Number == nil || list.Number.Cmp(current.CRL.Number) <= 0) {
		return durable.File{}, fmt.Errorf("CRL number %v is not higher than the last, %v", list.Number, current.CRL.Number)
	}
	return durable.File{Name: path.Join("roots", crl.Root.ID, "crl.pem"), Data: crlPEM(crl.DER), Mode: 0o644}, nil
}

// Retire ends a root: it signs nothing any more. The lock must be held.
func (s *Store) Retire(root Root, at time.Time) error {
	return s.replace(durable.File{
		Name: path.Join("roots", root.ID, "retired.json"), Data: encodeJSON(retirement{at.UTC().Truncate(time.Second)}), Mode: 0o644,
	})
}

// ChangePassphrase encrypts the key files of all roots under another
// passphrase, none if it is empty, in one durable step. The lock must be held.
// A retired root's key that cannot be opened is left as it is; any other fails
// the whole change, with ErrPassphrase or a DamagedError.
func (s *Store) ChangePassphrase(old, passphrase []byte) error {
	if s.held == nil {
		return ErrUnlocked
	}
	roots, err := s.roots()
	if err != nil {
		return err
	}
	var files []durable.File
	for _, root := range roots {
		if root.Key != KeyFile {
			continue
		}
		key, err := s.RootKey(root, old)
		if err != nil && root.Retired != nil {
			continue
		}
		if err != nil {
			return err
		}
		keyPEM, err := encryptKey(key, passphrase, s.opt.iterations)
		if err != nil {
			return err
		}
		if _, err := s.openRootKey(root, keyPEM, passphrase); err != nil {
			return err
		}
		files = append(files, durable.File{Name: path.Join("roots", root.ID, "key.pem"), Data: keyPEM, Mode: 0o600})
	}
	if len(files) == 0 {
		return nil
	}
	return s.replace(files...)
}
