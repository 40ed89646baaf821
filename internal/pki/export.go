package pki

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// ExportRequest is what the user wants of export. What is unset is the default.
type ExportRequest struct {
	// Name is a device's or an identity's, or TheCA.
	Name string
	// Format is an export format's ID; empty for what the device loads, and PEM for
	// the root.
	Format string
	// For is the device that loads the files.
	For device.Target
	// Out is a folder, or for the root a file or a folder.
	Out   string
	Force bool
	// Root is the only root that files of the CA hold, by its ID; "" is every root
	// to trust, or the one that signs where one fits.
	Root string
	// WebClips are NAME or NAME=URL; Sign is the name of the holder who signs the
	// profile.
	WebClips []string
	Sign     string
}

// Export is a set of files that can be written.
type Export struct {
	ca      *CA
	request ExportRequest
	issued  store.Issued // zero for the root
	formats []string     // none: the device's own files
	target  device.Target
	set     fileSet
	bundle  export.Bundle

	Kind Kind
	// Name is the holder's name for people.
	Name string
}

// PlanExport decides which files to write. It fails as Find does, with a
// WrongFormatError, and with what is wrong with web clips or the signer.
func (c *CA) PlanExport(req ExportRequest, now time.Time) (*Export, error) {
	e := &Export{ca: c, request: req, Kind: CAItself, Name: TheCA}
	if req.Name != TheCA {
		issued, err := c.Find(req.Name)
		if err != nil {
			return nil, err
		}
		if KindOf(issued) == Delegated {
			return nil, &WrongKindError{req.Name, Delegated, Device}
		}
		e.issued, e.Kind, e.Name = issued, KindOf(issued), DisplayName(issued.Record.Name)
	}
	if err := e.chooseFormats(); err != nil {
		return nil, err
	}
	var err error
	if e.bundle, err = e.load(); err != nil {
		return nil, err
	}
	return e, e.decorate(now)
}

// WrongFormatError says that a format has no form for a kind of holder.
type WrongFormatError struct {
	Format string
	Kind   Kind
}

func (e *WrongFormatError) Error() string {
	return fmt.Sprintf("format %q is not for %s", e.Format, e.Kind.WithArticle())
}

// Hint lists the formats that are.
func (e *WrongFormatError) Hint() fault.Hint {
	return fault.Hintf("choose another format: %s", orJoin(FormatsFor(e.Kind)))
}

// FormatsFor returns the IDs of the formats that have a form for a kind of
// holder.
func FormatsFor(kind Kind) []string {
	var ids []string
	for _, format := range export.Formats() {
		if specsOf(format, kind) != nil {
			ids = append(ids, format.ID)
		}
	}
	return ids
}

func (e *Export) chooseFormats() (err error) {
	switch {
	case e.request.Format != "":
		e.formats = []string{e.request.Format}
	case e.Kind == CAItself:
		e.formats = []string{"pem"}
	default:
		if e.target, err = e.chooseTarget(); err != nil {
			return err
		}
		e.set, err = filesFor(e.target, ca.KeyType(keyOf(e.issued)), e.issued.Record.Kind, e.Keyless())
		if e.target.Device.ID == "" && !e.Keyless() {
			e.formats = identityFormats
		}
		return err
	}
	if e.set.specs, err = formatSpecs(e.formats, e.Kind); err != nil {
		return err
	}
	if e.Keyless() && slices.ContainsFunc(e.set.specs, func(s export.Spec) bool { return s.Has(export.Key) }) {
		return &store.KeyElsewhereError{Record: e.issued.Record}
	}
	return nil
}

// Keyless reports whether the store was never given the certificate's key, so
// that no file can have it.
func (e *Export) Keyless() bool { return e.issued.Record.KeyKept != store.KeptInStore }

func (e *Export) chooseTarget() (device.Target, error) {
	if e.request.For.Device.ID != "" {
		return e.request.For, nil
	}
	return targetOf(e.issued)
}

// Has reports whether a format is among those to write.
func (e *Export) Has(id string) bool { return slices.Contains(e.formats, id) }

// Formats returns the IDs of the formats to write; none if they are the
// device's own files.
func (e *Export) Formats() []string { return e.formats }

// NeedsPassphrase reports whether a .p12 will be written.
func (e *Export) NeedsPassphrase() bool {
	return e.Has("p12") || e.Has("p12-ca") || e.Kind != CAItself && e.set.needsPassphrase()
}

