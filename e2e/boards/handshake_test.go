package boards

import (
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// TestBoardsServeEveryClient has each stack serve each file that it loads to
// each client: with the CA as its only trust it gets the page; with a foreign
// one it refuses, and the board sees that.
func TestBoardsServeEveryClient(t *testing.T) {
	b, root, foreign := rig.BoardBench(t), newBoardRoot(t), newBoardRoot(t)
	for _, row := range expectedLoads(t) {
		for _, kind := range row.Keys {
			files := root.issue(t, kind).files(t, row.Container)
			for _, s := range rig.Stacks {
				if row.Says[s.Name] != 0 {
					continue
				}
				t.Run(s.Name+"/"+kind+"/"+row.Container, func(t *testing.T) {
					t.Parallel()
					for _, c := range boardClients {
						checkServes(t, b, s, files, c, root, foreign)
					}
				})
			}
		}
	}
}

// checkServes makes a good visit and one by a client that trusts another CA.
func checkServes(t *testing.T, b rig.Bench, s rig.Stack, files []string, c boardClient, root, foreign boardRoot) {
	t.Helper()
	server := b.Serve(t, s, slices.Concat(files, []string{"--connections", "2"})...)
	if err := c.get(t, visit{port: server.Port, root: root}); err != nil {
		t.Errorf("%s: %v", c.name, err)
	}
	if err := c.get(t, visit{port: server.Port, root: foreign}); err != errUntrusted {
		t.Errorf("%s with a foreign CA: %v, want %v", c.name, err, errUntrusted)
	}
	report := server.Report()
	if good := report.Connections[0]; !good.OK || !good.Answered {
		t.Errorf("%s: the board saw %d (%s), answered %v", c.name, good.Error, good.Message, good.Answered)
	}
	if bad := report.Connections[1]; !rig.HungUp(bad.Error) {
		t.Errorf("%s with a foreign CA: the board saw %d (%s), want an alert or a hang-up", c.name, bad.Error, bad.Message)
	}
}

// TestBoardsLetOnlyTheirOwnIn is mutual TLS: a certificate of this CA gets in,
// one of another does not, and none does not.
func TestBoardsLetOnlyTheirOwnIn(t *testing.T) {
	b, root, foreign := rig.BoardBench(t), newBoardRoot(t), newBoardRoot(t)
	mine := root.issue(t, "p256", forClients)
	rsa := root.issue(t, "rsa2048", forClients)
	theirs := foreign.issue(t, "p256", forClients)
	files := root.issue(t, "p256").files(t, "der")
	for _, s := range rig.Stacks {
		for _, c := range boardClients {
			t.Run(s.Name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				server := b.Serve(t, s, slices.Concat(files, []string{"--connections", "4", "--ca", root.file(s)})...)
				for _, identity := range []*boardLeaf{&mine, &rsa} {
					if err := c.get(t, visit{port: server.Port, root: root, identity: identity}); err != nil {
						t.Errorf("with its certificate: %v", err)
					}
				}
				for _, identity := range []*boardLeaf{&theirs, nil} {
					if err := c.get(t, visit{port: server.Port, root: root, identity: identity}); err == nil {
						t.Errorf("with the identity %v: let in", identity != nil)
					}
				}
				rig.CheckDoor(t, server.Report())
			})
		}
	}
}

// TestBoardClocks: where a Pico W starts without network time, a certificate
// that begins later does not verify on MicroPython; neither does a root that
// does. With the clock set, or with dates from before, it does. CircuitPython
// looks at no dates.
func TestBoardClocks(t *testing.T) {
	b := rig.BoardBench(t)
	young, old := newBoardRoot(t), newBoardRoot(t, sinceBoot)
	cases := []struct {
		name  string
		root  boardRoot
		leaf  boardLeaf
		valid bool // at boot
	}{
		{"root and leaf of today", young, young.issue(t, "p256"), false},
		{"leaf of today", old, old.issue(t, "p256"), false},
		{"root of today", young, young.issue(t, "p256", sinceBoot), false},
		{"both since 2021", old, old.issue(t, "p256", sinceBoot), true},
	}
	for _, c := range cases {
		peer := newBoardPeer(t, c.leaf)
		for _, s := range rig.Stacks {
			args := []string{"--host", "pico.local", "--ca", c.root.file(s)}
			if got := b.Connect(t, nil, s, peer.port, args...).First(t); !got.OK || !got.Answered {
				t.Errorf("%s, %s, clock set: %d (%s)", s.Name, c.name, got.Error, got.Verify)
			}
			got := b.Connect(t, []string{rig.PicoBoot}, s, peer.port, args...).First(t)
			checkAtBoot(t, s, c.name, got, c.valid || s == rig.CircuitPython)
		}
	}
}

func checkAtBoot(t *testing.T, s rig.Stack, name string, got rig.BoardConnection, valid bool) {
	t.Helper()
	switch {
	case valid && !got.OK:
		t.Errorf("%s, %s, at boot: %d (%s)", s.Name, name, got.Error, got.Verify)
	case !valid && (got.Error != rig.ErrVerification || !strings.Contains(got.Verify, "starts in the future")):
		t.Errorf("%s, %s, at boot: %d (%s), want %d because of the dates", s.Name, name, got.Error, got.Verify, rig.ErrVerification)
	}
}

