package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/testpki"
)

func always(passphrase string) Passphrase {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

var nobodyAsks = Passphrases{noPassphrase, noPassphrase, noPassphrase}

// rotate makes a root beside the old one.
func (a authority) rotate(req RotateRequest, ask Passphrases, now time.Time) (result Rotated, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var rotation *Rotation
		if rotation, err = c.PlanRotation(req, now); err == nil {
			result, err = rotation.Rotate(a.t.Context(), now, ask, nobodyWaits(a.t))
		}
	})
	return result, err
}

func (a authority) mustRotate(req RotateRequest, now time.Time) Rotated {
	a.t.Helper()
	result, err := a.rotate(req, nobodyAsks, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

// roots returns every root with its state.
func (a authority) roots() (all []RootInfo) {
	a.t.Helper()
	a.use(func(c *CA) {
		var err error
		if all, err = c.RootInfos(); err != nil {
			a.t.Fatal(err)
		}
	})
	return all
}

func (a authority) states() (all []RootState) {
	for _, root := range a.roots() {
		all = append(all, root.State)
	}
	return all
}

// loseKey removes the key of a root by its index.
func (a authority) loseKey(i int) {
	a.t.Helper()
	if err := os.Remove(filepath.Join(a.dir, "roots", a.roots()[i].ID, "key.pem")); err != nil {
		a.t.Fatal(err)
	}
}

func TestNewRootIsLikeTheOldOne(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustRotate(RotateRequest{Name: "Smith Home", Key: ca.P384, Permit: []string{"example.com", "100.64.0.0/10"}, AnyAddress: yes(), Strict: yes(), CRLDays: 30}, start)
	again := a.mustRotate(RotateRequest{Permit: []string{"example.net"}}, start.Add(day))
	old, cert := first.New.Certificate, again.New.Certificate
	if got, want := baseName(cert.Subject.CommonName), "Smith Home"; got != want {
		t.Errorf("name: got %q, want %q", got, want)
	}
	if got, _ := ca.KeyTypeOf(cert.PublicKey); got != ca.P384 {
		t.Errorf("key: got %s, want p384", got)
	}
	if len(cert.PermittedIPRanges) > 0 || !cert.PermittedDNSDomainsCritical {
		t.Errorf("got %d ranges, critical %t, want any address, and critical", len(cert.PermittedIPRanges), cert.PermittedDNSDomainsCritical)
	}
	if got, want := cert.PermittedDNSDomains, append(slices.Clone(old.PermittedDNSDomains), "example.net"); !slices.Equal(got, want) {
		t.Errorf("domains: got %q, want %q", got, want)
	}
	if got, want := again.New.CRL.NextUpdate, start.Add(31*day); !got.Equal(want) {
		t.Errorf("the list ends at %v, want %v, as for the old root", got, want)
	}
	if got, want := cert.NotAfter, start.Add(day).AddDate(0, 0, ca.DefaultRootDays).Add(-time.Second); !got.Equal(want) {
		t.Errorf("it ends at %v, want %v", got, want)
	}
	if got, want := a.states(), []RootState{RootOld, RootOld, RootSigning}; !slices.Equal(got, want) {
		t.Errorf("states: got %q, want %q", got, want)
	}
	if issued := a.mustIssue(Request{Names: names(t, "nas.example.com", "8.8.4.4")}, start.Add(2*day)).Issued; !issued.Root.Certificate.Equal(cert) {
		t.Errorf("signed by %s, want the new root", issued.Root.ID)
	}
}

// TestRotationLimitsAddressesAgain after --any-address.
func TestRotationLimitsAddressesAgain(t *testing.T) {
	a := newAuthority(t, "")
	a.mustRotate(RotateRequest{AnyAddress: yes()}, start)
	cert := a.mustRotate(RotateRequest{AnyAddress: no()}, start).New.Certificate
	if got, want := ca.ConstraintsOf(cert).String(), ca.HomeConstraints().String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNarrowRootStaysNarrow: only what the user adds is added to a root of init
// --only, and the addresses of an --any-address one stay free.
func TestNarrowRootStaysNarrow(t *testing.T) {
	narrow, err := ca.OnlyConstraints([]string{".local"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		change func(*ca.RootRequest)
		permit []string
		any    *bool
		want   string
	}{
		{func(*ca.RootRequest) {}, nil, nil, ".local no address"},
		{func(*ca.RootRequest) {}, []string{"10.0.0.0/8"}, nil, ".local 10.0.0.0/8"},
		{func(r *ca.RootRequest) { r.AnyAddress = true }, nil, nil, ".local"},
		{func(r *ca.RootRequest) { r.AnyAddress = true }, nil, no(), ".local no address"},
	} {
		req := testpki.HomeRequest()
		req.Constraints = narrow
		row.change(&req)
		before := testpki.Root(t, req, testpki.NewKey(t, ca.P256), start).Cert
		r := Rotation{old: store.Root{Certificate: before}, request: RotateRequest{Permit: row.permit, AnyAddress: row.any}}
		if err := r.choose(start); err != nil {
			t.Fatal(err)
		}
		after := testpki.Root(t, r.root, testpki.NewKey(t, ca.P256), start).Cert
		if got := ca.ConstraintsOf(after).String(); got != row.want {
			t.Errorf("permit %q: got %s, want %s", row.permit, got, row.want)
		}
	}
}

func TestRotationReportsAllFaults(t *testing.T) {
	a := newAuthority(t, "")
	_, err := a.rotate(RotateRequest{Name: "\t", Days: -1, Permit: []string{"com", "bücher..de"}, CRLDays: -1}, nobodyAsks, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	if faults := fault.Flatten(err); len(faults) != 6 {
		t.Errorf("got %d faults, want 6: %v", len(faults), err)
	}
	if got := a.states(); len(got) != 1 {
		t.Errorf("got %d roots, want 1", len(got))
	}
}

// TestNewKeyHasThePassphraseOfTheOthers, which is asked for once and tried.
func TestNewKeyHasThePassphraseOfTheOthers(t *testing.T) {
	a := newAuthority(t, "correct horse")
	ask := Passphrases{Old: always("correct horse"), New: noPassphrase}
	if _, err := a.rotate(RotateRequest{}, Passphrases{Old: always("wrong")}, start); !errors.Is(err, store.ErrPassphrase) {
		t.Errorf("wrong: got %v, want ErrPassphrase", err)
	}
	result, err := a.rotate(RotateRequest{}, ask, start)
	if err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if _, err := c.store.RootKey(result.New, []byte("correct horse")); err != nil {
			t.Error(err)
		}
	})
}

// TestPassphraseChangedWhileAPromptStood: the keys must not end with two.
func TestPassphraseChangedWhileAPromptStood(t *testing.T) {
	a := newAuthority(t, "old")
	ask := Passphrases{Old: func() ([]byte, error) {
		a.use(func(c *CA) {
			if _, err := c.ChangePassphrase(t.Context(), Passphrases{Old: always("old"), New: always("new")}, nobodyWaits(t)); err != nil {
				t.Fatal(err)
			}
		})
		return []byte("new"), nil
	}}
	if _, err := a.rotate(RotateRequest{}, ask, start); err != nil {
		t.Errorf("the new passphrase: got %v", err)
	}
	first := true
	ask.Old = func() ([]byte, error) {
		if first {
			first = false
			return []byte("new"), nil
		}
		return nil, errors.New("asked twice")
	}
	a.use(func(c *CA) {
		rotation, err := c.PlanRotation(RotateRequest{}, start)
		if err != nil {
			t.Fatal(err)
		}
		root, err := rotation.fresh(ask, start)
		if err != nil {
			t.Fatal(err)
		}
		a.use(func(other *CA) {
			if _, err := other.ChangePassphrase(t.Context(), Passphrases{Old: always("new"), New: always("")}, nobodyWaits(t)); err != nil {
				t.Fatal(err)
			}
		})
		if _, err := rotation.publish(t.Context(), root, start, nobodyWaits(t)); err == nil {
			t.Error("a root was added under a passphrase that the others no longer have")
		}
	})
}

// TestTwoRotationsAtOnce: the second one planned beside a root that signs no more.
func TestTwoRotationsAtOnce(t *testing.T) {
	a := newAuthority(t, "")
	a.use(func(c *CA) {
		rotation, err := c.PlanRotation(RotateRequest{}, start)
		if err != nil {
			t.Fatal(err)
		}
		a.mustRotate(RotateRequest{}, start)
		if _, err := rotation.Rotate(t.Context(), start, nobodyAsks, nobodyWaits(t)); !errors.Is(err, errRotated) {
			t.Errorf("got %v, want errRotated", err)
		}
	})
}

// TestExpiredRootIsReplaced, and one whose key is lost: the new key's passphrase
// is asked for then.
func TestExpiredRootIsReplaced(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	late := a.roots()[0].Certificate.NotAfter.Add(day)
	if _, err := a.issue(Request{Names: names(t, "pico.local")}, late); !errors.As(err, new(ca.ExpiredError)) {
		t.Fatalf("got %v, want an ExpiredError", err)
	}
	a.mustRotate(RotateRequest{}, late)
	a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true}, late)
	a.use(func(c *CA) {
		roots, err := c.RootsToTrust(late)
		if err != nil || len(roots) != 1 {
			t.Errorf("got %d roots to trust (%v), want 1", len(roots), err)
		}
	})
	a.loseKey(1)
	if _, err := a.rotate(RotateRequest{}, Passphrases{Old: noPassphrase, New: always("")}, late); err != nil {
		t.Errorf("the old root's key is here: got %v", err)
	}
}

func TestRotationWithoutAnyOldKey(t *testing.T) {
	a := newAuthority(t, "forgotten")
	a.loseKey(0)
	if got, want := a.states(), []RootState{RootOld}; !slices.Equal(got, want) {
		t.Errorf("states: got %q, want %q", got, want)
	}
	result, err := a.rotate(RotateRequest{}, Passphrases{Old: noPassphrase, New: always("known")}, start)
	if err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if _, err := c.store.RootKey(result.New, []byte("known")); err != nil {
			t.Error(err)
		}
	})
	if got, want := a.states(), []RootState{RootOld, RootSigning}; !slices.Equal(got, want) {
		t.Errorf("states: got %q, want %q", got, want)
	}
}

