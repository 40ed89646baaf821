// Package pki is what the owner of a CA can do with it: create and open it,
// find certificates, issue and renew them for devices and identities, write
// their files, and check whether they fit a device. It makes every decision
// and returns typed results and typed errors; it knows no flags, prints nothing
// and asks nothing. The clock is an argument.
package pki

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/keys"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// Options are the surroundings of a run.
type Options struct {
	// Sudo is the user who ran sudo, whose store root may then use and who gets
	// the files; nil without sudo.
	Sudo *output.Owner
	// AgentSocket is where the SSH agent listens, the value of SSH_AUTH_SOCK.
	AgentSocket string
	// Wrap stands between every change and the disk; nil outside tests.
	Wrap func(durable.Disk) durable.Disk
}

// CA is an open certificate authority: its store, and what it decided so far.
type CA struct {
	store   *store.Store
	options Options
	locked  bool
	shared  *output.Together // see output.Options
	// first is the oldest root, which identifies the CA; signing is the one that
	// signs, once it was asked for.
	first     store.Root
	signing   store.Root
	authority *ca.Authority
	agent     *keys.Agent // once it was asked for a key
}

// Open opens the CA in folder dir to read it; nothing is written. It fails as
// store.Open does.
func Open(dir string, o Options) (*CA, error) {
	s, err := store.Open(dir, o.store())
	if err != nil {
		return nil, err
	}
	roots, err := s.Roots()
	if err == nil && len(roots) == 0 {
		err = store.ErrNoSigningRoot
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &CA{store: s, options: o, first: roots[0]}, nil
}

func (o Options) store() store.Options {
	options := store.Options{Wrap: o.Wrap}
	if o.Sudo != nil {
		options.User = o.Sudo.UID
	}
	return options
}

// Close closes the store, and gives up its lock if it is held.
func (c *CA) Close() error {
	if c.agent == nil {
		return c.store.Close()
	}
	return errors.Join(c.agent.Close(), c.store.Close())
}

// Path returns the path of a certificate's folder as the user would type it.
func (c *CA) Path(i store.Issued) string { return c.store.Path(i.Place) }

// RootPath returns the path of a root's folder as the user would type it.
func (c *CA) RootPath(root store.Root) string { return c.store.RootPath(root) }

// Roots returns every root, the oldest first. Each was verified.
func (c *CA) Roots() ([]store.Root, error) { return c.store.Roots() }

// Root returns the root that signs, which may have expired; the newest if none
// has a key here, because it was lost or is kept elsewhere. Only Session needs
// the key.
func (c *CA) Root() (store.Root, error) {
	if c.signing.Certificate != nil {
		return c.signing, nil
	}
	root, err := c.store.SigningRoot()
	if errors.Is(err, store.ErrNoSigningRoot) {
		roots, err := c.Roots()
		if err != nil {
			return store.Root{}, err
		}
		return newest(roots), nil
	}
	if err == nil {
		c.signing = root
	}
	return root, err
}

// newest returns the last root that is not the spare.
func newest(roots []store.Root) store.Root {
	for _, root := range slices.Backward(roots) {
		if !root.IsSpare() {
			return root
		}
	}
	return roots[len(roots)-1]
}

// Authority returns the authority of the root that signs, without its key. It
// fails with a ca.ExpiredError if the root is not valid at now.
func (c *CA) Authority(now time.Time) (*ca.Authority, error) {
	if c.authority != nil {
		return c.authority, nil
	}
	root, err := c.store.SigningRoot()
	if err != nil {
		return nil, err
	}
	c.signing = root
	c.authority, err = ca.NewAuthority(root.Certificate, now)
	return c.authority, err
}

// Waiting is called once if another picoca holds the lock for more than a
// second, with its process ID, "" if that is unknown.
type Waiting func(holder string)

// Passphrase returns the passphrase of the root key. It is called only if the
// key is encrypted.
type Passphrase func() ([]byte, error)

// key opens the key of a root.
func (c *CA) key(root store.Root, ask Passphrase) (crypto.Signer, error) {
	if root.Key == store.KeyAgent {
		return c.agentKey(root)
	}
	key, err := c.store.RootKey(root, nil)
	if !errors.Is(err, store.ErrPassphrase) {
		return key, err
	}
	passphrase, err := ask()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return c.store.RootKey(root, passphrase)
}

// unlock returns the authority of a root that is valid at now, with its key.
func (c *CA) unlock(root store.Root, now time.Time, ask Passphrase) (*ca.Authority, error) {
	authority, err := ca.NewAuthority(root.Certificate, now)
	if err != nil {
		return nil, err
	}
	key, err := c.key(root, ask)
	if err != nil {
		return nil, err
	}
	return authority, authority.Unlock(key)
}

// outputOptions are those of every folder that the CA writes files to.
func (c *CA) outputOptions(policy output.Policy) output.Options {
	return output.Options{
		Prefix: output.Prefix(c.first.Certificate.Raw), Policy: policy, Owner: c.options.Sudo, Enclosed: store.Encloses, Wrap: c.options.Wrap, Shared: c.shared,
	}
}

// workers calls do with n views of the CA, each for a goroutine of its own.
func (c *CA) workers(n int, do func(workers []*CA) error) (err error) {
	var all []*CA
	defer func() {
		for _, w := range all {
			err = errors.Join(err, w.store.Close())
		}
	}()
	for range n {
		w := *c
		if w.store, err = c.store.Worker(); err != nil {
			return err
		}
		all = append(all, &w)
	}
	return do(all)
}

// lock takes the lock until Close, unless this run holds it already. What a
// crash left is completed or swept.
func (c *CA) lock(ctx context.Context, waiting Waiting) error {
	if c.locked {
		return nil
	}
	err := c.store.Lock(ctx, waiting)
	c.locked = err == nil
	return err
}

// lockForOutput takes the lock so that no other picoca writes to the same
// place. A store on a medium that cannot be written to needs none.
func (c *CA) lockForOutput(ctx context.Context, waiting Waiting) error {
	err := c.lock(ctx, waiting)
	if isReadOnly(err) {
		return nil
	}
	return err
}

// isReadOnly reports whether the store is on a medium or in a folder that this
// user cannot write to.
func isReadOnly(err error) bool {
	return errno.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

// InitRequest is what the owner of a new CA decides.
type InitRequest struct {
	Key   ca.KeyType // not for a key that exists, see KeyIn
	KeyIn KeyIn
	Root  ca.RootRequest
	// CRLDays is how long revocation lists are valid; 0 is as long as the root.
	CRLDays int
	// Spare is a second root on paper; nil is none.
	Spare *SpareRequest
}

// Created are the roots of a new CA. Spare is nil, and Page empty, unless it has
// one: Page is the file to be printed.
type Created struct {
	Root, Spare *x509.Certificate
	Page        string
}

// Check fails with all that is wrong with the root and its lists.
func (r InitRequest) Check() error { return errors.Join(r.Root.Check(), checkCRLDays(r.CRLDays)) }

// Vacant fails unless Create can put a CA into dir: with an ExistsError if
// one is there, else as store.Vacant does.
func Vacant(dir string, now time.Time, o Options) error {
	return existsError(dir, now, o, store.Vacant(dir, o.store()))
}

// Create makes a CA in dir, its root key encrypted under passphrase unless
// that is empty, with an empty revocation list, and the page of its spare. It
// fails as Vacant and CheckSpare do, and then leaves everything as it was.
func Create(ctx context.Context, dir string, req InitRequest, passphrase []byte, now time.Time, o Options, waiting Waiting) (Created, error) {
	if err := checkCRLDays(req.CRLDays); err != nil {
		return Created{}, err
	}
	root, err := newRoot(req, now, o)
	if err != nil {
		return Created{}, err
	}
	root.Passphrase = passphrase
	create := func(roots ...store.NewRoot) error {
		return existsError(dir, now, o, store.Create(ctx, dir, o.store(), roots, waiting))
	}
	if req.Spare == nil {
		return Created{Root: root.Certificate}, create(root)
	}
	s, err := newSpare(req, passphrase, now)
	if err != nil {
		return Created{}, err
	}
	created := Created{Root: root.Certificate, Spare: s.root.Certificate}
	created.Page, err = s.write(req.Spare.Out, dir, o, func() error { return create(root, s.root) })
	return created, err
}

// newRoot makes a root with its first list; its key is new, or in the agent.
func newRoot(req InitRequest, now time.Time, o Options) (store.NewRoot, error) {
	key, err := req.key(o)
	if err != nil {
		return store.NewRoot{}, err
	}
	defer key.close()
	cert, err := ca.NewRoot(req.Root, key.signer, now)
	if err != nil {
		return store.NewRoot{}, err
	}
	root := store.NewRoot{Certificate: cert, Agent: key.agent}
	if key.agent == nil {
		root.Key = key.signer
	}
	root.CRL, err = firstCRL(cert, key.signer, req.CRLDays, now)
	return root, err
}

// firstCRL signs the empty list of a new root.
func firstCRL(cert *x509.Certificate, key crypto.Signer, days int, now time.Time) ([]byte, error) {
	authority, err := ca.NewAuthority(cert, now)
	if err != nil {
		return nil, err
	}
	if err := authority.Unlock(key); err != nil {
		return nil, err
	}
	return signCRL(authority, store.Root{Certificate: cert}, nil, days, now)
}

// ExistsError says that a folder already holds a CA.
type ExistsError struct {
	Dir    string
	Root   *x509.Certificate
	hasKey bool
	// expired is as of the time that Vacant or Create was given.
	expired bool
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s already contains %s, valid until %s", e.Dir, e.Root.Subject.CommonName, Day(e.Root.NotAfter))
}

// Unwrap makes it fs.ErrExist.
func (e *ExistsError) Unwrap() error { return fs.ErrExist }

// Hint says how to go on.
func (e *ExistsError) Hint() fault.Hint {
	another := fault.Command{"--home", "FOLDER", "init"}
	if e.expired {
		return fault.Hintf("its root has expired: replace it: %s", rotate)
	}
	if !e.hasKey {
		return fault.Hintf("its root key is missing, so it cannot issue: restore it from a backup (%s), or replace the root: %s", fault.Command{"--home", "FOLDER", "restore", "FILE"}, rotate)
	}
	return fault.Hintf("use it: %s; or create another one: %s", fault.Command{"issue", ca.ExampleName(e.Root)}, another)
}

// existsError names the CA that is in the way of a new one.
func existsError(dir string, now time.Time, o Options, err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	c, err := Open(dir, o)
	if err != nil {
		return err
	}
	defer c.Close()
	root, err := c.Root()
	if err != nil {
		return err
	}
	return &ExistsError{dir, root.Certificate, root.Key != store.KeyElsewhere, now.After(root.Certificate.NotAfter)}
}

// Day writes a date as UTC has it.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
