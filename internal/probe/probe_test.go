package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

const day24 = 24 * time.Hour

// show writes a command as the tests want it.
func show(c fault.Command) string { return strings.Join(c, " ") }

func TestAGoodServerHasNoFindings(t *testing.T) {
	h := newHome(t)
	h.e.Predict = func(*x509.Certificate) Prediction {
		return Prediction{Device: "Pico W", Seconds: [2]float64{0.4, 0.6}}
	}
	r := h.check(serveTLS(t, h.issue(now, "pico.local").TLS(), nil))
	if got := ids(r); len(got) > 0 {
		t.Errorf("findings: got %v", got)
	}
	if !r.Ours || !r.IsNewest || r.Version != "TLS 1.3" || r.Client != NotAsked || r.Prediction.Seconds[1] != 0.6 {
		t.Errorf("got %+v", r)
	}
	if len(r.Chain) != 1 || r.ChainBytes != len(r.Leaf.Raw)+6 || r.Chain[0].Bytes != len(r.Leaf.Raw) {
		t.Errorf("chain: got %+v, %d bytes", r.Chain, r.ChainBytes)
	}
	var steps []string
	for _, step := range r.Steps {
		steps = append(steps, step.Name)
	}
	if want := []string{StepName, StepConnection, StepTLS, StepCertificate, StepClient}; !slices.Equal(steps, want) {
		t.Errorf("steps: got %v, want %v", steps, want)
	}
}

