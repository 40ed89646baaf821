//go:build unix

package project

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// The tests of this file have the names of requirements in
// draft-wing-settle-requirements; docs/security.md has the whole list.

// verify verifies the certificate in a PEM file for a name, under the store's root.
func verify(t *testing.T, h rig.Home, file, name string) (*x509.Certificate, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(readPEM(t, h.RootFile("store", "cert.pem")))
	cert := readPEM(t, file)
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
	return cert, err
}

func readPEM(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s is not PEM", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestSettleLocal is R-LOCAL and R-VALIDATE: names under .local, .internal and a
// domain of the administrator's, each of them and no other.
func TestSettleLocal(t *testing.T) {
	h := rig.NewHome(t, "--permit", "internal.example.com")
	for _, name := range []string{"pico.local", "nas.internal", "printer.internal.example.com"} {
		h.Run("issue", name)
		h.Run("export", name, "--format", "pem", "--out", "files")
		if _, err := verify(t, h, h.Path("files", "cert.pem"), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := verify(t, h, h.Path("files", "cert.pem"), "other.local"); err == nil {
			t.Errorf("%s: accepted for other.local", name)
		}
		if err := os.RemoveAll(h.Path("files")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Try("issue", "printer.example.org"); err == nil {
		t.Error("printer.example.org was issued")
	}
}

// TestSettleWebOrigin is R-WEB-ORIGIN, R-BINDING and R-AGILITY: a renewal
// replaces the key, also by one of another kind, and the name stays accepted
// under the same root.
func TestSettleWebOrigin(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "nas.local")
	file := h.Path("files", "cert.pem")
	keys := map[string]bool{}
	for _, kind := range []string{"", "p256", "rsa-2048"} {
		if kind != "" {
			h.Run("renew", "nas.local", "--key", kind)
		}
		h.Run("export", "nas.local", "--format", "pem", "--out", "files", "--force")
		cert, err := verify(t, h, file, "nas.local")
		if err != nil {
			t.Errorf("key %q: %v", kind, err)
		}
		keys[string(cert.RawSubjectPublicKeyInfo)] = true
	}
	if len(keys) != 3 {
		t.Errorf("got %d keys, want 3", len(keys))
	}
}

// TestSettleStandalone is R-STANDALONE, R-AVOID-CENTRAL and R-AVOID-VENDOR: from
// the first command to the last, where there is no network at all.
func TestSettleStandalone(t *testing.T) {
	h := rig.EmptyHome(t)
	script := `set -e
[ "$(tail -n +3 /proc/net/dev | grep -cv ' lo:')" = 0 ]
p() { "$0" "$@" >/dev/null; }
p init --no-passphrase
p issue pico.local
p renew pico.local
p identity Phone --show-passphrase
p revoke Phone
p export crl
p example pico.local`
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "unshare", "util-linux"), "--map-root-user", "--net", "sh", "-c", script, rig.Program())
	cmd.Dir, cmd.Env = h.Dir, append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out := h.Run("list", "--all"); !strings.Contains(out, "pico.local") {
		t.Errorf("got %s", out)
	}
}
