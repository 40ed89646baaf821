package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"strings"
	"testing"
)

// chromium is a Chromium with a profile and a certificate store of its own.
type chromium struct {
	t   *testing.T
	dir string
}

func newChromium(t *testing.T) chromium {
	t.Helper()
	c := chromium{t, t.TempDir()}
	if err := os.MkdirAll(c.store(), 0o700); err != nil {
		t.Fatal(err)
	}
	c.nss("certutil", "-N", "--empty-password")
	return c
}

// store is where Chromium on Linux keeps certificates, when ~/.pki is not
// there.
func (c chromium) store() string { return c.dir + "/.local/share/pki/nssdb" }

func (c chromium) nss(tool string, args ...string) {
	c.t.Helper()
	if out, err := outside(c.t, "libnss3-tools", tool, append(args, "-d", "sql:"+c.store())...); err != nil {
		c.t.Fatalf("%s %s: %v\n%s", tool, args, err, out)
	}
}

// underPolicy makes the managed policies in the folder $1 Chromium's, in a name
// space of its own: nothing of the machine changes.
const underPolicy = `mount --bind "$1" /etc/chromium && shift && exec "$@"`

// dom opens a page, and returns it after what Chromium makes of it. A server
// that asks for a certificate gets the first that fits.
func (c chromium) dom(url string) string {
	c.t.Helper()
	policies := c.dir + "/etc/policies/managed"
	if err := os.MkdirAll(policies, 0o755); err != nil {
		c.t.Fatal(err)
	}
	// Each rule is JSON in a string of JSON.
	policy, err := json.Marshal(map[string][]string{"AutoSelectCertificateForUrls": {fmt.Sprintf(`{"pattern":%q,"filter":{}}`, url)}})
	if err == nil {
		err = os.WriteFile(policies+"/door.json", policy, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	space := []string{"--mount"}
	if os.Geteuid() != 0 {
		space = []string{"--mount", "--map-root-user"}
	}
	args := append(space, "sh", "-c", underPolicy, "sh", c.dir+"/etc", need(c.t, "chromium", "chromium"),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+c.dir+"/profile",
		"--host-resolver-rules=MAP pico.local 127.0.0.1", "--timeout=20000", "--dump-dom", url)
	out, err := outsideWith(c.t, []string{"HOME=" + c.dir, "XDG_CONFIG_HOME=" + c.dir + "/config"}, nil, "util-linux", "unshare", args...)
	if err != nil {
		c.t.Fatalf("chromium: %v\n%s", err, out)
	}
	return html.UnescapeString(out)
}

// TestChromiumShowsTheIdentity that pk12util brought into its store, and a
// stranger's opens no door.
func TestChromiumShowsTheIdentity(t *testing.T) {
	h, stranger := newDoor(t), newDoor(t)
	port := h.door()
	for _, profile := range p12Profiles {
		for owner, want := range map[home]bool{h: true, stranger: false} {
			c := newChromium(t)
			c.nss("certutil", "-A", "-n", "root", "-t", "C,,", "-i", h.path("root.pem"))
			c.nss("pk12util", "-i", owner.p12(profile), "-K", "", "-W", p12Passphrase)
			dom := c.dom("https://pico.local:" + port + "/")
			if strings.Contains(dom, welcome(profile)) != want {
				t.Errorf("%s: want welcome: %t\n%s", profile, want, dom)
			}
		}
	}
}
