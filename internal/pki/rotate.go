package pki

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

// RotateRequest is what the user wants of root rotate. What is unset is as it
// was for the root that signs.
type RotateRequest struct {
	Key  ca.KeyType
	Name string
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

	// Key is the type of the new key.
	Key ca.KeyType
	// Keyless reports whether no key of an old root is here, so that the passphrase
	// of the new key is to be chosen.
	Keyless bool
}

// PlanRotation decides everything about a new root that needs no key, and reports
// all faults at once. The old root may have expired, and its key may be lost.
func (c *CA) PlanRotation(req RotateRequest, now time.Time) (*Rotation, error) {
	old, err := c.Root()
	if err != nil {
		return nil, err
	}
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	r := &Rotation{ca: c, request: req, old: old}
	_, found := keyFile(roots)
	r.Keyless = !found
	return r, r.choose(now)
}

func (r *Rotation) choose(now time.Time) error {
	before := r.old.Certificate
	oldKey, err := ca.KeyTypeOf(before.PublicKey)
	if err != nil {
		return err
	}
	r.Key = cmp.Or(r.request.Key, oldKey)
	constraints, permitErr := ca.HomeConstraints().And(ca.ConstraintsOf(before)).Permit(r.request.Permit)
	r.root = ca.RootRequest{
		Name: cmp.Or(r.request.Name, baseName(before.Subject.CommonName)), Days: cmp.Or(r.request.Days, ca.DefaultRootDays), Constraints: constraints,
		AnyAddress: orBefore(r.request.AnyAddress, len(before.PermittedIPRanges) == 0),
		Strict:     orBefore(r.request.Strict, before.PermittedDNSDomainsCritical),
	}
	r.request.CRLDays = cmp.Or(r.request.CRLDays, crlDays(r.old))
	return errors.Join(permitErr, r.root.Check(), checkCRLDays(r.request.CRLDays), ca.CheckClock(now))
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
type Rotated struct{ Old, New store.Root }

// Rotate makes the new root and publishes it beside the old one, in one step. Its
// key gets the passphrase of the old one's key, which is asked for and tried, or
// the new one if the rotation is Keyless. It fails as Session does; after a
// failure nothing has changed.
func (r *Rotation) Rotate(ctx context.Context, now time.Time, ask Passphrases, waiting Waiting) (Rotated, error) {
	passphrase, err := r.passphrase(ask)
	defer clear(passphrase)
	if err != nil {
		return Rotated{}, err
	}
	key, err := r.Key.Generate()
	if err != nil {
		return Rotated{}, err
	}
	cert, err := ca.NewRoot(r.root, key, now)
	if err != nil {
		return Rotated{}, err
	}
	return r.publish(ctx, store.NewRoot{Certificate: cert, Key: key, Passphrase: passphrase}, now, waiting)
}

func (r *Rotation) passphrase(ask Passphrases) ([]byte, error) {
	if r.Keyless {
		return ask.New()
	}
	return r.ca.askOld(ask.Old)
}

// publish stores the root with its first list.
func (r *Rotation) publish(ctx context.Context, root store.NewRoot, now time.Time, waiting Waiting) (_ Rotated, err error) {
	if root.CRL, err = firstCRL(root.Certificate, root.Key, r.request.CRLDays, now); err != nil {
		return Rotated{}, err
	}
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
	if err := r.ca.opens(root.Passphrase); err != nil {
		return Rotated{}, err
	}
	added, err := r.ca.store.AddRoot(root)
	if err != nil {
		return Rotated{}, err
	}
	r.ca.signing, r.ca.authority = added, nil
	return Rotated{r.old, added}, nil
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
	_, err = c.store.RootKey(root, passphrase)
	if errors.Is(err, store.ErrPassphrase) {
		return errRotated
	}
	return err
}
