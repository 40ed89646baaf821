package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// TestExampleMutualTLS has devices with a certificate of the board's authority
// get in, and nobody else: not those of another authority, not those without.
func TestExampleMutualTLS(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware, "--mutual-tls")
		foreign := newHome(t)
		for _, row := range []struct {
			name     string
			identity *tls.Certificate
			says     string // what the board prints, "" if it lets the device in
		}{
			{"its own", b.home.identity(), ""},
			{"none", nil, "NO_CLIENT_CERTIFICATE"},
			{"another authority's", foreign.identity(), "not correctly signed by the trusted CA"},
			{"its own again", b.home.identity(), ""},
		} {
			v := b.visitor("127.0.0.1")
			v.identity = row.identity
			client := v.client()
			status, _, err := get(client, "/")
			client.CloseIdleConnections()
			if in := err == nil && status == 200; in != (row.says == "") {
				t.Errorf("%s: status %d, %v", row.name, status, err)
			}
			b.log.wait(t, row.says)
		}
	})
}

// TestExampleMutualTLSNeedsTheClock shows why the MicroPython example sets the
// clock first: without that line a good certificate is refused.
func TestExampleMutualTLSNeedsTheClock(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.run("issue", "pico.local")
	h.run("example", "pico.local", "--firmware", "micropython", "--mutual-tls", "--out", "project")
	program, err := os.ReadFile(h.path("project", "main.py"))
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(program), "    await set_clock()\n", "", 1)
	if without == string(program) {
		t.Fatal("main.py does not set the clock")
	}
	if err := os.WriteFile(h.path("project", "main.py"), []byte(without), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startExample(t, h, exampleOnMicroPython)
	v := b.visitor("127.0.0.1")
	v.identity = h.identity()
	if status, _, err := get(v.client(), "/"); err == nil {
		t.Errorf("status %d with the clock in 2021", status)
	}
	b.log.wait(t, "starts in the future")
}

// identity makes a certificate for a visitor, with the authority's own key.
func (h home) identity() *tls.Certificate {
	h.t.Helper()
	root, err := tls.LoadX509KeyPair(h.path("store", "root", "cert.pem"), h.path("store", "root", "key.pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "a phone"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, root.Leaf, &key.PublicKey, root.PrivateKey)
	if err != nil {
		h.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