// TestEachCertificateFaultIsFound: a server with a single fault has the finding
// of that fault, and no other.
func TestEachCertificateFaultIsFound(t *testing.T) {
	tests := map[string]struct {
		serve func(h *home) tls.Certificate
		fix   string // part of the first finding's
	}{
		"expired": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			h.clock = pair.Cert.NotAfter.Add(day24)
			return pair.TLS()
		}, "renew pico.local, then push pico.local"},
		"ends-soon": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			h.clock = pair.Cert.NotAfter.Add(-day24)
			return pair.TLS()
		}, "renew pico.local"},
		"not-yet-valid": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.NotBefore = now.Add(day24) }).TLS()
		}, "clock"},
		"outdated": {func(h *home) tls.Certificate {
			old := h.issue(now.Add(-day24), "pico.local")
			h.issue(now, "pico.local")
			return old.TLS()
		}, "push pico.local"},
		"wrong-name": {func(h *home) tls.Certificate {
			pair := h.root.Server(h.t, now, "attic.local")
			h.put(pair, "pico.local")
			return pair.TLS()
		}, "renew pico.local pico.local"},
		"other-device": {func(h *home) tls.Certificate {
			h.issue(now, "pico.local")
			return h.issue(now, "attic.local").TLS()
		}, "push pico.local"},
		"no-names": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.DNSNames = nil }).TLS()
		}, "renew pico.local"},
		"self-signed": {func(h *home) tls.Certificate {
			h.issue(now, "pico.local")
			return testpki.SelfSigned(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.P256)).TLS()
		}, "push pico.local"},
		"foreign-ca": {func(h *home) tls.Certificate {
			h.issue(now, "pico.local")
			return testpki.Home(h.t, now).Server(h.t, now, "pico.local").TLS()
		}, "push pico.local"},
		"damaged": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			cert := pair.TLS()
			cert.Certificate[0] = bytes.Clone(cert.Certificate[0])
			cert.Certificate[0][len(cert.Certificate[0])-1] ^= 1
			return cert
		}, "push pico.local"},
		"missing-intermediate": {func(h *home) tls.Certificate {
			between := h.root.Intermediate(h.t, now, "step-ca")
			h.e.Intermediates = []*x509.Certificate{between.Cert}
			pair := between.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.P256))
			h.put(pair, "pico.local")
			return pair.TLS()
		}, "append the certificate of step-ca"},
		"revoked": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			h.known[ca.Serial(pair.Cert)] = Known{"pico.local", true}
			return pair.TLS()
		}, "issue pico.local"},
		"retired-root": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			h.e.Roots = []Root{{Certificate: testpki.Home(h.t, now).Cert}, {Certificate: h.root.Cert, Retired: true}}
			return pair.TLS()
		}, "renew pico.local"},
		"other-root": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			h.e.Roots = []Root{{Certificate: testpki.Home(h.t, now).Cert}, {Certificate: h.root.Cert}}
			return pair.TLS()
		}, "renew pico.local"},
		"unknown-certificate": {func(h *home) tls.Certificate {
			pair := h.issue(now, "pico.local")
			delete(h.known, ca.Serial(pair.Cert))
			h.e.Newest = nil
			return pair.TLS()
		}, "restore the store"},
		"root-included": {func(h *home) tls.Certificate {
			return h.issue(now, "pico.local").TLS(h.root.Cert)
		}, "leave Home"},
		"client-auth": {func(h *home) tls.Certificate {
			between := h.root.Intermediate(h.t, now, "step-ca")
			pair := between.Sign(h.t, template(func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) }), testpki.Key(h.t, ca.P256))
			return pair.TLS(between.Cert)
		}, "renew pico.local"},
		"not-for-servers": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }).TLS()
		}, "renew pico.local"},
		"too-long": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.NotAfter = now.Add(1000 * day24) }).TLS()
		}, "renew pico.local"},
		// RFC 5280 section 4.1.2.5: 99991231235959Z is that of no end, and further away
		// than a time.Duration reaches.
		"too-long ": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }).TLS()
		}, "renew pico.local"},
		"board-clock": {func(h *home) tls.Certificate {
			profile := testpki.Profile(ca.KindServer)
			profile.BoardClock = true
			names, err := ca.ParseNames([]string{"pico.local"})
			if err != nil {
				h.t.Fatal(err)
			}
			pair := h.root.Issue(h.t, now, profile, ca.Holder{Names: names}, testpki.Key(h.t, ca.P256))
			h.put(pair, "pico.local")
			return pair.TLS()
		}, "renew pico.local --board-clock=false"},
		"outside": {func(h *home) tls.Certificate {
			return h.sign(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "bank.example.com") }).TLS()
		}, "renew pico.local"},
		"address-refused": {func(h *home) tls.Certificate {
			return h.issue(now, "pico.local", "192.168.1.42").TLS()
		}, "--any-address"},
		"large-key-note": {func(h *home) tls.Certificate {
			pair := h.root.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.RSA3072))
			h.put(pair, "pico.local")
			return pair.TLS()
		}, "renew pico.local --key p256"},
		"large-key": {func(h *home) tls.Certificate {
			pair := h.root.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.RSA3072))
			h.put(pair, "pico.local")
			h.e.Predict = func(*x509.Certificate) Prediction { return Prediction{"Pico W", [2]float64{26, 26}, true} }
			return pair.TLS()
		}, "renew pico.local --key p256"},
		"expired-root": {func(h *home) tls.Certificate {
			short := h.root.Changed(h.t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
			pair := short.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.P256))
			h.e.Roots = []Root{{Certificate: short.Cert}}
			h.put(pair, "pico.local")
			return pair.TLS()
		}, "docs/renew.md"},
		"invalid-chain": {func(h *home) tls.Certificate {
			between := h.root.Intermediate(h.t, now, "step-ca")
			second := between.Sign(h.t, template(func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage, c.DNSNames, c.Subject.CommonName = true, x509.KeyUsageCertSign, nil, "second"
			}), testpki.NewKey(h.t, ca.P256))
			pair := second.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.P256))
			h.put(pair, "pico.local")
			return pair.TLS(second.Cert, between.Cert)
		}, "renew pico.local"},
	}
	for id, test := range tests {
		t.Run(id, func(t *testing.T) {
			h := newHome(t)
			r := h.check(serveTLS(t, test.serve(h), nil))
			if got := ids(r); !slices.Equal(got, []string{strings.TrimSpace(id)}) {
				t.Fatalf("got %v: %v", got, r.Findings)
			}
			if got := r.Findings[0].Fix.Text(show); !strings.Contains(got, test.fix) {
				t.Errorf("fix: got %q, want %q in it", got, test.fix)
			}
		})
	}
}

