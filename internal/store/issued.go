package store

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable"
)

// Issued is a certificate of the store. It was verified when it was read: its
// root signed it, and its record fits it.
type Issued struct {
	// Place is its folder, such as
	// "issued/pico.local/000001-2026-11-21-5a3f9a0c".
	Place   string
	Record  Record
	Leaf    *x509.Certificate
	Root    Root
	HasKey  bool        // false if Record.KeyKept says so, or the key is lost
	Revoked *Revocation // nil: not revoked
}

// Number returns the certificate's number among those of its holder.
func (i *Issued) Number() int { return number(path.Base(i.Place)) }

// Latest returns the newest certificate of a holder. It fails with ErrNotIssued,
// or with a DamagedError if that certificate or its record is not what was
// written.
func (s *Store) Latest(h Holder) (Issued, error) {
	dir, err := s.folderOf(h)
	if err != nil {
		return Issued{}, err
	}
	last, err := s.lastEntry(dir)
	if err != nil {
		return Issued{}, err
	}
	if last == "" {
		return Issued{}, ErrNotIssued
	}
	reader, err := s.newReader()
	return reader.orElse(err)(path.Join(dir, last))
}

// History returns all certificates of a holder, ordered by number, and an error
// that joins the faults of those that are not what was written. It fails with
// ErrNotIssued if there are none.
func (s *Store) History(h Holder) ([]Issued, error) {
	dir, err := s.folderOf(h)
	if err != nil {
		return nil, err
	}
	entries, err := s.entries(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, ErrNotIssued
	}
	reader, rootsErr := s.newReader()
	var all []Issued
	var faults []error
	for _, entry := range entries {
		issued, err := reader.orElse(rootsErr)(path.Join(dir, entry))
		if err == nil {
			all = append(all, issued)
		}
		faults = append(faults, err)
	}
	return all, errors.Join(faults...)
}

// BySerial returns the certificate with a serial number of 32 hexadecimal
// digits, or fails with ErrNotIssued.
func (s *Store) BySerial(serial string) (Issued, error) {
	serial = strings.ToLower(serial)
	if len(serial) < 8 {
		return Issued{}, ErrNotIssued
	}
	reader, rootsErr := s.newReader()
	for place, err := range s.places() {
		if err != nil {
			return Issued{}, err
		}
		if !strings.HasSuffix(place, "-"+serial[:8]) {
			continue
		}
		issued, err := reader.orElse(rootsErr)(place)
		if err != nil {
			return Issued{}, err
		}
		if ca.Serial(issued.Leaf) == serial {
			return issued, nil
		}
	}
	return Issued{}, ErrNotIssued
}

