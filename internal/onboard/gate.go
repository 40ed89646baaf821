package onboard

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// gate keeps the open connections of all ports together at or below max. It
// never refuses a newcomer: it closes somebody else's connection instead, so
// that hundreds of silent connections cannot lock the user out. The victim is
// the oldest connection that no handler is working for, of the address that has
// the most of them.
type gate struct {
	max    int
	mu     sync.Mutex
	guests []*guest // oldest first
}

// guest is one connection that the gate counts until it is closed.
type guest struct {
	net.Conn
	gate *gate
	from netip.Addr
	busy int  // handlers at work, under gate.mu
	met  bool // a handler was ever at work, under gate.mu
}

func (g *gate) admit(conn net.Conn) *guest {
	newcomer := &guest{Conn: conn, gate: g, from: remoteAddr(conn.RemoteAddr().String())}
	g.mu.Lock()
	var victim *guest
	if len(g.guests) >= g.max {
		victim = g.victim()
	}
	g.remove(victim)
	g.guests = append(g.guests, newcomer)
	g.mu.Unlock()
	if victim != nil {
		victim.Conn.Close()
	}
	return newcomer
}

// victim is called with g.mu held and at least one guest.
func (g *gate) victim() *guest {
	from := map[netip.Addr]int{}
	for _, c := range g.guests {
		from[c.from]++
	}
	worst := g.guests[0]
	for _, c := range g.guests[1:] {
		if c.expendable(worst, from) {
			worst = c
		}
	}
	return worst
}

// expendable tells whether c, the younger one, should go before other.
func (c *guest) expendable(other *guest, from map[netip.Addr]int) bool {
	if (c.busy == 0) != (other.busy == 0) {
		return c.busy == 0
	}
	return from[c.from] > from[other.from]
}

func (g *gate) remove(c *guest) {
	if i := slices.Index(g.guests, c); i >= 0 {
		g.guests = slices.Delete(g.guests, i, i+1)
	}
}

// closeSilent closes every connection that has never asked for anything. The
// others are net/http's to close: it knows when an answer is out.
func (g *gate) closeSilent() {
	g.mu.Lock()
	silent := slices.DeleteFunc(slices.Clone(g.guests), func(c *guest) bool { return c.met })
	g.mu.Unlock()
	for _, c := range silent {
		c.Close()
	}
}

// work marks c as being answered until the returned function is called.
func (c *guest) work() (done func()) {
	c.add(1)
	return func() { c.add(-1) }
}

func (c *guest) add(n int) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.busy += n
	c.met = true
}

// Close closes the connection and makes room.
func (c *guest) Close() error {
	c.gate.mu.Lock()
	c.gate.remove(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// door is a listener whose connections pass the gate.
type door struct {
	net.Listener
	gate *gate
}

// Accept waits for the next connection, a *guest.
func (d door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return d.gate.admit(conn), nil
}

// remoteAddr is the address in "host:port" as net/http and net print it.
func remoteAddr(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}
