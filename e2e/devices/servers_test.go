package devices

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// install writes a target's files for a use to a new folder, and its name.
func install(t *testing.T, text string, use device.Use, b export.Bundle) string {
	t.Helper()
	target, err := device.ParseTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	files, err := target.Files("p256", use)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range files {
		rendered := render(t, target, b, file)
		if err := os.WriteFile(filepath.Join(dir, rendered.Name), rendered.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// get opens a server's page as a client that trusts a root, with an identity if
// there is one.
func get(t *testing.T, port string, trusted *x509.Certificate, identity ...tls.Certificate) (string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(trusted)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: identity},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: rig.Patience}
	response, err := client.Get("https://nas.local:" + port + "/")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, body), err
}

// checkServes wants a page for clients of the CA, and none for others.
func checkServes(t *testing.T, port string, b export.Bundle) {
	t.Helper()
	if page, err := get(t, port, b.Root); err != nil || page != "200 hello" {
		t.Errorf("got %q, %v", page, err)
	}
	stranger := bundle(t, "p256", "rsa-2048")
	if page, err := get(t, port, stranger.Root); err == nil {
		t.Errorf("a client of another CA got %q", page)
	}
}

func identityOf(b export.Bundle) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{b.Leaf.Raw}, PrivateKey: b.Key}
}

