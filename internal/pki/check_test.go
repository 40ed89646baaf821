package pki

import (
	"os"
	"path/filepath"
	"testing"
)

func serversOf(t *testing.T, a authority) *Servers {
	t.Helper()
	c, err := Open(a.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := c.Servers()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// targeted is a request for a device.
func targeted(t *testing.T, text string, raw ...string) Request {
	t.Helper()
	return Request{Names: names(t, raw...), For: target(t, text)}
}

func TestServersKnowTheirDevices(t *testing.T) {
	a := newAuthority(t, "")
	old := a.mustIssue(targeted(t, "pico-w/micropython", "pico.local", "192.168.1.42"), start).Issued
	renewed := targeted(t, "pico-w/micropython", "pico.local", "192.168.1.42")
	renewed.Renew = true
	a.mustIssue(renewed, start.Add(day))
	a.mustIssue(targeted(t, "mosquitto", "broker.local"), start)
	a.mustIssue(identity(t, "kitchen tablet"), start)
	servers := serversOf(t, a)
	if got := len(servers.All()); got != 2 {
		t.Errorf("got %d servers, want 2", got)
	}
	for name, want := range map[string]int{"pico.local": 443, "192.168.1.42": 443, "broker.local": 8883} {
		s, ok := servers.Find(names(t, name).First())
		if !ok || s.Port != want {
			t.Errorf("%s: got %+v, %v", name, s, ok)
		}
	}
	if _, ok := servers.Find(names(t, "nas.local").First()); ok {
		t.Error("nas.local was never issued")
	}
	pico, _ := servers.Find(names(t, "192.168.1.42").First())
	if pico.Name != "pico.local" || pico.Newest.Leaf.Equal(old.Leaf) {
		t.Errorf("got %s of %v, want the newest of pico.local", pico.Name, pico.Newest.Leaf.NotBefore)
	}
	if got := pico.Seconds(old.Leaf); got[0] < 0.1 || got[1] > 10 || pico.IsSlow(old.Leaf) {
		t.Errorf("seconds: got %v, slow %v", got, pico.IsSlow(old.Leaf))
	}
	if i, ok := servers.Issued(old.Leaf); !ok || i.Record.Name != "pico.local" {
		t.Errorf("an earlier certificate: got %v, %v", i.Record.Name, ok)
	}
	other := newAuthority(t, "")
	if _, ok := servers.Issued(other.mustIssue(targeted(t, "pico-w", "pico.local"), start).Issued.Leaf); ok {
		t.Error("another CA's certificate was taken for one of this")
	}
}

// TestServersLeaveOutWhatIsRevokedOrDamaged: the others are known all the same.
func TestServersLeaveOutWhatIsRevokedOrDamaged(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "nginx", "nas.local"), start)
	a.mustIssue(targeted(t, "nginx", "old.local"), start)
	place := a.mustIssue(targeted(t, "nginx", "lost.local"), start).Issued.Place
	a.mustRevoke("old.local", start)
	if err := os.WriteFile(filepath.Join(a.dir, filepath.FromSlash(place), "cert.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(a.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	servers, err := c.Servers()
	if all := servers.All(); err == nil || len(all) != 1 || all[0].Name != "nas.local" {
		t.Errorf("got %+v, %v", all, err)
	}
	if old, ok := servers.Find(names(t, "old.local").First()); !ok || old.Newest.Revoked == nil {
		t.Errorf("old.local: got %+v, %v; a server may still show it", old.Newest, ok)
	}
}

func TestAWildcardIsReachedByAnotherName(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(targeted(t, "nginx", "*.wild.home.arpa", "wild.home.arpa"), start)
	a.mustIssue(targeted(t, "nginx", "*.only.home.arpa"), start)
	all := serversOf(t, a).All()
	if len(all) != 1 || all[0].Host() != "wild.home.arpa" {
		t.Errorf("got %+v", all)
	}
}
