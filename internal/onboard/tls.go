package onboard

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// tlsListener speaks TLS on connections that the limiter counts, and reports a
// client that refuses the certificate.
type tlsListener struct {
	listener
	config  *tls.Config
	refused func(*conn)
}

// Accept waits for the next connection; its handshake comes with the first read.
func (l tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	counted := l.limiter.admit(c)
	return &tlsConn{Conn: tls.Server(counted, l.config), counted: counted, refused: l.refused}, nil
}

// tlsConfig shows the certificate on every connection: without session tickets
// no client can skip it.
func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
}

// tlsConn looks at the error that ends a handshake. net/http would only log it.
type tlsConn struct {
	*tls.Conn
	counted *conn
	refused func(*conn)
}

// Read reads as tls.Conn does.
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if refusesCertificate(err) {
		c.refused(c.counted)
	}
	return n, err
}

// refusesCertificate reports whether the client sent one of the alerts
// bad_certificate, certificate_unknown, unknown_ca and the like (RFC 8446
// section 6.2). crypto/tls exports no type for them outside QUIC, but all their
// texts contain the word. Two kinds of clients are not recognised: those that
// just hang up, and OpenSSL with TLS 1.3, which sends its alert in clear where
// crypto/tls expects it encrypted.
func refusesCertificate(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate")
}