// certificates returns those in PEM.
func certificates(t testing.TB, data []byte) (all []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
	return all
}

// exported returns the first file of an export.
func (a authority) exported(req ExportRequest) (data []byte, leftOut int) {
	a.t.Helper()
	a.use(func(c *CA) {
		e, err := c.PlanExport(req, start)
		if err != nil {
			a.t.Fatal(err)
		}
		e.SetP12(export.P12{Passphrase: "kqwzep-hrmnba-xvtcyj"})
		files, err := e.Render()
		if err != nil {
			a.t.Fatal(err)
		}
		data, leftOut = files[len(files)-1].Data, len(e.LeftOut())
	})
	return data, leftOut
}

// TestFilesHoldEveryRootToTrust, the one that signs first, until one is retired.
func TestFilesHoldEveryRootToTrust(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto")}, start)
	a.mustRotate(RotateRequest{}, start)
	old, signing := a.roots()[0].Certificate, a.roots()[1].Certificate
	equal := func(what string, got []*x509.Certificate, want ...*x509.Certificate) {
		t.Helper()
		if !slices.EqualFunc(got, want, (*x509.Certificate).Equal) {
			t.Errorf("%s: got %d roots, want %d in their order", what, len(got), len(want))
		}
	}
	check := func(when string, want ...*x509.Certificate) {
		t.Helper()
		data, _ := a.exported(ExportRequest{Name: TheCA})
		equal(when+": pem", certificates(t, data), want...)
		data, _ = a.exported(ExportRequest{Name: "broker.local"})
		equal(when+": the CA file of a server", certificates(t, data), want...)
		der, leftOut := a.exported(ExportRequest{Name: TheCA, Format: "crt"})
		if !bytes.Equal(der, want[0].Raw) || leftOut != len(want)-1 {
			t.Errorf("%s: crt: got another root than the one that signs, or %d left out", when, leftOut)
		}
		a.use(func(c *CA) {
			files, err := c.PhoneOffer(nil, start)
			if err != nil {
				t.Fatal(err)
			}
			equal(when+": phone", files.Roots, want...)
		})
		profile, _ := a.exported(ExportRequest{Name: TheCA, Format: "mobileconfig"})
		if got := bytes.Count(profile, []byte("com.apple.security.root")); got != len(want) {
			t.Errorf("%s: profile: got %d roots, want %d", when, got, len(want))
		}
	}
	check("two roots", signing, old)
	data, _ := a.exported(ExportRequest{Name: TheCA, Root: LetterOf(a.roots()[0].Root)})
	equal("one that is asked for", certificates(t, data), old)
	// A chain is sent by a server: it has the root that issued the leaf.
	a.use(func(c *CA) {
		e, err := c.PlanExport(ExportRequest{Name: "broker.local", Format: "pem-chain"}, start)
		if err != nil {
			t.Fatal(err)
		}
		files, err := e.Render()
		if err != nil {
			t.Fatal(err)
		}
		equal("chain", certificates(t, files[0].Data)[1:], old)
	})
	a.mustIssue(Request{Names: names(t, "broker.local"), Renew: true}, start)
	loads(t, "broker.local")
	a.retireRoot(RetireRequest{}, start)
	check("one retired", signing)
}