// P12HasRoot reports whether a .p12 with a key holds the root too.
func (e *Export) P12HasRoot() bool { return e.set.p12HasRoot() }

// SetP12 says how a .p12 will be encrypted.
func (e *Export) SetP12(p export.P12) { e.bundle.P12 = p }

// ExpiredError says that a certificate that should be used is no longer valid.
type ExpiredError struct {
	Name  string // for people
	Until time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("certificate of %q expired on %s", e.Name, Day(e.Until))
}

// Hint renews it.
func (e *ExpiredError) Hint() fault.Hint {
	return fault.Hintf("issue a new one: %s", fault.Command{"renew", e.Name})
}

// Ended returns an ExpiredError or a RevokedError if the certificate is no longer
// valid.
func (e *Export) Ended(now time.Time) error {
	if e.bundle.Leaf == nil {
		return nil
	}
	return inUse(e.issued, now)
}

// load reads what the formats draw from.
func (e *Export) load() (export.Bundle, error) {
	switch {
	case e.Kind != CAItself && e.Keyless():
		return e.ca.publicBundle(e.issued)
	case e.Kind != CAItself:
		return e.ca.bundle(e.issued)
	}
	roots, err := e.ca.trusted()
	if err == nil && e.request.Root != "" {
		roots, err = e.ca.onlyRoot(e.request.Root)
	}
	if err != nil {
		return export.Bundle{}, err
	}
	var b export.Bundle
	trust(&b, roots)
	return b, nil
}

// onlyRoot returns a root by its ID, in a list of its own.
func (c *CA) onlyRoot(input string) ([]store.Root, error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	root, err := findRoot(roots, input)
	return []store.Root{root}, err
}

// LeftOut returns the roots that devices should trust, and that the files of the
// CA have no room for: the files hold that of Bundle.Root only.
func (e *Export) LeftOut() []*x509.Certificate {
	if e.Kind != CAItself || slices.ContainsFunc(e.set.specs, export.Spec.HoldsEveryRoot) {
		return nil
	}
	return e.bundle.MoreRoots
}

// Root returns the first root in the files.
func (e *Export) Root() *x509.Certificate { return e.bundle.Root }

// errRootSigns says that the root was to sign something that is no certificate.
var errRootSigns = fault.New("the CA's own key signs only certificates, not profiles",
	fault.Hintf("name a device or an identity: %s shows what exists", fault.Command{"list"}))

// decorate adds what only an Apple profile has.
func (e *Export) decorate(now time.Time) error {
	if len(e.request.WebClips) > 0 {
		authority, err := e.ca.Authority(now)
		if err != nil {
			return err
		}
		if e.bundle.WebClips, err = ParseWebClips(e.request.WebClips, authority); err != nil {
			return err
		}
	}
	if e.request.Sign == "" {
		return nil
	}
	signer, err := e.ca.profileSigner(e.request.Sign, now)
	e.bundle.Signer = signer
	return err
}

func (c *CA) profileSigner(name string, now time.Time) (*export.Signer, error) {
	if name == TheCA {
		return nil, errRootSigns
	}
	issued, err := c.Find(name)
	if err != nil {
		return nil, err
	}
	if err := inUse(issued, now); err != nil {
		return nil, err
	}
	key, err := c.store.Key(issued)
	return &export.Signer{Leaf: issued.Leaf, Key: key, Root: issued.Root.Certificate}, err
}

// Render returns the files.
func (e *Export) Render() ([]output.File, error) {
	files, err := e.set.render(e.bundle)
	return outputFiles(files), err
}

// Write writes the files: the root's one to a file beside others, all others to
// a folder of their own, which is recorded if they are the device's.
func (e *Export) Write(ctx context.Context, files []output.File, waiting Waiting) ([]Written, error) {
	if e.Kind == CAItself {
		return e.ca.WriteFile(ctx, e.request.Out, files[0], e.request.Force, waiting)
	}
	dir := cmp.Or(e.request.Out, e.issued.Record.Holder().Stem())
	policy := output.Empty
	if e.request.Force {
		policy = output.Overwrite
	}
	if err := e.ca.lockFor(ctx, e.issued, waiting); err != nil {
		return nil, err
	}
	recorded := e.request.Format == "" && e.isRecorded()
	written, real, err := e.ca.writeFolder(dir, files, policy, recorded)
	if err != nil || !recorded {
		return written, err
	}
	return written, e.ca.recordFolder(e.issued, e.issued.Record.For, real, files)
}

