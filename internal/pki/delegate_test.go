package pki

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

// delegated sets up or renews a CA as one run of picoca does.
func (a authority) delegated(req DelegateRequest, now time.Time) (result Result, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var d *Delegation
		if d, err = c.PlanDelegation(req, now); err != nil {
			return
		}
		defer d.Close()
		session, sessionErr := c.Session(a.t.Context(), now, noPassphrase, nobodyWaits(a.t))
		if sessionErr != nil {
			a.t.Fatal(sessionErr)
		}
		defer session.Close()
		result, err = session.Delegate(d, now)
	})
	return result, err
}

func TestDelegatedCAKeepsItsKeyWhenRenewed(t *testing.T) {
	a := newAuthority(t, "")
	first, err := a.delegated(DelegateRequest{Program: "step-ca", Out: "acme"}, start)
	if err != nil {
		t.Fatal(err)
	}
	if first.Issued.HasKey {
		t.Error("the store has the key")
	}
	key, err := os.ReadFile(filepath.Join("acme", "intermediate.key"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.delegated(DelegateRequest{Name: "step-ca", Renew: true}, start.Add(day))
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(filepath.Join("acme", "intermediate.key"))
	if err != nil || !bytes.Equal(key, again) {
		t.Errorf("the key file changed (%v)", err)
	}
	if !ca.KeyMatches(second.Issued.Leaf, first.Issued.Leaf.PublicKey) || len(second.Issued.Leaf.ExtKeyUsage) != 1 {
		t.Errorf("got purposes %v, or another key", second.Issued.Leaf.ExtKeyUsage)
	}
}

func TestDelegatedCAIsRenewedWhenDue(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy", Days: 100}, start); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		for _, row := range []struct {
			after time.Duration
			want  int
		}{{50 * day, 0}, {80 * day, 1}} {
			r, err := c.PlanRenewals(RenewalsRequest{}, start.Add(row.after))
			if err != nil || len(r.Delegated) != row.want || len(r.Failed) > 0 {
				t.Errorf("after %v: got %d CAs due, %v, want %d", row.after, len(r.Delegated), r.Failed, row.want)
			}
		}
	})
}

// TestFolderThatIsGoneStopsARenewal before anything is signed.
func TestFolderThatIsGoneStopsARenewal(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy"}, start); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("caddy"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.delegated(DelegateRequest{Name: "caddy", Renew: true}, start); !errors.As(err, new(*FolderGoneError)) {
		t.Errorf("got error %v, want a FolderGoneError", err)
	}
	a.use(func(c *CA) {
		history, err := c.store.History(store.Holder{Kind: ca.KindCA, Name: "caddy"})
		if err != nil || len(history) != 1 {
			t.Errorf("got %d certificates (%v), want 1", len(history), err)
		}
	})
}

func TestDelegationIsRefused(t *testing.T) {
	a := newAuthority(t, "")
	if _, err := a.delegated(DelegateRequest{Program: "caddy", Out: "caddy"}, start); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		req  DelegateRequest
		want any
	}{
		"twice":      {DelegateRequest{Program: "caddy", Out: "x"}, new(*CAExistsError)},
		"a device":   {DelegateRequest{Program: "caddy", Out: "x", Name: "nas.local"}, new(*CANameError)},
		"the word":   {DelegateRequest{Program: "caddy", Out: "x", Name: TheCA}, new(*CANameError)},
		"no such CA": {DelegateRequest{Name: "other", Renew: true}, new(*NotIssuedError)},
		"a host":     {DelegateRequest{Program: "step-ca", Out: "x", Hosts: []string{"ca.example.com"}}, new(*ca.NameError)},
	} {
		if _, err := a.delegated(row.req, start); !errors.As(err, row.want) {
			t.Errorf("%s: got error %v, want a %T", name, err, row.want)
		}
	}
	if _, err := os.Stat("x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("x exists (%v)", err)
	}
}
