package pki

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// trusted returns the roots that are not retired, the one that signs first: what
// every file for those who trust the CA holds.
func (c *CA) trusted() ([]store.Root, error) {
	all, err := c.signingFirst()
	return slices.DeleteFunc(all, func(r store.Root) bool { return r.Retired != nil }), err
}

// trust has a bundle hold these roots and their lists. The first list is that of
// the root that signs.
func trust(b *export.Bundle, roots []store.Root) {
	for i, root := range roots {
		switch {
		case i == 0:
			b.Root, b.CRL = root.Certificate, root.CRL
			continue
		case root.CRL != nil:
			b.MoreCRLs = append(b.MoreCRLs, root.CRL)
		}
		b.MoreRoots = append(b.MoreRoots, root.Certificate)
	}
}

// RootsToTrust returns the roots that devices may have certificates of at now,
// the one that signs first: none that is retired or has expired. It fails with a
// ca.ExpiredError if the root that signs has.
func (c *CA) RootsToTrust(now time.Time) ([]*x509.Certificate, error) {
	if _, err := c.Authority(now); err != nil {
		return nil, err
	}
	all, err := c.trusted()
	all = slices.DeleteFunc(all, func(r store.Root) bool { return now.After(r.Certificate.NotAfter) })
	return certificatesOf(all), err
}

// EveryRoot returns every root that the CA ever had, the one that signs first.
func (c *CA) EveryRoot() ([]*x509.Certificate, error) {
	all, err := c.signingFirst()
	return certificatesOf(all), err
}

// signingFirst returns every root. Without one that signs, the newest is first.
func (c *CA) signingFirst() ([]store.Root, error) {
	all, err := c.Roots()
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	signing, err := c.Root()
	if err != nil && !errors.Is(err, store.ErrNoSigningRoot) {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(r store.Root) bool { return r.ID == signing.ID }); i > 0 {
		all = slices.Insert(slices.Delete(all, i, i+1), 0, signing)
	}
	return all, nil
}

func certificatesOf(roots []store.Root) []*x509.Certificate {
	var all []*x509.Certificate
	for _, root := range roots {
		all = append(all, root.Certificate)
	}
	return all
}