// TestRevokedCABetweenIsFound although the server's own certificate is in force.
func TestRevokedCABetweenIsFound(t *testing.T) {
	h := newHome(t)
	between := h.root.Intermediate(h.t, now, "step-ca")
	h.known[ca.Serial(between.Cert)] = Known{"step-ca", true}
	pair := between.Sign(h.t, template(func(*x509.Certificate) {}), testpki.Key(h.t, ca.P256))
	h.put(pair, "pico.local")
	r := h.check(serveTLS(t, pair.TLS(between.Cert), nil))
	if got := ids(r); !slices.Equal(got, []string{"revoked-ca"}) {
		t.Errorf("got %v: %v", got, r.Findings)
	}
}

// TestCaddysPurposesAreANote: its CA is for servers only.
func TestCaddysPurposesAreANote(t *testing.T) {
	h := newHome(t)
	authority, key := h.root.Authority(t, now), testpki.NewKey(t, ca.P256)
	prepared, err := authority.PrepareCA(ca.Profile{Kind: ca.KindCA, Life: ca.Days(100), ServersOnly: true}, "caddy", key.Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Sign(prepared)
	if err != nil {
		t.Fatal(err)
	}
	pair := testpki.Pair{Cert: cert, Key: key}.Sign(t, template(func(c *x509.Certificate) {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}), testpki.Key(t, ca.P256))
	r := h.check(serveTLS(t, pair.TLS(cert), nil))
	if got := ids(r); !slices.Equal(got, []string{"client-auth-note"}) || !r.Ours {
		t.Errorf("got %v, ours %v: %v", got, r.Ours, r.Findings)
	}
}

// TestEachConnectionFaultIsFound is the same for what keeps a server from
// showing a good certificate.
func TestEachConnectionFaultIsFound(t *testing.T) {
	silent := func(t *testing.T, h *home) netip.AddrPort {
		return listen(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 2000))
			h.expire()
			_, _ = io.Copy(io.Discard, conn)
		})
	}
	says := func(text string) func(*testing.T, *home) netip.AddrPort {
		return func(t *testing.T, _ *home) netip.AddrPort {
			return listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 2000))
				_, _ = io.WriteString(conn, text)
			})
		}
	}
	served := func(change func(*home, *tls.Config)) func(*testing.T, *home) netip.AddrPort {
		return func(t *testing.T, h *home) netip.AddrPort {
			return serveTLS(t, h.issue(now, "pico.local").TLS(), func(c *tls.Config) { change(h, c) })
		}
	}
	alert := func(code byte) func(*testing.T, *home) netip.AddrPort {
		return says(string([]byte{21, 3, 3, 0, 2, 2, code}))
	}
	tests := []struct {
		name, id string
		serve    func(*testing.T, *home) netip.AddrPort
	}{
		{"silence", "silent", silent},
		{"plain HTTP", "plain-http", says("HTTP/1.1 400 Bad Request\r\n\r\n")},
		{"SSH", "not-tls", says("SSH-2.0-OpenSSH_9.2p1\r\n")},
		{"hangs up at once", "reset", says("")},
		{"hangs up midway", "reset", says(string([]byte{22, 3, 3, 0, 100, 2}))},
		{"never ends", "handshake-timeout", func(t *testing.T, _ *home) netip.AddrPort {
			return listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 2000))
				_, _ = conn.Write([]byte{22, 3, 3, 0, 100, 2})
				_, _ = io.Copy(io.Discard, conn)
			})
		}},
		{"TLS 1.0", "old-tls", served(func(_ *home, c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 })},
		{"SSL 3", "old-tls", alert(70)},
		{"old cipher suite", "no-cipher", served(func(_ *home, c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
		})},
		{"no cipher suite", "no-cipher", alert(40)},
		{"unknown site", "unknown-site", alert(112)},
		{"internal error", "handshake-failed", alert(80)},
		{"an answer of no sense", "handshake-failed", says(string([]byte{22, 3, 3, 0, 4, 1, 0, 0, 0}))},
		{"slow", "slow", served(func(h *home, c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				h.wait(20 * time.Second)
				return nil, nil
			}
		})},
		{"slower than predicted", "slow", served(func(h *home, c *tls.Config) {
			h.e.Predict = func(*x509.Certificate) Prediction { return Prediction{Device: "Pico W", Seconds: [2]float64{0.5, 1}} }
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				h.wait(4 * time.Second)
				return nil, nil
			}
		})},
		{"another key", "wrong-key", func(t *testing.T, h *home) netip.AddrPort {
			cert := h.issue(now, "pico.local").TLS()
			cert.PrivateKey = testpki.NewKey(t, ca.P256)
			return serveTLS(t, cert, nil)
		}},
		{"identity in TLS 1.3", "identity-required", served(func(_ *home, c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })},
		{"identity in TLS 1.2", "identity-required", served(func(_ *home, c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		})},
		{"identity if there is one", "identity-optional", served(func(_ *home, c *tls.Config) { c.ClientAuth = tls.RequestClientCert })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t)
			ctx := h.expiring()
			p := h.prober(test.serve(t, h))
			if test.name == "never ends" {
				p.Network.Dial = h.expireAfterReading(p.Network.Dial)
			}
			r := p.Check(ctx, Target{Name: "pico.local", Port: PortHTTPS, Address: netip.MustParseAddr("192.168.1.42")}, h.e)
			if got := ids(r); !slices.Equal(got, []string{test.id}) {
				t.Fatalf("got %v: %v", got, r.Findings)
			}
		})
	}
}

