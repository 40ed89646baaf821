package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// isHangUp reports whether the server closed the connection.
func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errno.Is(err, syscall.ECONNRESET) || errno.Is(err, syscall.EPIPE) || errno.Is(err, syscall.ECONNABORTED) || errors.Is(err, net.ErrClosed)
}

// failed explains why there was no handshake.
func (v *visit) failed(s seen) {
	header, notTLS := errors.AsType[tls.RecordHeaderError](s.err)
	switch {
	case s.got == 0 && len(s.raw) == 0 && v.r.Target.isOther(), notTLS && v.r.Target.isOther():
		v.r.find("other-service", fault.Hint{}, "it is not the port of HTTPS or MQTT")
	case notTLS:
		v.notTLS(header.RecordHeader[:])
	case isTimeout(s.err) && s.got == 0:
		v.r.find("silent", fault.Hintf("restart the device; one that serves a single connection at a time may be busy with another"),
			"not a byte came within %.0f s", v.Timeout.Seconds())
	case isTimeout(s.err):
		v.r.find("handshake-timeout", v.faster(), "it began, and was not over after %.0f s", v.Timeout.Seconds())
	case isHangUp(s.err):
		v.hungUp(s)
	default:
		v.refused(s)
	}
}

// isOther reports whether a search came by a port that need not have TLS.
func (t Target) isOther() bool { return t.Found && t.Port != PortHTTPS && t.Port != PortMQTT }

func (v *visit) notTLS(begin []byte) {
	if strings.HasPrefix(string(begin), "HTTP/") {
		v.r.find("plain-http", fault.Hintf("serve TLS on port %d: docs/board.md and docs/servers.md show how", v.r.Target.Port),
			"it answers the handshake with %q", begin)
		return
	}
	v.r.find("not-tls", fault.Hintf("check the port; if it is right, switch TLS on in the server's settings"), "its answer begins with %q", begin)
}

func (v *visit) hungUp(s seen) {
	switch {
	case s.got > 0:
		v.r.find("reset", fault.Hintf("look at the device's console or log: docs/troubleshooting.md explains what boards report"),
			"the connection ended after %d bytes", s.got)
	case v.r.Target.Port == PortMQTT:
		v.r.find("reset", fault.Hintf("switch TLS on for this listener of the broker: docs/servers.md shows how"),
			"it said nothing; a broker does so whose port %d speaks plain MQTT", PortMQTT)
	default:
		v.r.find("reset", fault.Hintf("look at the device's console or log: docs/troubleshooting.md explains what boards report"),
			"it said nothing; its program may have no memory left, or no certificate loaded")
	}
}

// refused explains an alert, or an answer that Go cannot use.
func (v *visit) refused(s seen) {
	switch alertOf(s.err) {
	case alertProtocolVersion:
		v.r.find("old-tls", fault.Hintf("update the firmware, or allow TLS 1.2 in the server's settings"), "it refuses TLS 1.2 and 1.3")
	case alertHandshakeFailure, alertInsufficient:
		v.r.find("no-cipher", fault.Hintf("check that certificate and key are of one type and belong together; allow ECDHE with AES-GCM in the server's settings"),
			"it refuses the handshake before it shows a certificate")
	case alertUnrecognizedName:
		v.r.find("unknown-site", fault.Hintf("set the server's name to %s in its settings, or check it by the name that it has", v.r.Target.Name),
			"it has no certificate for %s", v.r.Target.Name)
	case 0:
		v.unusable(s)
	default:
		v.r.find("handshake-failed", fault.Hintf("look at the device's console or log: docs/troubleshooting.md explains what boards report"), "%s", bare(s.err))
	}
}

// unusable explains an answer that Go's TLS does not accept.
func (v *visit) unusable(s seen) {
	// Go has no types for these. Boards do not check that their files belong together.
	if strings.Contains(s.err.Error(), "invalid signature by the server certificate") {
		v.r.find("wrong-key", v.push(), "the server's signature is not by the key of its certificate")
		return
	}
	if _, why, ok := strings.Cut(s.err.Error(), "failed to parse certificate from server: "); ok {
		v.r.find("damaged", v.push(), "it cannot be read: %s", plain(strings.TrimPrefix(why, "x509: ")))
		return
	}
	v.r.find("handshake-failed", fault.Hintf("look at the device's console or log: docs/troubleshooting.md explains what boards report"), "%s", bare(s.err))
}
