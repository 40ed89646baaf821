package boards

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// troubles are the rows of the tables in docs/troubleshooting.md, in its order.
var troubles = []trouble{
	{"ValueError: invalid key", "MicroPython", "the key is PEM, which MicroPython reads from 1.29 on", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.python("load_cert_chain", l.cert, l.in1("pem").key), l.python("load_cert_chain", l.cert, l.in1("pkcs8-pem").key)}
	}},
	{"ValueError: invalid key", "MicroPython", badKey, func(l *troubleLab, s rig.Stack) []string {
		return each(l.badKeys(), func(key []byte) string { return l.python("load_cert_chain", l.cert, key) })
	}},
	{"ValueError: invalid cert", "MicroPython", "the certificate is PEM, which MicroPython reads from 1.29 on", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.python("load_cert_chain", l.in1("pem").cert, l.key)}
	}},
	{"ValueError: invalid cert", "MicroPython", badCert, func(l *troubleLab, s rig.Stack) []string {
		return each(l.badCerts(), func(cert []byte) string { return l.python("load_cert_chain", cert, l.key) })
	}},
	{"ValueError: invalid cert", "MicroPython", strictCA, func(l *troubleLab, s rig.Stack) []string {
		return []string{l.python("load_verify_locations", l.strict().cert.Raw)}
	}},
	{"-15616", "CircuitPython", badKey, func(l *troubleLab, s rig.Stack) []string {
		return each(l.badKeys(), func(key []byte) string { return l.load(s, l.cert, key) })
	}},
	{"-15360", "CircuitPython", "the key is encrypted, in PEM", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.load(s, l.cert, l.in1("encrypted-pkcs8-pem").key)}
	}},
	{"-15488", "CircuitPython", "the key is Ed25519, in PEM", func(l *troubleLab, s rig.Stack) []string {
		key, _ := boardLeaf{key: boardKey(l.t, "ed25519")}.contain(l.t, "pkcs8-pem")
		return []string{l.load(s, l.cert, key)}
	}},
	{"-8576", "CircuitPython", badCert, func(l *troubleLab, s rig.Stack) []string {
		return each(l.badCerts(), func(cert []byte) string { return l.load(s, cert, l.key) })
	}},
	{"-8674", "CircuitPython", "the key file was given as the certificate too", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.load(s, l.key, l.key)}
	}},
	{"-10112", "CircuitPython", "the PEM text has lost its line breaks", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.load(s, bytes.ReplaceAll(l.in1("pem").cert, []byte("\n"), nil), l.key)}
	}},
	{"-9570", "CircuitPython", strictCA, func(l *troubleLab, s rig.Stack) []string {
		return []string{shown(l.b.Parse(l.t, s, "--ca", l.strict().file(s)).Python)}
	}},

	{"-30592, 32, 104", "both", "the client does not trust the CA", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.serve(s, l.files(), l.visitor("https", nil, "--cacert", newBoardRoot(l.t).pemName))}
	}},
	{"-30592, 32, 104", "both", "the client asked for a name that is not in the certificate", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.serve(s, l.files(), func(port int) { _ = l.greet(port, "other.local", tls.VersionTLS12) })}
	}},
	{"-30592, 32, 104", "both", "the key is another certificate's", func(l *troubleLab, s rig.Stack) []string {
		other := l.root.issue(l.t, "p256")
		other.key = testpki.NewKey(l.t, ca.P256)
		return []string{l.serve(s, other.files(l.t, "der"), l.visitor("https", nil, "--cacert", l.root.pemName))}
	}},
	{"32, 104", "both", "the client hung up in the handshake", func(l *troubleLab, s rig.Stack) []string {
		hangUp := func(after bool) string {
			return l.serve(s, l.files(), func(port int) { hangUpOn(l, port, after) })
		}
		return []string{hangUp(false), hangUp(true)}
	}},
	{"-9984", "CircuitPython", foreignClient, showForeign},
	{notSigned, "MicroPython", foreignClient, showForeign},
	{"-9984", "CircuitPython", foreignServer, meetForeign},
	{notSigned, "MicroPython", foreignServer, meetForeign},
	{"-9984", "CircuitPython", "the board is the client, and connects by address", func(l *troubleLab, s rig.Stack) []string {
		peer := newBoardPeer(l.t, l.root.issue(l.t, "p256", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }))
		c := l.b.Connect(l.t, nil, s, peer.port, "--host", "127.0.0.1", "--ca", l.root.file(s)).First(l.t)
		return []string{shown(c.Python)}
	}},
	{"ValueError: The certificate validity starts in the future", "MicroPython", "the board's clock is not set: the certificate begins in its future", func(l *troubleLab, s rig.Stack) []string {
		args := append(l.files(), "--ca", l.root.file(s))
		identity := append(l.identity(l.root.issue(l.t, "p256", forClients)), "--cacert", l.root.pemName)
		return []string{l.serveWith([]string{rig.PicoBoot}, s, args, l.visitor("https", nil, identity...))}
	}},
	{"-31232", "MicroPython", "mutual TLS: the client shows a device's certificate", func(l *troubleLab, s rig.Stack) []string {
		args := append(l.files(), "--ca", l.root.file(s))
		return []string{l.serve(s, args, l.visitor("https", nil, append(l.identity(l.leaf), "--cacert", l.root.pemName)...))}
	}},
	{"-29824", "both", "the board wants a certificate from the client, who shows none", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.serve(s, append(l.files(), "--ca", l.root.file(s)), l.visitor("https", nil, "--cacert", l.root.pemName))}
	}},
	{"-29568", "CircuitPython", only13, insistOn13},
	{"-28160", "MicroPython", only13, insistOn13},
	{"-30976", "CircuitPython", plainHTTP, speakHTTP},
	{"-29184", "MicroPython", plainHTTP, speakHTTP},
	{"-29952", "CircuitPython", tooLarge, large},
	{"-27136", "MicroPython", tooLarge, large},

	{"16", "both", "no memory left to compute with", func(l *troubleLab, s rig.Stack) []string { return only("16", l.starved(s, "p256")) }},
	{"-17168", "both", "no memory left to compute with an RSA key", func(l *troubleLab, s rig.Stack) []string { return only("-17168", l.starved(s, "rsa2048")) }},
	{"-32000", "CircuitPython", noKeyExchange, func(l *troubleLab, s rig.Stack) []string { return only("-32000", l.starved(s, "p256")) }},
	{"-29440", "MicroPython", noKeyExchange, func(l *troubleLab, s rig.Stack) []string { return only("-29440", l.starved(s, "p256")) }},
	{"-15616", "CircuitPython", "no memory left to read the key", func(l *troubleLab, s rig.Stack) []string { return only("-15616", l.starved(s, "p256")) }},
	{"-10368", "CircuitPython", "no memory left to read the certificate", func(l *troubleLab, s rig.Stack) []string { return only("-10368", l.starved(s, "rsa2048")) }},
	{"MemoryError", "CircuitPython", noBuffers, func(l *troubleLab, s rig.Stack) []string { return only("MemoryError", l.starved(s, "p256")) }},
	{"12", "MicroPython", noBuffers, func(l *troubleLab, s rig.Stack) []string {
		return append(only("12", l.starved(s, "p256")), l.pythonWithin("40k"))
	}},
	{"MemoryError", "MicroPython", "no room for the program itself", func(l *troubleLab, s rig.Stack) []string { return []string{l.pythonWithin("26k")} }},

	{"unable to get local issuer certificate", "curl", "curl does not know the CA", func(l *troubleLab, s rig.Stack) []string {
		return l.curlSays("unable to get local issuer certificate", s, nil, "--cacert", newBoardRoot(l.t).pemName)
	}},
	{"no alternative certificate subject name matches", "curl", "the name or address is not in the certificate", func(l *troubleLab, s rig.Stack) []string {
		server := l.b.Serve(l.t, s, l.files()...)
		port := strconv.Itoa(server.Port)
		out := l.curl("https://127.0.0.1:"+port+"/", port, "--cacert", l.root.pemName)
		return []string{phrase(out, "no alternative certificate subject name matches")}
	}},
	{"alert unknown ca", "curl", "the board does not know the CA of the client's certificate", func(l *troubleLab, s rig.Stack) []string {
		return l.curlSays("alert unknown ca", s, []string{"--ca", l.root.file(s)}, append(l.identity(l.foreign()), "--cacert", l.root.pemName)...)
	}},
	{"ERR_CERT_AUTHORITY_INVALID", "Chrome", "the CA is not trusted", func(l *troubleLab, s rig.Stack) []string {
		return []string{l.chromeSays("ERR_CERT_AUTHORITY_INVALID", s, l.leaf, false)}
	}},
	{"ERR_CERT_COMMON_NAME_INVALID", "Chrome", "the name or address is not in the certificate", func(l *troubleLab, s rig.Stack) []string {
		other := l.root.issue(l.t, "p256", func(c *x509.Certificate) { c.DNSNames = []string{"other.local"} })
		return []string{l.chromeSays("ERR_CERT_COMMON_NAME_INVALID", s, other, true)}
	}},
}

