package formats

import (
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestChromiumShowsTheIdentity that pk12util brought into its store, and a
// stranger's is rejected.
func TestChromiumShowsTheIdentity(t *testing.T) {
	h, stranger := newDoor(t), newDoor(t)
	port := mutualServer(h)
	for _, profile := range p12Profiles {
		for owner, want := range map[rig.Home]bool{h: true, stranger: false} {
			c := rig.NewChromium(t)
			c.NSS("certutil", "-A", "-n", "root", "-t", "C,,", "-i", h.Path("root.pem"))
			c.NSS("pk12util", "-i", p12(owner, profile), "-K", "", "-W", p12Passphrase)
			dom := c.DOM("https://pico.local:" + port + "/")
			if strings.Contains(dom, welcome(profile)) != want {
				t.Errorf("%s: want welcome: %t\n%s", profile, want, dom)
			}
		}
	}
}
