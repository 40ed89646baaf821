package pki

import (
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// request is a certificate request that was read, and its key.
func request(t testing.TB, key ca.KeyType, asked ...string) (*ca.CSR, crypto.Signer) {
	t.Helper()
	private, err := key.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return &ca.CSR{Public: private.Public(), Key: key, Names: names(t, asked...)}, private
}

func yes() *bool { set := true; return &set }

func no() *bool { set := false; return &set }

// TestRequestBringsOnlyItsKey: the certificate is for the request's key and the
// user's names, of any key type that a request may have, and the store gets no
// key.
func TestRequestBringsOnlyItsKey(t *testing.T) {
	a := newAuthority(t, "")
	for i, key := range []ca.KeyType{ca.P256, ca.P384, ca.RSA2048, ca.RSA3072} {
		name := fmt.Sprintf("printer-%d.local", i)
		csr, private := request(t, key, "asked.local", "bank.example.com")
		result := a.mustIssue(Request{Names: names(t, name), CSR: csr}, start)
		leaf := result.Issued.Leaf
		if !ca.KeyMatches(leaf, private.Public()) || !slices.Equal(ca.NamesOf(leaf), []string{name}) || leaf.IsCA || len(leaf.ExtKeyUsage) != 1 {
			t.Errorf("%s: got %v for %q", key, leaf.PublicKey, ca.NamesOf(leaf))
		}
		stored := a.latest(name)
		if stored.HasKey || stored.Record.KeyKept != store.KeptByDevice || stored.Record.For != otherDevice {
			t.Errorf("%s: got %+v", key, stored.Record)
		}
		for _, file := range result.Files {
			if data, err := os.ReadFile(file.Path); err != nil || file.Private || strings.Contains(string(data), "PRIVATE KEY") {
				t.Errorf("%s: %s is private: %v", key, file.Path, err)
			}
		}
	}
}

func TestRequestsNamesAreUsedIfNoneAreGiven(t *testing.T) {
	a := newAuthority(t, "")
	csr, _ := request(t, ca.P256, "asked.local", "192.168.1.9")
	result := a.mustIssue(Request{CSR: csr}, start)
	if got, want := ca.NamesOf(result.Issued.Leaf), []string{"asked.local", "192.168.1.9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, asked := range [][]string{nil, {"asked.local", "bank.example.com"}, {"8.8.8.8"}} {
		csr, _ := request(t, ca.P256, asked...)
		if _, err := a.issue(Request{CSR: csr}, start); err == nil || fault.HintOf(err).IsZero() {
			t.Errorf("%q: got %v, want an error with a hint", asked, err)
		}
	}
}

func TestRenewalIsForTheDevicesKey(t *testing.T) {
	a := newAuthority(t, "")
	csr, private := request(t, ca.RSA2048)
	a.mustIssue(Request{Names: names(t, "printer.local"), CSR: csr}, start)
	renew := Request{Names: names(t, "printer.local"), Renew: true}
	if got := a.mustIssue(renew, start).Issued; !ca.KeyMatches(got.Leaf, private.Public()) || got.HasKey {
		t.Errorf("got %v, want the certificate's key", got.Leaf.PublicKey)
	}
	a.use(func(c *CA) {
		renewals, err := c.PlanRenewals(RenewalsRequest{All: true}, start)
		if err != nil || len(renewals.Ready) != 1 || !ca.KeyMatches(renewals.Ready[0].Plan.previous.Leaf, renewals.Ready[0].Plan.public) {
			t.Errorf("got %+v, %v", renewals, err)
		}
	})
	renew.CSR, private = request(t, ca.P256)
	if got := a.mustIssue(renew, start).Issued; !ca.KeyMatches(got.Leaf, private.Public()) || got.Record.KeyKept != store.KeptByDevice {
		t.Errorf("got %v, want the new request's key", got.Leaf.PublicKey)
	}
}

// TestLostRecordDoesNotMakeAKey: about.json says that the device keeps its key.
// If it is damaged, a renewal must not write another key.
func TestLostRecordDoesNotMakeAKey(t *testing.T) {
	a := newAuthority(t, "")
	csr, private := request(t, ca.P256)
	result := a.mustIssue(Request{Names: names(t, "printer.local"), CSR: csr}, start)
	if err := os.WriteFile(filepath.Join(a.dir, result.Issued.Place, "about.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	renewed := a.mustIssue(Request{Names: names(t, "printer.local"), Renew: true, Out: "new"}, start).Issued
	if !ca.KeyMatches(renewed.Leaf, private.Public()) || renewed.HasKey {
		t.Errorf("got %v, want the device's key", renewed.Leaf.PublicKey)
	}
}

func TestRequestsKeysThatAreRefused(t *testing.T) {
	a := newAuthority(t, "")
	csr, _ := request(t, ca.P256)
	csr.Public = a.root().Certificate.PublicKey
	if _, err := a.issue(Request{Names: names(t, "printer.local"), CSR: csr}, start); !errors.Is(err, errRootsKey) {
		t.Errorf("got %v, want %v", err, errRootsKey)
	}
	csr, _ = request(t, ca.P256)
	a.mustIssue(Request{Names: names(t, "printer.local"), CSR: csr}, start)
	a.use(func(c *CA) {
		if _, err := c.Revoke(t.Context(), RevokeRequest{Target: "printer.local"}, start, noPassphrase, nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
	})
	for _, name := range []string{"printer.local", "other.local"} {
		_, err := a.issue(Request{Names: names(t, name), CSR: csr}, start)
		if e, ok := errors.AsType[*RevokedKeyError](err); !ok || e.Name != "printer.local" {
			t.Errorf("%s: got %v, want a RevokedKeyError of printer.local", name, err)
		}
	}
	csr, _ = request(t, ca.P256)
	a.mustIssue(Request{Names: names(t, "printer.local"), CSR: csr}, start)
}

// root is the newest root in the store.
func (a authority) root() (root store.Root) {
	a.t.Helper()
	a.use(func(c *CA) {
		var err error
		if root, err = c.Root(); err != nil {
			a.t.Fatal(err)
		}
	})
	return root
}

// TestForgottenKeyIsNeverLostInSilence lets every operation on the disk fail in
// turn. Whatever is reported as done is in the folder, with its key; whatever is
// in the store without it is reported, with the command that mends it.
func TestForgottenKeyIsNeverLostInSilence(t *testing.T) {
	for _, renew := range []bool{false, true} {
		lost := 0
		for at, reached := 1, true; reached; at++ {
			a := newAuthority(t, "")
			req := Request{Names: names(t, "nas.local"), For: target(t, "computer"), ForgetKey: yes(), Out: "out"}
			if renew {
				a.mustIssue(req, start)
				req = Request{Names: names(t, "nas.local"), Renew: true}
			}
			plan := &faultdisk.Plan{At: at, Err: syscall.EIO, NoSync: true}
			err := a.issueOn(plan, req)
			reached = plan.Reached()
			unwritten, isLost := errors.AsType[*UnwrittenError](err)
			switch {
			case isLost:
				lost++
				if !unwritten.KeyLost || !strings.Contains(hintText(err), "renew nas.local --out out") {
					t.Errorf("step %d: got %v, hint %q", at, err, hintText(err))
				}
				a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true, Out: "out"}, start)
			case err != nil:
				continue // nothing was issued
			}
			pair, err := tls.LoadX509KeyPair("out/cert.pem", "out/key.pem")
			if err != nil || !pair.Leaf.Equal(a.latest("nas.local").Leaf) {
				t.Errorf("step %d: got %v, want the pair of the newest certificate", at, err)
			}
			if keys, _ := filepath.Glob(filepath.Join(a.dir, "issued", "*", "*", "key.pem")); len(keys) > 0 {
				t.Errorf("step %d: got %q in the store", at, keys)
			}
		}
		if lost == 0 {
			t.Error("no failure came between the store and the folder")
		}
	}
}

func hintText(err error) string {
	return fault.HintOf(err).Text(func(c fault.Command) string { return strings.Join(c, " ") })
}

// issueOn is issue on a disk that fails.
func (a authority) issueOn(plan *faultdisk.Plan, req Request) (err error) {
	c, err := Open(a.dir, Options{Wrap: plan.Wrap})
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.Plan(req, start)
	if err != nil {
		return err
	}
	defer p.Close()
	session, err := c.Session(a.t.Context(), start, noPassphrase, nobodyWaits(a.t))
	if err != nil {
		return err
	}
	defer session.Close()
	_, err = session.Issue(p, start)
	return err
}

// TestForgettingIsKeptByRenewals, until it is taken back.
func TestForgettingIsKeptByRenewals(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer"), ForgetKey: yes()}, start)
	for _, row := range []struct {
		forget *bool
		want   bool
	}{{nil, false}, {no(), true}, {nil, true}, {yes(), false}} {
		got := a.mustIssue(Request{Names: names(t, "nas.local"), Renew: true, ForgetKey: row.forget}, start).Issued
		if got.HasKey != row.want {
			t.Errorf("%s: got key in the store %t, want %t", got.Place, got.HasKey, row.want)
		}
		loads(t, "nas.local")
	}
}

// TestAndClientIsServerAndClient, and a renewal keeps it.
func TestAndClientIsServerAndClient(t *testing.T) {
	a := newAuthority(t, "")
	for i, row := range []struct {
		set  *bool
		want ca.Kind
	}{{yes(), ca.KindBoth}, {nil, ca.KindBoth}, {no(), ca.KindServer}, {nil, ca.KindServer}, {yes(), ca.KindBoth}} {
		req := Request{Names: names(t, "broker.local"), For: target(t, "computer"), AndClient: row.set, Renew: i > 0}
		got := a.mustIssue(req, start).Issued
		if ca.KindOf(got.Leaf) != row.want || got.Record.Kind != row.want || KindOf(got) != Device {
			t.Errorf("%d: got %s, recorded %s, want %s", i, ca.KindOf(got.Leaf), got.Record.Kind, row.want)
		}
	}
	if _, err := os.Stat("broker.local/picoca-root.pem"); err != nil {
		t.Errorf("a client needs the root: %v", err)
	}
	req := identity(t, "Tablet")
	req.AndClient = yes()
	if _, err := a.issue(req, start); fault.CodeOf(err) != fault.Usage {
		t.Errorf("identity: got %v, want a fault of the command line", err)
	}
}

// TestRecommendedKeysNeedNoForce: what a device's own data recommend.
func TestRecommendedKeysNeedNoForce(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer"), Key: ca.RSA3072}, start)
	for _, key := range []ca.KeyType{ca.P384, ca.RSA4096} {
		if _, err := a.issue(Request{Names: names(t, "other.local"), For: target(t, "computer"), Key: key}, start); err == nil {
			t.Errorf("%s: got no error, want one that asks for --force", key)
		}
	}
}
