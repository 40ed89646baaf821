package years

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// documented is a server with the setting that revoke prints for it.
type documented struct {
	device  string
	setting string // as revoke prints it, with FILE for the list
	port    func(t testing.TB) string
	start   func(t *testing.T, h rig.Home, port, line string) *os.Process
	// update is what docs/identities.md has the user do with a new list.
	update func(t *testing.T, h rig.Home, port, line string, server *os.Process)
	visit  func(t *testing.T, h rig.Home, port, identity string) error
}

var documentedServers = []documented{
	{"haproxy", "crl-file FILE, on the bind line", rig.FreePort, startHAProxy, reloadHAProxy, visitHAProxy},
	{"openvpn", "crl-verify FILE", rig.FreePort, startOpenVPN, copyOnly, visitOpenVPN},
	{"dovecot", "append it to the root in the file of ssl_ca", rig.FreePort, startDovecot, reloadDovecot, visitDovecot},
	{"freeradius", "check_crl = yes, and append it to the file of ca_file", freeUDPPort, startRADIUS, restartRADIUS, visitRADIUS},
}

// TestDocumentedServersRefuseTheRevoked: with the setting that revoke prints, and
// after what the documentation has users do with a new list, a server that ran all
// the time refuses the identity that was revoked, and lets in the others.
func TestDocumentedServersRefuseTheRevoked(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("takes long: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
	h := rig.NewHome(t)
	rig.WriteFile(t, h.Path("pass"), "kqwzep-hrmnba-xvtcyj\n")
	for _, s := range documentedServers {
		args := []string{"issue", s.device + ".local", "127.0.0.1", "--for", s.device}
		if s.device == "openvpn" {
			args = append(args, "--p12-passphrase-file", "pass")
		}
		h.Run(args...)
	}
	h.Run("export", "ca")
	for _, s := range documentedServers {
		t.Run(s.device, func(t *testing.T) {
			h := rig.Home{T: t, Dir: h.Dir}
			lost, other := "lost-"+s.device, "other-"+s.device
			h.Run("identity", lost, "--for", "mosquitto")
			h.Run("identity", other, "--for", "mosquitto")
			h.Run("export", "crl", "--out", "crl.pem", "--force")
			port := s.port(t)
			server := s.start(t, h, port, s.line(h))
			for _, identity := range []string{lost, other} {
				if err := s.visit(t, h, port, identity); err != nil {
					t.Fatalf("before: %s: %v", identity, err)
				}
			}
			if got := settingOf(t, h.Run("revoke", lost, "--json"), s.device+".local"); got != s.setting {
				t.Errorf("revoke: got setting %q, want %q", got, s.setting)
			}
			h.Run("export", "crl", "--out", "crl.pem", "--force")
			s.update(t, h, port, s.line(h), server)
			if err := untilRefused(func() error { return s.visit(t, h, port, lost) }); err == nil {
				t.Error("the revoked identity is let in")
			} else if strings.Contains(err.Error(), "refused to connect") {
				t.Errorf("the server is gone: %v", err)
			}
			h.Run("identity", lost, "--for", "mosquitto", "--out", "again-"+s.device)
			for _, identity := range []string{other, "again-" + s.device} {
				if err := s.visit(t, h, port, identity); err != nil {
					t.Errorf("%s: %v", identity, err)
				}
			}
		})
	}
}

// untilRefused tries again while a server that was sent a signal takes up its new
// list.
func untilRefused(visit func() error) (err error) {
	for end := time.Now().Add(rig.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = visit(); err != nil {
			return err
		}
	}
	return nil
}

func settingOf(t *testing.T, printed, name string) string {
	t.Helper()
	var result struct {
		Servers []struct{ Name, Setting string }
	}
	if err := json.Unmarshal([]byte(printed), &result); err != nil {
		t.Fatal(err)
	}
	for _, s := range result.Servers {
		if s.Name == name {
			return s.Setting
		}
	}
	return ""
}

// line returns the setting with the list's path, without the words after it.
func (s documented) line(h rig.Home) string {
	setting, _, _ := strings.Cut(s.setting, ",")
	return strings.ReplaceAll(setting, "FILE", h.Path("crl.pem"))
}

func freeUDPPort(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// copyOnly is for a server that reads its list with each connection.
func copyOnly(*testing.T, rig.Home, string, string, *os.Process) {}

func startHAProxy(t *testing.T, h rig.Home, port, line string) *os.Process {
	t.Helper()
	return serve(t, port, rig.Need(t, "haproxy", "haproxy"), "-W", "-f", config(t, `defaults
	mode http
	timeout client 60s
frontend f
	bind 127.0.0.1:%s ssl crt %s ca-file %s verify required %s
	http-request return status 200 content-type text/plain string hello
`, port, h.Path("haproxy.local", "haproxy.local.pem"), h.Path("picoca-root.pem"), line))
}

// reloadHAProxy does what systemctl reload haproxy does.
func reloadHAProxy(t *testing.T, _ rig.Home, _, _ string, server *os.Process) {
	t.Helper()
	if err := server.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
}

func visitHAProxy(t *testing.T, h rig.Home, port, identity string) error {
	out, err := rig.Outside(t, "curl", "curl", "-sSf", "--noproxy", "*", "--cacert", h.Path("picoca-root.pem"),
		"--cert", h.Path(identity, "cert.pem"), "--key", h.Path(identity, "key.pem"), "https://127.0.0.1:"+port+"/")
	if err != nil || out != "hello" {
		return fmt.Errorf("%v\n%s", err, out)
	}
	return nil
}

func startOpenVPN(t *testing.T, h rig.Home, port, line string) *os.Process {
	t.Helper()
	setting := strings.Fields("--" + line)
	return run(t, "Listening for incoming TCP connection", rig.Need(t, "openvpn", "openvpn"), append(setting, "--tls-server", "--dev", "null", "--dh", "none",
		"--proto", "tcp4-server", "--local", "127.0.0.1", "--lport", port, "--pkcs12", h.Path("openvpn.local", "openvpn.local.p12"), "--askpass", h.Path("pass"),
		"--connect-retry", "1", "1", "--verb", "3")...)
}

// visitOpenVPN runs a client until the tunnel stands, or it gives up.
func visitOpenVPN(t *testing.T, h rig.Home, port, identity string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "openvpn", "openvpn"), "--tls-client", "--dev", "null", "--proto", "tcp4-client", "--remote", "127.0.0.1", port,
		"--nobind", "--remote-cert-tls", "server", "--ca", h.Path("picoca-root.pem"), "--cert", h.Path(identity, "cert.pem"), "--key", h.Path(identity, "key.pem"),
		"--connect-retry", "1", "1", "--connect-retry-max", "10", "--tls-exit", "--verb", "3")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Peer Connection Initiated") {
			return nil
		}
		if strings.Contains(lines.Text(), "Connection reset, restarting") { // by a server that accepted it
			return fmt.Errorf("%w\n%s", errRefused, said.String())
		}
		fmt.Fprintln(&said, lines.Text())
	}
	return fmt.Errorf("%w\n%s", errRefused, said.String())
}

