package store

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// The files of the root in layout 1.
const (
	rootCert = "root/cert.pem"
	rootKey  = "root/key.pem"
)

// KeyPlace is where a root's key is.
type KeyPlace string

// The places of a root's key.
const (
	KeyFile      KeyPlace = "file"      // key.pem in the store
	KeyAgent     KeyPlace = "agent"     // an SSH agent, see AgentKey
	KeyElsewhere KeyPlace = "elsewhere" // the spare's, on paper
)

// AgentKey describes a key in an SSH agent.
type AgentKey struct {
	Fingerprint string `json:"fingerprint"` // as ssh-add -l prints it
	Comment     string `json:"comment,omitempty"`
}

// Root is a root certificate that was verified when it was read.
type Root struct {
	ID          string // "000001-7Q3F"
	Number      int
	Certificate *x509.Certificate
	CRL         *x509.RevocationList // nil: none yet
	Retired     *time.Time           // nil: not retired
	Key         KeyPlace
}

// signs reports whether the root may sign.
func (r Root) signs() bool { return r.Key != KeyElsewhere && r.Retired == nil }

// IsSpare reports whether the root's key is on paper. A root that lost its key was
// the first, or has signed a list.
func (r Root) IsSpare() bool { return r.Key == KeyElsewhere && r.CRL == nil && r.Number > 1 }

// NextCRLNumber returns the number of the root's next CRL at now: one more than
// the last, or the Unix time if that is higher, so that a restored backup
// cannot set it back (RFC 5280 section 5.2.3: numbers increase).
func (r Root) NextCRLNumber(now time.Time) *big.Int {
	number := big.NewInt(max(now.Unix(), 1))
	if r.CRL == nil || r.CRL.Number == nil {
		return number
	}
	if after := new(big.Int).Add(r.CRL.Number, big.NewInt(1)); after.Cmp(number) > 0 {
		return after
	}
	return number
}

// rootID returns the name of a root's folder: its number and four letters or
// digits of its key's hash, as in its common name.
func rootID(number int, cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("%06d-%s", number, base32.StdEncoding.EncodeToString(sum[:])[:4])
}

// rootsFolder returns the folder whose existence means that there is an
// authority.
func (s *Store) rootsFolder() string {
	if s.layout == 1 {
		return "root"
	}
	return "roots"
}

// rootPlace returns the folder of a root, which a migration moves.
func (s *Store) rootPlace(id string) string {
	if s.layout == 1 {
		return "root"
	}
	return path.Join("roots", id)
}

// checkLayout1 fails with a MissingError if the store has another layout by now.
func (s *Store) checkLayout1() error {
	data, err := s.read("layout", widestFile, maxLine)
	if err != nil {
		return err
	}
	if n, err := parseLayout(data); n != 1 {
		return errors.Join(err, MissingError{Path: s.Path("root")})
	}
	return nil
}

// again calls read, and once more if a migration moved the root meanwhile.
func (s *Store) again(read func() error) error {
	err := read()
	if errors.Is(err, fs.ErrNotExist) && s.layout == 1 {
		if s.readLayout() == nil && s.layout != 1 {
			return read()
		}
	}
	return err
}

// Roots returns the roots of the store, ordered by number, each verified. The
// spare is left out once it was published again with its key. It fails with a
// DamagedError if one is not what was written.
func (s *Store) Roots() ([]Root, error) {
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(roots, func(r Root) bool {
		return r.Key == KeyElsewhere && slices.ContainsFunc(roots, func(other Root) bool {
			return other.Number > r.Number && other.Certificate.Equal(r.Certificate)
		})
	}), nil
}

// roots returns all roots that are whole, and an error that joins the faults of
// the others. They are read once, and again after every change by this store,
// and once the lock is held: before, others could change them.
func (s *Store) roots() ([]Root, error) {
	if s.known == nil {
		roots, err := s.readRoots()
		if err != nil {
			return roots, err
		}
		s.known = roots
	}
	return slices.Clone(s.known), nil
}

func (s *Store) readRoots() (roots []Root, err error) {
	err = s.again(func() error {
		roots = nil
		above, ids, err := s.rootIDs()
		if err != nil {
			return err
		}
		defer above.close()
		var faults []error
		for _, id := range ids {
			root, err := above.rootIn(id)
			if err == nil {
				roots = append(roots, root)
			}
			faults = append(faults, err)
		}
		return errors.Join(faults...)
	})
	return roots, err
}

