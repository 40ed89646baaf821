package pki

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// RotateRequest is what the user wants of root rotate. What is unset is as it
// was for the root that signs.
type RotateRequest struct {
	Key ca.KeyType
	// KeyIn is where the new key is; unset is a file.
	KeyIn KeyIn
	Name  string
	// Days until the new root expires; 0 is the default.
	Days int
	// Permit is added to what the root that signs can vouch for.
	Permit []string
	// AnyAddress leaves addresses out of the constraints; Strict marks them
	// critical.
	AnyAddress, Strict *bool
	// CRLDays is how long revocation lists are valid.
	CRLDays int
}

// Rotation is a root that can be created beside the one that signs.
type Rotation struct {
	ca      *CA
	request RotateRequest
	old     store.Root
	root    ca.RootRequest
	sheet   *paper.Content // of the spare, nil for a new root

	// Key is the type of the new key.
	Key ca.KeyType
	// Keyless reports whether no key of an old root is here, so that the passphrase
	// of the new key is to be chosen.
	Keyless bool
	// InAgent reports whether the key of the old root is in an SSH agent.
	InAgent bool
}

// Old returns the root that signs until then.
func (r *Rotation) Old() store.Root { return r.old }

// PlanRotation decides everything about a new root that needs no key, and reports
// all faults at once. The old root may have expired, and its key may be lost.
func (c *CA) PlanRotation(req RotateRequest, now time.Time) (*Rotation, error) {
	r, err := c.newRotation(req)
	if err != nil {
		return nil, err
	}
	return r, r.choose(now)
}

func (c *CA) newRotation(req RotateRequest) (*Rotation, error) {
	old, err := c.Root()
	if err != nil {
		return nil, err
	}
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	_, found := keyFile(roots)
	req.CRLDays = cmp.Or(req.CRLDays, crlDays(old))
	return &Rotation{ca: c, request: req, old: old, Keyless: !found, InAgent: old.Key == store.KeyAgent}, nil
}

func (r *Rotation) choose(now time.Time) error {
	before := r.old.Certificate
	oldKey, err := ca.KeyTypeOf(before.PublicKey)
	if err != nil {
		return err
	}
	r.Key = cmp.Or(r.request.Key, oldKey)
	constraints, permitErr := widened(before).Permit(r.request.Permit)
	r.root = ca.RootRequest{
		Name: cmp.Or(r.request.Name, baseName(before.Subject.CommonName)), Days: cmp.Or(r.request.Days, ca.DefaultRootDays), Constraints: constraints,
		AnyAddress: orBefore(r.request.AnyAddress, len(before.PermittedIPRanges) == 0 && !ca.ConstraintsOf(before).NoAddress()),
		Strict:     orBefore(r.request.Strict, before.PermittedDNSDomainsCritical),
	}
	return errors.Join(permitErr, r.root.Check(), checkCRLDays(r.request.CRLDays), ca.CheckClock(now))
}

// widened is what a root vouches for, with what a later version lets every home
// root vouch for. A root of init --only stays as narrow as it is; if it had
// --any-address too and that ends, no address is left.
func widened(before *x509.Certificate) ca.Constraints {
	c := ca.ConstraintsOf(before)
	if !c.Home() {
		return c.OrNoAddress()
	}
	return ca.HomeConstraints().And(c)
}

func orBefore(asked *bool, before bool) bool {
	if asked != nil {
		return *asked
	}
	return before
}

// baseName is the name of a root without the characters of its key.
func baseName(commonName string) string {
	if i := strings.LastIndexByte(commonName, ' '); i > 0 {
		return commonName[:i]
	}
	return commonName
}

// crlDays returns how long a root's lists are valid if its owner chose a time, 0
// if they end with the root.
func crlDays(root store.Root) int {
	if root.CRL == nil || !root.CRL.NextUpdate.Before(root.Certificate.NotAfter) {
		return 0
	}
	return int(ca.CRLLife(root.CRL).Hours() / 24)
}

