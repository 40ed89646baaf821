package phone

import (
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/onboard"
)

// systemRoots is the file that WebKitGTK takes its trust from on Debian.
const systemRoots = "/etc/ssl/certs/ca-certificates.crt"

// WebKit is Safari's engine. It has to show the check page while that is still
// being sent, and to fetch the proof meanwhile.
func TestPhonePageProvesTrustInWebKit(t *testing.T) {
	run := startPhone(t, nil)
	system, err := os.ReadFile(systemRoots)
	if err != nil {
		t.Fatal(err)
	}
	trusting := append(system, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: run.root.Raw})...)

	// Whether the address of a page that failed is shown depends on when it fails:
	// what counts is that the server never came to answer.
	if url, text := webkit(t, run.url, system, 5*time.Second); strings.Contains(text, "Yes, it does.") {
		t.Errorf("without trust %s says: %s", url, text)
	}
	for action := range strings.FieldsSeq(run.actions()) {
		if action != string(onboard.Opened) && action != string(onboard.Distrusted) {
			t.Errorf("got %q before there was trust", run.actions())
		}
	}
	url, text := webkit(t, run.url, trusting, rig.Patience)
	if !strings.Contains(text, "Yes, it does.") || !strings.HasPrefix(url, "https://") {
		t.Errorf("with trust %s says: %s", url, text)
	}
	run.waitFor(onboard.Trusted)
}

// webkit follows the link to the check in a browser that trusts these roots and
// no others. It lays them over the system's own in a mount namespace, which
// no other process sees. It waits for the page's good news, but no longer than
// wait.
func webkit(t *testing.T, page string, roots []byte, wait time.Duration) (url, text string) {
	t.Helper()
	rig.NeedDrivers(t)
	rig.Need(t, "Xvfb", "xvfb")
	rig.Need(t, "WebKitWebDriver", "webkit2gtk-driver")
	found, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	if err != nil || len(found) == 0 {
		t.Fatalf("no MiniBrowser beside WebKitWebDriver: %v", err)
	}
	port, err := strconv.Atoi(rig.FreePort(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bundle := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(bundle, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(map[string]any{
		"browser": found[0], "port": port, "home": dir,
		"url": page, "link": "Check this", "until": "Yes, it does.", "wait": wait.Milliseconds(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "unshare", "util-linux"), "--mount", "--map-root-user", "sh", "-ec",
		`mount --bind "$1" `+systemRoots+`; exec node webkit.js "$2"`, "sh", bundle, string(options))
	cmd.Dir = rig.ClientDrivers
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("webkit.js: %v", err)
	}
	var said struct{ URL, Text string }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return said.URL, said.Text
}

// OpenSSL and GnuTLS hold a common name to the root's name constraints when the
// certificate has no DNS name: one for only an address must have none, or must
// fail on whatever is built with them.
func TestPhoneLeafHoldsForEveryLibrary(t *testing.T) {
	run := startPhone(t, nil)
	bundle := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: run.root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.pem")
	if err := os.WriteFile(foreign, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: startPhone(t, nil).root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []net.Listener{run.listeners.Check, run.listeners.Proof} {
		_, port, err := net.SplitHostPort(at.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for name, client := range map[string]func(roots string) *exec.Cmd{
			"OpenSSL": func(roots string) *exec.Cmd {
				return exec.Command(rig.Need(t, "openssl", "openssl"), "s_client", "-connect", "127.0.0.1:"+port, "-CAfile", roots, "-no-CApath", "-verify_return_error", "-verify_ip", "127.0.0.1")
			},
			"GnuTLS": func(roots string) *exec.Cmd {
				return exec.Command(rig.Need(t, "gnutls-cli", "gnutls-bin"), "--x509cafile", roots, "--port", port, "127.0.0.1")
			},
		} {
			if out, err := client(bundle).CombinedOutput(); err != nil {
				t.Errorf("%s refuses the certificate: %v\n%s", name, err, out)
			}
			if out, err := client(foreign).CombinedOutput(); err == nil {
				t.Errorf("%s takes the certificate of a foreign root:\n%s", name, out)
			}
		}
	}
}
