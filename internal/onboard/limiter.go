package onboard

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// limiter keeps the open connections of all ports together at or below max. It
// never refuses a new connection: it closes another one instead, so hundreds of
// silent connections cannot lock the user out. It closes the oldest connection
// without a handler at work, of the address that has the most of them.
type limiter struct {
	max   int
	mu    sync.Mutex
	conns []*conn // oldest first
}

// conn is a connection that the limiter counts until it is closed.
type conn struct {
	net.Conn
	limiter *limiter
	from    netip.Addr
	busy    int  // handlers at work; guarded by limiter.mu
	asked   bool // a handler has ever been at work; guarded by limiter.mu
}

// admit counts a new connection, and closes another one if there are too many.
func (l *limiter) admit(c net.Conn) *conn {
	newcomer := &conn{Conn: c, limiter: l, from: remoteAddr(c.RemoteAddr().String())}
	l.mu.Lock()
	var victim *conn
	if len(l.conns) >= l.max {
		victim = l.victim()
	}
	l.remove(victim)
	l.conns = append(l.conns, newcomer)
	l.mu.Unlock()
	if victim != nil {
		victim.Conn.Close()
	}
	return newcomer
}

// victim is called with l.mu held and at least one connection.
func (l *limiter) victim() *conn {
	from := map[netip.Addr]int{}
	for _, c := range l.conns {
		from[c.from]++
	}
	worst := l.conns[0]
	for _, c := range l.conns[1:] {
		if c.expendable(worst, from) {
			worst = c
		}
	}
	return worst
}

// expendable reports whether c, the younger one, should go before other.
func (c *conn) expendable(other *conn, from map[netip.Addr]int) bool {
	if (c.busy == 0) != (other.busy == 0) {
		return c.busy == 0
	}
	return from[c.from] > from[other.from]
}

func (l *limiter) remove(c *conn) {
	if i := slices.Index(l.conns, c); i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	}
}

// closeSilent closes every connection that has never sent a request. net/http
// closes the others: it knows when an answer is out.
func (l *limiter) closeSilent() {
	l.mu.Lock()
	silent := slices.DeleteFunc(slices.Clone(l.conns), func(c *conn) bool { return c.asked })
	l.mu.Unlock()
	for _, c := range silent {
		c.Close()
	}
}

// work marks c as being answered until the returned function is called.
func (c *conn) work() (done func()) {
	c.add(1)
	return func() { c.add(-1) }
}

func (c *conn) add(n int) {
	c.limiter.mu.Lock()
	defer c.limiter.mu.Unlock()
	c.busy += n
	c.asked = true
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	c.limiter.mu.Lock()
	c.limiter.remove(c)
	c.limiter.mu.Unlock()
	return c.Conn.Close()
}

// listener hands its connections to the limiter.
type listener struct {
	net.Listener
	limiter *limiter
}

// Accept waits for the next connection, a *conn.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.limiter.admit(c), nil
}

// remoteAddr returns the address in "host:port", as net/http and net print it.
func remoteAddr(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}
