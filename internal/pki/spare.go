package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// SpareRequest is a second root whose key is only on paper.
type SpareRequest struct {
	// Out is the file or folder of the page to be printed.
	Out string
	// Passphrase is the paper's own; empty is that of the root's key, which then
	// must not be empty.
	Passphrase []byte
	// Command publishes the root again from the paper, as the user types it.
	Command string
}

// spareFile is the page's name in a folder.
const spareFile = "picoca-spare.html"

// errOpenSpare says that a key would be printed in clear.
var errOpenSpare = fault.New("the spare's key on paper needs a passphrase",
	fault.Hintf("give the root key a passphrase, or the paper one of its own: --spare-passphrase-file FILE"))

// spare is a second root, and its page.
type spare struct {
	root store.NewRoot
	page []byte
}

// newSpare makes the spare, and proves that it can be read back from its page.
func newSpare(req InitRequest, passphrase []byte, now time.Time) (spare, error) {
	opens := paper.OfRoot
	if len(req.Spare.Passphrase) > 0 {
		opens, passphrase = paper.OfSheet, req.Spare.Passphrase
	}
	if len(passphrase) == 0 {
		return spare{}, errOpenSpare
	}
	key, err := req.Key.Generate()
	if err != nil {
		return spare{}, err
	}
	cert, err := ca.NewRoot(req.Root, key, now)
	if err != nil {
		return spare{}, err
	}
	keyPEM, err := store.EncryptKey(key, passphrase)
	if err != nil {
		return spare{}, err
	}
	block, _ := pem.Decode(keyPEM)
	sheet := paper.Sheet{
		Content: paper.Content{Certificate: cert, Key: block.Bytes}, Purpose: paper.Spare, Passphrase: opens, Date: now, Command: req.Spare.Command,
	}
	page, err := sheet.HTML()
	if err == nil {
		err = readBack(page, cert, passphrase)
	}
	return spare{store.NewRoot{Certificate: cert}, page}, err
}

func readBack(page []byte, cert *x509.Certificate, passphrase []byte) error {
	content, err := paper.Parse(page)
	if err != nil {
		return err
	}
	if !content.Certificate.Equal(cert) {
		return store.ErrOtherKey
	}
	_, err = paperKey(content, passphrase)
	return err
}

// paperKey opens the key on a sheet.
func paperKey(content paper.Content, passphrase []byte) (crypto.Signer, error) {
	key, err := store.DecryptKey(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: content.Key}), passphrase)
	if err == nil && !ca.KeyMatches(content.Certificate, key.Public()) {
		err = store.ErrOtherKey
	}
	return key, err
}

// CheckSpare fails if the spare's page cannot be written, before anything is
// asked for. dir is where the CA will be.
func CheckSpare(out, dir string, o Options) error {
	folder, name, err := openSpare(out, dir, o)
	if err != nil {
		return err
	}
	return errors.Join(folder.Check([]string{name}), folder.Close())
}

// openSpare opens the folder of the page, which must not be in that of the CA: a
// thief of the one should not get the other.
func openSpare(out, dir string, o Options) (*output.Folder, string, error) {
	place, name := output.Split(out, spareFile)
	home := realHome(dir)
	folder, err := output.Open(place, output.Options{
		Prefix: output.Prefix([]byte(home)), Policy: output.Beside, Owner: o.Sudo, Flag: "--spare", Wrap: o.Wrap,
		Enclosed: func(dir string) bool {
			return isWithin(runtime.GOOS, dir, home) || store.Encloses(dir)
		},
	})
	return folder, name, err
}

// isWithin reports whether a path is that of a folder, or below it. The disks of
// Windows and macOS take A for a.
func isWithin(system, path, folder string) bool {
	if system == "windows" || system == "darwin" {
		path, folder = strings.ToLower(path), strings.ToLower(folder)
	}
	return path == folder || strings.HasPrefix(path, folder+string(filepath.Separator))
}

// realHome returns the path of a folder that need not exist, without links above
// it.
func realHome(dir string) string {
	at, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	if above, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		return filepath.Join(above, filepath.Base(at))
	}
	return at
}

