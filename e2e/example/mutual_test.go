package example

import (
	"crypto/tls"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestExampleMutualTLS has devices with a certificate of the board's authority
// get in, and no one else: not those of another authority, not those without.
func TestExampleMutualTLS(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware, "--mutual-tls")
		own, foreign := identity(b.home), identity(rig.NewHome(t))
		for _, row := range []struct {
			name     string
			identity *tls.Certificate
			says     []string // one of these the board prints; none if it lets the device in
		}{
			{"its own", own, nil},
			{"none", nil, []string{strconv.Itoa(rig.ErrNoClientCertificate)}},
			{"another authority's", foreign, []string{"not correctly signed by the trusted CA", strconv.Itoa(rig.ErrVerification)}},
			{"its own again", own, nil},
		} {
			v := b.visitor("127.0.0.1")
			v.identity = row.identity
			client := v.client()
			status, _, err := get(client, "/")
			client.CloseIdleConnections()
			if in := err == nil && status == 200; in != (row.says == nil) {
				t.Errorf("%s: status %d, %v", row.name, status, err)
			}
			b.log.wait(t, row.says...)
		}
	})
}

// TestExampleMutualTLSNeedsTheClock shows why the MicroPython example sets the
// clock first: without that line a good certificate is refused.
func TestExampleMutualTLSNeedsTheClock(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run("example", "pico.local", "--for", "pico-w/micropython", "--mutual-tls", "--out", "project")
	program, err := os.ReadFile(h.Path("project", "main.py"))
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(program), "    await set_clock()\n", "", 1)
	if without == string(program) {
		t.Fatal("main.py does not set the clock")
	}
	if err := os.WriteFile(h.Path("project", "main.py"), []byte(without), 0o644); err != nil {
		t.Fatal(err)
	}
	b := startExample(t, h, exampleOnMicroPython)
	v := b.visitor("127.0.0.1")
	v.identity = identity(h)
	if status, _, err := get(v.client(), "/"); err == nil {
		t.Errorf("status %d with the clock in 2021", status)
	}
	b.log.wait(t, "starts in the future")
}

// identity has picoca make a client identity, as for a phone.
func identity(h rig.Home) *tls.Certificate {
	h.T.Helper()
	if err := os.WriteFile(h.Path("passphrase"), []byte("correct-horse-battery-staple-2026\n"), 0o600); err != nil {
		h.T.Fatal(err)
	}
	h.Run("identity", "phone", "--out", "phone-p12", "--p12-passphrase-file", "passphrase")
	h.Run("export", "phone", "--format", "pem", "--out", "phone-pem")
	pair, err := tls.LoadX509KeyPair(h.Path("phone-pem", "cert.pem"), h.Path("phone-pem", "key.pem"))
	if err != nil {
		h.T.Fatal(err)
	}
	return &pair
}
