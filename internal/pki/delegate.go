package pki

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/delegate"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// DelegatedDays is how long a delegated CA is valid, unless its root ends first:
// it is renewed by hand, and what it issues ends with it.
const DelegatedDays = 5 * 365

// DelegateRequest is what the user wants of another CA under the root. What is
// unset is as before for a renewal, and else the default.
type DelegateRequest struct {
	// Program is the ID of one that is set up, "" for a CA that makes its own key
	// and sent the request CSR.
	Program string
	CSR     *ca.CSR
	// Name is the CA's common name: the program's ID if it is empty.
	Name string
	// Out is the folder for its files: the recorded one for a renewal.
	Out string
	// Hosts are the names of the computer where the program runs, Port is where it
	// listens.
	Hosts []string
	Port  int
	Days  int
	// Renew makes a new certificate for the same key.
	Renew bool
	// RootItself gives the program the root's own certificate and key.
	RootItself bool
}

// Delegation is another CA that can be set up or renewed: all that does not need
// the root's key is decided.
type Delegation struct {
	ca       *CA
	request  DelegateRequest
	program  delegate.Program
	key      crypto.Signer // nil if its owner has it
	prepared *ca.Prepared  // nil for the root itself
	previous *store.Issued
	config   delegate.Config
	out      *output.Folder
	keyDir   string // where a program's key is, for a renewal

	Name string
	Dir  string // as the user would type it
}

// CAExistsError says that there is a CA of that name under the root already.
type CAExistsError struct {
	Name  string
	Until time.Time
}

func (e *CAExistsError) Error() string {
	return fmt.Sprintf("there is a delegated CA %q, valid until %s", e.Name, Day(e.Until))
}

// Hint renews it, or takes another name.
func (e *CAExistsError) Hint() fault.Hint {
	return fault.Hintf("%s for a new certificate of the same key; another CA needs another name: --name of delegate, --ca of issue", fault.Command{"renew", e.Name})
}

// CANameError says that a delegated CA cannot be called so.
type CANameError struct{ Name, Fault string }

func (e *CANameError) Error() string { return fmt.Sprintf("name %q %s", e.Name, e.Fault) }

// Hint gives an example.
func (*CANameError) Hint() fault.Hint {
	return fault.Hintf("choose another one, such as %q", "Workshop CA")
}

// PathLengthError says that the root allows no CA below it.
type PathLengthError struct{ Root string }

func (e *PathLengthError) Error() string {
	return fmt.Sprintf("root %s allows no CA below it: it was made by an earlier version (path length 0)", e.Root)
}

// Hint offers the root itself, and a new root.
func (*PathLengthError) Hint() fault.Hint {
	return fault.Hintf("make a new root: %s; or let the program use the root's own key: --root-itself", fault.Command{"root", "rotate"})
}