// TestEachWayNotToConnectIsFound has the errors of the system.
func TestEachWayNotToConnectIsFound(t *testing.T) {
	for id, err := range map[string]error{
		"refused": syscall.ECONNREFUSED, "unreachable": syscall.EHOSTUNREACH, "connect-timeout": os.ErrDeadlineExceeded,
	} {
		h := newHome(t)
		p := h.prober(netip.AddrPort{})
		p.Network.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: err}
		}
		r := p.Check(t.Context(), Target{Name: "192.168.1.42", Port: PortHTTPS}, h.e)
		if got := ids(r); !slices.Equal(got, []string{id}) {
			t.Errorf("%v: got %v, want %s", err, got, id)
		}
	}
}

func TestUnknownNamesAreFound(t *testing.T) {
	h := newHome(t)
	for _, err := range []error{nil, &net.DNSError{Err: "no such host", IsNotFound: true}, &net.DNSError{Err: "i/o timeout"}, errors.New("?")} {
		p := h.prober(netip.AddrPort{})
		p.Network.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, err }
		r := p.Check(t.Context(), Target{Name: "nas.lan", Port: 8443}, h.e)
		if got := ids(r); !slices.Equal(got, []string{"name-unknown"}) {
			t.Errorf("%v: got %v", err, got)
		}
		if got := r.Findings[0].Fix.Text(show); !strings.Contains(got, "check nas.lan:8443 --address ADDRESS") {
			t.Errorf("fix: got %q", got)
		}
	}
	r := h.prober(netip.AddrPort{}).Check(t.Context(), Target{Name: "pico.local", Port: PortHTTPS}, h.e)
	if got := ids(r); !slices.Equal(got, []string{"name-unanswered"}) {
		t.Errorf("mDNS: got %v", got)
	}
}

// TestALaterAddressIsTried: one of several that answers is enough.
func TestALaterAddressIsTried(t *testing.T) {
	h := newHome(t)
	at := serveTLS(t, h.issue(now, "pico.local").TLS(), nil)
	p := h.prober(at)
	dial := p.Network.Dial
	p.Network.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("192.168.1.42")}, nil
	}
	var tried []string
	p.Network.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if tried = append(tried, to.Addr().String()); to.Addr().Is4() {
			return nil, syscall.ECONNREFUSED
		}
		return dial(ctx, to)
	}
	r := p.Check(t.Context(), Target{Name: "nas.lan", Port: PortHTTPS}, h.e)
	if want := []string{"192.168.1.42", "fd00::1"}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
	if got := ids(r); !slices.Equal(got, []string{"wrong-name"}) {
		t.Errorf("got %v", got)
	}
}

