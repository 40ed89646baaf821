package growth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// issuer is a delegated CA whose key the test has: Caddy's is not encrypted.
type issuer struct {
	home rig.Home
	cert *x509.Certificate
	key  any
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	h := rig.NewHome(t)
	h.Run("delegate", "caddy", "caddy")
	certBlock, _ := pem.Decode(rig.ReadFile(t, h.Path("caddy", "intermediate.crt")))
	keyBlock, _ := pem.Decode(rig.ReadFile(t, h.Path("caddy", "intermediate.key")))
	cert, certErr := x509.ParseCertificate(certBlock.Bytes)
	key, keyErr := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if certErr != nil || keyErr != nil {
		t.Fatal(certErr, keyErr)
	}
	return issuer{h, cert, key}
}

// leaf issues a certificate as such a program does, also a client's.
func (i issuer) leaf(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, i.cert.Raw}, PrivateKey: key}
}

func writePEM(t *testing.T, name string, certs ...[]byte) string {
	t.Helper()
	var text bytes.Buffer
	for _, der := range certs {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	rig.WriteFile(t, name, text.String())
	return name
}

// TestChainsOfADelegatedCA holds a leaf for the home, one for a stranger's name,
// and one that would be an identity, against other verifiers.
func TestChainsOfADelegatedCA(t *testing.T) {
	i := newIssuer(t)
	root, middle := i.home.Path("caddy", "root.crt"), i.home.Path("caddy", "intermediate.crt")
	for name, want := range map[string]bool{"nas.home.arpa": true, "nas.local": true, "bank.example.com": false} {
		cert := i.leaf(t, name)
		leaf := writePEM(t, i.home.Path(name+".pem"), cert.Certificate[0])
		chain := writePEM(t, i.home.Path(name+"-chain.pem"), cert.Certificate[0], cert.Certificate[1])
		out, err := rig.Outside(t, "openssl", "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile", root, "-untrusted", middle, leaf)
		if (err == nil) != want {
			t.Errorf("openssl, %s: got %v\n%s", name, err, out)
		}
		out, err = rig.Outside(t, "gnutls-bin", "certtool", "--verify", "--load-ca-certificate", root, "--infile", chain)
		if (err == nil) != want {
			t.Errorf("certtool, %s: got %v\n%s", name, err, out)
		}
		if got := i.goAccepts(t, cert, name); got != want {
			t.Errorf("Go, %s: got %v, want %v", name, got, want)
		}
		// What is for a client in the leaf does not count: the CA is for servers.
		out, err = rig.Outside(t, "openssl", "openssl", "verify", "-purpose", "sslclient", "-CAfile", root, "-untrusted", middle, leaf)
		if err == nil {
			t.Errorf("openssl takes %s for an identity:\n%s", name, out)
		}
	}
}

func (i issuer) goAccepts(t *testing.T, cert tls.Certificate, name string) bool {
	t.Helper()
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(rig.ReadFile(t, i.home.Path("caddy", "root.crt"))) {
		t.Fatal("the root is no certificate")
	}
	others.AddCert(i.cert)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, DNSName: name})
	return err == nil
}

// TestServersOfADelegatedCA are visited by curl and Node, which trust the root
// only.
func TestServersOfADelegatedCA(t *testing.T) {
	i := newIssuer(t)
	root := i.home.Path("caddy", "root.crt")
	for name, want := range map[string]bool{"nas.home.arpa": true, "bank.example.com": false} {
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{i.leaf(t, name)}})
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("It works.")) })}
		go server.Serve(listener)
		t.Cleanup(func() { server.Close() })
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		out, err := rig.Outside(t, "curl", "curl", "-sS", "--cacert", root, "--resolve", name+":"+port+":127.0.0.1", "https://"+name+":"+port+"/")
		if (err == nil) != want {
			t.Errorf("curl, %s: got %v\n%s", name, err, out)
		}
		visit := `require("https").get({host:"127.0.0.1",port:` + port + `,servername:"` + name + `",ca:require("fs").readFileSync(process.argv[1])},r=>process.exit(0)).on("error",e=>{console.log(e.message);process.exit(1)})`
		out, err = rig.Outside(t, "nodejs", "node", "-e", visit, root)
		if (err == nil) != want {
			t.Errorf("node, %s: got %v\n%s", name, err, out)
		}
	}
}