// rootIDs opens the folder that has the roots' folders, and lists those.
func (s *Store) rootIDs() (folder, []string, error) {
	if s.layout == 1 {
		return s.top(), []string{"root"}, nil
	}
	f, err := s.folder("roots")
	if err != nil {
		return folder{}, nil, err
	}
	ids, err := f.names()
	// Whatever has a root's name must be one: skipping it could let an older
	// root sign.
	ids = slices.DeleteFunc(ids, func(name string) bool { return number(name) == 0 })
	if err == nil && len(ids) == 0 {
		err = MissingError{Path: s.Path("roots/*/cert.pem")}
	}
	if err != nil {
		f.close()
		return folder{}, nil, err
	}
	slices.SortFunc(ids, byNumber)
	return f, ids, nil
}

// readRoot reads one root, also of layout 1.
func (s *Store) readRoot(id string) (Root, error) {
	place := s.rootPlace(id)
	above, err := s.folder(path.Dir(place))
	if err != nil {
		return Root{}, err
	}
	defer above.close()
	return above.rootIn(path.Base(place))
}

// rootIn reads the root in a folder of this one.
func (f folder) rootIn(base string) (Root, error) {
	f, err := f.open(base)
	if err != nil {
		return Root{}, err
	}
	defer f.close()
	cert, err := f.rootCertificate()
	if err != nil {
		return Root{}, err
	}
	id := base
	if f.store.layout == 1 {
		id = rootID(1, cert)
	}
	root := Root{ID: id, Number: number(id), Certificate: cert}
	if root.Key, err = f.keyPlace(); err != nil {
		return Root{}, err
	}
	if f.store.layout == 1 && root.Key == KeyElsewhere {
		// A migration may be taking the files away.
		if err := f.store.checkLayout1(); err != nil {
			return Root{}, err
		}
	}
	if root.Retired, err = f.retired(); err != nil {
		return Root{}, err
	}
	root.CRL, err = f.crl(cert)
	return root, err
}

// verified are files that this store has read and verified, by their bytes. Roots
// are read again in a run, and what has not changed need not be verified again.
type verified struct {
	roots map[string]*x509.Certificate
	crls  map[string]*x509.RevocationList
}

func newVerified() verified {
	return verified{map[string]*x509.Certificate{}, map[string]*x509.RevocationList{}}
}

// rootCertificate reads cert.pem and verifies that it is a root.
func (f folder) rootCertificate() (*x509.Certificate, error) {
	data, err := f.read("cert.pem", widestFile, maxFile)
	if err != nil {
		return nil, err
	}
	if cert, ok := f.store.verified.roots[string(data)]; ok {
		return cert, nil
	}
	cert, err := ca.ParseCertificatePEM(data)
	if err == nil {
		err = ca.VerifyRoot(cert)
	}
	if err != nil {
		return nil, f.store.damaged(path.Join(f.name, "cert.pem"), "is damaged: "+err.Error(), err)
	}
	f.store.verified.roots[string(data)] = cert
	return cert, nil
}

// certificate reads and parses cert.pem.
func (f folder) certificate() (*x509.Certificate, error) {
	data, err := f.read("cert.pem", widestFile, maxFile)
	if err != nil {
		return nil, err
	}
	cert, err := ca.ParseCertificatePEM(data)
	if err != nil {
		return nil, f.store.damaged(path.Join(f.name, "cert.pem"), "is damaged: "+err.Error(), err)
	}
	return cert, nil
}

func (f folder) keyPlace() (KeyPlace, error) {
	for _, row := range []struct {
		name  string
		place KeyPlace
	}{{"key.pem", KeyFile}, {"key.json", KeyAgent}} {
		there, err := f.exists(row.name)
		if there || err != nil {
			return row.place, err
		}
	}
	return KeyElsewhere, nil
}

type retirement struct {
	At time.Time `json:"at"`
}

func (f folder) retired() (*time.Time, error) {
	var r retirement
	there, err := f.readJSON("retired.json", &r)
	if err == nil && there && r.At.IsZero() {
		err = f.store.damaged(path.Join(f.name, "retired.json"), "is damaged: it has no time", nil)
	}
	if !there || err != nil {
		return nil, err
	}
	return &r.At, nil
}

