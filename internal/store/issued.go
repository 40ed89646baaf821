package store

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
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
	// Name is the device's own name, or a client identity's label.
	Name string `json:"name"`
	// Kind is KindClient for a client identity, "" for a device.
	Kind  string   `json:"kind,omitempty"`
	Names []string `json:"names"`
	Board string   `json:"board"`
	// Firmware is the release that the files were made for, "" for all of the
	// board's.
	Firmware  string    `json:"firmware,omitempty"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

// KindClient is the kind of a client identity.
const KindClient = "client"

// Issued is the place of one certificate in the store, as
// "issued/pico.local/000001-2026-11-21-5a3f9a0c".
type Issued struct{ place string }

// ErrNotIssued says that no certificate was issued for a name.
var ErrNotIssued = errors.New("no certificate was issued for this name")

// FolderName returns the name of a folder for a device: a wildcard's star and
// an address's colons, which some file systems refuse, become underscores,
// which no name has.
func FolderName(name string) string { return strings.NewReplacer("*", "_", ":", "_").Replace(name) }

// deviceOf returns the device that a file of the store belongs to, "" if it is
// the root's or a client identity's.
func deviceOf(name string) string {
	below, ok := strings.CutPrefix(name, "issued/")
	folder, _, _ := strings.Cut(below, "/")
	if !ok || strings.HasPrefix(folder, clientPrefix) {
		return ""
	}
	if rest, ok := strings.CutPrefix(folder, "_."); ok {
		return "*." + rest
	}
	return strings.ReplaceAll(folder, "_", ":")
}

func folder(name string) string { return path.Join("issued", FolderName(name)) }

func (a About) folder() string {
	if a.Kind == KindClient {
		return clientFolder(a.Name)
	}
	return folder(a.Name)
}

// Latest returns the newest certificate of a name, or ErrNotIssued.
func (s *Store) Latest(name string) (Issued, error) { return s.latest(folder(name)) }

// LatestClient returns the newest certificate of the client identity with a
// label, or ErrNotIssued.
func (s *Store) LatestClient(label string) (Issued, error) { return s.latest(clientFolder(label)) }

func (s *Store) latest(dir string) (Issued, error) {
	last, err := s.lastEntry(dir)
	if err != nil {
		return Issued{}, err
	}
	if last == "" {
		return Issued{}, ErrNotIssued
	}
	return Issued{path.Join(dir, last)}, nil
}

// lastEntry returns the certificate with the highest number in a name's
// folder, "" if there is none. It asks for no order: putting ten thousand
// entries in order takes longer than issuing a certificate.
func (s *Store) lastEntry(dir string) (string, error) {
	folder, err := s.openIssued(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return "", s.fault(dir, err)
	}
	for {
		at := highest(names)
		if at < 0 {
			return "", nil
		}
		if s.isFolder(path.Join(dir, names[at])) {
			return names[at], nil
		}
		names = slices.Delete(names, at, at+1)
	}
}

// highest returns the index of the certificate with the highest number, -1 if
// there is none. Of two with one number, as merged backups have, it is the last by
// name, as in a list.
func highest(names []string) int {
	at, most := -1, 0
	for i, name := range names {
		if n := number(name); n > most || n == most && n > 0 && name > names[at] {
			at, most = i, n
		}
	}
	return at
}

// openIssued opens a name's folder. It fails with a ModeError if others can
// put certificates there.
func (s *Store) openIssued(dir string) (*os.File, error) {
	if err := s.checkFolder("issued"); err != nil {
		return nil, err
	}
	folder, err := s.disk.OpenFile(filepath.FromSlash(dir), reading(), 0)
	if err != nil {
		return nil, s.fault(dir, err)
	}
	info, err := folder.Stat()
	if err == nil {
		err = s.checkInfo(dir, info, widestFolder)
	}
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

func (s *Store) isFolder(name string) bool {
	info, err := s.disk.Lstat(filepath.FromSlash(name))
	return err == nil && info.IsDir()
}

// entryNumber is the number of a certificate's folder, 0 for what the user put
// beside them.
func entryNumber(entry fs.DirEntry) int {
	if !entry.IsDir() {
		return 0
	}
	return number(entry.Name())
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
	dir := about.folder()
	last, err := s.lastEntry(dir)
	if err != nil {
		return Issued{}, err
	}
	staged, err := s.stage(about, cert, key)
	if err != nil {
		return Issued{}, s.named(err)
	}
	if last == "" {
		if err := s.makeFolders("issued", dir); err != nil {
			return Issued{}, s.named(errors.Join(err, staged.Discard()))
		}
	}
	serial := fmt.Sprintf("%032x", cert.SerialNumber)
	place := fmt.Sprintf("%s/%06d-%s-%s", dir, number(last)+1, cert.NotBefore.UTC().Format(time.DateOnly), serial[:8])
	if err := staged.Publish(place); err != nil {
		_ = s.disk.Remove(dir) // if it is empty
		return Issued{}, s.named(err)
	}
	return Issued{place}, nil
}

// stage writes the files of a certificate.
func (s *Store) stage(about About, cert *x509.Certificate, key crypto.Signer) (*durable.Staged, error) {
	keyPEM, err := sealKey(key, nil)
	if err != nil {
		return nil, err
	}
	description, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return nil, err
	}
	return durable.Stage(s.disk, ".", prefix, 0o700, []durable.File{
		{Name: "cert.pem", Data: certificatePEM(cert), Mode: 0o644},
		{Name: "key.pem", Data: keyPEM, Mode: 0o600},
		{Name: "about.json", Data: append(description, '\n'), Mode: 0o644},
	})
}

// makeFolders makes folders for good. One that is there without a certificate
// may come from a process that was killed before it had synced it.
func (s *Store) makeFolders(dirs ...string) error {
	for _, dir := range dirs {
		if err := s.disk.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := s.disk.SyncDir(path.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// Certificate returns the certificate itself.
func (s *Store) Certificate(i Issued) (*x509.Certificate, error) {
	return s.certificate(path.Join(i.place, "cert.pem"))
}

// Key returns the certificate's key. It fails with a DamagedError, or a ModeError
// if others can read the file.
func (s *Store) Key(i Issued) (crypto.Signer, error) {
	name := path.Join(i.place, "key.pem")
	key, err := s.key(name, nil)
	if errors.Is(err, ErrNoKey) {
		return nil, s.damagedKey(name, ErrNoKey)
	}
	if err != nil {
		return nil, err
	}
	cert, err := s.Certificate(i)
	if err != nil {
		return nil, err
	}
	// Damaged bytes can be another key: a P-256 key is any 32 of them.
	if !isKeyOf(key, cert) {
		return nil, s.damagedKey(name, ErrOtherKey)
	}
	return key, nil
}

func (s *Store) damagedKey(name string, cause error) error {
	return DamagedError{s.Path(name), "is damaged: " + cause.Error(), deviceOf(name), cause}
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
	data, err := s.read(name, widestFile)
	if err != nil {
		return About{}, err
	}
	about, err := parseAbout(data)
	if err != nil {
		return About{}, s.damaged(name, "is damaged: "+err.Error())
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

// check holds the names against what a folder can be called. A label can be
// any text: its folder is called otherwise.
func (a About) check() error {
	name := FolderName(a.Name)
	if a.Kind == KindClient && a.Name != "" {
		return nil
	}
	if name != path.Base(name) || strings.Trim(name, ".") == "" || !slices.Contains(a.Names, a.Name) {
		return fmt.Errorf("name %q is no name of a certificate for %q", a.Name, a.Names)
	}
	return nil
}

// All yields every certificate in the store, or the newest of each name,
// ordered by folder and number. An error stands for a certificate, or for all
// of a name, and the rest follow.
func (s *Store) All(newestOnly bool) iter.Seq2[About, error] {
	return func(yield func(About, error) bool) {
		err := s.checkFolder("issued")
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		var names []fs.DirEntry
		if err == nil {
			names, err = s.disk.ReadDir("issued")
		}
		if err != nil {
			yield(About{}, s.named(err))
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
	entries, err := s.entries(dir)
	if err != nil {
		return yield(About{}, err)
	}
	if newestOnly && len(entries) > 1 {
		entries = entries[len(entries)-1:]
	}
	for _, entry := range entries {
		if !yield(s.About(Issued{path.Join(dir, entry.Name())})) {
			return false
		}
	}
	return true
}

// entries lists the certificates in a name's folder, ordered by number.
func (s *Store) entries(dir string) ([]fs.DirEntry, error) {
	if err := s.checkFolder(dir); err != nil {
		return nil, err
	}
	entries, err := s.disk.ReadDir(dir)
	if err != nil {
		return nil, s.fault(dir, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return entryNumber(e) == 0 })
	slices.SortFunc(entries, func(x, y fs.DirEntry) int {
		return cmp.Or(entryNumber(x)-entryNumber(y), strings.Compare(x.Name(), y.Name()))
	})
	return entries, nil
}
