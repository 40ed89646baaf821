package verifiers

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// visitor is a program that opens a page on loopback by a name.
type visitor struct {
	name  string
	visit func(t testing.TB, root *x509.Certificate, host, port string) error
}

var visitors = []visitor{
	{"curl", visitCurl},
	{"Python", func(t testing.TB, root *x509.Certificate, host, port string) error {
		return visitWith(t, rig.Need(t, "python3", "python3"), "testdata/visit.py", host, port, pemFile(t, root))
	}},
	{"Node", func(t testing.TB, root *x509.Certificate, host, port string) error {
		return visitWith(t, rig.Need(t, "node", "nodejs"), "testdata/visit.js", host, port, pemFile(t, root))
	}},
	{"GnuTLS", func(t testing.TB, root *x509.Certificate, host, port string) error {
		return run(t, rig.Need(t, "gnutls-cli", "gnutls-bin"), "--x509cafile", pemFile(t, root), "--verify-hostname="+host, "-p", port, "127.0.0.1") // its input ends at once
	}},
}

func visitCurl(t testing.TB, root *x509.Certificate, host, port string) error {
	return visitWith(t, rig.Need(t, "curl", "curl"), "-sS", "--noproxy", "*", "--max-time", fmt.Sprint(rig.Patience.Seconds()), "--cacert", pemFile(t, root), "--capath", "/nonexistent",
		"--resolve", host+":"+port+":127.0.0.1", "https://"+host+":"+port+"/")
}

// visitWith fails unless the page was printed.
func visitWith(t testing.TB, tool string, args ...string) error {
	t.Helper()
	out, err := output(t, nil, tool, args...)
	if err == nil && !strings.Contains(out, "hello") {
		err = fmt.Errorf("%s printed no page: %q", tool, out)
	}
	return err
}

func TestPageOpensByItsNameAndUnderItsRoot(t *testing.T) {
	a := home(t)
	pico := serve(t, &tls.Config{Certificates: []tls.Certificate{a.device(t, "pico.local").tls()}})
	below := serve(t, &tls.Config{Certificates: []tls.Certificate{
		a.delegate(t, "Step CA").below(t, x509.ExtKeyUsageServerAuth, host("pico.local")).tls()}})
	bank := serve(t, &tls.Config{Certificates: []tls.Certificate{a.forged(t, x509.ExtKeyUsageServerAuth, host("bank.example")).tls()}})
	client := serve(t, &tls.Config{Certificates: []tls.Certificate{a.forged(t, x509.ExtKeyUsageClientAuth, host("pico.local")).tls()}})
	other := home(t).root
	for _, v := range visitors {
		t.Run(v.name, func(t *testing.T) {
			for _, row := range []struct {
				what       string
				root       *x509.Certificate
				host, port string
				want       bool
			}{
				{"device", a.root, "pico.local", pico, true},
				{"device by another name", a.root, "nas.local", pico, false},
				{"device under another root", other, "pico.local", pico, false},
				{"device below another CA", a.root, "pico.local", below, true},
				{"the same under another root", other, "pico.local", below, false},
				{"bank", a.root, "bank.example", bank, false},
				{"client as a server", a.root, "pico.local", client, false},
			} {
				if err := v.visit(t, row.root, row.host, row.port); (err == nil) != row.want {
					t.Errorf("%s: got %v, want accepted %v", row.what, err, row.want)
				}
			}
		})
	}
}

// TestIdentityIsLetIn by servers that ask for one: "kitchen-tablet" is a name
// that some of them check against the root's domains.
func TestIdentityIsLetIn(t *testing.T) {
	a := home(t)
	pico := a.device(t, "pico.local")
	tablet, stranger, device := a.identity(t, "kitchen-tablet"), home(t).identity(t, "kitchen-tablet"), a.device(t, "nas.local")
	for _, s := range []struct{ name, tool, pkg, script string }{
		{"Python", "python3", "python3", "testdata/serve.py"},
		{"Node", "node", "nodejs", "testdata/serve.js"},
	} {
		t.Run(s.name, func(t *testing.T) {
			tool := rig.Need(t, s.tool, s.pkg)
			for what, row := range map[string]struct {
				shown identityOf
				want  bool
			}{"identity": {tablet, true}, "another root's": {stranger, false}, "a device's": {device, false}} {
				out, err := visitServer(t, a.root, row.shown, tool, s.script, pemFile(t, pico.leaf), keyFile(t, pico.key), pemFile(t, a.root))
				if got := err == nil && strings.Contains(out, "kitchen-tablet"); got != row.want {
					t.Errorf("%s: got %v, %q, want it let in: %v", what, err, out, row.want)
				}
			}
		})
	}
}

// visitServer starts a server that prints its port, visits it once with an
// identity, and returns what it printed and how it ended.
func visitServer(t testing.TB, root *x509.Certificate, shown identityOf, tool string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	stdout := must[io.ReadCloser](t)(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	port, err := lines.ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("server printed no port: %v\n%s", err, &problems)
	}
	page := openPage(root, shown, strings.TrimSpace(port))
	out, _ := io.ReadAll(lines)
	if err := cmd.Wait(); err != nil {
		return string(out), fmt.Errorf("%w: %s", err, &problems)
	}
	return string(out), page
}

// openPage opens a page with an identity.
func openPage(root *x509.Certificate, shown identityOf, port string) error {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	certificate := shown.tls()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: rig.Patience}, Config: &tls.Config{RootCAs: roots, ServerName: "pico.local",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }}}
	conn, err := dialer.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(rig.Patience))
	if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: pico.local\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	page, err := io.ReadAll(conn)
	if !bytes.Contains(page, []byte("hello")) {
		return fmt.Errorf("no page: %q, %w", page, err)
	}
	return nil
}