// TestRenewalReplacesFilesWithOtherRoots: what was written when there was one root,
// and when there were two, is picoca's own.
func TestRenewalReplacesFilesWithOtherRoots(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "broker.local"), For: target(t, "mosquitto"), Out: "recorded"}, start)
	if err := os.CopyFS("one", os.DirFS("recorded")); err != nil {
		t.Fatal(err)
	}
	a.mustRotate(RotateRequest{}, start)
	renew := Request{Names: names(t, "broker.local"), Renew: true, Out: "one"}
	a.mustIssue(renew, start)
	loads(t, "one")
	if err := os.CopyFS("two", os.DirFS("one")); err != nil {
		t.Fatal(err)
	}
	a.retireRoot(RetireRequest{}, start)
	renew.Out = "two"
	a.mustIssue(renew, start)
	loads(t, "two")
}

// TestRenewalReplacesExportedFilesWithOneRoot, of which nothing is recorded.
func TestRenewalReplacesExportedFilesWithOneRoot(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "esp.local"), For: target(t, "computer")}, start)
	a.use(func(c *CA) {
		e, err := c.PlanExport(ExportRequest{Name: "esp.local", Format: "esp-idf", Out: "esp"}, start)
		if err != nil {
			t.Fatal(err)
		}
		files, err := e.Render()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(t.Context(), files, nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
	})
	a.mustRotate(RotateRequest{}, start)
	a.mustIssue(Request{Names: names(t, "esp.local"), Renew: true, For: target(t, "esp32/esp-idf"), Out: "esp"}, start)
	data, err := os.ReadFile(filepath.Join("esp", "cacert.pem"))
	if got := certificates(t, data); err != nil || len(got) != 2 {
		t.Errorf("got %d roots, %v, want 2", len(got), err)
	}
}

// TestOldRootsListStaysCurrent: a session signs the lists of both roots again.
func TestOldRootsListStaysCurrent(t *testing.T) {
	a := newAuthority(t, "")
	a.mustRotate(RotateRequest{CRLDays: 30}, start)
	a.mustRotate(RotateRequest{}, start)
	late := start.Add(20 * day)
	a.use(func(c *CA) {
		if stale, err := c.CRLNeedsRefresh(late); err != nil || !stale {
			t.Errorf("needs refresh: got %t, %v, want true", stale, err)
		}
	})
	a.mustIssue(Request{Names: names(t, "nas.local")}, late)
	for i, list := range a.lists() {
		if i > 0 && !list.NextUpdate.Equal(start.Add(50*day)) {
			t.Errorf("list %d ends at %v, want %v", i, list.NextUpdate, start.Add(50*day))
		}
	}
}
