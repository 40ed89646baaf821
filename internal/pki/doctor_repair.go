package pki

import (
	"context"
	"errors"
	"time"

	"github.com/picoca/picoca/internal/store"
)

// Repair does what the next command that signs would do first: what a crash left
// is completed or swept, layout 1 becomes layout 2, and the revocation list is
// signed if it is due or lacks a certificate. The passphrase is asked for only
// then. It reports whether a list was signed.
func (c *CA) Repair(ctx context.Context, now time.Time, ask Passphrase, waiting Waiting) (signed bool, err error) {
	if err := c.lock(ctx, waiting); err != nil {
		return false, err
	}
	root, err := c.store.SigningRoot()
	if errors.Is(err, store.ErrNoSigningRoot) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	revoked, err := c.store.Revocations()
	if err != nil {
		return false, err
	}
	isAhead := root.CRL != nil && root.CRL.ThisUpdate.After(now)
	if !isAhead && !crlNeedsRefresh(root, now) && lacks(root, revoked) == 0 {
		return false, nil
	}
	s, err := c.Session(ctx, now, ask, waiting)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return true, s.signList(now)
}
