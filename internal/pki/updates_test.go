package pki

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/store"
)

// updatesProject writes a project with updates to a folder, and returns the owner
// whom the board knows.
func (a authority) updatesProject(req ProjectRequest) (owner []byte, w WrittenProject, err error) {
	a.t.Helper()
	req.Name = "pico.local"
	a.use(func(c *CA) {
		var project *Project
		if project, err = c.PlanProject(req); err == nil {
			w, err = project.Write(a.t.Context(), nobodyWaits(a.t))
		}
	})
	if err != nil || req.Updates == 0 {
		return nil, w, err
	}
	owner, err = os.ReadFile(filepath.Join(req.Out, "a", "owner.der"))
	return owner, w, err
}

// dialled has pushes over a network where no one answers, and returns where to: every
// address that was tried.
func (a authority) dialled(d *devices, req PushRequest) (addresses string, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		computer := d.computer()
		computer.Dial = func(_ context.Context, _, to string) (net.Conn, error) {
			addresses = strings.TrimSpace(addresses + " " + to)
			return nil, errors.New("nobody there")
		}
		p, reachErr := c.Reach(a.t.Context(), computer, req, start)
		if err = reachErr; err == nil {
			_, err = p.Run(a.t.Context(), start, nobodyWaits(a.t))
			err = errors.Join(err, p.Close())
		}
	})
	return addresses, err
}

// TestPushLooksElsewhere: only a board whose place is remembered is looked for by the
// names in its certificate.
func TestPushLooksElsewhere(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local", "*.pico.local", "192.168.1.7", "garden.local", "desk.local")}, start)
	if _, _, err := a.updatesProject(ProjectRequest{Updates: 9443, Out: "project"}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ remembered, to, want string }{
		{"https://192.168.1.42", "", "192.168.1.42:8443 pico.local:9443 garden.local:9443 desk.local:9443"},
		{"https://garden.local:9443", "", "garden.local:9443 pico.local:9443 desk.local:9443 192.168.1.7:9443"},
		{"https://192.168.1.42", "https://192.168.1.43", "192.168.1.43:8443"},
	} {
		a.use(func(c *CA) {
			issued := a.latest("pico.local")
			record := issued.Record
			record.Pushed = &store.Pushed{To: row.remembered, At: start}
			if err := errors.Join(c.lock(t.Context(), nobodyWaits(t)), c.store.SetRecord(issued, record)); err != nil {
				t.Fatal(err)
			}
		})
		got, err := a.dialled(d, PushRequest{Name: "pico.local", To: row.to})
		if _, lost := errors.AsType[*push.LostError](err); got != row.want || lost != (row.to == "") {
			t.Errorf("%+v: got %q, %v", row, got, err)
		}
		if got := a.latest("pico.local").Record.Pushed; got.To != row.remembered || !got.At.Equal(start) {
			t.Errorf("%+v: now %+v is remembered", row, got)
		}
	}
}

func TestUpdateIdentityEndsWithItsRoot(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	first, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "first"})
	if err != nil {
		t.Fatal(err)
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	second, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "second"})
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("after a renewal: another identity, or %v", err)
	}
	a.mustRotate(RotateRequest{}, start.Add(day))
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	third, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "third"})
	if err != nil || bytes.Equal(first, third) {
		t.Errorf("after a new root: the same identity, or %v", err)
	}
	a.use(func(c *CA) {
		owners, err := c.owners("pico.local", a.latest("pico.local").Root)
		if err != nil || len(owners) != 2 || !bytes.Equal(owners[0].Certificate[0], third) || !bytes.Equal(owners[1].Certificate[0], first) {
			t.Errorf("got %d identities (%v), want the new one, then the one that the board has", len(owners), err)
		}
	})
}

