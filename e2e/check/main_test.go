// Package check tests picoca check with real servers, each of which has one
// fault: nginx, mosquitto, the real MicroPython, and a home of thirty servers.
package check

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// A home has two network namespaces, joined by a cable: picoca is in one, the
// servers and avahi-daemon in the other. These variables of the environment say
// which part this process is.
const (
	servesHome = "PICOCA_TEST_SERVES_HOME"
	insideHome = "PICOCA_TEST_INSIDE_HOME"
)

func TestMain(m *testing.M) {
	if os.Getenv(servesHome) != "" {
		os.Exit(m.Run())
	}
	rig.Main(m)
}

// report is what check --json prints of a server.
type report struct {
	Name, Address string
	Port          int
	OK            bool
	TLS           struct {
		Version          string
		Seconds          float64
		Device           string
		PredictedSeconds []float64 `json:"predicted_seconds"`
	}
	Certificate struct {
		Newest   bool
		DaysLeft int `json:"days_left"`
	}
	ChainBytes int `json:"chain_bytes"`
	Identity   string
	Findings   []struct{ ID, Level, Fix string }
}

func (r report) ids() []string {
	all := []string{}
	for _, f := range r.Findings {
		all = append(all, f.ID)
	}
	return all
}

// visit checks a name at a port of loopback.
func visit(t *testing.T, h rig.Home, name, port string) report {
	t.Helper()
	out, err := h.Try("check", name+":"+port, "--address", "127.0.0.1", "--json")
	var r report
	if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil {
		t.Fatalf("%s: %v, %v\n%s", name, err, jsonErr, out)
	}
	if r.OK != (err == nil) {
		t.Errorf("%s: ok is %v, but picoca ended with %v", name, r.OK, err)
	}
	return r
}

// want wants exactly these findings of a server.
func want(t *testing.T, r report, ids ...string) {
	t.Helper()
	if got := r.ids(); !slices.Equal(got, append([]string{}, ids...)) {
		t.Errorf("%s:%d: got %v, want %v", r.Name, r.Port, got, ids)
	}
}

// rootOf returns the root of a CA with its key.
func rootOf(t *testing.T, h rig.Home) testpki.Pair {
	t.Helper()
	certPEM, err := os.ReadFile(h.RootFile("store", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := os.ReadFile(h.RootFile("store", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.ParseCertificatePEM(certPEM)
	if err != nil {
		t.Fatal(err)
	}
	return testpki.Pair{Cert: cert, Key: testpki.ParseKeyPEM(t, keyPEM)}
}

// writePair writes a chain and a key to a folder of their own.
func writePair(t *testing.T, key crypto.Signer, chain ...*x509.Certificate) string {
	t.Helper()
	dir := t.TempDir()
	var certs []byte
	for _, cert := range chain {
		certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	for name, data := range map[string][]byte{"cert.pem": certs, "key.pem": testpki.KeyPEM(t, key)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func lines(text ...string) string { return strings.Join(text, "\n") + "\n" }