// Causes that stand in several rows.
const (
	badKey        = "the file is not a whole key: cut off, changed on its way as text, encrypted or Ed25519 in DER, or certificate and key are swapped"
	badCert       = "the file is not a whole certificate: empty, cut off, changed on its way as text, a web page"
	strictCA      = "the CA's name constraints are critical"
	only13        = "the client insists on TLS 1.3"
	plainHTTP     = "the client speaks plain HTTP"
	tooLarge      = "the certificate is larger than 4086 bytes"
	noKeyExchange = "no memory left for the key exchange"
	foreignClient = "mutual TLS: the client's certificate is another CA's"
	foreignServer = "the board is the client, and the server's certificate is another CA's"
	noBuffers     = "no room for the buffers of a connection, one of which has 16,717 bytes in one piece"
)

// notSigned is how MicroPython reports a peer of another CA.
const notSigned = "ValueError: The certificate is not correctly signed by the trusted CA"

// contained is the lab's certificate and key in a container.
type contained struct{ key, cert []byte }

func (l *troubleLab) in1(container string) contained {
	l.t.Helper()
	key, cert := l.leaf.contain(l.t, container)
	return contained{key, cert}
}

// asText is what becomes of bytes that a program takes for Latin-1 text and
// writes as UTF-8.
func asText(data []byte) []byte {
	var out bytes.Buffer
	for _, b := range data {
		out.WriteRune(rune(b))
	}
	return out.Bytes()
}

