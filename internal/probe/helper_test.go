package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// home is a CA with a device, and the server that stands in for it.
type home struct {
	t    *testing.T
	root testpki.Pair
	e    Expected
	// clock is what Prober.Now shows.
	mu    sync.Mutex
	clock time.Time
	known map[string]Known
	// expire ends the time that expiring gives.
	expire func()
}

// expiring returns a context whose time is over when expire is called: no test
// waits for a clock.
func (h *home) expiring() context.Context {
	done := make(chan struct{})
	h.expire = sync.OnceFunc(func() { close(done) })
	return expired{h.t.Context(), done}
}

type expired struct {
	context.Context
	done chan struct{}
}

func (e expired) Done() <-chan struct{} { return e.done }

func (e expired) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// expireAfterReading lets the time be over once something was read.
func (h *home) expireAfterReading(dial func(context.Context, netip.AddrPort) (net.Conn, error)) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
		conn, err := dial(ctx, at)
		return reading{conn, h}, err
	}
}

type reading struct {
	net.Conn
	h *home
}

func (r reading) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if n > 0 {
		r.h.expire()
	}
	return n, err
}

func newHome(t *testing.T) *home {
	h := &home{t: t, root: testpki.Home(t, now), clock: now, known: map[string]Known{}}
	h.e = Expected{
		Holder: "pico.local", Roots: []Root{{Certificate: h.root.Cert}}, System: x509.NewCertPool(),
		Known: func(c *x509.Certificate) (Known, bool) {
			k, ok := h.known[ca.Serial(c)]
			return k, ok
		},
		DueFrom: func(c *x509.Certificate) time.Time { return c.NotAfter.Add(-30 * 24 * time.Hour) },
	}
	return h
}

// issue issues the device's next certificate.
func (h *home) issue(when time.Time, names ...string) testpki.Pair {
	h.t.Helper()
	pair := h.root.Server(h.t, when, names...)
	h.put(pair, names[0])
	return pair
}

// put makes a certificate the newest, and known.
func (h *home) put(pair testpki.Pair, holder string) {
	h.known[ca.Serial(pair.Cert)] = Known{Holder: holder}
	if holder == h.e.Holder {
		h.e.Newest = pair.Cert
	}
}

// sign signs a template that breaks rules, and stores it as the newest.
func (h *home) sign(change func(*x509.Certificate)) testpki.Pair {
	h.t.Helper()
	pair := h.root.Sign(h.t, template(change), testpki.Key(h.t, ca.P256))
	h.put(pair, "pico.local")
	return pair
}

// template is what picoca would issue for pico.local, changed.
func template(change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "pico.local"}, DNSNames: []string{"pico.local"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(800 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	change(c)
	return c
}

func (h *home) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *home) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

// prober visits one address, whatever the name.
func (h *home) prober(at netip.AddrPort) Prober {
	return Prober{Now: h.now, Timeout: time.Minute, Network: Network{
		Lookup:     func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{at.Addr()}, nil },
		Interfaces: func() ([]Interface, error) { return nil, nil },
		Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at.String())
		},
	}}
}

// check visits a server as pico.local.
func (h *home) check(at netip.AddrPort) Report {
	return h.prober(at).Check(h.t.Context(), Target{Name: "pico.local", Port: PortHTTPS, Address: at.Addr()}, h.e)
}

// listen lets serve answer every connection until the test ends.
func listen(t *testing.T, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// serveTLS serves a certificate; change may alter how.
func serveTLS(t *testing.T, cert tls.Certificate, change func(*tls.Config)) netip.AddrPort {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(config)
	}
	return listen(t, func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() != nil {
			return
		}
		// Until the client leaves: closing first could lose what it sent.
		_, _ = server.Read(make([]byte, 1000))
	})
}

func ids(r Report) []string {
	all := []string{}
	for _, f := range r.Findings {
		all = append(all, f.ID)
	}
	return all
}