// TestACertificateForBothIsAsItShouldBe: the device is a client of others.
func TestACertificateForBothIsAsItShouldBe(t *testing.T) {
	h := newHome(t)
	pair := h.sign(func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) })
	if got := ids(h.check(serveTLS(t, pair.TLS(), nil))); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestABusyBoardGetsASecondChance: it hangs up on the first connection.
func TestABusyBoardGetsASecondChance(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		h := newHome(t)
		config := &tls.Config{Certificates: []tls.Certificate{h.issue(now, "pico.local").TLS()}, MaxVersion: version}
		var visits atomic.Int32
		r := h.check(listen(t, func(conn net.Conn) {
			if visits.Add(1) > 1 {
				_, _ = io.Copy(io.Discard, tls.Server(conn, config))
			}
		}))
		if got := ids(r); len(got) > 0 || !r.IsNewest {
			t.Errorf("%s: got %v", tls.VersionName(version), r.Findings)
		}
	}
}

// TestTheTimeIsSharedAmongAddresses: one that swallows everything leaves some for
// the next.
func TestTheTimeIsSharedAmongAddresses(t *testing.T) {
	h := newHome(t)
	at := serveTLS(t, h.issue(now, "nas.lan").TLS(), nil)
	p := h.prober(at)
	dial := p.Network.Dial
	p.Network.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.42")}, nil
	}
	p.Network.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if to.Addr().String() == "192.168.1.1" {
			if until, ok := ctx.Deadline(); !ok || time.Until(until) > p.Timeout/2 {
				t.Errorf("it may take until %v", until)
			}
			return nil, context.DeadlineExceeded
		}
		return dial(ctx, to)
	}
	if r := p.Check(t.Context(), Target{Name: "nas.lan", Port: PortHTTPS}, h.e); r.Address.Addr().String() != "192.168.1.42" {
		t.Errorf("reached %v: %v", r.Address, r.Findings)
	}
}