func (l *troubleLab) badKeys() [][]byte {
	l.t.Helper()
	ed25519 := boardLeaf{key: boardKey(l.t, "ed25519")}.pkcs8(l.t)
	return [][]byte{l.key[:len(l.key)/2], nil, asText(l.key), l.in1("encrypted-pkcs8-der").key, ed25519, l.cert}
}

func (l *troubleLab) badCerts() [][]byte {
	return [][]byte{nil, l.cert[:len(l.cert)/2], asText(l.cert), []byte("<!doctype html>\n<title>404</title>\n")}
}

func each(files [][]byte, try func([]byte) string) []string {
	var seen []string
	for _, file := range files {
		seen = append(seen, try(file))
	}
	return seen
}

// strict is a CA as init --strict-constraints makes it.
func (l *troubleLab) strict() boardRoot {
	l.t.Helper()
	return newBoardRoot(l.t, func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = true })
}

// foreign is an identity from another CA.
func (l *troubleLab) foreign() boardLeaf {
	l.t.Helper()
	return newBoardRoot(l.t).issue(l.t, "p256", forClients)
}

// showForeign has a client show an identity from another CA.
func showForeign(l *troubleLab, s rig.Stack) []string {
	args := append(l.files(), "--ca", l.root.file(s))
	return []string{l.serve(s, args, l.visitor("https", nil, append(l.identity(l.foreign()), "--cacert", l.root.pemName)...))}
}

// meetForeign has the board visit a server of another CA.
func meetForeign(l *troubleLab, s rig.Stack) []string {
	peer := newBoardPeer(l.t, l.leaf)
	c := l.b.Connect(l.t, nil, s, peer.port, "--host", "pico.local", "--ca", newBoardRoot(l.t).file(s)).First(l.t)
	return []string{shown(c.Python)}
}

// greet is a handshake of Go, with a name of its own.
func (l *troubleLab) greet(port int, name string, version uint16) error {
	pool := x509.NewCertPool()
	pool.AddCert(l.root.cert)
	dialer := &net.Dialer{Timeout: rig.Patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		&tls.Config{RootCAs: pool, ServerName: name, MinVersion: version})
	if err != nil {
		return err
	}
	return conn.Close()
}

func insistOn13(l *troubleLab, s rig.Stack) []string {
	return []string{l.serve(s, l.files(), l.visitor("https", nil, "--tlsv1.3", "--cacert", l.root.pemName))}
}

func speakHTTP(l *troubleLab, s rig.Stack) []string {
	return []string{l.serve(s, l.files(), l.visitor("http", nil))}
}

func large(l *troubleLab, s rig.Stack) []string {
	return []string{l.serve(s, l.root.issueOf(l.t, 4087).files(l.t, "der"), l.visitor("https", nil, "--cacert", l.root.pemName))}
}

// hangUpOn sends a ClientHello and ends the connection: at once, or with a reset
// when the board has answered.
func hangUpOn(l *troubleLab, port int, answered bool) {
	l.t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), rig.Patience)
	if err != nil {
		l.t.Fatal(err)
	}
	_ = tls.Client(&rude{conn.(*net.TCPConn), answered}, &tls.Config{ServerName: "pico.local"}).Handshake()
}

// rude is a connection that ends where it should read.
type rude struct {
	*net.TCPConn
	answered bool
}

func (r *rude) Read(b []byte) (int, error) {
	if r.answered {
		r.TCPConn.Read(b[:1])
		r.SetLinger(0)
	}
	r.Close()
	return 0, net.ErrClosed
}

// phrase returns what was looked for if it is in a text, and the text if not.
func phrase(text, want string) string {
	if strings.Contains(text, want) {
		return want
	}
	return text
}

func (l *troubleLab) curlSays(want string, s rig.Stack, more []string, args ...string) []string {
	l.t.Helper()
	var said string
	l.serve(s, slices.Concat(l.files(), more), l.visitor("https", func(out string) { said = out }, args...))
	return []string{phrase(said, want)}
}

// chromeSays opens a page in a browser that trusts the CA, or no one.
func (l *troubleLab) chromeSays(want string, s rig.Stack, leaf boardLeaf, trusted bool) string {
	l.t.Helper()
	browser := rig.NewChromium(l.t)
	if trusted {
		browser.NSS("certutil", "-A", "-n", "root", "-t", "C,,", "-i", l.root.pemName)
	}
	server := l.b.Serve(l.t, s, append(leaf.files(l.t, "der"), "--connections", "9")...)
	return phrase(browser.DOM(fmt.Sprintf("https://pico.local:%d/", server.Port)), want)
}