// Rotated are the root that signed, and the one that signs from now on.
type Rotated struct {
	Old, New store.Root
	// Spare is the CA's spare, nil if it has none or New is the one.
	Spare *store.Root
	// WasSpare reports whether devices trust New already.
	WasSpare bool
	// OfPaper reports whether the key has the passphrase of the paper.
	OfPaper bool
	// Stale are the devices that serve other roots to phones.
	Stale []TrustPage
}

// Rotate makes the new root and publishes it beside the old one, in one step. Its
// key gets the passphrase of the old one's key, which is asked for and tried, or
// the new one if the rotation is Keyless. It fails as Session does; after a
// failure nothing has changed.
func (r *Rotation) Rotate(ctx context.Context, now time.Time, ask Passphrases, waiting Waiting) (Rotated, error) {
	prepare := r.fresh
	if r.sheet != nil {
		prepare = r.spare
	}
	root, err := prepare(ask, now)
	defer clear(root.Passphrase)
	if err != nil {
		return Rotated{}, err
	}
	return r.publish(ctx, root, now, waiting)
}

// fresh makes a root with a new key.
func (r *Rotation) fresh(ask Passphrases, now time.Time) (root store.NewRoot, err error) {
	switch {
	case r.request.KeyIn.Agent:
	case r.Keyless:
		root.Passphrase, err = ask.New()
	default:
		root.Passphrase, err = r.oldPassphrase(ask)
	}
	if err != nil {
		return root, err
	}
	made, err := newRoot(InitRequest{Key: r.Key, KeyIn: r.request.KeyIn, Root: r.root, CRLDays: r.request.CRLDays}, now, r.ca.options)
	made.Passphrase = root.Passphrase
	return made, err
}

// oldPassphrase is that of the key files, nil if there are none.
func (r *Rotation) oldPassphrase(ask Passphrases) ([]byte, error) {
	if r.Keyless {
		return nil, nil
	}
	return r.ca.askOld(ask.Old)
}

// publish stores the root.
func (r *Rotation) publish(ctx context.Context, root store.NewRoot, now time.Time, waiting Waiting) (_ Rotated, err error) {
	if err := r.ca.lock(ctx, waiting); err != nil {
		return Rotated{}, err
	}
	r.ca.signing = store.Root{}
	current, err := r.ca.Root()
	if err != nil {
		return Rotated{}, err
	}
	if current.ID != r.old.ID {
		return Rotated{}, errRotated
	}
	if root.Agent == nil {
		if err := r.ca.opens(root.Passphrase); err != nil {
			return Rotated{}, err
		}
	}
	added, err := r.ca.store.AddRoot(root)
	if err != nil {
		return Rotated{}, err
	}
	r.ca.signing, r.ca.authority = added, nil
	return r.rotated(added, now)
}

func (r *Rotation) rotated(added store.Root, now time.Time) (Rotated, error) {
	result := Rotated{Old: r.old, New: added, WasSpare: r.sheet != nil, OfPaper: r.sheet != nil && r.Keyless, Stale: r.ca.stalePages(now)}
	roots, err := r.ca.Roots()
	if err != nil {
		return result, nil // it is done
	}
	if i := slices.IndexFunc(roots, func(root store.Root) bool { return root.IsSpare() && root.Retired == nil }); i >= 0 {
		result.Spare = &roots[i]
	}
	return result, nil
}

// opens fails unless a passphrase is still that of the key files: another picoca
// may have changed it while a prompt stood.
func (c *CA) opens(passphrase []byte) error {
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	root, found := keyFile(roots)
	if !found {
		return nil
	}
	encrypted, err := c.store.KeyEncrypted(root)
	if err != nil {
		return err
	}
	_, err = c.store.RootKey(root, passphrase)
	if errors.Is(err, store.ErrPassphrase) || err == nil && encrypted != (len(passphrase) > 0) {
		return errPassphraseChanged
	}
	return err
}

// errPassphraseChanged says that the world changed while the passphrase was typed.
var errPassphraseChanged = fault.New("another picoca changed the passphrase in the meantime", fault.Hintf("run the same command again"))