// isRecorded reports whether the files are for what the certificate was issued
// for, so that a renewal should replace them. A key that only files have is in
// the folder that is recorded.
func (e *Export) isRecorded() bool {
	if e.issued.Record.KeyKept == store.KeptInFiles {
		return false
	}
	issued, err := targetOf(e.issued)
	if err != nil || e.request.For.Device.ID == "" {
		return err == nil
	}
	firmware := e.request.For.Firmware[0].ID
	return issued.Device.ID == e.request.For.Device.ID && slices.ContainsFunc(issued.Firmware, func(f device.Firmware) bool { return f.ID == firmware })
}

// WriteFile writes a file beside others: to out, or under its own name into out
// if that is a folder or ends like one.
func (c *CA) WriteFile(ctx context.Context, out string, file output.File, force bool, waiting Waiting) ([]Written, error) {
	dir, name := output.Split(out, file.Name)
	file.Name = name
	policy := output.Beside
	if force {
		policy = output.Overwrite
	}
	if err := c.lockForOutput(ctx, waiting); err != nil {
		return nil, err
	}
	written, _, err := c.writeFolder(dir, []output.File{file}, policy, false)
	return written, err
}

// writeFolder writes files to a folder. The lock is held. If the folder is to be
// recorded, its path as a record holds it is returned too.
func (c *CA) writeFolder(dir string, files []output.File, policy output.Policy, record bool) (_ []Written, real string, err error) {
	folder, err := output.Open(dir, c.outputOptions(policy))
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if record {
		if real, err = recordable(folder); err != nil {
			return nil, "", err
		}
	}
	if err := folder.Prepare(fileNames(files)); err != nil {
		return nil, "", err
	}
	if err := folder.Stage(files); err != nil {
		return nil, "", err
	}
	if err := folder.Commit(); err != nil {
		return nil, "", err
	}
	return written(dir, files), real, nil
}

// errRenewed says that the store changed before the lock was taken.
var errRenewed = fault.New("another picoca issued a new certificate for that name in the meantime", fault.Hintf("run the same command again"))

// lockFor takes the lock, and fails if the certificate is no longer its holder's
// newest: its files would replace newer ones.
func (c *CA) lockFor(ctx context.Context, i store.Issued, waiting Waiting) error {
	if err := c.lockForOutput(ctx, waiting); err != nil {
		return err
	}
	newest, err := c.store.Latest(i.Record.Holder())
	if err == nil && newest.Number() != i.Number() {
		err = errRenewed
	}
	return err
}

// recordFolder remembers where the newest certificate's files went. A store that
// cannot be written to remembers nothing.
func (c *CA) recordFolder(i store.Issued, target, dir string, files []output.File) error {
	record := i.Record
	record.For, record.Folder, record.Files = target, dir, sums(files)
	err := c.store.SetRecord(i, record)
	if isReadOnly(err) || errors.Is(err, store.ErrUnlocked) {
		return nil
	}
	return err
}

// bundle is what the files of a certificate are made from. It fails as store.Key
// does if the key is not in the store; the rest is returned all the same.
func (c *CA) bundle(i store.Issued) (b export.Bundle, err error) {
	if b, err = c.publicBundle(i); err != nil {
		return b, err
	}
	b.Key, err = c.store.Key(i)
	return b, err
}

// publicBundle is what is known of a certificate without its key.
func (c *CA) publicBundle(i store.Issued) (export.Bundle, error) {
	b := export.Bundle{
		Root: i.Root.Certificate, CRL: i.Root.CRL, Issuer: i.Root.Certificate, Leaf: i.Leaf, Stem: i.Record.Holder().Stem(), WiFi: wifiOf(i.Record.WiFi),
	}
	roots, err := c.trusted()
	if err == nil {
		trust(&b, roots)
	}
	return b, err
}

// orJoin writes a list for a sentence: "a, b or c".
func orJoin(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	var text strings.Builder
	text.WriteString(all[0])
	for _, one := range all[1 : len(all)-1] {
		text.WriteString(", " + one)
	}
	return text.String() + " or " + all[len(all)-1]
}
