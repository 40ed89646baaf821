package clients

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A library is TLS that programs are built with, as a client and as a server, one
// connection each.
type library struct {
	// address is what its client prints for a certificate with an address under a
	// root that limits addresses, anyAddress under one that does not; name for
	// another name, foreign for another CA.
	address, anyAddress, name, foreign string
	// identity is what its server prints of an identity, stranger of one of another
	// CA.
	identity, stranger string
	// command is the program, which takes the arguments of testdata/bun.js.
	command []string
}

// wolfSSL compares addresses, and the names of identities, with the domains of the
// root.
var wolfSSL = library{
	address: "error -198", anyAddress: "error -198", name: "error -322", foreign: "error -188",
	identity: "error -198", stranger: "error -188",
}

// bun is BoringSSL, whose own verifier Mono, Envoy and gRPC have too.
var bun = library{
	address: "unsupported name constraint type", anyAddress: "hello", name: "ERR_TLS_CERT_ALTNAME_INVALID", foreign: "unable to verify",
	identity: "hello", stranger: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
}

// connect returns what a client prints that trusts a root and shows an identity
// from a folder, "" for none: "hello", or why it failed.
func (l library) connect(t *testing.T, port, host, root, folder string) string {
	t.Helper()
	out, _ := rig.Outside(t, "coreutils", "env", append(slices.Clone(l.command), "connect", port, host, root, folder)...)
	return out
}

// serve starts a server with a device's files that wants identities of a root, and
// returns what it prints.
func (l library) serve(t *testing.T, port, folder, root string) <-chan string {
	t.Helper()
	return rig.Start(t, "coreutils", "env", append(slices.Clone(l.command), "accept", port, folder, root)...)
}

// build compiles a program of testdata with Debian's library.
func build(t *testing.T, name string, libraries ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	args := append([]string{"-Wall", "-Wextra", "-Werror", "-o", program, "testdata/" + name + ".c"}, libraries...)
	if out, err := rig.Outside(t, "gcc", "gcc", args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// needBun returns the program. It is large, so only make test-all installs it.
func needBun(t *testing.T) string {
	t.Helper()
	program, err := filepath.Abs(rig.Root + "/testdata/bun/node_modules/@oven/bun-linux-x64-baseline/bin/bun")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	const missing = "Bun is missing: npm ci --prefix testdata/bun"
	if os.Getenv("PICOCA_TEST_ALL") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing + ", as make test-all does")
	return ""
}

func TestWolfSSL(t *testing.T) {
	needHeader(t, "wolfssl/ssl.h", "libwolfssl-dev")
	l := wolfSSL
	l.command = []string{build(t, "wolf", "-lwolfssl")}
	testLibrary(t, l)
}

func TestBun(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("needs a large download: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
	l := bun
	l.command = []string{needBun(t), "testdata/bun.js"}
	testLibrary(t, l)
}

func testLibrary(t *testing.T, l library) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		flags []string
		// address is what the client says of a certificate with an address.
		address string
	}{
		{"plain root", nil, l.address},
		{"strict root", []string{"--strict-constraints"}, l.address},
		{"any address", []string{"--any-address"}, l.anyAddress},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := rig.NewHome(t, row.flags...)
			h.Run("issue", "nas.local", "--for", "computer")
			h.Run("issue", "both.local", "127.0.0.1", "--for", "computer")
			h.Run("export", "ca", "--out", "root.pem")
			l.checkClient(t, h, h.Path("nas.local"), "nas.local", "hello")
			l.checkClient(t, h, h.Path("nas.local"), "other.local", l.name)
			l.checkClient(t, h, h.Path("both.local"), "both.local", row.address)
		})
	}
	h, foreign := rig.NewHome(t), rig.NewHome(t)
	foreign.Run("issue", "nas.local", "--for", "computer")
	h.Run("export", "ca", "--out", "root.pem")
	l.checkClient(t, h, foreign.Path("nas.local"), "nas.local", l.foreign)
	l.checkIdentities(t, h, foreign)
}

// checkClient wants what the client says of a server with the files of a folder.
func (l library) checkClient(t *testing.T, h rig.Home, folder, host, want string) {
	t.Helper()
	port := serveOnce(t, folder, "")
	if got := l.connect(t, port, host, h.Path("root.pem"), ""); !strings.Contains(got, want) {
		t.Errorf("%s at %s: got %q, want %q", host, filepath.Base(folder), got, want)
	}
}

// checkIdentities has its client show an identity, and its server ask for one.
func (l library) checkIdentities(t *testing.T, h, foreign rig.Home) {
	t.Helper()
	h.Run("issue", "web.local", "--for", "computer")
	h.Run("issue", "tablet.local", "--for", "computer", "--and-client")
	own, theirs := identity(h, "Kitchen tablet", "mosquitto"), identity(foreign, "Kitchen tablet", "mosquitto")
	port := serveOnce(t, h.Path("web.local"), h.Path("root.pem"))
	if got := l.connect(t, port, "web.local", h.Path("root.pem"), own); !strings.Contains(got, "hello") {
		t.Errorf("with an identity: got %q", got)
	}
	for _, row := range []struct{ name, folder, want string }{
		{"an identity", own, l.identity}, {"an identity of another CA", theirs, l.stranger},
		{"a device's certificate for clients too", h.Path("tablet.local"), "hello"},
	} {
		port := rig.FreePort(t)
		says := l.serve(t, port, h.Path("web.local"), h.Path("root.pem"))
		rig.WaitFor(t, says, "listening")
		visit(t, port, h.Path("root.pem"), row.folder)
		if got := strings.Join(rig.WaitFor(t, says, ""), "\n"); !strings.Contains(got, row.want) {
			t.Errorf("%s at its server: got %q, want %q", row.name, got, row.want)
		}
	}
}

// serveOnce says hello to one client, who must show an identity if there is a
// root, and returns its port.
func serveOnce(t *testing.T, folder, root string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if root != "" {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, pool(t, root)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		if conn, err := listener.Accept(); err == nil {
			io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	return listener.Addr().String()[len("127.0.0.1:"):]
}

// visit opens a connection with an identity. Whether that is let in, the server
// says.
func visit(t *testing.T, port, root, folder string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // whatever CAs it asks for
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: pool(t, root), ServerName: "web.local", GetClientCertificate: show})
	if err != nil {
		return // refused in the handshake
	}
	io.ReadAll(conn)
	conn.Close()
}

func pool(t *testing.T, root string) *x509.CertPool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(rig.ReadFile(t, root)) {
		t.Fatalf("no certificate in %s", root)
	}
	return roots
}
