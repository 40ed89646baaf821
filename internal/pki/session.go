package pki

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// Session may sign: it holds the store's lock and the root's key, which was
// unlocked once for as many certificates as are needed.
type Session struct {
	ca      *CA
	root    store.Root
	trusted []store.Root // by those who trust the CA, the one that signs first
}

// Session asks for the passphrase, unlocks the key of the root that signs, and
// only then takes the lock: a prompt may stand for hours. What a crash left is
// completed or swept before it returns. Close the session to forget the key.
func (c *CA) Session(ctx context.Context, now time.Time, ask Passphrase, waiting Waiting) (*Session, error) {
	authority, err := c.Authority(now)
	if err != nil {
		return nil, err
	}
	root := c.signing
	ask, forget := askOnce(ask)
	defer forget()
	key, err := c.key(root, ask)
	if err != nil {
		return nil, err
	}
	if err := authority.Unlock(key); err != nil {
		return nil, err
	}
	s := &Session{ca: c, root: root}
	if err := s.begin(ctx, now, ask, waiting); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// begin takes the lock, and looks at the roots as they are now.
func (s *Session) begin(ctx context.Context, now time.Time, ask Passphrase, waiting Waiting) (err error) {
	if err := s.ca.lock(ctx, waiting); err != nil {
		return err
	}
	if err := s.checkRoot(); err != nil {
		return err
	}
	if err := s.ensureCRLs(now, ask, crlNeedsRefresh); err != nil {
		return err
	}
	s.trusted, err = s.ca.trusted()
	return err
}

// errRotated says that the world changed while the passphrase was typed.
var errRotated = fault.New("another picoca changed the root in the meantime", fault.Hintf("run the same command again"))

// checkRoot looks again, now that no other process can change the store.
func (s *Session) checkRoot() error {
	now, err := s.ca.store.SigningRoot()
	if err != nil {
		return err
	}
	if !now.Certificate.Equal(s.root.Certificate) {
		return errRotated
	}
	s.root, s.ca.signing = now, now
	return nil
}

// ensureCRLs signs the revocation list of each root that needs one: at least that of
// a root that has none, as in stores of layout 1, or whose list has less than half of
// its time left. An old root whose key cannot be had is passed over: it must not keep
// the user from issuing.
func (s *Session) ensureCRLs(now time.Time, ask Passphrase, needs func(store.Root, time.Time) bool) error {
	roots, err := s.ca.trusted()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if !keepsCRL(root, now) || !needs(root, now) {
			continue
		}
		authority, err := s.authorityOf(root, now, ask)
		if err != nil && root.ID != s.root.ID {
			continue
		}
		if err == nil {
			err = s.putCRL(authority, root, now)
		}
		if err != nil {
			return err
		}
	}
	return s.checkRoot() // whose list may be another one now
}

// authorityOf returns a root with its key.
func (s *Session) authorityOf(root store.Root, now time.Time, ask Passphrase) (*ca.Authority, error) {
	if root.ID == s.root.ID {
		return s.ca.authority, nil
	}
	return s.ca.unlock(root, now, ask)
}

// putCRL signs the list of a root, as long as the list before.
func (s *Session) putCRL(authority *ca.Authority, root store.Root, now time.Time) error {
	revoked, err := s.ca.store.Revocations()
	if err != nil {
		return err
	}
	der, err := signCRL(authority, root, revoked, 0, now)
	if err != nil {
		return err
	}
	return s.ca.store.PutCRL(root, der)
}

// Close forgets the key. The lock is held until the CA is closed.
func (s *Session) Close() { s.ca.authority.Lock() }

// Written is a file that was written.
type Written struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Private bool   `json:"private"`
}

// Result is a certificate that was issued, with what was written of it.
type Result struct {
	Issued store.Issued
	Files  []Written
	// Stale are files of earlier certificates that stayed beside them, because
	// they have other names.
	Stale []string
}

// UnwrittenError says that a certificate is in the store, and that its files
// are not all where the user wants them.
type UnwrittenError struct {
	Name, Dir string
	// KeyLost reports whether only those files would have had the key.
	KeyLost bool
	Err     error
}