func startDovecot(t *testing.T, h rig.Home, port, _ string) *os.Process {
	t.Helper()
	return serve(t, port, rig.Need(t, "dovecot", "dovecot-imapd"), "-F", "-c", rig.DovecotConfig(t, port, h.Path("dovecot.local")))
}

// reloadDovecot writes its file again, and does what doveadm reload does.
func reloadDovecot(t *testing.T, h rig.Home, _, _ string, server *os.Process) {
	t.Helper()
	h.Run("export", "dovecot.local", "--force")
	if err := server.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func visitDovecot(t *testing.T, h rig.Home, port, identity string) error {
	out, err := rig.Outside(t, "curl", "curl", "-sS", "--noproxy", "*", "--cacert", h.Path("picoca-root.pem"), "-u", "anna:x",
		"--cert", h.Path(identity, "cert.pem"), "--key", h.Path(identity, "key.pem"), "imaps://127.0.0.1:"+port+"/")
	if err != nil || !strings.Contains(out, "INBOX") {
		return fmt.Errorf("%w: %v\n%s", errRefused, err, out)
	}
	return nil
}

func startRADIUS(t *testing.T, h rig.Home, port, line string) *os.Process {
	t.Helper()
	dir := t.TempDir()
	rig.WriteFile(t, filepath.Join(dir, "ca_file.pem"), string(rig.ReadFile(t, h.Path("freeradius.local", "picoca-root.pem")))+string(rig.ReadFile(t, h.Path("crl.pem"))))
	rig.RADIUSConfig(t, dir, port, h.Path("freeradius.local"), "ca_file = "+filepath.Join(dir, "ca_file.pem"), line, `tls_max_version = "1.3"`)
	return run(t, "Ready to process requests", rig.Need(t, "freeradius", "freeradius"), "-f", "-l", "stdout", "-x", "-d", dir, "-n", "radiusd")
}

func restartRADIUS(t *testing.T, h rig.Home, port, line string, server *os.Process) {
	t.Helper()
	if err := server.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range int(rig.Patience / (20 * time.Millisecond)) { // until the port is free
		conn, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	startRADIUS(t, h, port, line)
}

func visitRADIUS(t *testing.T, h rig.Home, port, identity string) error {
	network := config(t, `network={
	key_mgmt=WPA-EAP
	eap=TLS
	identity="tablet"
	ca_cert="%[1]s"
	domain_match="freeradius.local"
	client_cert="%[2]s/cert.pem"
	private_key="%[2]s/key.pem"
}
`, h.Path("picoca-root.pem"), h.Path(identity))
	out, err := rig.Outside(t, "eapoltest", "eapol_test", "-c", network, "-a", "127.0.0.1", "-p", port, "-s", "testing123", "-t", "30")
	if err != nil || !strings.HasSuffix(strings.TrimSpace(out), "SUCCESS") {
		return fmt.Errorf("%w: %v\n%s", errRefused, err, out)
	}
	return nil
}