// TestBoardClocksAtTheDoor is the same for the visitors' certificates in
// mutual TLS.
func TestBoardClocksAtTheDoor(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t, sinceBoot)
	today, old := root.issue(t, "p256", forClients), root.issue(t, "p256", forClients, sinceBoot)
	files := root.issue(t, "p256").files(t, "der")
	for _, s := range rig.Stacks {
		server := b.ServeWith(t, []string{rig.PicoBoot}, nil, s, slices.Concat(files, []string{"--connections", "2", "--ca", root.file(s)})...)
		if err := visitGo(t, visit{port: server.Port, root: root, identity: &old}); err != nil {
			t.Errorf("%s: certificate since 2021: %v", s.Name, err)
		}
		err := visitGo(t, visit{port: server.Port, root: root, identity: &today})
		if (err == nil) != (s == rig.CircuitPython) {
			t.Errorf("%s: certificate of today: %v", s.Name, err)
		}
		checkAtBoot(t, s, "visitor", server.Report().Connections[1], s == rig.CircuitPython)
	}
}

// TestBoardsAsClientsCheckTheirPeer pairs an acceptance with refusals: of a
// foreign CA and of another name. An address in the SAN counts on mbedTLS 3
// only.
func TestBoardsAsClientsCheckTheirPeer(t *testing.T) {
	b, root, foreign := rig.BoardBench(t), newBoardRoot(t), newBoardRoot(t)
	peer := newBoardPeer(t, root.issue(t, "p256", func(c *x509.Certificate) {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}))
	for _, s := range rig.Stacks {
		tries := []struct {
			host string
			root boardRoot
			ok   bool
		}{
			{"pico.local", root, true},
			{"pico.local", foreign, false},
			{"other.local", root, false},
			{"127.0.0.1", root, s != rig.CircuitPython},
		}
		for _, try := range tries {
			got := b.Connect(t, nil, s, peer.port, "--host", try.host, "--ca", try.root.file(s)).First(t)
			if got.OK != try.ok || !got.OK && got.Error != rig.ErrVerification {
				t.Errorf("%s, %s: %d (%s), want ok %v", s.Name, try.host, got.Error, got.Verify, try.ok)
			}
		}
	}
}

// TestBoardsDontGrow serves twenty connections in a row: the last holds what
// the second did, open and closed, and nothing is lost at the end. (The first
// holds less: RSA keys keep values for blinding from then on.)
func TestBoardsDontGrow(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	for _, kind := range []string{"p256", "rsa2048"} {
		files := root.issue(t, kind).files(t, "der")
		for _, s := range rig.Stacks {
			server := b.Serve(t, s, slices.Concat(files, []string{"--connections", "20"})...)
			for range 20 {
				if err := visitGo(t, visit{port: server.Port, root: root}); err != nil {
					t.Fatalf("%s, %s: %v", s.Name, kind, err)
				}
			}
			checkDoesntGrow(t, s.Name+", "+kind, server.Report())
		}
	}
}

func checkDoesntGrow(t *testing.T, name string, r rig.BoardReport) {
	t.Helper()
	second, last := r.Connections[1], r.Connections[len(r.Connections)-1]
	if last.HeapClosed != second.HeapClosed || last.HeapHeld != second.HeapHeld {
		t.Errorf("%s: the second connection holds %d open and leaves %d, the last %d and %d", name,
			second.HeapHeld, second.HeapClosed, last.HeapHeld, last.HeapClosed)
	}
	if r.HeapEnd != 0 {
		t.Errorf("%s: %d bytes are lost", name, r.HeapEnd)
	}
}

// TestBoardHeapLimit holds the measured peak to its meaning: with that much
// heap a handshake works, with one block less it fails for want of memory.
func TestBoardHeapLimit(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	files := root.issue(t, "rsa2048").files(t, "der")
	for _, s := range rig.Stacks {
		free := handshakeWithin(t, b, s, root, files, 1<<20)
		if got := handshakeWithin(t, b, s, root, files, free.First(t).HeapPeak); !got.OK {
			t.Errorf("%s: %d (%s) with a heap of its peak", s.Name, got.Error, got.Message)
		}
		got := handshakeWithin(t, b, s, root, files, free.First(t).HeapPeak-16)
		if got.OK || got.RefusedAllocations == 0 {
			t.Errorf("%s: ok %v, %d allocations refused, with a block less", s.Name, got.OK, got.RefusedAllocations)
		}
	}
}

func handshakeWithin(t *testing.T, b rig.Bench, s rig.Stack, root boardRoot, files []string, limit int) rig.BoardReport {
	t.Helper()
	server := b.Serve(t, s, slices.Concat(files, []string{"--limit", strconv.Itoa(limit)})...)
	err := visitGo(t, visit{port: server.Port, root: root})
	r := server.Report()
	if (err == nil) != r.OK {
		t.Errorf("%s: client says %v, board says %d (%s)", s.Name, err, r.Error, r.Message)
	}
	return r
}

// TestBoardsDontNoticeAWrongKey shows what picoca must check itself: a key of
// another certificate loads, and the handshake dies with an alert.
func TestBoardsDontNoticeAWrongKey(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	key := testpki.NewKey(t, ca.P256)
	leaf := root.issue(t, "p256")
	leaf.key = key
	for _, s := range rig.Stacks {
		server := b.Serve(t, s, leaf.files(t, "der")...)
		if err := visitGo(t, visit{port: server.Port, root: root}); err == nil {
			t.Errorf("%s: Go accepts a wrong key", s.Name)
		}
		if got := server.Report(); !rig.HungUp(got.Error) {
			t.Errorf("%s: %d (%s), want an alert or a hang-up", s.Name, got.Error, got.Message)
		}
	}
}