func writeConfig(t *testing.T, format string, args ...any) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(name, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestNginxServesItsFiles(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	dir, trust := install(t, "nginx", device.UseServer, b), install(t, "nginx", device.UseTrust, b)
	config := writeConfig(t, `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen 127.0.0.1:%[2]s ssl; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
		ssl_client_certificate %[3]s/picoca-root.pem; ssl_verify_client optional;
		location / { if ($ssl_client_verify = NONE) { return 200 "hello"; } return 200 $ssl_client_verify; }
	}
}`, dir, port, trust)
	rig.StartServer(t, port, "nginx", "nginx", "-c", config, "-p", dir)
	checkServes(t, port, b)
	if page, err := get(t, port, b.Root, identityOf(b)); err != nil || page != "200 SUCCESS" {
		t.Errorf("with an identity: got %q, %v", page, err)
	}
	if page, err := get(t, port, b.Root, identityOf(bundle(t, "p256", "rsa-2048"))); err != nil || strings.HasPrefix(page, "200") {
		t.Errorf("with an identity of another CA: got %q, %v", page, err)
	}
}

func TestHAProxyServesItsFile(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	config := writeConfig(t, `defaults
	mode http
	timeout client 60s
frontend f
	bind 127.0.0.1:%s ssl crt %s/nas.local.pem
	http-request return status 200 content-type text/plain string hello
`, port, install(t, "haproxy", device.UseServer, b))
	rig.StartServer(t, port, "haproxy", "haproxy", "-db", "-f", config)
	checkServes(t, port, b)
}

func TestCaddyServesItsFiles(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	dir := install(t, "caddy", device.UseServer, b)
	// No HTTP/3: the UDP port is what claims the number for this test.
	config := writeConfig(t, `{
	admin off
	auto_https disable_redirects
	storage file_system %[1]s
	servers {
		protocols h1 h2
	}
}
https://nas.local:%[2]s {
	bind 127.0.0.1
	tls %[1]s/cert.pem %[1]s/key.pem
	respond hello
}
`, dir, port)
	rig.StartServer(t, port, "caddy", "caddy", "run", "--adapter", "caddyfile", "--config", config)
	checkServes(t, port, b)
}

// TestMosquittoServesItsFiles: as a broker that asks for identities, with the
// files of the same device as its client.
func TestMosquittoServesItsFiles(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	config := writeConfig(t, `user %s
listener %s 127.0.0.1
cafile %[3]s/picoca-root.pem
certfile %[3]s/cert.pem
keyfile %[3]s/key.pem
require_certificate true
use_identity_as_username true
log_type all
`, me.Username, port, install(t, "mosquitto", device.UseServer, b))
	lines := rig.Start(t, "mosquitto", "mosquitto", "-c", config)
	rig.WaitFor(t, lines, "running")
	publish(t, port, install(t, "mosquitto", device.UseClient, b), true)
	rig.WaitFor(t, lines, "u'nas.local'") // the identity is the user
	publish(t, port, install(t, "mosquitto", device.UseClient, bundle(t, "p256", "rsa-2048")), false)
}

// publish runs the step that the device's file has for clients.
func publish(t *testing.T, port, dir string, want bool) {
	t.Helper()
	rig.Need(t, "mosquitto_pub", "mosquitto-clients")
	target, err := device.ParseTarget("mosquitto")
	if err != nil {
		t.Fatal(err)
	}
	steps := target.Steps(nil, device.UseClient, device.Place{Folder: dir})
	command := strings.NewReplacer("BROKER", "127.0.0.1", "8883", port).Replace(steps[0].Run)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
	if (err == nil) != want {
		t.Errorf("%s: %v, want it to work: %v\n%s", command, err, want, out)
	}
}

// TestOpenVPNTakesItsFile: two of them, server and client, with one .p12 each.
func TestOpenVPNTakesItsFile(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	pass := writeConfig(t, "%s\n", passphrase)
	common := []string{"--dev", "null", "--auth-nocache", "--askpass", pass, "--verb", "3"}
	server := append([]string{"--tls-server", "--dh", "none", "--proto", "tcp4-server", "--local", "127.0.0.1", "--lport", port,
		"--pkcs12", filepath.Join(install(t, "openvpn", device.UseServer, b), "nas.local.p12")}, common...)
	lines := rig.Start(t, "openvpn", "openvpn", server...)
	rig.WaitFor(t, lines, "Listening for incoming TCP connection")
	client := append([]string{"--tls-client", "--proto", "tcp4-client", "--remote", "127.0.0.1", port, "--nobind", "--remote-cert-tls", "server",
		"--pkcs12", filepath.Join(install(t, "openvpn", device.UseClient, b), "nas.local.p12")}, common...)
	rig.WaitFor(t, rig.Start(t, "openvpn", "openvpn", client...), "Peer Connection Initiated")
	rig.WaitFor(t, lines, "Peer Connection Initiated")
}

// node is a server that says hello.
const node = `const server = require("https").createServer({%s}, (_, response) => response.end("hello"));
server.listen(%s, "127.0.0.1");`

// TestNodeServesItsFiles: with the certificate and key of Node-RED's settings,
// and with the .p12 of Java.
func TestNodeServesItsFiles(t *testing.T) {
	b := bundle(t, "p256", "p256")
	red, java := install(t, "node-red", device.UseServer, b), install(t, "java", device.UseServer, b)
	for name, options := range map[string]string{
		"PEM": fmt.Sprintf(`key: require("fs").readFileSync("%[1]s/privkey.pem"), cert: require("fs").readFileSync("%[1]s/cert.pem")`, red),
		"p12": fmt.Sprintf(`pfx: require("fs").readFileSync("%s/nas.local.p12"), passphrase: "%s"`, java, passphrase),
	} {
		t.Run(name, func(t *testing.T) {
			port := rig.FreePort(t)
			rig.StartServer(t, port, "nodejs", "node", "-e", fmt.Sprintf(node, options, port))
			checkServes(t, port, b)
		})
	}
}

// TestJavaServesItsFiles: with the .p12 as its key store and the root as its trust
// store, to clients with an identity.
func TestJavaServesItsFiles(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	trusted := b
	trusted.P12.Passphrase = "changeit" // that of the device's step
	rig.StartServer(t, port, "default-jdk-headless", "java",
		"-Djavax.net.ssl.keyStore="+filepath.Join(install(t, "java", device.UseServer, b), "nas.local.p12"), "-Djavax.net.ssl.keyStorePassword="+passphrase,
		"-Djavax.net.ssl.trustStore="+filepath.Join(install(t, "java", device.UseTrust, trusted), "picoca-root.p12"), "-Djavax.net.ssl.trustStorePassword=changeit",
		"testdata/Server.java", port)
	stranger := bundle(t, "p256", "rsa-2048")
	if page, err := get(t, port, b.Root, identityOf(b)); err != nil || page != "200 hello" {
		t.Errorf("with an identity: got %q, %v", page, err)
	}
	if page, err := get(t, port, b.Root, identityOf(stranger)); err == nil {
		t.Errorf("with an identity of another CA: got %q", page)
	}
	if page, err := get(t, port, stranger.Root, identityOf(b)); err == nil {
		t.Errorf("a client of another CA got %q", page)
	}
}

// TestDovecotServesItsFiles: with an identity of this CA only. Without the list
// of revoked certificates in ssl_ca, it would refuse that one too.
func TestDovecotServesItsFiles(t *testing.T) {
	b, port := bundle(t, "p256", "p256"), rig.FreePort(t)
	config := rig.DovecotConfig(t, port, install(t, "dovecot", device.UseServer, b))
	rig.StartServer(t, port, "dovecot-imapd", "dovecot", "-F", "-c", config)
	if greeting, err := imap(t, port, b, identityOf(b)); err != nil || !strings.HasPrefix(greeting, "a OK") {
		t.Errorf("with an identity: got %q, %v", greeting, err)
	}
	if greeting, err := imap(t, port, b, identityOf(bundle(t, "p256", "rsa-2048"))); err == nil && strings.HasPrefix(greeting, "a OK") {
		t.Errorf("with an identity of another CA: got %q", greeting)
	}
}

// imap logs in, and returns the answer.
func imap(t *testing.T, port string, b export.Bundle, identity tls.Certificate) (string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(b.Root)
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: "nas.local", Certificates: []tls.Certificate{identity}})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(rig.Patience)); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(conn)
	if !lines.Scan() {
		return "", cmp.Or(lines.Err(), io.EOF)
	}
	if _, err := fmt.Fprint(conn, "a LOGIN someone x\r\n"); err != nil {
		return "", err
	}
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "a ") {
			return lines.Text(), nil
		}
	}
	return "", cmp.Or(lines.Err(), io.EOF)
}