// TestRevokedCA: those who read the list refuse all that the CA issued.
func TestRevokedCA(t *testing.T) {
	i := newIssuer(t)
	root, middle := i.home.Path("caddy", "root.crt"), i.home.Path("caddy", "intermediate.crt")
	check := func() (string, error) {
		i.home.Run("export", "crl", "--out", "crl.pem", "--force")
		return rig.Outside(t, "openssl", "openssl", "verify", "-crl_check", "-CRLfile", i.home.Path("crl.pem"), "-CAfile", root, middle)
	}
	if out, err := check(); err != nil {
		t.Errorf("before: %v\n%s", err, out)
	}
	i.home.Run("revoke", "caddy")
	if out, err := check(); err == nil || !strings.Contains(out, "certificate revoked") {
		t.Errorf("after: got %v\n%s", err, out)
	}
}

// TestCaddysInternalCA runs Debian's Caddy from the very file that picoca wrote; only
// the site's port is another one, and without HTTP/3, whose UDP port is taken.
func TestCaddysInternalCA(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("delegate", "caddy", "caddy")
	port := rig.FreePort(t)
	text := string(rig.ReadFile(t, h.Path("caddy", "Caddyfile")))
	text = strings.Replace(text, "nas.home.arpa {", "https://nas.home.arpa:"+port+" {", 1)
	rig.WriteFile(t, h.Path("Caddyfile"), "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n"+strings.TrimPrefix(text, "{\n"))
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "caddy", "caddy"), "run", "--config", h.Path("Caddyfile"))
	cmd.Env = append(os.Environ(), "HOME="+h.Dir, "XDG_DATA_HOME="+h.Path("data"), "XDG_CONFIG_HOME="+h.Path("config"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		<-ended // the test's context has ended, and so does Caddy
		if t.Failed() {
			t.Log(said.String())
		}
	})
	url, resolve := "https://nas.home.arpa:"+port+"/", "nas.home.arpa:"+port+":127.0.0.1"
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(50 * time.Millisecond) {
		out, err := rig.Outside(t, "curl", "curl", "-sS", "--cacert", h.Path("caddy", "root.crt"), "--resolve", resolve, url)
		if err == nil && out == "It works." {
			return
		}
		select {
		case <-ended:
			t.Fatal("Caddy ended")
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("curl: %v\n%s", err, out)
		}
	}
}

// TestStepCA builds the real step-ca and Caddy, which takes minutes, and runs them
// from the files that picoca wrote.
func TestStepCA(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("PICOCA_TEST_ALL is not set")
	}
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace: run it as root")
	}
	bin := filepath.Join(t.TempDir(), "bin")
	for _, module := range []string{"github.com/smallstep/certificates/cmd/step-ca@v0.30.2", "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"} {
		cmd := exec.CommandContext(t.Context(), "go", "install", module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+bin, "GOFLAGS=")
		if err := rig.WrapOutput(cmd); err != nil {
			t.Fatal(err)
		}
	}
	h := rig.NewHome(t)
	h.Run("delegate", "step-ca", "acme")
	work := h.Path("work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join(rig.Root, "testdata/growth/acme.sh"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Need(t, "unshare", "util-linux"), "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", script,
		filepath.Join(bin, "step-ca"), filepath.Join(bin, "caddy"), h.Path("acme"), work)
	if err := rig.WrapOutput(cmd); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nas.local", "nas.home.arpa"} {
		certs := h.Path("work", name+".pem")
		out, err := rig.Outside(t, "openssl", "openssl", "verify", "-purpose", "sslserver", "-CAfile", h.Path("acme", "root.crt"), "-untrusted", certs, certs)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if out, err := rig.Outside(t, "openssl", "openssl", "verify", "-purpose", "sslclient", "-CAfile", h.Path("acme", "root.crt"), "-untrusted", certs, certs); err == nil {
			t.Errorf("%s passes as an identity:\n%s", name, out)
		}
	}
}
