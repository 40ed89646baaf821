package formats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// site is a server on loopback with the files that picoca wrote.
type site struct{ port string }

// serve serves HTTPS with cert.pem and key.pem of a folder.
func serve(t *testing.T, dir string) site {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello from the board")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return site{port}
}

// client is a real TLS client: run connects to name at port on loopback with
// the CA file as its only trust, and fails if it refuses the server.
type client struct {
	tool, pkg string
	args      func(ca, name, port string) []string
}

const nodeGet = `const https = require('https'), fs = require('fs');
const [ca, name, port] = process.argv.slice(1);
https.get({host: '127.0.0.1', port, servername: name, ca: fs.readFileSync(ca), headers: {host: name}}, r => r.pipe(process.stdout))
  .on('error', e => { console.error(e.message); process.exit(1); });`

const pythonGet = `import socket, ssl, sys
ca, name, port = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), 300), server_hostname=name) as s:
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    while data := s.recv(4096): sys.stdout.buffer.write(data)`

var clients = []client{
	{"curl", "curl", func(ca, name, port string) []string {
		return []string{"-sS", "--max-time", fmt.Sprint(rig.Patience.Seconds()), "--cacert", ca, "--capath", "/nonexistent",
			"--resolve", name + ":" + port + ":127.0.0.1", "https://" + name + ":" + port + "/"}
	}},
	{"openssl", "openssl", func(ca, name, port string) []string {
		return []string{"s_client", "-verify_return_error", "-CAfile", ca, "-no-CApath", "-no-CAstore",
			"-verify_hostname", name, "-servername", name, "-ign_eof", "-connect", "127.0.0.1:" + port}
	}},
	{"gnutls-cli", "gnutls-bin", func(ca, name, port string) []string {
		return []string{"--x509cafile", ca, "--verify-hostname=" + name, "--sni-hostname=" + name, "-p", port, "127.0.0.1"}
	}},
	{"node", "nodejs", func(ca, name, port string) []string { return []string{"-e", nodeGet, ca, name, port} }},
	{"python3", "python3", func(ca, name, port string) []string { return []string{"-c", pythonGet, ca, name, port} }},
}

// get runs the client and returns what it printed.
func (c client) get(t *testing.T, ca, name, port string) (string, error) {
	t.Helper()
	path := rig.Need(t, c.tool, c.pkg)
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, c.args(ca, name, port)...)
	cmd.Stdin = strings.NewReader("GET / HTTP/1.0\r\nHost: " + name + "\r\n\r\n")
	out, err := cmd.CombinedOutput()
	return string(out), errors.Join(ctx.Err(), err)
}

// TestClientsAcceptTheCertificate pairs every acceptance with two refusals: a
// client that trusts everything fails this test.
func TestClientsAcceptTheCertificate(t *testing.T) {
	foreign := rig.NewHome(t)
	foreign.Run("export", "ca", "--format", "pem", "--out", "root.pem")
	for _, root := range []string{"p256", "rsa-2048", "p384"} {
		h := rig.NewHome(t, "--key", root)
		h.Run("export", "ca", "--format", "pem", "--out", "root.pem")
		for _, leaf := range []string{"p256", "rsa-2048"} {
			dir := leaf
			h.Run("issue", leaf+".local", "192.168.1.20", "pico.local", "--for", "computer", "--key", leaf, "--out", dir)
			port := serve(t, h.Path(dir)).port
			for _, c := range clients {
				t.Run(root+"/"+leaf+"/"+c.tool, func(t *testing.T) {
					out, err := c.get(t, h.Path("root.pem"), "pico.local", port)
					if err != nil || !strings.Contains(out, "hello from the board") {
						t.Errorf("refuses the server: %v\n%s", err, out)
					}
					if out, err := c.get(t, foreign.Path("root.pem"), "pico.local", port); err == nil {
						t.Errorf("accepts the server with a foreign CA:\n%s", out)
					}
					if out, err := c.get(t, h.Path("root.pem"), "other.local", port); err == nil {
						t.Errorf("accepts the server under another name:\n%s", out)
					}
				})
			}
		}
	}
}

func openssl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), rig.Need(t, "openssl", "openssl"), args...).CombinedOutput()
	return string(out), err
}

func TestOpenSSLVerifiesStrictly(t *testing.T) {
	foreign := rig.NewHome(t)
	foreign.Run("export", "ca", "--format", "pem", "--out", "root.pem")
	for _, flags := range [][]string{nil, {"--strict-constraints"}, {"--key", "rsa-4096"}, {"--permit", "home.example.com"}} {
		h := rig.NewHome(t, flags...)
		h.Run("export", "ca", "--format", "pem", "--out", "root.pem")
		h.Run("issue", "pico.local", "192.168.1.20", "fd00::1", "*.pico.local", "--for", "computer")
		verify := func(ca string, how ...string) error {
			args := append([]string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", ca}, how...)
			out, err := openssl(t, append(args, h.Path("pico.local", "cert.pem"))...)
			if err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		}
		root := h.Path("root.pem")
		for _, how := range [][]string{
			{"-verify_hostname", "pico.local"}, {"-verify_hostname", "x.pico.local"},
			{"-verify_ip", "192.168.1.20"}, {"-verify_ip", "fd00::1"}, {"-purpose", "sslserver"},
		} {
			if err := verify(root, how...); err != nil {
				t.Errorf("init %v: %v: %v", flags, how, err)
			}
		}
		for _, how := range [][]string{
			{"-verify_hostname", "nas.local"}, {"-verify_ip", "192.168.1.21"}, {"-purpose", "sslclient"},
		} {
			if err := verify(root, how...); err == nil {
				t.Errorf("init %v: %v is accepted", flags, how)
			}
		}
		if err := verify(foreign.Path("root.pem")); err == nil {
			t.Errorf("init %v: a foreign CA is accepted", flags)
		}
	}
}

// TestOpenSSLReadsTheRootKey holds the store's promise that a backup can be
// read without picoca.
func TestOpenSSLReadsTheRootKey(t *testing.T) {
	h := rig.EmptyHome(t)
	for _, key := range []string{"p256", "p384", "rsa-2048"} {
		if err := os.WriteFile(h.Path("pass.txt"), []byte("correct horse\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.Run("--home", h.Path(key), "init", "--key", key, "--passphrase-file", h.Path("pass.txt"))
		file := h.RootFile(key, "key.pem")
		public, err := openssl(t, "pkey", "-in", file, "-passin", "file:"+h.Path("pass.txt"), "-pubout")
		if err != nil {
			t.Fatalf("%s: %v\n%s", key, err, public)
		}
		want, err := openssl(t, "x509", "-in", h.RootFile(key, "cert.pem"), "-noout", "-pubkey")
		if err != nil || public != want {
			t.Errorf("%s: the key is not the certificate's: %v\n%s%s", key, err, public, want)
		}
		if out, err := openssl(t, "pkey", "-in", file, "-passin", "pass:wrong", "-noout"); err == nil {
			t.Errorf("%s: opens with a wrong passphrase\n%s", key, out)
		}
	}
}