// lastEntry returns the certificate with the highest number in a holder's
// folder, "" if there is none.
func (s *Store) lastEntry(dir string) (string, error) {
	// The folder above is looked at first: others who can write to it could put a
	// certificate under any name.
	above, err := s.folder(path.Dir(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer above.close()
	there, err := s.exists(dir)
	if err != nil || !there {
		return "", err
	}
	f, err := above.open(path.Base(dir))
	if err != nil {
		return "", err
	}
	defer f.close()
	return f.last(s.isFolder)
}

// last returns the folder with the highest number, "" if there is none. It asks
// for no order: putting ten thousand entries in order takes longer than issuing
// a certificate.
func (f folder) last(isFolder func(name string) (bool, error)) (string, error) {
	names, err := f.names()
	if err != nil {
		return "", err
	}
	for {
		at := highest(names)
		if at < 0 {
			return "", nil
		}
		found, err := isFolder(path.Join(f.name, names[at]))
		if err != nil {
			return "", err
		}
		if found {
			return names[at], nil
		}
		names = slices.Delete(names, at, at+1)
	}
}

// entryNames lists a folder, which need not exist.
func (s *Store) entryNames(dir string) ([]string, error) {
	there, err := s.exists(dir)
	if err != nil || !there {
		return nil, err
	}
	f, err := s.folder(dir)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.names()
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

// entries lists the certificates in a holder's folder, ordered by number.
func (s *Store) entries(dir string) ([]string, error) {
	there, err := s.exists(dir)
	if err != nil || !there {
		return nil, err
	}
	f, err := s.folder(dir)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.numbered()
}

// reader reads certificates and verifies them, with roots and revocations that
// were read once.
type reader struct {
	store   *Store
	roots   []Root
	fault   error // of a root that is not what was written
	revoked map[string]bool
}

func (s *Store) newReader() (*reader, error) {
	roots, fault := s.roots()
	if len(roots) == 0 {
		return nil, fault
	}
	revoked, err := s.revokedSerials()
	return &reader{s, roots, fault, revoked}, err
}

// orElse returns read, or a function that fails with err.
func (r *reader) orElse(err error) func(place string) (Issued, error) {
	if err == nil {
		return r.read
	}
	return func(place string) (Issued, error) { return Issued{Place: place}, err }
}

// read returns the certificate in a place. After a failure its place is
// returned, and if only its record is missing or damaged, what was verified: a
// renewal takes over what the certificate shows.
func (r *reader) read(place string) (Issued, error) {
	f, err := r.store.folder(place)
	if err != nil {
		return Issued{Place: place}, err
	}
	defer f.close()
	return r.readFrom(f)
}

func (r *reader) readFrom(f folder) (Issued, error) {
	issued, err := r.readAll(f)
	issued.Place = f.name
	return issued, err
}

func (r *reader) readAll(f folder) (issued Issued, err error) {
	issued.Place = f.name
	if issued.Leaf, err = f.certificate(); err != nil {
		return Issued{}, err
	}
	if issued.Root, err = r.verify(issued.Leaf); err != nil {
		return Issued{}, f.store.damaged(f.name+"/cert.pem", "is damaged, or of another CA: "+err.Error(), err)
	}
	if issued.HasKey, err = f.exists("key.pem"); err != nil {
		return Issued{}, err
	}
	if issued.Record, err = f.record(issued.Leaf); err != nil {
		return issued, err
	}
	issued.Revoked, err = r.revocation(issued.Leaf)
	return issued, err
}

// verify returns the root that signed a certificate.
func (r *reader) verify(leaf *x509.Certificate) (Root, error) {
	root, ok := rootOf(leaf, r.roots)
	if !ok {
		return Root{}, errors.Join(ErrOtherCA, r.fault)
	}
	return root, ca.VerifyIssued(leaf, root.Certificate)
}

func (r *reader) revocation(leaf *x509.Certificate) (*Revocation, error) {
	serial := ca.Serial(leaf)
	if !r.revoked[serial] {
		return nil, nil
	}
	revocation, err := r.store.readRevocation(serial)
	return &revocation, err
}

// certFacts are what a record is held against.
type certFacts struct {
	kind  ca.Kind
	names []string
}

// factsOf returns a certificate's kind, and the names that its record may have:
// a device's are those that it serves.
func factsOf(cert *x509.Certificate) certFacts {
	kind := ca.KindOf(cert)
	if kind == ca.KindServer || kind == ca.KindBoth {
		return certFacts{kind, ca.NamesOf(cert)}
	}
	return certFacts{kind, []string{cert.Subject.CommonName}}
}

// record reads about.json, and checks it against the certificate and the folder.
func (f folder) record(leaf *x509.Certificate) (Record, error) {
	name := path.Join(f.name, "about.json")
	data, err := f.read("about.json", widestFile, maxFile)
	if err != nil {
		return Record{}, err
	}
	record, err := parseRecord(data)
	if err == nil {
		err = record.of(factsOf(leaf))
	}
	if err == nil {
		err = inFolder(record.Holder(), path.Base(path.Dir(f.name)))
	}
	if err != nil {
		return Record{}, f.store.damaged(name, "is damaged: "+err.Error(), err)
	}
	return record, nil
}

// inFolder fails if a folder is not the holder's.
func inFolder(h Holder, folder string) error {
	if folder == h.Folder() || h.prefix() == "" && folder == plainFolderName(h.Name) {
		return nil
	}
	return fmt.Errorf("it belongs to %q and must be in the folder %q", h.Name, h.Folder())
}

// Put adds a certificate, under the next number of its holder, so that it and
// its key are there for good, or not at all. The key is nil if it is kept
// elsewhere: by the device, unless the record says where. The lock must be held. It fails with ErrOtherKey if key is not the
// certificate's, and if no root of the store signed it.
func (s *Store) Put(record Record, leaf *x509.Certificate, key crypto.Signer) (Issued, error) {
	if s.held == nil {
		return Issued{}, ErrUnlocked
	}
	root, err := s.rootThatSigned(leaf)
	if err != nil {
		return Issued{}, err
	}
	files, err := filesOf(&record, leaf, key)
	if err != nil {
		return Issued{}, err
	}
	dir, err := s.folderOf(record.Holder())
	if err != nil {
		return Issued{}, err
	}
	last, err := s.lastEntry(dir)
	if err != nil {
		return Issued{}, err
	}
	n, err := next(number(last))
	if err != nil {
		return Issued{}, err
	}
	place := dir + "/" + folderOfLeaf(leaf, n)
	if err := s.putFiles(dir, place, files); err != nil {
		return Issued{}, err
	}
	// Nothing is read that could fail: an error means that nothing was added.
	return Issued{Place: place, Record: record, Leaf: leaf, Root: root, HasKey: key != nil}, nil
}

// folderOfLeaf returns the name of the folder of a certificate with a number.
func folderOfLeaf(leaf *x509.Certificate, n int) string {
	return fmt.Sprintf("%06d-%s-%s", n, leaf.NotBefore.UTC().Format(time.DateOnly), ca.Serial(leaf)[:8])
}

// rootThatSigned is RootOf, and verifies.
func (s *Store) rootThatSigned(leaf *x509.Certificate) (Root, error) {
	root, err := s.RootOf(leaf)
	if err != nil {
		return Root{}, err
	}
	return root, ca.VerifyIssued(leaf, root.Certificate)
}

// putFiles publishes a certificate's files. The folders above come after its
// stage, so that a full disk leaves nothing.
func (s *Store) putFiles(dir, place string, files []durable.File) error {
	staged, err := durable.Stage(s.disk, ".", prefix, 0o700, files)
	if err != nil {
		return s.named(err)
	}
	if err := s.mkdirs("issued", dir); err != nil {
		return errors.Join(err, s.named(staged.Discard()))
	}
	// The folders may come from a process that was killed before it synced them.
	if err := staged.Publish(place, "issued", "."); err != nil {
		_ = s.disk.Remove(dir) // if it is empty
		return s.named(err)
	}
	return nil
}

// filesOf returns the files of a certificate, after proving that they will be
// read again.
func filesOf(record *Record, leaf *x509.Certificate, key crypto.Signer) ([]durable.File, error) {
	if err := errors.Join(record.checkTexts(), record.of(factsOf(leaf))); err != nil {
		return nil, err
	}
	if err := checkFolderName(record.Holder().Folder()); err != nil {
		return nil, err
	}
	switch {
	case key != nil:
		record.KeyKept = KeptInStore
	case record.KeyKept == KeptInStore:
		record.KeyKept = KeptByDevice
	}
	files := []durable.File{
		{Name: "cert.pem", Data: ca.CertificatePEM(leaf), Mode: 0o644},
		{Name: "about.json", Data: encodeJSON(*record), Mode: 0o644},
	}
	if key == nil {
		return files, nil
	}
	if !ca.KeyMatches(leaf, key.Public()) {
		return nil, ErrOtherKey
	}
	keyPEM, err := EncryptKey(key, nil)
	if err != nil {
		return nil, err
	}
	return append(files, durable.File{Name: "key.pem", Data: keyPEM, Mode: 0o600}), nil
}

// checkFolderName refuses names that would leave the folder. ca.Names and
// ca.ClientName have none of them.
func checkFolderName(name string) error {
	if name != path.Base(name) || strings.Trim(name, ".") == "" || strings.ContainsAny(name, `\`) {
		return fmt.Errorf("%q cannot be the name of a folder", name)
	}
	return nil
}

// SetRecord replaces a certificate's record durably. The lock must be held. It
// fails if the record does not fit the certificate.
func (s *Store) SetRecord(issued Issued, record Record) error {
	if err := errors.Join(record.checkTexts(), record.of(factsOf(issued.Leaf))); err != nil {
		return err
	}
	if record.Holder().Folder() != issued.Record.Holder().Folder() {
		return fmt.Errorf("record of %q is not for %q", issued.Record.Name, record.Name)
	}
	return s.replace(durable.File{Name: issued.Place + "/about.json", Data: encodeJSON(record), Mode: 0o644})
}

// Key returns a certificate's key. It fails with a KeyElsewhereError if it was
// never in the store, with a MissingError if it is lost, with a DamagedError if it is not what was written, or a ModeError
// if others can read the file.
func (s *Store) Key(issued Issued) (crypto.Signer, error) {
	key, err := s.leafKey(issued)
	return key, ofHolder(err, issued.Record.Holder())
}

// ofHolder adds to an error whose file it is about: of an identity, its path does not
// show that.
func ofHolder(err error, h Holder) error {
	switch e := err.(type) {
	case DamagedError:
		e.Holder = h
		return e
	case MissingError:
		e.Holder = h
		return e
	}
	return err
}

func (s *Store) leafKey(issued Issued) (crypto.Signer, error) {
	name := issued.Place + "/key.pem"
	data, err := s.read(name, widestPrivate, maxFile)
	if errors.Is(err, fs.ErrNotExist) && issued.Record.KeyKept != KeptInStore {
		return nil, &KeyElsewhereError{issued.Record}
	}
	if err != nil {
		return nil, err
	}
	key, err := DecryptKey(data, nil)
	if errors.Is(err, ErrPassphrase) || errors.Is(err, ErrCost) {
		err = ErrNoKey // picoca encrypts no key of a leaf
	}
	// Damaged bytes can be another key: a P-256 key is any 32 of them.
	if err == nil && !ca.KeyMatches(issued.Leaf, key.Public()) {
		err = ErrOtherKey
	}
	if err != nil {
		return nil, s.damaged(name, "is damaged: "+err.Error(), err)
	}
	return key, nil
}