// write writes the page, then has the CA created, and returns the page's path. A
// page without a CA does no harm; a spare that every phone trusts, and that is on
// no paper, would be of no use. If there will be no CA, the page is removed.
func (s spare) write(out, dir string, o Options, create func() error) (_ string, err error) {
	folder, name, err := openSpare(out, dir, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := folder.Prepare([]string{name}); err != nil {
		return "", err
	}
	if err := folder.Stage([]output.File{{Name: name, Data: s.page, Private: true}}); err != nil {
		return "", err
	}
	place, _ := output.Split(out, spareFile)
	page := filepath.Join(place, name)
	if err := folder.Commit(); err != nil {
		if _, written := errors.AsType[*output.PartialError](err); written {
			err = errors.Join(err, os.Remove(page))
		}
		return "", err
	}
	err = create()
	if err != nil && !s.isIn(dir, o) {
		return "", errors.Join(err, os.Remove(page))
	}
	return page, err
}

// isIn reports whether the spare is, or may be, among the roots in a folder: what
// creates a CA can fail after the CA exists.
func (s spare) isIn(dir string, o Options) bool {
	o.Wrap = nil
	c, err := Open(dir, o)
	if err != nil {
		return !errors.Is(err, store.ErrNoCA)
	}
	defer c.Close()
	roots, err := c.Roots()
	return err != nil || slices.ContainsFunc(roots, func(r store.Root) bool { return r.Certificate.Equal(s.root.Certificate) })
}

// ForeignPaperError says that a sheet's root is not one of the CA.
type ForeignPaperError struct{ Root string }

func (e *ForeignPaperError) Error() string {
	return fmt.Sprintf("sheet holds %s, which is no root of this CA", e.Root)
}

// Hint uses the other CA.
func (*ForeignPaperError) Hint() fault.Hint {
	return fault.Hintf("use the store of that CA, with --home, or if that is lost: %s; %s shows the roots of this one",
		fault.Command{"--home", "FOLDER", "restore", "--paper", "FILE"}, fault.Command{"root", "list"})
}

// HasKeyError says that the key on a sheet is in the store already.
type HasKeyError struct{ Root string }

func (e *HasKeyError) Error() string {
	return fmt.Sprintf("key of %s is in the store already", e.Root)
}

// Hint shows the roots.
func (*HasKeyError) Hint() fault.Hint {
	return fault.Hintf("%s shows every root", fault.Command{"root", "list"})
}

// PlanSpare decides everything about publishing a spare again, with its key from
// a sheet; crlDays is as in RotateRequest. It fails with a ForeignPaperError, a HasKeyError, a RetiredRootError,
// or a ca.ExpiredError.
func (c *CA) PlanSpare(content paper.Content, crlDays int, now time.Time) (*Rotation, error) {
	r, err := c.newRotation(RotateRequest{CRLDays: crlDays})
	if err != nil {
		return nil, err
	}
	r.sheet = &content
	return r, errors.Join(c.checkSheet(content.Certificate), r.checkSpare(now), checkCRLDays(crlDays))
}

// checkSheet fails unless the root on a sheet is one that lacks its key.
func (c *CA) checkSheet(cert *x509.Certificate) error {
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	name := cert.Subject.CommonName
	i := slices.IndexFunc(roots, func(r store.Root) bool { return r.Certificate.Equal(cert) })
	switch {
	case i < 0:
		return &ForeignPaperError{name}
	case roots[i].Retired != nil:
		return &RetiredRootError{name, *roots[i].Retired}
	case roots[i].Key != store.KeyElsewhere:
		return &HasKeyError{name}
	}
	return nil
}

func (r *Rotation) checkSpare(now time.Time) error {
	keyType, err := ca.KeyTypeOf(r.sheet.Certificate.PublicKey)
	if err != nil {
		return err
	}
	r.Key = keyType
	_, err = ca.NewAuthority(r.sheet.Certificate, now)
	return err
}

// spare opens the key on the sheet: with the passphrase of the other keys, and if
// that is another one or there is none, with one that is asked for. The key gets
// the passphrase of the others, and without others keeps that of the paper.
func (r *Rotation) spare(ask Passphrases, now time.Time) (root store.NewRoot, err error) {
	root.Certificate = r.sheet.Certificate
	if root.Key, root.Passphrase, err = r.openSheet(ask); err != nil {
		return root, err
	}
	root.CRL, err = firstCRL(root.Certificate, root.Key, r.request.CRLDays, now)
	return root, err
}

func (r *Rotation) openSheet(ask Passphrases) (key crypto.Signer, passphrase []byte, err error) {
	old, err := r.oldPassphrase(ask)
	if err != nil {
		return nil, nil, err
	}
	if len(old) > 0 {
		if key, err = paperKey(*r.sheet, old); !errors.Is(err, store.ErrPassphrase) {
			return key, old, err
		}
	}
	own, err := ask.Paper()
	if err != nil {
		return nil, old, err
	}
	if key, err = paperKey(*r.sheet, own); err != nil {
		return nil, old, fault.With(fmt.Errorf("key on paper: %w", err), fault.Hintf("the sheet says which passphrase it has, and of which day"))
	}
	if r.Keyless {
		return key, own, nil
	}
	clear(own)
	return key, old, nil
}
