package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// seen is what a handshake showed.
type seen struct {
	raw   [][]byte // the certificates, the leaf first
	state tls.ConnectionState
	asked bool // for a client's certificate
	got   int  // bytes from the server
	took  time.Duration
	err   error
}

// handshake does the handshake that clients do. If the server refuses that, it
// tries what clients gave up years ago, to name the reason.
func (v *visit) handshake(ctx context.Context, conn net.Conn) seen {
	s := v.attempt(ctx, conn, false)
	v.recognise(s.raw)
	if s.err != nil && s.worthAnother() {
		if second, err := v.dial(ctx, v.r.Address, v.Timeout); err == nil {
			if old := v.attempt(ctx, second, true); old.err == nil {
				v.recognise(old.raw)
				v.foundOld(old)
				v.handshaken(old)
				return old
			}
		}
	}
	if s.err != nil && !s.isRefusedClient() {
		v.failed(s)
		return s
	}
	v.handshaken(s)
	return s
}

// attempt does one handshake, with everything that Go still knows if old.
func (v *visit) attempt(ctx context.Context, conn net.Conn, old bool) seen {
	ctx, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	defer conn.Close()
	counted := &counter{Conn: conn}
	var s seen
	began := v.Now()
	client := tls.Client(counted, v.config(&s, old))
	s.err = client.HandshakeContext(ctx)
	s.took, s.got, s.state = v.since(began), counted.got, client.ConnectionState()
	if s.err == nil && s.asked {
		v.r.Client = v.knock(ctx, client)
	}
	return s
}

// counter counts what comes in.
type counter struct {
	net.Conn
	got int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got += n
	return n, err
}

// config verifies nothing: the certificate is judged afterwards, whatever it
// is.
func (v *visit) config(s *seen, old bool) *tls.Config {
	config := &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS12,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			s.raw = raw
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.asked = true
			return new(tls.Certificate), nil
		},
	}
	if !v.r.Target.isAddress() {
		config.ServerName = v.r.Target.Name
	}
	if old {
		config.MinVersion = tls.VersionTLS10
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	return config
}

// knock finds out whether a server that asked for a client's certificate lets
// in a client without. In TLS 1.3 it refuses only after the handshake.
func (v *visit) knock(ctx context.Context, client *tls.Conn) Demand {
	defer context.AfterFunc(ctx, func() { client.Close() })()
	_, _ = fmt.Fprintf(client, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", v.r.Target.Name)
	answer := make([]byte, len("HTTP/1.1 400"))
	n, err := client.Read(answer)
	// nginx lets such a client in, and says no in HTTP.
	if alertOf(err) != 0 || strings.HasSuffix(string(answer[:n]), " 400") {
		return Required
	}
	return Optional
}

// The alerts of RFC 8446 section 6.2 that have findings of their own.
const (
	alertHandshakeFailure    tls.AlertError = 40
	alertBadCertificate      tls.AlertError = 42
	alertProtocolVersion     tls.AlertError = 70
	alertInsufficient        tls.AlertError = 71
	alertUnrecognizedName    tls.AlertError = 112
	alertCertificateRequired tls.AlertError = 116
)

// alertOf returns the alert that the server sent, 0 if it sent none. Go exports
// no type for it, only its words.
func alertOf(err error) tls.AlertError {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "remote error" {
		return 0
	}
	for code := tls.AlertError(1); code < 255; code++ {
		if code.Error() == e.Err.Error() {
			return code
		}
	}
	return 255
}

// isRefusedClient reports whether the server ended the handshake because the
// client has no certificate, as it does in TLS 1.2.
func (s seen) isRefusedClient() bool {
	return s.asked && len(s.raw) > 0 && (alertOf(s.err) != 0 || isHangUp(s.err))
}

// worthAnother reports whether other versions and cipher suites could lead to a
// handshake.
func (s seen) worthAnother() bool {
	_, notTLS := errors.AsType[tls.RecordHeaderError](s.err)
	return len(s.raw) == 0 && !notTLS && !isTimeout(s.err) && alertOf(s.err) != alertUnrecognizedName
}

// foundOld explains what a server that only does old handshakes lacks. A new one
// means that it was the first connection that failed, as one does that comes while
// a board is busy.
func (v *visit) foundOld(s seen) {
	suite := tls.CipherSuiteName(s.state.CipherSuite)
	update := fault.Hintf("update the firmware, or allow TLS 1.2 in the server's settings: browsers refuse anything earlier")
	if s.state.Version < tls.VersionTLS12 {
		v.r.find("old-tls", update, "it agreed to %s, and to nothing later", tls.VersionName(s.state.Version))
		return
	}
	if s.state.Version == tls.VersionTLS12 && !isModern(suite) {
		v.r.find("no-cipher", fault.Hintf("allow ECDHE with AES-GCM in the server's settings, or update its firmware"),
			"it agreed to %s only, which clients have given up", suite)
	}
}

// isModern reports whether every client has a cipher suite of TLS 1.2.
func isModern(suite string) bool {
	return strings.Contains(suite, "_ECDHE_") && (strings.Contains(suite, "_GCM_") || strings.Contains(suite, "_CHACHA20_"))
}

// handshaken notes a handshake, and what the server wants of clients.
func (v *visit) handshaken(s seen) {
	v.r.Handshake = s.took
	switch {
	case !s.asked:
		v.r.Client = NotAsked
	case s.err != nil:
		v.r.Client = Required
	}
	if s.err == nil {
		v.r.Version, v.r.Suite = tls.VersionName(s.state.Version), tls.CipherSuiteName(s.state.CipherSuite)
	}
	v.demand()
}

func (v *visit) demand() {
	identity := fault.Hintf("%s makes an identity for a client that has none", fault.Command{"identity", "NAME"})
	switch v.r.Client {
	case Required:
		v.r.find("identity-required", identity, "a client without a certificate is turned away")
	case Optional:
		v.r.find("identity-optional", identity, "a client without a certificate is let in, perhaps to less")
	}
}
