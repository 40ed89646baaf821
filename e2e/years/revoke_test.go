package years

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// serve runs a server until the test ends, and returns once it listens at port.
func serve(t *testing.T, port, path string, args ...string) *os.Process {
	t.Helper()
	server := begin(t, path, args...)
	server.await(t, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return server.process
}

// run runs a server until the test ends, and returns once it has printed a text.
func run(t *testing.T, text, path string, args ...string) *os.Process {
	t.Helper()
	server := begin(t, path, args...)
	server.await(t, func() bool {
		server.lock.Lock()
		defer server.lock.Unlock()
		return strings.Contains(server.printed.String(), text)
	})
	return server.process
}

// running is a server, and what it has printed.
type running struct {
	process *os.Process
	ended   chan struct{}
	lock    sync.Mutex
	printed strings.Builder
}

func begin(t *testing.T, path string, args ...string) *running {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server := &running{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		writer.Close()
	}()
	go func() {
		defer close(server.ended)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			server.lock.Lock()
			fmt.Fprintln(&server.printed, scanner.Text())
			server.lock.Unlock()
		}
	}()
	t.Cleanup(func() {
		<-server.ended // the test's context has ended, and so does the server
		if t.Failed() {
			t.Log(server.printed.String())
		}
	})
	return server
}

// await returns once the server is ready.
func (s *running) await(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(rig.Patience); time.Now().Before(deadline); {
		if ready() {
			return
		}
		select {
		case <-s.ended:
			t.Fatalf("the server ended:\n%s", s.printed.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("the server does not get ready")
}

func config(t *testing.T, format string, args ...any) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	rig.WriteFile(t, name, fmt.Sprintf(format, args...))
	return name
}

// server is one that is given a revocation list.
type server struct {
	name string
	run  func(t *testing.T, h rig.Home, port, crl string)
	// visit opens it with an identity, whose files are in a folder.
	visit func(t *testing.T, h rig.Home, port, identity string) error
}

var servers = []server{
	{"mosquitto", runMosquitto, visitMosquitto},
	{"nginx", runNginx, visitNginx},
}

func runMosquitto(t *testing.T, h rig.Home, port, crl string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	serve(t, port, rig.Need(t, "mosquitto", "mosquitto"), "-c", config(t, `user %s
listener %s 127.0.0.1
cafile %[3]s/picoca-root.pem
certfile %[3]s/cert.pem
keyfile %[3]s/key.pem
crlfile %[4]s
require_certificate true
use_identity_as_username true
`, me.Username, port, h.Path("mosquitto.local"), crl))
}

func visitMosquitto(t *testing.T, h rig.Home, port, identity string) error {
	out, err := rig.Outside(t, "mosquitto-clients", "mosquitto_pub", "-h", "127.0.0.1", "-p", port,
		"--cafile", h.Path("mosquitto.local", "picoca-root.pem"), "--cert", h.Path(identity, "cert.pem"), "--key", h.Path(identity, "key.pem"),
		"-t", "test", "-m", "hello", "-q", "1")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func runNginx(t *testing.T, h rig.Home, port, crl string) {
	t.Helper()
	dir := t.TempDir()
	serve(t, port, rig.Need(t, "nginx", "nginx"), "-p", dir, "-c", config(t, `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s/cert.pem; ssl_certificate_key %[3]s/key.pem;
		ssl_client_certificate %[4]s; ssl_verify_client on; ssl_crl %[5]s;
		location / { return 200 "hello"; }
	}
}`, dir, port, h.Path("nginx.local"), h.Path("mosquitto.local", "picoca-root.pem"), crl))
}

func visitNginx(t *testing.T, h rig.Home, port, identity string) error {
	out, err := rig.Outside(t, "curl", "curl", "-sSf", "--noproxy", "*", "--cacert", h.Path("mosquitto.local", "picoca-root.pem"),
		"--cert", h.Path(identity, "cert.pem"), "--key", h.Path(identity, "key.pem"), "https://127.0.0.1:"+port+"/")
	if err != nil || out != "hello" {
		return fmt.Errorf("%v\n%s", err, out)
	}
	return nil
}

// TestServersRefuseRevokedIdentities: with a new CA's empty list they accept two
// identities, and with the list after a revocation only the other one, and the
// revoked name's new identity.
func TestServersRefuseRevokedIdentities(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "mosquitto.local", "127.0.0.1", "--for", "mosquitto")
	h.Run("issue", "nginx.local", "127.0.0.1", "--for", "nginx")
	h.Run("identity", "lost sensor", "--for", "mosquitto", "--out", "lost")
	h.Run("identity", "other sensor", "--for", "mosquitto", "--out", "other")
	h.Run("export", "crl", "--out", "empty.pem")
	h.Run("revoke", "lost sensor", "--reason", "keyCompromise")
	h.Run("export", "crl", "--out", "revoked.pem")
	h.Run("identity", "lost sensor", "--for", "mosquitto", "--out", "again")
	for _, server := range servers {
		for _, row := range []struct {
			list string
			want map[string]bool
		}{
			{"empty.pem", map[string]bool{"lost": true, "other": true, "again": true}},
			{"revoked.pem", map[string]bool{"lost": false, "other": true, "again": true}},
		} {
			t.Run(server.name+" with "+row.list, func(t *testing.T) {
				port := rig.FreePort(t)
				server.run(t, h, port, h.Path(row.list))
				for identity, want := range row.want {
					if err := server.visit(t, h, port, identity); (err == nil) != want {
						t.Errorf("%s: got %v, want accepted %t", identity, err, want)
					}
				}
			})
		}
	}
}

// TestExportedListIsRead by programs that are given the file.
func TestExportedListIsRead(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "good.local", "--for", "computer")
	h.Run("issue", "bad.local", "--for", "computer")
	h.Run("export", "ca")
	h.Run("revoke", "bad.local")
	h.Run("export", "crl")
	for _, row := range []struct {
		name string
		want bool
	}{{"good.local", true}, {"bad.local", false}} {
		for _, args := range [][]string{
			{"openssl", "openssl", "verify", "-x509_strict", "-crl_check", "-no-CApath", "-no-CAstore", "-CAfile", h.Path("picoca-root.pem"),
				"-CRLfile", h.Path("picoca-crl.pem"), h.Path(row.name, "cert.pem")},
			{"gnutls-bin", "certtool", "--verify", "--load-ca-certificate", h.Path("picoca-root.pem"), "--load-crl", h.Path("picoca-crl.pem"), "--infile", h.Path(row.name, "cert.pem")},
		} {
			out, err := rig.Outside(t, args[0], args[1], args[2:]...)
			if (err == nil) != row.want || !row.want && !strings.Contains(strings.ToLower(out), "revoked") {
				t.Errorf("%s of %s: got %v, want accepted %t\n%s", args[1], row.name, err, row.want, out)
			}
		}
	}
}

// TestDovecotsFileHasTheList: Dovecot refuses every identity without one.
func TestDovecotsFileHasTheList(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "mail.local", "--for", "dovecot")
	text := func() string { return string(rig.ReadFile(t, h.Path("mail.local", "picoca-root-crl.pem"))) }
	before := text()
	h.Run("identity", "phone", "--for", "mosquitto")
	h.Run("revoke", "phone")
	h.Run("export", "mail.local", "--force")
	if after := text(); !strings.Contains(before, "X509 CRL") || len(after) <= len(before) {
		t.Errorf("got %d bytes, then %d, want a list that grows", len(before), len(after))
	}
}
