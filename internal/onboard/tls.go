package onboard

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// tlsDoor speaks TLS on connections that have passed the gate, and reports a
// client that refuses the certificate.
type tlsDoor struct {
	door
	config  *tls.Config
	refused func(*guest)
}

// Accept waits for the next connection; its handshake comes with the first read.
func (d tlsDoor) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := d.gate.admit(conn)
	return &tlsConn{Conn: tls.Server(g, d.config), guest: g, refused: d.refused}, nil
}

// tlsConfig is for a short-lived server that every connection has to prove
// itself to: no tickets, so that no client skips the certificate.
func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
}

// tlsConn looks at what ends a handshake. net/http would only log it.
type tlsConn struct {
	*tls.Conn
	guest   *guest
	refused func(*guest)
}

// Read reads as tls.Conn does.
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if refusesCertificate(err) {
		c.refused(c.guest)
	}
	return n, err
}

// refusesCertificate recognises the alerts bad_certificate, certificate_unknown,
// unknown_ca and their like (RFC 8446 section 6.2). crypto/tls gives them no
// exported type outside QUIC; their texts all have the word. A client that just
// hangs up is not recognised, nor is OpenSSL with TLS 1.3, which sends its alert
// in clear where crypto/tls expects it encrypted.
func refusesCertificate(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate")
}
