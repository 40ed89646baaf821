package onboard

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *fakeConn) Close() error         { c.closed = true; return nil }
func (c *fakeConn) RemoteAddr() net.Addr { return addr(c.from) }

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }

// open is the number of connections that the gate counts.
func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.guests)
}

// crowd is a gate with room for three, and everybody who came.
type crowd struct {
	gate  *gate
	conns map[string]*fakeConn
	in    map[string]*guest
}

func newCrowd() crowd {
	return crowd{&gate{max: 3}, map[string]*fakeConn{}, map[string]*guest{}}
}

func (c crowd) come(names ...string) {
	for _, name := range names {
		c.conns[name] = &fakeConn{from: name}
		c.in[name] = c.gate.admit(c.conns[name])
	}
}

func (c crowd) gone() string {
	var out []string
	for _, name := range []string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1"} {
		if conn := c.conns[name]; conn != nil && conn.closed {
			out = append(out, name)
		}
	}
	return fmt.Sprint(out)
}

func TestTheGateClosesTheOldestOfTheGreediest(t *testing.T) {
	tests := []struct {
		name string
		do   func(crowd)
		want string
	}{
		{"room for all", func(c crowd) { c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3") }, "[]"},
		{"the oldest goes", func(c crowd) { c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4") }, "[10.0.0.1:1]"},
		{"the user stays, though the oldest", func(c crowd) {
			c.come("10.0.0.2:1", "10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4")
		}, "[10.0.0.1:1 10.0.0.1:2]"},
		{"who is being answered stays", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:1"].work()
			c.come("10.0.0.1:4")
		}, "[10.0.0.1:2]"},
		{"who was answered may go", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:1"].work()()
			c.come("10.0.0.1:4")
		}, "[10.0.0.1:1]"},
		{"an idle user goes before a busy crowd", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1")
			c.in["10.0.0.1:1"].work()
			c.in["10.0.0.1:2"].work()
			c.come("10.0.0.3:1")
		}, "[10.0.0.2:1]"},
		{"all are busy: the oldest of the greediest", func(c crowd) {
			c.come("10.0.0.2:1", "10.0.0.1:1", "10.0.0.1:2")
			for _, g := range c.in {
				g.work()
			}
			c.come("10.0.0.3:1")
		}, "[10.0.0.1:1]"},
		{"who left makes room", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:2"].Close()
			c.come("10.0.0.1:4")
		}, "[10.0.0.1:2]"},
		{"leaving twice counts once", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:2"].Close()
			c.in["10.0.0.1:2"].Close()
			c.come("10.0.0.1:4", "10.0.0.2:1")
		}, "[10.0.0.1:1 10.0.0.1:2]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCrowd()
			test.do(c)
			if got := c.gone(); got != test.want {
				t.Errorf("closed %s, want %s", got, test.want)
			}
			if got := c.gate.open(); got > 3 {
				t.Errorf("%d are in, want at most 3", got)
			}
		})
	}
}

func TestRemoteAddr(t *testing.T) {
	for hostport, want := range map[string]string{
		"192.168.1.33:5000":          "192.168.1.33",
		"[::ffff:192.168.1.33]:5000": "192.168.1.33",
		"[fd00::5]:5000":             "fd00::5",
		"[fe80::1%wlan0]:5000":       "fe80::1",
		"nonsense":                   netip.Addr{}.String(),
	} {
		if got := remoteAddr(hostport).String(); got != want {
			t.Errorf("%s: got %s, want %s", hostport, got, want)
		}
	}
}

func TestVisitorsAreForgottenBeforeTheyFillTheMemory(t *testing.T) {
	v := visitors{seen: map[netip.Addr]*visitor{}}
	from := netip.MustParseAddr("10.0.0.1")
	for range 10 * maxVisitors {
		v.meet(from, IPhone)
		from = from.Next()
	}
	if got := len(v.seen); got > maxVisitors {
		t.Errorf("%d visitors are remembered, want at most %d", got, maxVisitors)
	}
}

func TestVisitorsRepeatThemselvesQuietly(t *testing.T) {
	v := visitors{seen: map[netip.Addr]*visitor{}}
	one, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	start := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		from       netip.Addr
		after      time.Duration
		distrusted bool
	}{
		{one, 0, true},
		{one, time.Millisecond, false},
		{other, time.Millisecond, true},
		{one, quiet - 1, false},
		{one, quiet, true},
		{one, 2*quiet - 1, false},
		{one, 3 * quiet, true},
	} {
		now := start.Add(test.after)
		if got := v.distrust(test.from, now); got != test.distrusted {
			t.Errorf("%s after %v: distrust told: got %t, want %t", test.from, test.after, got, test.distrusted)
		}
	}
}
