package formats

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/picoca/picoca/e2e/rig"
)

// devicesFolder is where a device has its key, and makes its request with
// OpenSSL.
func devicesFolder(t *testing.T, key ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"req", "-new", "-nodes", "-subj", "/O=ACME/CN=door.local", "-keyout", dir + "/key.pem", "-out", dir + "/door.csr"}, key...)
	if out, err := rig.Outside(t, "openssl", "openssl", args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// TestKeyNeverLeavesTheDevice: the request goes to picoca, the certificate comes
// back, nginx serves with it and curl accepts it. So does a renewal, for the
// same key, and one for a new request.
func TestKeyNeverLeavesTheDevice(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("export", "ca", "--out", "root.pem")
	h.Run("init", "--no-passphrase", "--home", h.Path("other"))
	h.Run("export", "ca", "--home", h.Path("other"), "--out", "other.pem")
	device := devicesFolder(t, "-newkey", "rsa:2048")
	h.Run("issue", "door.local", "--csr", filepath.Join(device, "door.csr"))
	first := serveWithNginx(t, h, device)
	h.Run("renew", "door.local")
	if second := serveWithNginx(t, h, device); bytes.Equal(first, second) {
		t.Error("the renewal has the same certificate")
	}
	device = devicesFolder(t, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")
	h.Run("renew", "door.local", "--csr", filepath.Join(device, "door.csr"))
	serveWithNginx(t, h, device)
	checkNoKeyIn(t, h)
}

// checkNoKeyIn wants no private key in the store or the folder but the roots'.
func checkNoKeyIn(t *testing.T, h rig.Home) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(h.Dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(name, "/roots/") {
			return err
		}
		files++
		if data := rig.ReadFile(t, name); bytes.Contains(data, []byte("PRIVATE KEY")) {
			t.Errorf("%s has a private key", name)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("got %d files, %v", files, err)
	}
}

// serveWithNginx installs the certificate of door.local in the device's folder,
// and visits it. It returns the certificate.
func serveWithNginx(t *testing.T, h rig.Home, device string) []byte {
	t.Helper()
	cert := rig.ReadFile(t, h.Path("door.local", "cert.pem"))
	rig.WriteFile(t, filepath.Join(device, "cert.pem"), string(cert))
	port := startNginx(t, device, "")
	if page, err := visit(t, h.Path("root.pem"), port); err != nil || page != "hello" {
		t.Errorf("got %q, %v", page, err)
	}
	if page, err := visit(t, h.Path("other.pem"), port); err == nil {
		t.Errorf("trusting another CA: got %q, want no page", page)
	}
	return cert
}

// visit opens door.local with curl.
func visit(t *testing.T, root, port string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"-sS", "--fail", "--capath", "/nonexistent", "--cacert", root, "--resolve", "door.local:" + port + ":127.0.0.1", "https://door.local:" + port + "/"}, args...)
	return rig.Outside(t, "curl", "curl", args...)
}

// startNginx serves with cert.pem and key.pem of a folder until the test ends.
func startNginx(t *testing.T, dir, settings string) (port string) {
	t.Helper()
	port = rig.FreePort(t)
	rig.WriteFile(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server { listen 127.0.0.1:%[2]s ssl; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; %[3]s location / { return 200 "hello"; } }
}`, dir, port, settings))
	ctx, stop := context.WithTimeout(t.Context(), rig.Patience)
	cmd := exec.CommandContext(ctx, rig.Need(t, "nginx", "nginx"), "-c", filepath.Join(dir, "nginx.conf"), "-p", dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { stop(); <-done })
	for deadline := time.Now().Add(rig.Patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return port
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("nginx ended: %v\n%s", err, errs.Bytes())
		default:
		}
	}
	t.Fatal("nginx does not listen")
	return ""
}

// TestRequestsOfOpenSSLInEveryForm are read from files, from standard input and
// from a pipe, however a device or an editor has changed them.
func TestRequestsOfOpenSSLInEveryForm(t *testing.T) {
	h := rig.NewHome(t)
	device := devicesFolder(t, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
	plain := rig.ReadFile(t, device, "door.csr")
	block, _ := pem.Decode(plain)
	text, err := rig.Outside(t, "openssl", "openssl", "req", "-in", filepath.Join(device, "door.csr"), "-text")
	if err != nil {
		t.Fatal(err)
	}
	var windows []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + strings.ReplaceAll(string(plain), "\n", "\r\n"))) {
		windows = binary.LittleEndian.AppendUint16(windows, unit)
	}
	for name, data := range map[string]string{
		"PEM": string(plain), "DER": string(block.Bytes), "text": text, "UTF-16": string(windows), "UTF-8 with a mark": "\xef\xbb\xbf" + string(plain),
		"NEW": strings.ReplaceAll(string(plain), "CERTIFICATE REQ", "NEW CERTIFICATE REQ"), "CRLF": strings.ReplaceAll(string(plain), "\n", "\r\n"),
		"one line": strings.ReplaceAll(string(plain), "\n", ""),
	} {
		rig.WriteFile(t, h.Path("request"), data)
		if out, err := h.Try("issue", "--dry-run", "--csr", "request"); err != nil || !strings.HasPrefix(out, "door.local: ECDSA P-256, ") {
			t.Errorf("%s: got %q, %v", name, out, err)
		}
	}
	for _, shell := range []string{`"$1" issue --dry-run --csr - <"$2"`, `mkfifo pipe && { cat "$2" >pipe & "$1" issue --dry-run --csr pipe; }`} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", shell, "sh", rig.Program(), filepath.Join(device, "door.csr"))
		cmd.Dir, cmd.Env = h.Dir, append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("door.local: ECDSA P-256, ")) {
			t.Errorf("%s: got %v\n%s", shell, err, out)
		}
	}
}

// TestAndClientServesAndVisits: OpenSSL and nginx take the certificate of issue
// --and-client as a server's and as a client's, and a device's only as a
// server's.
func TestAndClientServesAndVisits(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "door.local", "--for", "computer", "--and-client")
	h.Run("issue", "plain.local", "--for", "computer")
	for _, row := range []struct {
		name, purpose string
		want          bool
	}{
		{"door.local", "sslserver", true}, {"door.local", "sslclient", true}, {"plain.local", "sslserver", true}, {"plain.local", "sslclient", false},
	} {
		out, err := openssl(t, "verify", "-x509_strict", "-purpose", row.purpose, "-CAfile", h.Path("door.local", "picoca-root.pem"), h.Path(row.name, "cert.pem"))
		if (err == nil) != row.want {
			t.Errorf("%s as %s: got %v, want it to verify: %v\n%s", row.name, row.purpose, err, row.want, out)
		}
	}
	root := h.Path("door.local", "picoca-root.pem")
	port := startNginx(t, h.Path("door.local"), "ssl_client_certificate "+root+"; ssl_verify_client on;")
	for name, want := range map[string]bool{"door.local": true, "plain.local": false} {
		page, err := visit(t, root, port, "--cert", h.Path(name, "cert.pem"), "--key", h.Path(name, "key.pem"))
		if (err == nil && page == "hello") != want {
			t.Errorf("%s visits: got %q, %v, want the page: %v", name, page, err, want)
		}
	}
}
