package pki

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/store"
)

// Repair does what the next command that signs would do first: what a crash left
// is completed or swept, layout 1 becomes layout 2, and each revocation list is
// signed that is due or lacks a certificate. The passphrase is asked for only
// then. It reports whether a list was signed.
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
	roots, err := c.trusted()
	if err != nil || !slices.ContainsFunc(roots, func(r store.Root) bool { return keepsCRL(r, now) && needs(r, now) }) {
		return false, err
	}
	ask, forget := askOnce(ask)
	defer forget()
	s, err := c.Session(ctx, now, ask, waiting)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return true, s.ensureCRLs(now, ask, needs)
}

// needsList reports whether the revocation list of a root is due, was made by a clock
// that was ahead, or lacks a certificate.
func needsList(root store.Root, revoked []store.Revocation, now time.Time) bool {
	isAhead := root.CRL != nil && root.CRL.ThisUpdate.After(now)
	return isAhead || crlNeedsRefresh(root, now) || lacks(root, revoked) > 0
}
