package onboard

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
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

// open returns the number of connections that the limiter counts.
func (l *limiter) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// crowd is a limiter with room for three, and all who connected to it.
type crowd struct {
	limiter *limiter
	conns   map[string]*fakeConn
	in      map[string]*conn
}

func newCrowd() crowd {
	return crowd{&limiter{max: 3}, map[string]*fakeConn{}, map[string]*conn{}}
}

func (c crowd) come(names ...string) {
	for _, name := range names {
		c.conns[name] = &fakeConn{from: name}
		c.in[name] = c.limiter.admit(c.conns[name])
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

func TestTheLimiterClosesTheOldestOfTheGreediest(t *testing.T) {
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
		{"a connection that is being answered stays", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:1"].work()
			c.come("10.0.0.1:4")
		}, "[10.0.0.1:2]"},
		{"an answered one may go", func(c crowd) {
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
		{"a closed one makes room", func(c crowd) {
			c.come("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3")
			c.in["10.0.0.1:2"].Close()
			c.come("10.0.0.1:4")
		}, "[10.0.0.1:2]"},
		{"closing twice counts once", func(c crowd) {
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
			if got := c.limiter.open(); got > 3 {
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
	v := visitors{devices: map[netip.Addr]Platform{}}
	from := netip.MustParseAddr("10.0.0.1")
	for range 10 * maxDevices {
		v.meet(from, IPhone)
		from = from.Next()
	}
	if got := len(v.devices); got > maxDevices {
		t.Errorf("%d visitors are remembered, want at most %d", got, maxDevices)
	}
}

func TestAPickedDeviceStaysWhatItIs(t *testing.T) {
	v := visitors{devices: map[netip.Addr]Platform{}}
	from := netip.MustParseAddr("10.0.0.1")
	for _, test := range []struct{ device, want Platform }{
		{"", ""}, {Mac, Mac}, {IPad, IPad}, {Mac, IPad}, {"", IPad}, {Android, Android}, {Samsung, Samsung}, {Android, Samsung}, {IPhone, IPhone},
	} {
		if got := v.meet(from, test.device); got != test.want {
			t.Errorf("after %q: got %q, want %q", test.device, got, test.want)
		}
	}
}
