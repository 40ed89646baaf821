package pki

import (
	"crypto/x509"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/testpki"
)

// addRoot stores a further root of a time, with its key or as a spare.
func (a authority) addRoot(now time.Time, spare bool) *x509.Certificate {
	a.t.Helper()
	pair := testpki.Home(a.t, now)
	root := store.NewRoot{Certificate: pair.Cert, Key: pair.Key}
	if spare {
		root.Key = nil
	}
	a.use(func(c *CA) {
		if err := c.store.Lock(a.t.Context(), nobodyWaits(a.t)); err != nil {
			a.t.Fatal(err)
		}
		if _, err := c.store.AddRoot(root); err != nil {
			a.t.Fatal(err)
		}
	})
	return pair.Cert
}

func TestRootsToTrust(t *testing.T) {
	a := newAuthority(t, "")
	var first *x509.Certificate
	a.use(func(c *CA) { first = c.first.Certificate })
	second := a.addRoot(start.Add(day), false)
	want := func(when string, roots func(*CA) ([]*x509.Certificate, error), all ...*x509.Certificate) {
		t.Helper()
		a.use(func(c *CA) {
			got, err := roots(c)
			if err != nil || !slices.EqualFunc(got, all, (*x509.Certificate).Equal) {
				t.Errorf("%s: got %d roots (%v), want %d, the one that signs first", when, len(got), err, len(all))
			}
		})
	}
	at := func(now time.Time) func(*CA) ([]*x509.Certificate, error) {
		return func(c *CA) ([]*x509.Certificate, error) { return c.RootsToTrust(now) }
	}
	want("after a rotation", at(start.Add(2*day)), second, first)
	want("when the first has expired", at(first.NotAfter.Add(time.Hour)), second)
	a.use(func(c *CA) {
		if _, err := c.RootsToTrust(second.NotAfter.Add(time.Hour)); err == nil {
			t.Error("got no error for a root that has expired")
		} else if _, ok := errors.AsType[ca.ExpiredError](err); !ok {
			t.Errorf("got %v, want an ExpiredError", err)
		}
	})
	a.retire(0)
	want("when the first is retired", at(start.Add(2*day)), second)
	want("every root", (*CA).EveryRoot, second, first)
	a.retire(1)
	want("every root when none signs", (*CA).EveryRoot, second, first)
}

// TestSpareIsTrustedAfterTheRootThatSigns, though it is newer.
func TestSpareIsTrustedAfterTheRootThatSigns(t *testing.T) {
	a := newAuthority(t, "")
	spare := a.addRoot(start, true)
	a.use(func(c *CA) {
		got, err := c.RootsToTrust(start)
		if err != nil || len(got) != 2 || !got[1].Equal(spare) {
			t.Errorf("got %d roots (%v), want the spare second", len(got), err)
		}
	})
}

// retire retires a root by its index, the oldest first.
func (a authority) retire(i int) {
	a.t.Helper()
	a.use(func(c *CA) {
		roots, err := c.Roots()
		if err != nil {
			a.t.Fatal(err)
		}
		if err := errors.Join(c.store.Lock(a.t.Context(), nobodyWaits(a.t)), c.store.Retire(roots[i], start)); err != nil {
			a.t.Fatal(err)
		}
	})
}
