package formats

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// caller is a client that can show an identity.
type caller struct {
	name  string
	visit func(t *testing.T, h rig.Home, port string, id []string) (string, error)
	id    func(h rig.Home, profile string) []string
}

func identityP12(h rig.Home, profile string) []string {
	return []string{"--cert-type", "P12", "--cert", p12(h, profile) + ":" + p12Passphrase}
}

// identityPEM exports the identity as PEM, and returns its two files.
func identityPEM(h rig.Home, profile string) (cert, key string) {
	h.T.Helper()
	dir := h.Path("pem-" + profile)
	if _, err := os.Stat(dir); err != nil {
		h.Run("export", clientName(profile), "--format", "pem", "--out", dir)
	}
	return dir + "/cert.pem", dir + "/key.pem"
}

var callers = []caller{
	{"curl", func(t *testing.T, h rig.Home, port string, id []string) (string, error) {
		return rig.Outside(t, "curl", "curl", append(id, "-sS", "--max-time", fmt.Sprint(rig.Patience.Seconds()), "--cacert", h.Path("root.pem"), "--capath", "/nonexistent",
			"--resolve", "pico.local:"+port+":127.0.0.1", "https://pico.local:"+port+"/")...)
	}, identityP12},
	{"openssl", func(t *testing.T, h rig.Home, port string, id []string) (string, error) {
		return rig.OutsideWith(t, nil, []byte("GET / HTTP/1.0\r\n\r\n"), "openssl", "openssl", append([]string{"s_client", "-quiet", "-verify_return_error",
			"-CAfile", h.Path("root.pem"), "-no-CApath", "-no-CAstore", "-connect", "127.0.0.1:" + port}, id...)...)
	}, func(h rig.Home, profile string) []string {
		cert, key := identityPEM(h, profile)
		return []string{"-cert", cert, "-key", key}
	}},
	{"gnutls", func(t *testing.T, h rig.Home, port string, id []string) (string, error) {
		return rig.OutsideWith(t, nil, []byte("GET / HTTP/1.0\r\n\r\n"), "gnutls-bin", "gnutls-cli", append(id, "--x509cafile", h.Path("root.pem"),
			"--verify-hostname=pico.local", "-p", port, "127.0.0.1")...)
	}, func(h rig.Home, profile string) []string {
		cert, key := identityPEM(h, profile)
		return []string{"--x509certfile", cert, "--x509keyfile", key}
	}},
}

// TestServerLetsOnlyItsOwnClientsIn: the authority's identities, and neither strangers'
// nor a client without one, nor a device with its server's certificate.
func TestServerLetsOnlyItsOwnClientsIn(t *testing.T) {
	h, stranger := newDoor(t), newDoor(t)
	port := mutualServer(h)
	for _, v := range callers {
		for _, profile := range p12Profiles {
			t.Run(v.name+"/"+profile, func(t *testing.T) {
				if out, err := v.visit(t, h, port, v.id(h, profile)); err != nil || !strings.Contains(out, welcome(profile)) {
					t.Errorf("own identity: %v\n%s", err, out)
				}
				if out, _ := v.visit(t, h, port, v.id(stranger, profile)); strings.Contains(out, "welcome") {
					t.Errorf("a stranger's identity is let in\n%s", out)
				}
			})
		}
		t.Run(v.name+"/none", func(t *testing.T) {
			if out, _ := v.visit(t, h, port, nil); strings.Contains(out, "welcome") {
				t.Errorf("no one is let in\n%s", out)
			}
		})
	}
	t.Run("device", func(t *testing.T) {
		id := []string{"-cert", h.Path("pico.local", "cert.pem"), "-key", h.Path("pico.local", "key.pem")}
		if out, _ := callers[1].visit(t, h, port, id); strings.Contains(out, "welcome") {
			t.Errorf("a device's certificate is let in\n%s", out)
		}
	})
}

// clientVerifiers check a client's certificate against the root as servers on
// their libraries do.
var clientVerifiers = []struct {
	name, pkg string
	args      func(h rig.Home, cert string) []string
}{
	{"openssl", "openssl", func(h rig.Home, cert string) []string {
		return []string{"verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-CAfile", h.Path("root.pem"), cert}
	}},
	{"certtool", "gnutls-bin", func(h rig.Home, cert string) []string {
		return []string{"--verify", "--load-ca-certificate", h.Path("root.pem"), "--infile", cert, "--verify-purpose", "1.3.6.1.5.5.7.3.2"}
	}},
}

// TestClientNamesPassTheConstraints of the root, whatever they look like.
func TestClientNamesPassTheConstraints(t *testing.T) {
	h := newDoor(t)
	for i, label := range []string{"tablet", "Küche № 2", "anna@example.com", "http://example.com/", "*", "a,b=c+d", "v 2.0", "fd00", "平板"} {
		dir := h.Path("label", string(rune('a'+i)))
		if err := os.MkdirAll(h.Path("label"), 0o755); err != nil {
			t.Fatal(err)
		}
		h.Run("identity", label, "--out", dir+"-p12", "--p12-passphrase-file", "pass")
		h.Run("export", label, "--format", "pem", "--out", dir)
		for _, v := range clientVerifiers {
			if out, err := rig.Outside(t, v.pkg, v.name, v.args(h, dir+"/cert.pem")...); err != nil {
				t.Errorf("label %q: %s: %v\n%s", label, v.name, err, out)
			}
		}
	}
}

// TestOpenSSLRefusesAHostAsClientName is why picoca refuses such names: a server on
// OpenSSL rejects a client whose common name reads as a host's that the root may
// not vouch for.
func TestOpenSSLRefusesAHostAsClientName(t *testing.T) {
	h := newDoor(t)
	for label, want := range map[string]bool{"anna.example": false, "v1.5": false, "tablet_2.0": false, "192.168.1.20": false, "anna example": true} {
		cert := h.Path("hand-made.pem")
		signByHand(h, label, cert)
		out, err := rig.Outside(t, "openssl", "openssl", clientVerifiers[0].args(h, cert)...)
		if (err == nil) != want || err != nil && !strings.Contains(out, "permitted subtree violation") {
			t.Errorf("common name %q: got %v, want accepted: %t\n%s", label, err, want, out)
		}
		if _, refused := h.Try("identity", label, "--dry-run"); (refused == nil) != want {
			t.Errorf("picoca identity %q: got %v, want accepted: %t", label, refused, want)
		}
	}
}

// signByHand signs an identity with any common name by the root's key.
func signByHand(h rig.Home, name, file string) {
	h.T.Helper()
	root, err := ca.ParseCertificatePEM(rig.ReadFile(h.T, h.Path("root.pem")))
	if err != nil {
		h.T.Fatal(err)
	}
	key := testpki.ParseKeyPEM(h.T, rig.ReadFile(h.T, h.RootFile("store", "key.pem")))
	identity := testpki.Pair{Cert: root, Key: key}.Sign(h.T, &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, testpki.NewKey(h.T, ca.P256))
	if err := os.WriteFile(file, ca.CertificatePEM(identity.Cert), 0o644); err != nil {
		h.T.Fatal(err)
	}
}
