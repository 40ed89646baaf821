package ca_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

// wrongClocks cannot be the present: no battery, a typing error, and years
// that ASN.1 cannot write.
var wrongClocks = []time.Time{
	{}, time.Unix(0, 0), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC),
	time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC),
}

var rightClocks = []time.Time{
	time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), noon, time.Date(2036, 11, 18, 11, 59, 59, 0, time.UTC),
}

func TestNothingIsSignedByAWrongClock(t *testing.T) {
	a := home(t)
	for _, now := range wrongClocks {
		_, errRoot := ca.NewRoot(testpki.HomeRequest(), newKey(t, ca.P256), now)
		_, errLeaf := a.Prepare(profile(), device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), now)
		_, errCA := a.PrepareCA(intermediate(), "Step CA", newKey(t, ca.P256).Public(), now)
		_, errCRL := a.SignCRL(nil, big.NewInt(1), now, now.Add(day))
		for what, err := range map[string]error{"root": errRoot, "leaf": errLeaf, "intermediate": errCA, "CRL": errCRL} {
			clock, ok := errors.AsType[ca.ClockError](err)
			if !ok || !clock.Now.Equal(now) || len(faultsOf(err)) != 1 {
				t.Errorf("%s at %s: got %v, want only a ClockError", what, now, err)
				continue
			}
			if hint := fault.HintOf(err).Text(nil); !strings.Contains(hint, "set this computer's clock") {
				t.Errorf("%s at %s: got hint %q", what, now, hint)
			}
		}
	}
}

func TestRootsAndLeavesAreMadeByARightClock(t *testing.T) {
	a := home(t)
	for _, now := range rightClocks {
		root, errRoot := ca.NewRoot(testpki.HomeRequest(), newKey(t, ca.P256), now)
		p, errLeaf := a.Prepare(profile(), device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), now)
		if errRoot != nil || errLeaf != nil {
			t.Errorf("at %s: got %v, %v", now, errRoot, errLeaf)
			continue
		}
		if !ca.ValidAt(root, now) || !ca.ValidAt(sign(t, a, p), now) {
			t.Errorf("at %s: not valid when it is made", now)
		}
	}
	req := testpki.HomeRequest()
	req.Days = 36500
	last := time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)
	if root, err := ca.NewRoot(req, newKey(t, ca.P256), last); err != nil || root.NotAfter.Year() != 2199 {
		t.Errorf("the longest life from the last moment: got %v", err)
	}
}

// TestExpiredRootBlamesTheRightThing: a clock ahead by centuries is no reason
// to make a new CA.
func TestExpiredRootBlamesTheRightThing(t *testing.T) {
	root := home(t).Certificate()
	for _, row := range []struct {
		at         time.Time
		text, hint string
	}{
		{time.Unix(0, 0), "valid from 2021-01-01 on, but this computer's clock says 1970-01-01", "set this computer's clock"},
		{root.NotAfter.Add(time.Second), "root certificate expired on 2036-11-18", "picoca root rotate"},
		{wrongClocks[5], "expired on 2036-11-18, if the clock is right: it says 9999-12-31", "set this computer's clock"},
	} {
		_, err := ca.NewAuthority(root, row.at)
		if err == nil || !strings.HasSuffix(err.Error(), row.text) {
			t.Errorf("at %s: got %v, want %q", row.at, err, row.text)
			continue
		}
		if got := hintText(err); !strings.Contains(got, row.hint) {
			t.Errorf("at %s: got hint %q, want %q", row.at, got, row.hint)
		}
	}
}

// hintText returns an error's hint, commands written as package cli does.
func hintText(err error) string {
	return fault.HintOf(err).Text(func(c fault.Command) string { return "picoca " + strings.Join(c, " ") })
}