// readJSON reads a file into value, and reports whether it exists.
func (f folder) readJSON(base string, value any) (bool, error) {
	data, err := f.readIfAny(base, widestFile, maxFile)
	if err != nil || data == nil {
		return false, err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return true, f.store.damaged(path.Join(f.name, base), "is damaged: "+err.Error(), err)
	}
	return true, nil
}

func encodeJSON(value any) []byte {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // the package's own types, of strings and times that were checked
	}
	return append(data, '\n')
}

func (f folder) crl(root *x509.Certificate) (*x509.RevocationList, error) {
	data, err := f.readIfAny("crl.pem", widestFile, maxCRL)
	if err != nil || data == nil {
		return nil, err
	}
	id := string(root.Raw) + string(data)
	if crl, ok := f.store.verified.crls[id]; ok {
		return crl, nil
	}
	var der []byte
	if block, _ := pem.Decode(data); block != nil && block.Type == "X509 CRL" {
		der = block.Bytes
	}
	crl, err := parseCRL(der, root)
	if err != nil {
		return nil, fault.With(f.store.damaged(path.Join(f.name, "crl.pem"), "is damaged: "+err.Error(), err),
			fault.Hintf("move it away, then sign a new one: %s", fault.Command{"doctor", "--repair"}))
	}
	f.store.verified.crls[id] = crl
	return crl, nil
}

func parseCRL(der []byte, root *x509.Certificate) (*x509.RevocationList, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	return crl, crl.CheckSignatureFrom(root)
}

// SigningRoot returns the root that signs: the highest number that has a key
// and is not retired. It fails with ErrNoSigningRoot if there is none.
func (s *Store) SigningRoot() (Root, error) {
	roots, err := s.roots()
	if err != nil {
		return Root{}, err
	}
	for _, root := range slices.Backward(roots) {
		if root.signs() {
			return root, nil
		}
	}
	return Root{}, fault.With(fmt.Errorf("%s: %w", s.dir, ErrNoSigningRoot), hintNoKey(roots))
}

// hintNoKey says what replaces the root: the spare, if there is one.
func hintNoKey(roots []Root) fault.Hint {
	replace := fault.Command{"root", "rotate"}
	if slices.ContainsFunc(roots, func(r Root) bool { return r.IsSpare() && r.Retired == nil }) {
		replace = append(replace, "--from-spare", "FILE")
	}
	return fault.Hintf("restore key.pem from a backup, or from paper: %s, then copy it from there; if it is lost, replace the root: %s", fromBackup, replace)
}

// RootOf returns the root that issued a certificate, found by its authority key
// identifier. The signature is not looked at.
func (s *Store) RootOf(leaf *x509.Certificate) (Root, error) {
	roots, err := s.roots()
	if root, ok := rootOf(leaf, roots); ok {
		return root, nil
	}
	return Root{}, errors.Join(err, fault.With(ErrOtherCA, fault.Hintf("use the store of the CA that issued it, with --home")))
}

// ErrOtherCA means that a certificate is of another CA, or of a root that is damaged.
var ErrOtherCA = errors.New("certificate was not issued by a root of this store")

// rootOf prefers, of a spare and its second publication, the one with a key.
func rootOf(leaf *x509.Certificate, roots []Root) (Root, bool) {
	var found Root
	for _, root := range slices.Backward(roots) {
		if len(leaf.AuthorityKeyId) == 0 || !bytes.Equal(leaf.AuthorityKeyId, root.Certificate.SubjectKeyId) {
			continue
		}
		if root.Key != KeyElsewhere {
			return root, true
		}
		if found.Number == 0 {
			found = root
		}
	}
	return found, found.Number != 0
}

// KeyEncrypted reports whether RootKey needs a passphrase.
func (s *Store) KeyEncrypted(root Root) (encrypted bool, err error) {
	if root.Key != KeyFile {
		return false, nil
	}
	data, err := s.rootKeyFile(root)
	return isEncrypted(data), err
}

func isEncrypted(keyPEM []byte) bool {
	block, _ := pem.Decode(keyPEM)
	return block != nil && block.Type == encryptedLabel
}

