package rig

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"testing"
)

// Chromium is a Chromium with a profile and a certificate store of its own.
type Chromium struct {
	t   *testing.T
	dir string
}

// NewChromium makes an empty certificate store; DOM starts the browser.
func NewChromium(t *testing.T) Chromium {
	t.Helper()
	c := Chromium{t, t.TempDir()}
	if err := os.MkdirAll(c.store(), 0o700); err != nil {
		t.Fatal(err)
	}
	c.NSS("certutil", "-N", "--empty-password")
	return c
}

// store is where Chromium on Linux keeps certificates, when ~/.pki is not
// there.
func (c Chromium) store() string { return c.dir + "/.local/share/pki/nssdb" }

// NSS runs a tool of NSS on the store.
func (c Chromium) NSS(tool string, args ...string) {
	c.t.Helper()
	if out, err := Outside(c.t, "libnss3-tools", tool, append(args, "-d", "sql:"+c.store())...); err != nil {
		c.t.Fatalf("%s %s: %v\n%s", tool, args, err, out)
	}
}

// underPolicy makes the managed policies in the folder $1 Chromium's, in a name
// space of its own: nothing of the machine changes.
const underPolicy = `mount --bind "$1" /etc/chromium && shift && exec "$@"`

// DOM opens a page, and returns it after what Chromium makes of it. A server
// that asks for a certificate gets the first that fits.
func (c Chromium) DOM(url string) string {
	c.t.Helper()
	policies := c.dir + "/etc/policies/managed"
	if err := os.MkdirAll(policies, 0o755); err != nil {
		c.t.Fatal(err)
	}
	// Each rule is JSON in a string of JSON.
	policy, err := json.Marshal(map[string][]string{"AutoSelectCertificateForUrls": {fmt.Sprintf(`{"pattern":%q,"filter":{}}`, url)}})
	if err == nil {
		err = os.WriteFile(policies+"/client.json", policy, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	space := []string{"--mount"}
	if os.Geteuid() != 0 {
		space = []string{"--mount", "--map-root-user"}
	}
	args := append(space, "sh", "-c", underPolicy, "sh", c.dir+"/etc", Need(c.t, "chromium", "chromium"),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+c.dir+"/profile",
		"--host-resolver-rules=MAP pico.local 127.0.0.1", fmt.Sprintf("--timeout=%d", Patience.Milliseconds()), "--dump-dom", url)
	out, err := OutsideWith(c.t, []string{"HOME=" + c.dir, "XDG_CONFIG_HOME=" + c.dir + "/config"}, nil, "util-linux", "unshare", args...)
	if err != nil {
		c.t.Fatalf("chromium: %v\n%s", err, out)
	}
	return html.UnescapeString(out)
}