func (e *UnwrittenError) Error() string {
	if e.KeyLost {
		return fmt.Sprintf("%s was issued, but not all of its files were written, and the store has no copy of its key: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s was issued, but not all of its files were written: %v", e.Name, e.Err)
}

// Unwrap returns why.
func (e *UnwrittenError) Unwrap() error { return e.Err }

// Hint says how to write them.
func (e *UnwrittenError) Hint() fault.Hint {
	if e.KeyLost {
		return fault.Hintf("fix that, then make a new key and certificate: %s", fault.Command{"renew", e.Name, "--out", e.Dir})
	}
	if _, partly := errors.AsType[*output.PartialError](e.Err); partly {
		return fault.Hintf("fix that, then complete it: %s", fault.Command{"export", e.Name, "--out", e.Dir, "--force"})
	}
	return fault.Run("export", e.Name, "--out", "FOLDER")
}

// Issue signs a plan's certificate and publishes it: first to the store, then
// its files to their folder. After any other failure than an UnwrittenError
// nothing has changed.
func (s *Session) Issue(p *Plan, now time.Time) (Result, error) {
	if err := s.refresh(p, now); err != nil {
		return Result{}, err
	}
	return p.issue(s.trusted)
}

// issue is Issue for a plan that was made under the lock. The files have those
// roots.
func (p *Plan) issue(trusted []store.Root) (Result, error) {
	if err := p.out.Prepare(p.fileNames); err != nil {
		return Result{}, err
	}
	if p.recorded() { // interrupted changes are over now
		if err := p.checkRecorded(); err != nil {
			return Result{}, err
		}
	}
	leaf, err := p.ca.authority.Sign(p.prepared)
	if err != nil {
		return Result{}, err
	}
	files, err := p.render(leaf, trusted)
	if err != nil {
		return Result{}, err
	}
	if err := p.out.Stage(files); err != nil {
		return Result{}, err
	}
	issued, err := p.ca.store.Put(p.record(files), leaf, p.storedKey())
	if err != nil {
		return Result{}, err
	}
	if err := p.out.Commit(); err != nil {
		return Result{}, &UnwrittenError{p.Name(), p.Dir, p.KeyKept == store.KeptInFiles, err}
	}
	return Result{issued, written(p.Dir, files), p.stale(files)}, nil
}

// stillTrue reports whether the store says of the name what it said when p was
// made. If the record is damaged, the plan is always made again.
func (p *Plan) stillTrue() bool {
	latest, err := p.ca.store.Latest(p.request.holder())
	before := p.previous
	if err != nil || before == nil {
		return errors.Is(err, store.ErrNotIssued) && before == nil && p.refuseDelegated() == nil
	}
	return latest.Place == before.Place && latest.Record.Folder == before.Record.Folder && (latest.Revoked == nil) == (before.Revoked == nil)
}

// refresh plans again what may have changed before the lock was taken: another
// run may have issued the name.
func (s *Session) refresh(p *Plan, now time.Time) error {
	if p.stillTrue() {
		return nil
	}
	again, err := s.ca.Plan(p.request, now)
	if err != nil {
		return err
	}
	err = p.Close()
	*p = *again
	return err
}

func (p *Plan) render(leaf *x509.Certificate, roots []store.Root) ([]output.File, error) {
	bundle := export.Bundle{Leaf: leaf, Key: p.key, Stem: p.request.holder().Stem(), P12: p.request.P12, WiFi: wifiOf(p.WiFi)}
	trust(&bundle, roots)
	set, err := p.files()
	if err != nil {
		return nil, err
	}
	files, err := set.render(bundle)
	return outputFiles(files), err
}

// record is what the certificate cannot show.
func (p *Plan) record(files []output.File) store.Record {
	holder := p.request.holder()
	r := store.Record{
		Name: holder.Name, Kind: p.certKind(), For: p.Target.String(), Folder: p.dir, Files: map[string]string{}, KeyKept: p.KeyKept, WiFi: p.WiFi,
		Pushed: p.NextPlace(), Batch: p.batch(),
	}
	if p.BoardClock {
		r.Days = p.days()
	}
	for _, file := range files {
		r.Files[file.Name] = FileSum(file.Data)
	}
	return r
}

// batch is the list that the name came from: a renewal does not change that, so
// that the same list can still be continued.
func (p *Plan) batch() string {
	if before := p.before(); before != nil {
		return cmp.Or(p.request.batch, before.Record.Batch)
	}
	return p.request.batch
}

// stale lists files of earlier certificates that this one has not replaced: of
// another device, or exported by hand.
func (p *Plan) stale(files []output.File) []string {
	if !p.request.Renew {
		return nil
	}
	names, err := p.out.Names()
	if err != nil {
		return nil
	}
	var left []string
	for _, name := range names {
		if slices.ContainsFunc(files, func(f output.File) bool { return f.Name == name }) {
			continue
		}
		data, err := p.out.ReadIfAny(name)
		if err == nil && p.own.wrote(name, data) && !p.own.isRootFile(data) {
			left = append(left, filepath.Join(p.Dir, name))
		}
	}
	return left
}

func written(dir string, files []output.File) []Written {
	all := []Written{}
	for _, file := range files {
		all = append(all, Written{filepath.Join(dir, filepath.FromSlash(file.Name)), len(file.Data), file.Private})
	}
	return all
}
