package store

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/durable"
)

// About is what a list tells of an issued certificate. It is written with the
// certificate and never changed.
type About struct {
	Name      string    `json:"name"`
	Names     []string  `json:"names"`
	Board     string    `json:"board"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

// Issued is the place of one certificate in the store, as
// "issued/pico.local/000001-2026-11-21-5a3f9a0c".
type Issued struct{ place string }

// ErrNotIssued says that no certificate was issued for a name.
var ErrNotIssued = errors.New("no certificate was issued for this name")

// FolderName returns the name of a folder for a device: a wildcard's star and
// an address's colons, which some file systems refuse, become underscores,
// which no name has.
func FolderName(name string) string { return strings.NewReplacer("*", "_", ":", "_").Replace(name) }

func folder(name string) string { return path.Join("issued", FolderName(name)) }

// Latest returns the newest certificate of a name, or ErrNotIssued.
func (s *Store) Latest(name string) (Issued, error) {
	all, err := s.certificates(folder(name))
	if err != nil {
		return Issued{}, err
	}
	if len(all) == 0 {
		return Issued{}, ErrNotIssued
	}
	return Issued{path.Join(folder(name), all[len(all)-1])}, nil
}

// certificates returns the folders of a name's certificates, ordered by
// number; none if there is no such name. Anything else there is the user's.
func (s *Store) certificates(dir string) ([]string, error) {
	entries, err := s.disk.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []string
	for _, entry := range entries {
		if entry.IsDir() && number(entry.Name()) > 0 {
			all = append(all, entry.Name())
		}
	}
	slices.SortStableFunc(all, func(x, y string) int { return number(x) - number(y) })
	return all, nil
}

// number returns the number that a certificate's folder begins with, 0 for
// anything else. Its six digits keep the folders in order where people look.
func number(name string) int {
	digits, _, dash := strings.Cut(name, "-")
	if !dash || len(digits) < 6 || strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	n, _ := strconv.Atoi(digits[:min(len(digits), 18)])
	return n
}

// Put adds a certificate, under the next number of its name, so that it and
// its key are there for good, or not at all. The lock must be held. It fails
// with ErrOtherKey if key is not the certificate's.
func (s *Store) Put(about About, cert *x509.Certificate, key crypto.Signer) (Issued, error) {
	if err := about.check(); err != nil {
		return Issued{}, err
	}
	if !isKeyOf(key, cert) {
		return Issued{}, ErrOtherKey
	}
	keyPEM, err := sealKey(key, nil)
	if err != nil {
		return Issued{}, err
	}
	dir := folder(about.Name)
	description, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return Issued{}, err
	}
	next, err := s.nextNumber(dir)
	if err != nil {
		return Issued{}, err
	}
	place := fmt.Sprintf("%s/%06d-%s-%s", dir, next, cert.NotBefore.UTC().Format(time.DateOnly), fmt.Sprintf("%032x", cert.SerialNumber)[:8])
	return Issued{place}, s.publish(place, []durable.File{
		{Name: "cert.pem", Data: certificatePEM(cert), Mode: 0o644},
		{Name: "key.pem", Data: keyPEM, Mode: 0o600},
		{Name: "about.json", Data: append(description, '\n'), Mode: 0o644},
	})
}

// nextNumber returns the number of the next certificate in a name's folder,
// which it makes for the first.
func (s *Store) nextNumber(dir string) (int, error) {
	all, err := s.certificates(dir)
	if err != nil {
		return 0, err
	}
	if len(all) > 0 {
		return number(all[len(all)-1]) + 1, nil
	}
	for _, dir := range []string{"issued", dir} {
		if err := s.disk.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
		// One that is there without a certificate may come from a process that
		// was killed before it came to this.
		if err := s.disk.SyncDir(path.Dir(dir)); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

// Certificate returns the certificate itself.
func (s *Store) Certificate(i Issued) (*x509.Certificate, error) {
	return s.certificate(path.Join(i.place, "cert.pem"))
}

// Key returns the certificate's key. It fails with ErrNoKey, ErrOtherKey, or a
// ModeError if others can read the file.
func (s *Store) Key(i Issued) (crypto.Signer, error) {
	name := path.Join(i.place, "key.pem")
	key, err := s.key(name, nil)
	if err != nil {
		return nil, err
	}
	cert, err := s.Certificate(i)
	if err != nil {
		return nil, err
	}
	// Damaged bytes can be another key: a P-256 key is any 32 of them.
	if !isKeyOf(key, cert) {
		return nil, fmt.Errorf("%s: %w", s.Path(name), ErrOtherKey)
	}
	return key, nil
}

func isKeyOf(key crypto.Signer, cert *x509.Certificate) bool {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(cert.PublicKey)
}

// Place returns the folder of a certificate, relative to the store's.
func (i Issued) Place() string { return i.place }

// About returns what is known of a certificate.
func (s *Store) About(i Issued) (About, error) {
	name := path.Join(i.place, "about.json")
	data, err := s.disk.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return About{}, err
	}
	about, err := parseAbout(data)
	if err != nil {
		return About{}, fmt.Errorf("%s: %w", s.Path(name), err)
	}
	return about, nil
}

func parseAbout(data []byte) (About, error) {
	var about About
	if err := json.Unmarshal(data, &about); err != nil {
		return About{}, err
	}
	if err := about.check(); err != nil {
		return About{}, err
	}
	return about, nil
}

// check holds the names against what a folder can be called.
func (a About) check() error {
	name := FolderName(a.Name)
	if name != path.Base(name) || strings.Trim(name, ".") == "" || !slices.Contains(a.Names, a.Name) {
		return fmt.Errorf("name %q is no name of a certificate for %q", a.Name, a.Names)
	}
	return nil
}

// All yields every certificate in the store, or the newest of each name,
// ordered by folder and number. It ends at the first error.
func (s *Store) All(newestOnly bool) iter.Seq2[About, error] {
	return func(yield func(About, error) bool) {
		names, err := s.disk.ReadDir("issued")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(About{}, err)
			return
		}
		for _, name := range names {
			if name.IsDir() && !s.ofName(path.Join("issued", name.Name()), newestOnly, yield) {
				return
			}
		}
	}
}

func (s *Store) ofName(dir string, newestOnly bool, yield func(About, error) bool) bool {
	all, err := s.certificates(dir)
	if err != nil {
		yield(About{}, err)
		return false
	}
	if newestOnly && len(all) > 1 {
		all = all[len(all)-1:]
	}
	for _, name := range all {
		about, err := s.About(Issued{path.Join(dir, name)})
		if !yield(about, err) || err != nil {
			return false
		}
	}
	return true
}