// PlanDelegation decides all that does not need the root's key. Close the result.
func (c *CA) PlanDelegation(req DelegateRequest, now time.Time) (*Delegation, error) {
	authority, err := c.Authority(now)
	if err != nil {
		return nil, err
	}
	d := &Delegation{ca: c, request: req, Name: cmp.Or(req.Name, req.Program)}
	steps := []func(*ca.Authority, time.Time) error{d.lookBack, d.choose, d.checkKey, d.prepare, d.openFolder, d.checkKeyFile}
	for _, step := range steps {
		if err := step(authority, now); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

func (d *Delegation) holder() store.Holder { return store.Holder{Kind: ca.KindCA, Name: d.Name} }

// lookBack finds the CA's previous certificate.
func (d *Delegation) lookBack(_ *ca.Authority, now time.Time) (err error) {
	if d.request.RootItself {
		return nil // nothing is issued
	}
	d.previous, err = d.newest(now)
	return err
}

// newest returns the CA's newest certificate, nil if there is none, or what keeps
// the CA from being set up or renewed. It changes nothing.
func (d *Delegation) newest(now time.Time) (*store.Issued, error) {
	newest, err := d.ca.store.Latest(d.holder())
	switch {
	case errors.Is(err, store.ErrNotIssued) && d.request.Renew:
		return nil, &NotIssuedError{Input: d.Name}
	case errors.Is(err, store.ErrNotIssued):
		return nil, d.checkName()
	case err != nil:
		return nil, err
	case newest.Revoked != nil && d.request.Renew:
		return nil, &RevokedError{Delegated, d.Name, newest.Revoked.At, newest.Record.For}
	case !d.request.Renew && InForce(newest, now):
		return nil, &CAExistsError{d.Name, newest.Leaf.NotAfter}
	}
	return &newest, nil
}

// errDelegationChanged says that the world changed while the passphrase was typed.
var errDelegationChanged = fault.New("another picoca changed the CA's certificate in the meantime", fault.Hintf("run the same command again"))

// checkAgain fails if what was planned is not true any more, now that no other
// process can change the store.
func (d *Delegation) checkAgain(now time.Time) error {
	newest, err := d.newest(now)
	switch before := d.previous; {
	case err != nil:
		return err
	case newest == nil && before == nil:
	case newest == nil || before == nil, newest.Place != before.Place, (newest.Revoked == nil) != (before.Revoked == nil):
		return errDelegationChanged
	}
	return d.checkPublic()
}

// checkName keeps one word for one thing: commands take names of devices,
// identities and CAs in the same place.
func (d *Delegation) checkName() error {
	if d.Name == TheCA {
		return &CANameError{d.Name, "is the word for the root"}
	}
	other, err := d.ca.find(d.Name)
	if err == nil {
		return &CANameError{d.Name, "is that of " + KindOf(other).WithArticle()}
	}
	if _, missing := errors.AsType[*NotIssuedError](err); missing {
		if names, err := ca.ParseNames([]string{d.Name}); err == nil && d.ca.authority.Permits(names) == nil {
			return &CANameError{d.Name, "can be that of a device"}
		}
	}
	return nil
}

// choose finds the program and its key.
func (d *Delegation) choose(authority *ca.Authority, _ time.Time) (err error) {
	if d.previous != nil && d.request.Renew {
		d.request.Program = d.previous.Record.For
	}
	if d.request.Program != "" {
		if d.request.CSR != nil {
			return usageError(d.startOver(), "%s made no request for %q: its key was made with it", d.request.Program, d.Name)
		}
		if d.program, err = delegate.Find(d.request.Program); err != nil {
			return err
		}
		if err := d.checkHosts(authority); err != nil {
			return err
		}
	}
	if d.request.Program == "" || d.request.Renew || d.request.RootItself {
		return nil // the key exists
	}
	d.key, err = ca.P256.Generate()
	return err
}

func (d *Delegation) checkKey(*ca.Authority, time.Time) error { return d.checkPublic() }

// checkPublic refuses a key that the CA must not have: a root's, which would make
// it the root in all but name, and one that somebody else may know.
func (d *Delegation) checkPublic() error {
	if d.key != nil || d.request.RootItself {
		return nil // it is new, or the root's on purpose
	}
	public := d.public()
	roots, err := d.ca.Roots()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(roots, func(root store.Root) bool { return ca.KeyMatches(root.Certificate, public) }) {
		return errRootsKey
	}
	issued, err := d.ca.revokedWith(public)
	if err != nil || issued == nil {
		return err
	}
	return d.revokedKeyError(*issued)
}

func (d *Delegation) revokedKeyError(of store.Issued) error {
	err := &RevokedKeyError{of.Record.Name, of.Revoked.At, store.KeptByDevice}
	if d.request.CSR != nil {
		return fault.With(err, fault.Hintf("let the program make a new key, and a request with that"))
	}
	return fault.With(err, d.startOver())
}

// checkHosts refuses hosts that the program could not serve its own clients by.
func (d *Delegation) checkHosts(authority *ca.Authority) error {
	if len(d.request.Hosts) == 0 {
		d.request.Hosts = []string{"ca.home.arpa"}
	}
	d.request.Port = cmp.Or(d.request.Port, 9443)
	names, err := ca.ParseNames(d.request.Hosts)
	if err != nil {
		return err
	}
	d.request.Hosts = names.Strings()
	return authority.Permits(names)
}

func (d *Delegation) public() crypto.PublicKey {
	switch {
	case d.key != nil:
		return d.key.Public()
	case d.request.CSR != nil:
		return d.request.CSR.Public
	}
	return d.previous.Leaf.PublicKey
}

func (d *Delegation) prepare(authority *ca.Authority, now time.Time) (err error) {
	if d.request.RootItself {
		return nil
	}
	if authority.Certificate().MaxPathLen == 0 {
		return &PathLengthError{authority.Certificate().Subject.CommonName}
	}
	var before *store.Issued
	if d.request.Renew {
		before = d.previous
	}
	days := cmp.Or(d.request.Days, daysOf(before), DelegatedDays)
	profile := ca.Profile{Kind: ca.KindCA, Life: ca.Days(days), Cut: d.request.Days == 0, Force: true, ServersOnly: d.request.Program != ""}
	if d.request.Renew && d.previous != nil && d.request.CSR == nil {
		profile.ServersOnly = len(d.previous.Leaf.ExtKeyUsage) == 1
	}
	d.prepared, err = authority.PrepareCA(profile, d.Name, d.public(), now)
	return err
}

// openFolder looks at the folder before anything is signed.
func (d *Delegation) openFolder(*ca.Authority, time.Time) (err error) {
	recorded := d.recordedFolder()
	d.Dir = cmp.Or(d.request.Out, recorded, d.holder().Stem())
	policy := output.Empty
	if d.request.Renew {
		own := d.ca.ownFiles(d.holder(), d.previous)
		policy = output.Own(func(name string, data []byte) bool { return own.wrote(name, data) })
	}
	options := d.ca.outputOptions(policy)
	if d.request.Program != "" && !d.request.Renew {
		options.Flag = "FOLDER"
	}
	d.out, err = output.Open(d.Dir, options)
	switch {
	case err != nil && d.Dir == recorded && errors.Is(err, fs.ErrNotExist), err == nil && d.Dir == recorded && !d.out.Exists():
		return d.folderGone()
	case err != nil:
		return neverForced(err)
	}
	if d.config.Dir, err = recordable(d.out); err != nil {
		return err
	}
	d.config.Hosts, d.config.Port, d.config.IssuerIsRoot = d.request.Hosts, d.request.Port, d.request.RootItself
	return neverForced(d.out.Check(d.fileNames()))
}

// neverForced takes --force out of a hint: what would be replaced may be the key of
// another CA.
func neverForced(err error) error {
	if exists, ok := errors.AsType[*output.ExistsError](err); ok {
		exists.Force = false
	}
	return err
}

func (d *Delegation) recordedFolder() string {
	if d.previous == nil || !d.request.Renew {
		return ""
	}
	return shorten(d.previous.Record.Folder)
}

// fileNames are those of what will be written.
func (d *Delegation) fileNames() []string {
	var names []string
	for _, file := range d.files() {
		names = append(names, file.Name)
	}
	return names
}

// files renders what config has.
func (d *Delegation) files() []output.File {
	var files []delegate.File
	switch {
	case d.request.Program == "":
		files = delegate.ChainFiles(d.config)
	case d.request.Renew:
		files = d.config.RenewedFiles()
	default:
		files = d.program.Files(d.config)
	}
	var all []output.File
	for _, file := range files {
		all = append(all, output.File{Name: file.Name, Data: file.Data, Private: file.Private})
	}
	return all
}

// Close gives up the folder.
func (d *Delegation) Close() error {
	if d.out == nil {
		return nil
	}
	return d.out.Close()
}

// Program returns the ID of the program, "" if there is none.
func (d *Delegation) Program() string { return d.request.Program }

// Until is when the certificate ends that is renewed.
func (d *Delegation) Until() time.Time { return d.previous.Leaf.NotAfter }

// NotAfter returns the last second of validity.
func (d *Delegation) NotAfter() time.Time {
	if d.prepared == nil {
		return d.ca.authority.Certificate().NotAfter
	}
	return d.prepared.NotAfter()
}

// Steps are the commands that start the program.
func (d *Delegation) Steps() []string {
	if d.request.Program == "" || d.request.Renew {
		return nil
	}
	return d.program.Steps(d.config)
}

// Where is where the program listens.
func (d *Delegation) Where() string {
	if d.request.Program == "" {
		return ""
	}
	return net.JoinHostPort(d.request.Hosts[0], fmt.Sprint(d.request.Port))
}

// Delegate signs the certificate of a CA, and writes its files. The store keeps
// the certificate, so that it can be revoked, but never the key: with it nobody
// needs the root's passphrase.
func (s *Session) Delegate(d *Delegation, now time.Time) (Result, error) {
	if err := d.checkAgain(now); err != nil {
		return Result{}, err
	}
	if err := d.out.Prepare(d.fileNames()); err != nil {
		return Result{}, err
	}
	cert, err := s.ca.authority.Sign(d.prepared)
	if err != nil {
		return Result{}, err
	}
	root := s.root.Certificate
	d.config.Root, d.config.Issuer = ca.CertificatePEM(root), ca.CertificatePEM(cert)
	if err := d.sealKey(d.key); err != nil {
		return Result{}, err
	}
	files := d.files()
	if err := d.out.Stage(files); err != nil {
		return Result{}, err
	}
	issued, err := s.ca.store.Put(d.record(files), cert, nil)
	if err != nil {
		return Result{}, err
	}
	if err := d.out.Commit(); err != nil {
		return Result{}, d.unwritten(err)
	}
	return Result{Issued: issued, Files: written(d.Dir, files)}, nil
}

// sealKey writes a key as the program reads it.
func (d *Delegation) sealKey(key crypto.Signer) (err error) {
	if key == nil {
		return nil
	}
	if d.program.KeyEncrypted {
		d.config.Passphrase = []byte(rand.Text())
	}
	d.config.Key, err = store.EncryptKey(key, d.config.Passphrase)
	return err
}

func (d *Delegation) record(files []output.File) store.Record {
	r := store.Record{Name: d.Name, Kind: ca.KindCA, For: d.request.Program, Folder: cmp.Or(d.keyDir, d.config.Dir), Files: map[string]string{}, KeyKept: store.KeptInFiles}
	if d.request.Program == "" {
		r.KeyKept = store.KeptByDevice
	}
	for _, file := range files {
		if !file.Private {
			r.Files[file.Name] = FileSum(file.Data)
		}
	}
	return r
}

// errRootInAgent says that the root's key cannot leave its agent.
var errRootInAgent = fault.New("root key is in an SSH agent, so no program can have it",
	fault.Hintf("delegate to a CA of its own: leave out --root-itself"))

// DelegateRoot writes the root's certificate and key for a program: the user asked
// for that, because the root allows no CA below it.
func (c *CA) DelegateRoot(ctx context.Context, d *Delegation, ask Passphrase, waiting Waiting) ([]Written, error) {
	root, err := c.store.SigningRoot()
	if err != nil {
		return nil, err
	}
	if root.Key == store.KeyAgent {
		return nil, errRootInAgent
	}
	key, err := c.key(root, ask)
	if err != nil {
		return nil, err
	}
	if err := c.lockForOutput(ctx, waiting); err != nil {
		return nil, err
	}
	d.config.Root, d.config.Issuer = ca.CertificatePEM(root.Certificate), ca.CertificatePEM(root.Certificate)
	if err := d.sealKey(key); err != nil {
		return nil, err
	}
	files := d.files()
	if err := d.out.Prepare(d.fileNames()); err != nil {
		return nil, err
	}
	if err := d.out.Stage(files); err != nil {
		return nil, err
	}
	return written(d.Dir, files), d.out.Commit()
}