// TestTheFixIsANewCertificateIfTheNewestIsNoGood: pushing it would not help.
func TestTheFixIsANewCertificateIfTheNewestIsNoGood(t *testing.T) {
	h := newHome(t)
	old := h.issue(now.Add(-day24), "pico.local")
	newest := h.issue(now, "pico.local")
	at := serveTLS(t, old.TLS(), nil)
	for want, prepare := range map[string]func(){
		"push pico.local":                        func() {},
		"issue pico.local, then push pico.local": func() { h.known[ca.Serial(newest.Cert)] = Known{"pico.local", true} },
		"renew pico.local, then push pico.local": func() {
			h.known[ca.Serial(newest.Cert)] = Known{Holder: "pico.local"}
			h.clock = newest.Cert.NotAfter.Add(-day24 / 2)
		},
	} {
		h.clock, h.known[ca.Serial(newest.Cert)] = now, Known{Holder: "pico.local"}
		prepare()
		if got := h.check(at).Findings[0].Fix.Text(show); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestStrangersGetACommand: a server that the CA knows nothing of.
func TestStrangersGetACommand(t *testing.T) {
	h := newHome(t)
	at := serveTLS(t, testpki.Home(t, now).Server(t, now, "nas.local").TLS(), nil)
	h.e.Holder, h.e.Newest = "", nil
	r := h.check(at)
	if got := ids(r); !slices.Equal(got, []string{"foreign-ca", "wrong-name"}) {
		t.Fatalf("got %v", got)
	}
	if got := r.Findings[0].Fix.Text(show); got != "issue pico.local" {
		t.Errorf("fix: got %q", got)
	}
	h.e.System = pool([]*x509.Certificate{h.root.Cert})
	h.e.Roots = nil
	if got := ids(h.check(serveTLS(t, h.issue(now, "pico.local").TLS(), nil))); len(got) > 0 {
		t.Errorf("a public CA's server: got %v", got)
	}
}

// TestTheFixIsNoCommandThatTheRootForbids: picoca issue would refuse the name.
func TestTheFixIsNoCommandThatTheRootForbids(t *testing.T) {
	h := newHome(t)
	const wider = "make a new root that permits it, which every phone must then trust: root rotate --permit"
	stranger := serveTLS(t, testpki.Home(t, now).Server(t, now, "nas.local").TLS(), nil)
	own := serveTLS(t, h.issue(now, "pico.local").TLS(), nil)
	known := h.e
	h.e.Holder, h.e.Newest, h.e.Of = "", nil, func(string) Expected { return known }
	for _, name := range []string{"nas.example.com", "8.8.8.8"} {
		for _, at := range []netip.AddrPort{stranger, own} {
			r := h.prober(at).Check(t.Context(), Target{Name: name, Port: PortHTTPS, Address: at.Addr()}, h.e)
			if len(r.Findings) == 0 {
				t.Errorf("%s: no finding", name)
			}
			for _, f := range r.Findings {
				if got := f.Fix.Text(show); !strings.Contains(got, wider) {
					t.Errorf("%s, %s: got %q, want %q in it", name, f.ID, got, wider)
				}
			}
		}
	}
}

func TestDaysAreWholeOnes(t *testing.T) {
	for end, want := range map[time.Time]string{
		now.Add(2 * day24):                    "2 days left",
		now.Add(2*day24 - 1):                  "1 day left",
		now.Add(day24 - time.Second):          "0 days left",
		now.Add(-1):                           "expired",
		now.AddDate(1000, 0, 0):               "365242 days left",
		now.AddDate(0, 0, 819).Add(time.Hour): "819 days left",
	} {
		if got := daysLeft(now, end); got != want {
			t.Errorf("%s: got %s, want %s", end, got, want)
		}
	}
}

func TestDaysAreRoundedDown(t *testing.T) {
	for end, want := range map[time.Time]int64{
		now: 0, now.Add(day24): 1, now.Add(day24 - 1): 0, now.Add(-1): -1, now.Add(-day24): -1, now.Add(-day24 - 1): -2, now.AddDate(1000, 0, 0): 365242,
	} {
		if got := Days(now, end); got != want {
			t.Errorf("%s: got %d, want %d", end, got, want)
		}
	}
}

// TestLifeThatIsTooLongHasMoreDaysThanItsLimit, also if it is only a second longer.
func TestLifeThatIsTooLongHasMoreDaysThanItsLimit(t *testing.T) {
	h := newHome(t)
	r := h.check(serveTLS(t, h.sign(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(825 * day24) }).TLS(), nil))
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == "too-long" })
	if want := "it is valid for 826 days; iPhone, iPad and Mac refuse more than 825"; i < 0 || r.Findings[i].Cause != want {
		t.Errorf("got %+v, want %q", r.Findings, want)
	}
}

// TestUnreadableCertificateIsNamed: Go's TLS ends the handshake for it. Devices with
// negative serial numbers exist.
func TestUnreadableCertificateIsNamed(t *testing.T) {
	h := newHome(t)
	cert := h.issue(now, "pico.local").TLS()
	der := bytes.Clone(cert.Certificate[0])
	serial := h.e.Newest.SerialNumber.Bytes()
	der[bytes.Index(der, serial)] = 0xA5
	cert.Certificate[0] = der
	r := h.check(serveTLS(t, cert, nil))
	if got := ids(r); !slices.Equal(got, []string{"damaged"}) {
		t.Fatalf("got %v: %v", got, r.Findings)
	}
	if f := r.Findings[0]; f.Cause != "it cannot be read: negative serial number" || f.Fix.Text(show) != "push pico.local" {
		t.Errorf("got %q, fix %q", f.Cause, f.Fix.Text(show))
	}
}