func (s *Store) rootKeyFile(root Root) (data []byte, err error) {
	err = s.again(func() (err error) {
		data, err = s.read(path.Join(s.rootPlace(root.ID), "key.pem"), widestPrivate, maxFile)
		return err
	})
	return data, err
}

// RootKey returns a root's key. It fails with ErrKeyElsewhere if it is not in a
// file, with ErrPassphrase, with a ModeError if others can read the file, or
// with a DamagedError if it is not the certificate's key.
func (s *Store) RootKey(root Root, passphrase []byte) (crypto.Signer, error) {
	if root.Key != KeyFile {
		return nil, fmt.Errorf("root %s: %w", root.ID, ErrKeyElsewhere)
	}
	data, err := s.rootKeyFile(root)
	if err != nil {
		return nil, err
	}
	return s.openRootKey(root, data, passphrase)
}

// EncryptedKey returns a root's key as encrypted PKCS#8 in DER: as it is in its
// file, or under passphrase if it is not encrypted there. It fails with
// ErrKeyElsewhere if it is not in a file, or with a DamagedError if it cannot be
// the certificate's key.
func (s *Store) EncryptedKey(root Root, passphrase []byte) ([]byte, error) {
	encrypted, err := s.KeyEncrypted(root)
	if err != nil {
		return nil, err
	}
	if !encrypted {
		return s.encryptedUnder(root, passphrase)
	}
	data, err := s.rootKeyFile(root)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if err = ErrNoKey; block != nil {
		err = checkCost(block.Bytes)
	}
	if err != nil {
		return nil, s.damaged(path.Join(s.rootPlace(root.ID), "key.pem"), "is damaged: "+err.Error(), err)
	}
	return block.Bytes, nil
}

// encryptedUnder encrypts a key that is stored in clear, and proves that the
// passphrase opens it.
func (s *Store) encryptedUnder(root Root, passphrase []byte) ([]byte, error) {
	key, err := s.RootKey(root, nil)
	if err != nil {
		return nil, err
	}
	data, err := encryptKey(key, passphrase, s.opt.iterations)
	if err != nil {
		return nil, err
	}
	if _, err := s.openRootKey(root, data, passphrase); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block.Type != encryptedLabel {
		return nil, ErrPassphrase // it is empty
	}
	return block.Bytes, nil
}

func (s *Store) openRootKey(root Root, data, passphrase []byte) (crypto.Signer, error) {
	name := path.Join(s.rootPlace(root.ID), "key.pem")
	key, err := DecryptKey(data, passphrase)
	if errors.Is(err, ErrNoKey) {
		return nil, s.damaged(name, "is damaged: "+err.Error(), err)
	}
	if err != nil {
		return nil, fault.With(fmt.Errorf("%s: %w", s.Path(name), err), hintPassphrase(err, s.Path(name)))
	}
	// Damaged bytes can be another key: CBC encryption detects no change.
	if !ca.KeyMatches(root.Certificate, key.Public()) {
		return nil, s.damaged(name, "is damaged: "+ErrOtherKey.Error(), ErrOtherKey)
	}
	return key, nil
}

// hintPassphrase is for a key file that was not opened. Without the key, a new
// root gets a passphrase of its own.
func hintPassphrase(err error, file string) fault.Hint {
	if errors.Is(err, ErrPassphrase) {
		return fault.Hintf("try again; if it is lost, this root cannot sign any more: move %s away, and make a new root: %s", fault.Quote(file), fault.Command{"root", "rotate"})
	}
	return bringBack
}

// RootAgentKey returns the description of a root's key in an SSH agent.
func (s *Store) RootAgentKey(root Root) (AgentKey, error) {
	var key AgentKey
	if root.Key != KeyAgent {
		return key, fmt.Errorf("root %s: %w", root.ID, ErrKeyElsewhere)
	}
	f, err := s.folder(s.rootPlace(root.ID))
	if err != nil {
		return key, err
	}
	defer f.close()
	_, err = f.readJSON("key.json", &key)
	if err == nil && hidden(key.Fingerprint+key.Comment) {
		err = s.damaged(path.Join(f.name, "key.json"), "is damaged: it has a control or invisible character", nil)
	}
	return key, err
}

// RootPath returns the path of a root's folder as the user would type it.
func (s *Store) RootPath(root Root) string { return s.Path(s.rootPlace(root.ID)) }