// TestUpdateIdentityOfAnotherRun: who plans before another run stores an identity
// must not write a second one.
func TestUpdateIdentityOfAnotherRun(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.use(func(c *CA) {
		slow, err := c.PlanProject(ProjectRequest{Name: "pico.local", Updates: 8443, Out: "slow"})
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "fast"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slow.Write(t.Context(), nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile("slow/a/owner.der"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("another identity than the faster run's, or %v", err)
		}
	})
}

func TestPushOfABoardWithUpdatesNeedsNoCable(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	if _, err := a.dialled(d, PushRequest{Name: "pico.local", To: "https://pico.local:8443"}); !strings.Contains(err.Error(), "has no update identity") {
		t.Errorf("without updates: got %v", err)
	}
	if _, _, err := a.updatesProject(ProjectRequest{Updates: 9443, Out: "project"}); err != nil {
		t.Fatal(err)
	}
	if IsUnpushed(a.latest("pico.local")) {
		t.Error("the certificate in the project counts as not on the device")
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	if got := a.latest("pico.local"); !IsUnpushed(got) || got.Record.Pushed.To != "https://pico.local:9443" {
		t.Errorf("after a renewal: got %+v", got.Record.Pushed)
	}
	for _, row := range []struct {
		request PushRequest
		want    string
	}{
		{PushRequest{}, "pico.local:9443"},
		{PushRequest{To: "https://192.168.1.42"}, "192.168.1.42:8443"},
	} {
		row.request.Name = "pico.local"
		address, err := a.dialled(d, row.request)
		if _, gone := errors.AsType[*push.GoneError](err); !gone || address != row.want {
			t.Errorf("%+v: got %q, %v; want %q", row.request, address, err, row.want)
		}
	}
	for _, request := range []PushRequest{{Example: true}, {Reset: true}} { // these need a cable
		request.Name = "pico.local"
		if address, err := a.dialled(d, request); address != "" || !errors.As(err, new(*NoBoardFoundError)) {
			t.Errorf("%+v: got %q, %v", request, address, err)
		}
	}
	if _, err := a.dialled(d, PushRequest{Name: "pico.local", Example: true, To: "https://pico.local:9443"}); !errors.As(err, new(*CableError)) {
		t.Errorf("a project: got %v", err)
	}
}

// TestBoardIsKnownByACertificateThatHasEnded: by each that was issued for it, unless
// it was revoked.
func TestBoardIsKnownByACertificateThatHasEnded(t *testing.T) {
	a := newAuthority(t, "")
	var leaves [][]byte
	for _, request := range []Request{{}, {Renew: true}} {
		request.Names = names(t, "pico.local")
		leaves = append(leaves, a.mustIssue(request, start).Issued.Leaf.Raw)
	}
	other := a.mustIssue(Request{Names: names(t, "other.local")}, start).Issued.Leaf.Raw
	a.use(func(c *CA) {
		p := &Push{ca: c, Issued: a.latest("pico.local")}
		if !p.mayHave(leaves[0]) || !p.mayHave(leaves[1]) || p.mayHave(other) {
			t.Error("the board is not known by its own certificates, or by another's")
		}
	})
	a.mustRevoke("pico.local", start.Add(day))
	a.use(func(c *CA) {
		p := &Push{ca: c, Issued: a.latest("pico.local")}
		if p.mayHave(leaves[1]) {
			t.Error("the board is known by a revoked certificate")
		}
	})
}

// TestRevokedCertificateProvesNoBoard: someone who stole the board's key is not sent
// the next one.
func TestRevokedCertificateProvesNoBoard(t *testing.T) {
	a := newAuthority(t, "")
	stolen := a.mustIssue(Request{Names: names(t, "pico.local")}, start).Issued.Leaf
	if _, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "project"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{false, true} {
		a.use(func(c *CA) {
			p := &Push{ca: c, Issued: a.latest("pico.local"), device: &push.Device{Kind: push.HTTPS}, updates: &Updates{Port: 8443}}
			access, err := p.access(start)
			if err != nil || access.Revoked(stolen) != want || access.Revoked(p.Issued.Leaf) != want {
				t.Errorf("want %v: got another answer, or %v", want, err)
			}
		})
		if !want {
			a.mustRevoke("pico.local", start.Add(day))
		}
	}
	after := a.mustIssue(Request{Names: names(t, "pico.local")}, start.Add(day)).Issued.Leaf
	a.use(func(c *CA) {
		p := &Push{ca: c, Issued: a.latest("pico.local"), device: &push.Device{Kind: push.HTTPS}, updates: &Updates{Port: 8443}}
		access, err := p.access(start)
		if err != nil || !access.Revoked(stolen) || access.Revoked(after) {
			t.Errorf("after a new certificate: got another answer, or %v", err)
		}
	})
}

// TestCableOfABoardWithUpdates: what a cable brings is in the folder in use, and the
// next push needs none.
func TestCableOfABoardWithUpdates(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	_, _, err := a.updatesProject(ProjectRequest{Updates: 8443, MutualTLS: true, Out: "project"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("project/secrets.py", []byte("WIFI_SSID = 'mine'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d.plug("0", "AA01", dir)
	if files := a.mustPush(d, PushRequest{Name: "pico.local", Example: true}, start); files.ToFillIn != "" {
		t.Error("the Wi-Fi's password is to be filled in again")
	}
	for _, name := range []string{"main.py", "secrets.py", "updates.py", "a/trust.html", "a/cert.der", "a/key.der", "a/picoca-root.der", "a/owner.der", "live"} {
		got, gotErr := os.ReadFile(filepath.Join(dir, name))
		want, wantErr := os.ReadFile(filepath.Join("project", name))
		if gotErr != nil || wantErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes (%v), want those of the project (%v)", name, len(got), gotErr, wantErr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "live"), []byte("b"), 0o600); err != nil { // updates since
		t.Fatal(err)
	}
	a.mustRotate(RotateRequest{}, start)
	a.wantPage(TrustPage{"pico.local", false, true})
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	a.mustPush(d, PushRequest{Name: "pico.local", To: "/dev/ttyACM0"}, start)
	a.wantPage(TrustPage{"pico.local", true, true})
	owner, _, err := a.updatesProject(ProjectRequest{Updates: 8443, MutualTLS: true, Out: "project", Force: true})
	if err != nil {
		t.Fatal(err)
	}
	page, pageErr := os.ReadFile(filepath.Join(dir, "a", "trust.html"))
	if want, err := os.ReadFile("project/a/trust.html"); err != nil || pageErr != nil || !bytes.Equal(page, want) {
		t.Errorf("the page for phones has %d bytes (%v), want the %d of the project (%v)", len(page), pageErr, len(want), err)
	}
	live, err := os.ReadFile(filepath.Join(dir, "live"))
	got, ownerErr := os.ReadFile(filepath.Join(dir, "a", "owner.der"))
	if err != nil || ownerErr != nil || string(live) != "a" || !bytes.Equal(got, owner) || !sameKey(t, filepath.Join(dir, "a"), "project/a") {
		t.Errorf("got live %q (%v), or another pair or owner (%v)", live, err, ownerErr)
	}
	if address, _ := a.dialled(d, PushRequest{Name: "pico.local"}); address != "pico.local:8443" {
		t.Errorf("the next push goes to %q", address)
	}
	if err := os.Remove(filepath.Join(dir, "updates.py")); err != nil { // another program
		t.Fatal(err)
	}
	a.mustPush(d, PushRequest{Name: "pico.local", To: "/dev/ttyACM0"}, start)
	if !sameKey(t, dir, "project/a") {
		t.Error("a board without updates.py does not have the key where its program looks for it")
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	d.plug("0", "BB02", t.TempDir())
	if _, err := a.pushTo(d, PushRequest{Name: "pico.local", To: "/dev/ttyACM0"}, start); !errors.As(err, new(*OtherBoardError)) {
		t.Errorf("another board: got %v", err)
	}
}

// wantPage looks at the only device that serves the CA to phones.
func (a authority) wantPage(want TrustPage) {
	a.t.Helper()
	a.use(func(c *CA) {
		if got, err := c.TrustPages(start); err != nil || len(got) != 1 || got[0] != want {
			a.t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

func TestProjectWithoutUpdatesEndsThem(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	if _, w, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "first"}); err != nil || w.EndsUpdates {
		t.Fatal(w, err)
	}
	if _, w, err := a.updatesProject(ProjectRequest{Out: "first", Force: true}); err != nil || !w.EndsUpdates || len(w.Copied) > 0 {
		t.Errorf("got %+v, %v", w, err)
	}
	if _, err := a.dialled(d, PushRequest{Name: "pico.local"}); !errors.As(err, new(*NoBoardFoundError)) {
		t.Errorf("push: got %v", err)
	}
	place := filepath.Join(a.dir, "devices", "pico.local", "updates.json")
	if err := os.WriteFile(place, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.dialled(d, PushRequest{Name: "pico.local"}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged file: got %v", err)
	}
	if _, _, err := a.updatesProject(ProjectRequest{Updates: 8443, Out: "second"}); err != nil {
		t.Errorf("a new project does not mend it: %v", err)
	}
}