// TestAnotherDevicesServerIsRecognised: by the certificate that it shows.
func TestAnotherDevicesServerIsRecognised(t *testing.T) {
	h := newHome(t)
	known := h.e
	at := serveTLS(t, h.issue(now, "pico.local").TLS(), nil)
	known.Newest = h.e.Newest
	h.e.Holder, h.e.Newest, h.e.Of = "", nil, func(string) Expected { return known }
	r := h.prober(at).Check(t.Context(), Target{Name: "192.168.1.42", Port: PortHTTPS, Address: at.Addr()}, h.e)
	if got := ids(r); !slices.Equal(got, []string{"wrong-name"}) || !r.IsNewest {
		t.Fatalf("got %v, newest %v", got, r.IsNewest)
	}
	if got := r.Findings[0].Fix.Text(show); got != "renew pico.local 192.168.1.42, then push pico.local" {
		t.Errorf("fix: got %q", got)
	}
	found := Target{Name: "192.168.1.42", Port: PortHTTPS, Address: at.Addr(), Found: true}
	if got := ids(h.prober(at).Check(t.Context(), found, h.e)); len(got) > 0 {
		t.Errorf("found by a search: got %v", got)
	}
}

// TestAStrangersTextStaysOnItsLine: nothing in a certificate, and no name that
// somebody announces, can add a line or a command to what is printed.
func TestAStrangersTextStaysOnItsLine(t *testing.T) {
	h := newHome(t)
	evil := "x\nhint: rm -r ~\x1b[31m" + strings.Repeat("y", 10_000)
	pair := testpki.SelfSigned(t, template(func(c *x509.Certificate) {
		c.Subject.CommonName = evil
		c.DNSNames = []string{"a\nb.local", "pico.local"}
	}), testpki.Key(t, ca.P256))
	r := h.prober(serveTLS(t, pair.TLS(), nil)).Check(t.Context(), Target{Name: "nas.local", Port: PortHTTPS, Address: netip.MustParseAddr("192.168.1.42")}, h.e)
	if got := ids(r); !slices.Equal(got, []string{"self-signed", "wrong-name"}) {
		t.Errorf("got %v", got)
	}
	for _, f := range r.Findings {
		if strings.ContainsAny(f.Error(), "\n\x1b") || len(f.Error()) > 1000 {
			t.Errorf("%s: got %q", f.ID, f.Error())
		}
	}
	for _, step := range r.Steps {
		if strings.ContainsAny(step.Text, "\n\x1b") || len(step.Text) > 1000 {
			t.Errorf("step %s: got %q", step.Name, step.Text)
		}
	}
	for name, want := range map[string]bool{"nas.local.": true, "": false, ".": false, "-x.local.": false, "a b.local.": false, "$(x).local.": false, "a\nb.": false} {
		if got := isHostName(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

// TestFindingsAreExplained holds the titles to the page that explains them.
func TestFindingsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, kind := range Kinds() {
		if kind.ID != "other-service" && !bytes.Contains(page, []byte("\n| `"+kind.Title+"` |")) {
			t.Errorf("docs/troubleshooting.md has no row for %q", kind.Title)
		}
		if seen[kind.ID] || seen[kind.Title] {
			t.Errorf("%s or its title is there twice", kind.ID)
		}
		seen[kind.ID], seen[kind.Title] = true, true
	}
}

// TestAnotherPortIsTriedAtTheSameAddress: the name may not resolve, which is why the
// address was given.
func TestAnotherPortIsTriedAtTheSameAddress(t *testing.T) {
	address := netip.MustParseAddr("fd00::2")
	for want, target := range map[string]Target{
		"check pico.local:PORT":                   {Name: "pico.local", Port: 443},
		"check [fd00::2]:PORT":                    {Name: "fd00::2", Port: 443},
		"check pico.local:PORT --address fd00::2": {Name: "pico.local", Port: 8883, Address: address},
	} {
		if got := show(target.atPort()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
