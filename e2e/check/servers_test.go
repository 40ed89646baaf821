package check

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// run runs a server until the test ends, and returns once it accepts
// connections at each of the ports.
func run(t *testing.T, pkg, tool string, args []string, ports ...string) {
	t.Helper()
	p := rig.StartProgram(t, nil, rig.Need(t, tool, pkg), args...)
	for _, port := range ports {
		for deadline := time.Now().Add(rig.Patience); ; time.Sleep(20 * time.Millisecond) {
			conn, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err == nil {
				conn.Close()
				break
			}
			if time.Now().After(deadline) || p.Cmd.ProcessState != nil {
				t.Fatalf("%s does not listen at port %s:\n%s", tool, port, p.Errors)
			}
		}
	}
}

// site is a server of nginx with one fault.
type site struct {
	name, dir, settings string
	ids                 []string
	port                string
}

// TestNginxWithOneFaultEach: one nginx with a server for each fault.
func TestNginxWithOneFaultEach(t *testing.T) {
	h := rig.NewHome(t)
	root, now := rootOf(t, h), time.Now()
	for _, name := range []string{"good.local", "old.local", "revoked.local", "other.local"} {
		h.Issue(name, "--for", "nginx")
	}
	good := h.Path("good.local")
	old := h.Path("kept")
	if err := os.CopyFS(old, os.DirFS(h.Path("old.local"))); err != nil {
		t.Fatal(err)
	}
	h.Issue("old.local")
	h.Run("revoke", "revoked.local")
	h.Run("export", "ca", "--format", "pem", "--out", "root.pem")
	signed := func(kt ca.KeyType, change func(*x509.Certificate)) string {
		pair := root.Sign(t, leaf("strange.local", now, change), testpki.Key(t, kt))
		return writePair(t, pair.Key, pair.Cert)
	}
	between := root.Intermediate(t, now, "step-ca")
	below := between.Sign(t, leaf("strange.local", now, nil), testpki.Key(t, ca.P256))
	stranger := testpki.Home(t, now).Server(t, now, "strange.local")
	goodCert, err := os.ReadFile(filepath.Join(good, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leafOfGood, err := ca.ParseCertificatePEM(goodCert)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(good, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	withRoot := writePair(t, testpki.ParseKeyPEM(t, asPKCS8(t, keyPEM)), leafOfGood, root.Cert)
	self := testpki.SelfSigned(t, leaf("strange.local", now, nil), testpki.Key(t, ca.P256))
	sites := []*site{
		{name: "good.local", dir: good},
		{name: "old.local", dir: old, ids: []string{"outdated"}},
		{name: "revoked.local", dir: h.Path("revoked.local"), ids: []string{"revoked"}},
		{name: "good.local", dir: h.Path("other.local"), ids: []string{"other-device"}},
		{name: "10.1.2.3", dir: good, ids: []string{"wrong-name"}},
		{name: "good.local", dir: withRoot, ids: []string{"root-included"}},
		{name: "strange.local", dir: signed(ca.RSA4096, nil), ids: []string{"unknown-certificate", "large-key-note"}},
		{name: "strange.local", dir: signed(ca.P256, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) }), ids: []string{"unknown-certificate", "expired"}},
		{name: "strange.local", dir: signed(ca.P256, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }), ids: []string{"unknown-certificate", "not-yet-valid"}},
		{name: "strange.local", dir: signed(ca.P256, func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) }), ids: []string{"unknown-certificate", "client-auth"}},
		{name: "strange.local", dir: signed(ca.P256, func(c *x509.Certificate) { c.NotAfter = now.Add(900 * 24 * time.Hour) }), ids: []string{"unknown-certificate", "too-long"}},
		{name: "strange.local", dir: writePair(t, below.Key, below.Cert), ids: []string{"foreign-ca"}},
		{name: "strange.local", dir: writePair(t, below.Key, below.Cert, between.Cert)},
		{name: "strange.local", dir: writePair(t, stranger.Key, stranger.Cert), ids: []string{"foreign-ca"}},
		{name: "strange.local", dir: writePair(t, self.Key, self.Cert), ids: []string{"self-signed"}},
		{name: "good.local", dir: good, settings: "ssl_client_certificate " + h.Path("root.pem") + "; ssl_verify_client on;", ids: []string{"identity-required"}},
		{name: "good.local", dir: good, settings: "ssl_client_certificate " + h.Path("root.pem") + "; ssl_verify_client optional;", ids: []string{"identity-optional"}},
		{name: "good.local", dir: good, settings: "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;", ids: []string{"old-tls"}},
		{name: "good.local", dir: good, settings: "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA256;", ids: []string{"no-cipher"}},
		{name: "good.local", settings: "plain", ids: []string{"plain-http"}},
	}
	startNginx(t, sites)
	for i, s := range sites {
		r := visit(t, h, s.name, s.port)
		want(t, r, s.ids...)
		if t.Failed() {
			t.Fatalf("site %d: %+v", i, r.Findings)
		}
	}
}

