package verifiers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func missing(t testing.TB, text string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// run runs a tool in a folder of its own. The error has what it printed.
func run(t testing.TB, tool string, args ...string) error {
	t.Helper()
	_, err := output(t, nil, tool, args...)
	return err
}

func output(t testing.TB, input []byte, tool string, args ...string) (string, error) {
	t.Helper()
	// Generous: a tool that hangs must not hang the tests.
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+os.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %q: %w\n%s", filepath.Base(tool), args, err, out)
	}
	return string(out), err
}

// authority is a root with its key.
type authority struct {
	testpki.Pair
	root *x509.Certificate
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// home is a CA as `picoca init` makes it.
func home(t testing.TB) authority {
	t.Helper()
	return newAuthority(t, testpki.HomeRequest())
}

func newAuthority(t testing.TB, req ca.RootRequest) authority {
	t.Helper()
	return open(testpki.Root(t, req, testpki.NewKey(t, ca.P256), time.Now()))
}

func open(root testpki.Pair) authority { return authority{root, root.Cert} }

// earlier is a CA as picoca made it before: path length 0, and no limits but
// those for names and addresses.
func earlier(t testing.TB) authority {
	t.Helper()
	return open(home(t).Changed(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.SerialNumber = "Earlier CA", big.NewInt(1)
		c.MaxPathLen, c.MaxPathLenZero = 0, true
		c.ExtKeyUsage, c.PermittedEmailAddresses = nil, nil
	}))
}

// identityOf is a certificate, its key, and the CAs between it and its root.
type identityOf struct {
	leaf    *x509.Certificate
	key     crypto.Signer
	between []*x509.Certificate
}

func (i identityOf) pair() testpki.Pair { return testpki.Pair{Cert: i.leaf, Key: i.key} }

func (i identityOf) tls() tls.Certificate { return i.pair().TLS(i.between...) }

func asIdentity(p testpki.Pair, between ...*x509.Certificate) identityOf {
	return identityOf{p.Cert, p.Key, between}
}

func (a authority) device(t testing.TB, names ...string) identityOf {
	t.Helper()
	return asIdentity(a.Server(t, time.Now(), names...))
}

func (a authority) identity(t testing.TB, name string) identityOf {
	t.Helper()
	return asIdentity(a.Identity(t, time.Now(), name))
}

func (a authority) delegate(t testing.TB, name string) identityOf {
	t.Helper()
	return asIdentity(a.Intermediate(t, time.Now(), name))
}

// forged signs for anything with the root's key.
func (a authority) forged(t testing.TB, usage x509.ExtKeyUsage, change func(*x509.Certificate)) identityOf {
	t.Helper()
	return identityOf{leaf: a.root, key: a.Key}.below(t, usage, change).without(a.root)
}

// below signs for anything with this CA's key.
func (i identityOf) below(t testing.TB, usage x509.ExtKeyUsage, change func(*x509.Certificate)) identityOf {
	t.Helper()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Forged 1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	change(template)
	forged := i.pair().Sign(t, template, testpki.NewKey(t, ca.P256))
	return asIdentity(forged, append([]*x509.Certificate{i.leaf}, i.between...)...)
}

func (i identityOf) without(root *x509.Certificate) identityOf {
	if n := len(i.between); n > 0 && i.between[n-1].Equal(root) {
		i.between = i.between[:n-1]
	}
	return i
}

func host(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = []string{name} }
}

func mail(address string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.EmailAddresses = []string{address} }
}

// subCA makes the template that of another CA.
func subCA(c *x509.Certificate) {
	c.Subject.CommonName = "Second CA"
	c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

// write writes a file into a new folder and returns its path.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pemFile writes certificates into one file.
func pemFile(t testing.TB, certs ...*x509.Certificate) string {
	t.Helper()
	var data []byte
	for _, cert := range certs {
		data = append(data, ca.CertificatePEM(cert)...)
	}
	return write(t, "certificates.pem", data)
}

func keyFile(t testing.TB, key crypto.Signer) string {
	t.Helper()
	return write(t, "key.pem", testpki.KeyPEM(t, key))
}

// serve answers each connection on loopback with a line over TLS, until the
// test ends, and returns its port.
func serve(t testing.TB, config *tls.Config) string {
	t.Helper()
	listener := must[net.Listener](t)(tls.Listen("tcp", "127.0.0.1:0", config))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func answer(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(rig.Patience))
	buffer := make([]byte, 4096)
	if _, err := conn.Read(buffer); err == nil {
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
	}
}
