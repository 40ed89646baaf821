package pki

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/store"
)

// Repair does what the next command that signs would do first: what a crash left
// is completed or swept, layout 1 becomes layout 2, and each revocation list is
// signed that is due or lacks a certificate. The passphrase is asked for only
// then. It reports whether a list was signed, and fails with a KeyAwayError if that of
// an old root cannot be.
func (c *CA) Repair(ctx context.Context, now time.Time, ask Passphrase, waiting Waiting) (signed bool, err error) {
	if err := c.lock(ctx, waiting); err != nil {
		return false, err
	}
	if _, err := c.store.SigningRoot(); err != nil {
		if errors.Is(err, store.ErrNoSigningRoot) {
			err = nil
		}
		return false, err
	}
	revoked, err := c.store.Revocations()
	if err != nil {
		return false, err
	}
	needs := func(root store.Root, now time.Time) bool { return needsList(root, revoked, now) }
	if without, err := c.withoutList(needs, now); without == "" {
		return false, err
	}
	ask, forget := askOnce(ask)
	defer forget()
	s, err := c.Session(ctx, now, ask, waiting)
	if err != nil {
		return false, err
	}
	defer s.Close()
	if err := s.ensureCRLs(now, ask, needs); err != nil {
		return true, err
	}
	if without, err := c.withoutList(needs, now); without != "" || err != nil {
		return true, cmp.Or(err, error(&KeyAwayError{without}))
	}
	return true, nil
}

// withoutList returns the name of a root that is in use and whose revocation list must
// be signed, "" if there is none.
func (c *CA) withoutList(needs func(store.Root, time.Time) bool, now time.Time) (name string, err error) {
	roots, err := c.trusted()
	i := slices.IndexFunc(roots, func(r store.Root) bool { return keepsCRL(r, now) && needs(r, now) })
	if err != nil || i < 0 {
		return "", err
	}
	return roots[i].Certificate.Subject.CommonName, nil
}

// needsList reports whether the revocation list of a root is due, was made by a clock
// that was ahead, or lacks a certificate.
func needsList(root store.Root, revoked []store.Revocation, now time.Time) bool {
	isAhead := root.CRL != nil && root.CRL.ThisUpdate.After(now)
	return isAhead || crlNeedsRefresh(root, now) || lacks(root, revoked) > 0
}