// leaf is what a CA might sign for a name, changed.
func leaf(name string, now time.Time, change func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		DNSNames: []string{name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(800 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	c.Subject.CommonName = name
	if change != nil {
		change(c)
	}
	return c
}

// asPKCS8 converts a key by openssl, whatever form it has.
func asPKCS8(t *testing.T, key []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "openssl", "openssl"), "pkcs8", "-topk8", "-nocrypt")
	cmd.Stdin = strings.NewReader(string(key))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func startNginx(t *testing.T, sites []*site) {
	t.Helper()
	dir := t.TempDir()
	var servers, ports []string
	for _, s := range sites {
		s.port = rig.FreePort(t)
		ports = append(ports, s.port)
		if s.settings == "plain" {
			servers = append(servers, fmt.Sprintf("server { listen 127.0.0.1:%s; return 200; }", s.port))
			continue
		}
		servers = append(servers, fmt.Sprintf("server { listen 127.0.0.1:%s ssl; ssl_certificate %s/cert.pem; ssl_certificate_key %[2]s/key.pem; %s return 200; }", s.port, s.dir, s.settings))
	}
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log stderr;\nevents {}\nhttp {\naccess_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;\n%s\n}\n", dir, strings.Join(servers, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "nginx", "nginx", []string{"-c", config, "-p", dir}, ports...)
}

// TestMosquittoWithOneFaultEach: one broker with a listener for each fault.
func TestMosquittoWithOneFaultEach(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("broker.local", "--for", "mosquitto")
	old := h.Path("kept")
	if err := os.CopyFS(old, os.DirFS(h.Path("broker.local"))); err != nil {
		t.Fatal(err)
	}
	h.Issue("broker.local")
	h.Run("export", "ca", "--format", "pem", "--out", "root.pem")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		dir, settings string
		ids           []string
	}{
		// OpenSSL completes the chain from the cafile.
		{h.Path("broker.local"), "", []string{"root-included"}},
		{old, "", []string{"outdated", "root-included"}},
		{h.Path("broker.local"), "require_certificate true", []string{"identity-required", "root-included"}},
		{h.Path("broker.local"), "require_certificate true\ntls_version tlsv1.2", []string{"identity-required", "root-included"}},
		{"", "", []string{"reset"}},
	}
	var config strings.Builder
	config.WriteString(lines("user "+me.Username, "per_listener_settings true"))
	var ports []string
	for _, test := range tests {
		port := rig.FreePort(t)
		ports = append(ports, port)
		config.WriteString(lines("listener "+port+" 127.0.0.1", "allow_anonymous true"))
		if test.dir != "" {
			config.WriteString(lines("cafile "+h.Path("root.pem"), "certfile "+filepath.Join(test.dir, "cert.pem"), "keyfile "+filepath.Join(test.dir, "key.pem"), test.settings))
		}
	}
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "mosquitto", "mosquitto", []string{"-c", file}, ports...)
	for i, test := range tests {
		want(t, visit(t, h, "broker.local", ports[i]), test.ids...)
	}
	// Its usual port is that of the device.
	out, err := h.Try("check", "broker.local", "--address", "127.0.0.1", "--json")
	if !strings.Contains(out, `"port": 8883`) {
		t.Errorf("without a port: got %v\n%s", err, out)
	}
	if slices.Contains(ports, "8883") {
		t.Fatal("a test's server took the port")
	}
}
