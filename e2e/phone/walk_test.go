package phone

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/onboard"
)

// Each phone walks the page as its user would: look, download, check in vain,
// trust what was downloaded, check again.
func TestPhoneWalksFromThePageToTrust(t *testing.T) {
	for _, walk := range []struct {
		screen screen
		button string
		file   string
		device onboard.Platform
	}{
		{iPhone, "Download the profile", "picoca-root.mobileconfig", onboard.IPhone},
		{pixel, "Download the certificate", "picoca-root.crt", onboard.Android},
		{laptop, "Download the certificate", "picoca-root.crt", onboard.Mac},
	} {
		t.Run(walk.screen.Name, func(t *testing.T) {
			run := startPhone(t, nil)
			home := rig.NewTrust(t)
			b := newBrowser(t, home, walk.screen)
			b.do(nil, "open", "url", run.url)
			b.look(walk.screen.Name + "-1-page")
			fingerprint := ca.Fingerprint(run.root)
			if text := strings.ReplaceAll(b.text(), "\n", ""); !strings.Contains(text, fingerprint) {
				t.Errorf("the page does not show the fingerprint %s", fingerprint)
			}

			served := filepath.Join(t.TempDir(), walk.file)
			var name string
			b.do(&name, "download", "text", walk.button, "file", served)
			if name != walk.file {
				t.Errorf("the download is called %q, want %q", name, walk.file)
			}
			b.do(nil, "click", "text", "Check this")
			if text := b.text(); !strings.Contains(text, "ERR_CERT_AUTHORITY_INVALID") {
				t.Fatalf("without trust the check page opens: %s", text)
			}
			b.look(walk.screen.Name + "-2-warning")
			if e := run.waitFor(onboard.Distrusted); e.Device != walk.device {
				t.Errorf("got %+v, want the device %s", e, walk.device)
			}
			b.close()
			if got := run.actions(); got != "opened downloaded distrusted" {
				t.Errorf("got %q before there was trust", got)
			}

			rig.TrustFile(t, home, rootIn(t, served, run.root.Raw))
			b = newBrowser(t, home, walk.screen)
			b.do(nil, "open", "url", run.url)
			var at string
			b.do(&at, "click", "text", "Check this")
			if !strings.HasPrefix(at, "https://127.0.0.1:") {
				t.Errorf("the check page is at %s", at)
			}
			if text := b.text(); !strings.Contains(text, "Yes, it does.") {
				t.Errorf("with trust the check page says: %s", text)
			}
			b.look(walk.screen.Name + "-3-trusted")
			if e := run.waitFor(onboard.Trusted); e.Device != walk.device {
				t.Errorf("got %+v, want the device %s", e, walk.device)
			}
			b.complains()
		})
	}
}

// rootIn is a file with the certificate that a served file brings: the file
// itself, or what a profile holds. It must be the root.
func rootIn(t *testing.T, served string, root []byte) string {
	t.Helper()
	data, err := os.ReadFile(served)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(served) == ".mobileconfig" {
		data = rootOfProfile(t, data, root)
	}
	if !bytes.Equal(data, root) {
		t.Fatalf("%s does not bring the root", filepath.Base(served))
	}
	file := filepath.Join(t.TempDir(), "served.der")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// rootOfProfile is the data of a profile that is the root; icons are data too.
func rootOfProfile(t *testing.T, profile, root []byte) []byte {
	t.Helper()
	for _, held := range regexp.MustCompile(`(?s)<data>(.*?)</data>`).FindAllSubmatch(profile, -1) {
		data, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(held[1]), nil)))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(data, root) {
			return data
		}
	}
	t.Fatalf("the profile does not hold the root: %s", profile)
	return nil
}

// complains fails the test when the browser's console has something to say.
func (b *browser) complains() {
	b.t.Helper()
	var complaints []string
	b.do(&complaints, "complaints")
	if len(complaints) != 0 {
		b.t.Errorf("the browser complains: %q", complaints)
	}
}

// A reader who taps past the warning sees the check page, but it shows the truth, and so
// does the event: the proof's certificate was not tapped away.
func TestPhoneThatTapsPastTheWarningDoesNotTrust(t *testing.T) {
	run := startPhone(t, nil)
	b := newBrowser(t, rig.NewTrust(t), iPhone)
	b.do(nil, "open", "url", run.url)
	b.do(nil, "click", "text", "Check this")
	b.do(nil, "proceed")
	if text := b.text(); !strings.Contains(text, "No, not yet.") || strings.Contains(text, "Yes, it does") {
		t.Errorf("the check page says: %s", text)
	}
	b.look("tapped-past")
	b.accessible("the verdict no")
	if e := run.waitFor(onboard.Unproven); !strings.Contains(e.Reason, "went past a warning") {
		t.Errorf("got %+v, want the warning as the reason", e)
	}
	if got := run.actions(); got != "opened distrusted checking unproven" {
		t.Errorf("got %q", got)
	}
}

func TestPhoneThatTrustsAnotherRootFails(t *testing.T) {
	run, other := startPhone(t, nil), startPhone(t, nil)
	home := rig.NewTrust(t)
	file := filepath.Join(t.TempDir(), "other.der")
	if err := os.WriteFile(file, other.root.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	rig.TrustFile(t, home, file)
	b := newBrowser(t, home, pixel)
	b.do(nil, "open", "url", run.url)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("a foreign root opens the check page: %s", text)
	}
	run.waitFor(onboard.Distrusted)
}

func TestPhoneWithoutScriptsGetsEverything(t *testing.T) {
	run, home := startPhone(t, nil), rig.NewTrust(t)
	silent := iPhone
	silent.Scripts = false
	b := newBrowser(t, home, silent)
	b.do(nil, "open", "url", run.url)
	served := filepath.Join(t.TempDir(), "picoca-root.mobileconfig")
	b.do(nil, "download", "text", "Download the profile", "file", served)
	b.do(nil, "click", "text", "Android")
	if text := b.text(); !strings.Contains(text, "on this Android device") {
		t.Errorf("the reader cannot pick a device: %s", text)
	}
	b.close()
	rig.TrustFile(t, home, rootIn(t, served, run.root.Raw))
	b = newBrowser(t, home, silent)
	b.do(nil, "open", "url", run.url)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "Yes, it does.") || strings.Contains(text, "Checking") {
		t.Errorf("the check page says: %s", text)
	}
	run.waitFor(onboard.Trusted)
}

func TestPhoneFetchesItsIdentityOnce(t *testing.T) {
	t.Run("PKCS#12", func(t *testing.T) { walkToIdentity(t, pixel, "kitchen-tablet.p12", "p12 bytes") })
	t.Run("profile", func(t *testing.T) { walkToIdentity(t, iPhone, "kitchen-tablet.mobileconfig", "phone profile bytes") })
}

// walkToIdentity downloads what the button brings to a kind of phone.
func walkToIdentity(t *testing.T, s screen, want, content string) {
	run := startPhone(t, func(c *onboard.Config) {
		c.Devices = []onboard.Link{{Name: "Kitchen clock", URL: "https://pico.local/"}, {Name: "Plant watering", URL: "https://plants.local/"}}
		c.Identity = &onboard.Identity{Name: "tablet in the kitchen", Stem: "kitchen-tablet", P12: []byte("p12 bytes"), Profile: []byte("profile bytes"), PhoneProfile: []byte("phone profile bytes")}
	})
	home := rig.NewTrust(t)
	root := filepath.Join(t.TempDir(), "root.der")
	if err := os.WriteFile(root, run.root.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	rig.TrustFile(t, home, root)
	b := newBrowser(t, home, s)
	b.do(nil, "open", "url", run.url)
	b.do(nil, "click", "text", "Check this")
	b.look("identity-" + s.Name)
	text := b.text()
	if strings.Contains(text, "You can close this page") {
		t.Errorf("the page lets its reader go before the identity is downloaded: %s", text)
	}
	if got, want := strings.Contains(text, ".p12 files"), s.Name == iPhone.Name; got != want {
		t.Errorf("a second file is offered: got %t, want %t: %s", got, want, text)
	}
	b.accessible("the verdict yes")
	file := filepath.Join(t.TempDir(), "identity")
	var name string
	b.do(&name, "download", "text", "Download tablet in the kitchen", "file", file)
	if got, err := os.ReadFile(file); err != nil || string(got) != content || name != want {
		t.Errorf("got %q as %q, %v; want %s", got, name, err, want)
	}
	run.waitFor(onboard.Delivered)
	b.do(nil, "open", "url", run.url)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "already been downloaded") || !strings.Contains(text, "Kitchen clock") {
		t.Errorf("the check page says: %s", text)
	}
}

// accessible fails the test for what axe-core finds, of any impact.
func (b *browser) accessible(what string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.do(nil, "scheme", "scheme", scheme)
		var found []string
		b.do(&found, "axe")
		for _, violation := range found {
			b.t.Errorf("%s, %s: %s", what, scheme, violation)
		}
	}
	b.do(nil, "scheme", "scheme", "light")
}

// fits fails the test for a page that is wider than the screen.
func (b *browser) fits(what string) {
	b.t.Helper()
	var width [2]int
	b.do(&width, "size")
	if width[0] > width[1] {
		b.t.Errorf("%s is %d pixels wide on a screen of %d", what, width[0], width[1])
	}
}

// With a second root, every page compares two fingerprints, and the check says
// which root it was for.
func TestPhoneWalksToTrustInTwoRoots(t *testing.T) {
	other := phoneRoot(t, "Home CA 9XYZ").Cert
	for _, s := range []screen{iPhone, pixel} {
		run := startPhone(t, func(c *onboard.Config) {
			c.Roots = append(c.Roots, other)
			c.Profile = append(c.Profile, phoneProfile(other)...)
		})
		home := rig.NewTrust(t)
		root := filepath.Join(t.TempDir(), "root.der")
		if err := os.WriteFile(root, run.root.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
		rig.TrustFile(t, home, root)
		b := newBrowser(t, home, s)
		b.do(nil, "open", "url", run.url)
		text := strings.ReplaceAll(b.text(), "\n", "")
		for _, cert := range []*x509.Certificate{run.root, other} {
			if !strings.Contains(text, ca.Fingerprint(cert)) {
				t.Errorf("%s: the page lacks the fingerprint of %s", s.Name, cert.Subject.CommonName)
			}
		}
		if s.Name == pixel.Name {
			served, name := filepath.Join(t.TempDir(), "second.crt"), ""
			b.do(&name, "download", "text", "Download Home CA 9XYZ", "file", served)
			if name != "picoca-root-2.crt" {
				t.Errorf("the second download is called %q", name)
			}
			rootIn(t, served, other.Raw)
		}
		for _, path := range []string{"/iphone", "/samsung", "/windows", "/linux"} {
			b.do(nil, "open", "url", run.url+path)
			b.accessible("two roots" + path)
		}
		b.fitsEvery("two-roots-"+s.Name, run.url)
		b.do(nil, "open", "url", run.url)
		b.do(nil, "click", "text", "Check this")
		if text := b.text(); !strings.Contains(text, "Yes, it does.") || !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), "did not cover Home CA 9XYZ") {
			t.Errorf("%s: the check page says: %s", s.Name, text)
		}
		b.accessible("the verdict for two roots")
	}
}

// A name needs no space to be long, nor does a device's or an identity's.
func TestPhonePagesFitWithLongNames(t *testing.T) {
	const german = "Donaudampfschifffahrtsgesellschaft"
	for name, ca := range map[string]string{"german": german, "wide": strings.Repeat("W", 54)} {
		t.Run(name, func(t *testing.T) {
			run := startPhoneOf(t, ca, func(c *onboard.Config) {
				c.Devices = []onboard.Link{{Name: strings.Repeat(german, 2), URL: "https://pico.local/"}}
				c.Identity = &onboard.Identity{Name: strings.Repeat("W", 64), Stem: strings.Repeat("w", 64), P12: []byte("p12 bytes"), Profile: []byte("profile bytes"), PhoneProfile: []byte("phone profile bytes")}
			})
			home := rig.NewTrust(t)
			root := filepath.Join(t.TempDir(), "root.der")
			if err := os.WriteFile(root, run.root.Raw, 0o600); err != nil {
				t.Fatal(err)
			}
			rig.TrustFile(t, home, root)
			b := newBrowser(t, home, iPhone)
			b.fitsEvery("long-"+name, run.url)
			b.fitsEvery("long-"+name+"-linux", run.url+"/linux")
			b.do(nil, "open", "url", run.url)
			var check string
			b.do(&check, "click", "text", "Check this")
			b.fitsEvery("long-"+name+"-check", check)
		})
	}
}

// fitsEvery looks at a page on the narrowest of phones, on a usual one and on a
// computer.
func (b *browser) fitsEvery(name, url string) {
	b.t.Helper()
	for _, width := range []string{"320", "390", "1280"} {
		b.do(nil, "resize", "width", width)
		b.do(nil, "open", "url", url)
		b.look(name + "-" + width)
		b.fits(name)
	}
}

func TestPhonePagesAreAccessibleAndFitEveryScreen(t *testing.T) {
	firefox := screen{"firefox-ios", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15", 320, 568, true, true}
	every := []string{"", "/iphone", "/ipad", "/android", "/samsung", "/mac", "/windows", "/linux"}
	for _, test := range []struct {
		screen screen
		paths  []string
	}{
		{pixel, every},
		{laptop, every},
		{firefox, []string{"", "/linux"}},
		{screen{"unknown", "nobody", 390, 844, true, true}, every[:1]},
	} {
		s := test.screen
		t.Run(s.Name, func(t *testing.T) {
			run := startPhone(t, nil)
			b := newBrowser(t, rig.NewTrust(t), s)
			for _, path := range test.paths {
				b.do(nil, "open", "url", run.url+path)
				b.look(fmt.Sprintf("%s-page%s", s.Name, strings.ReplaceAll(path, "/", "-")))
				b.accessible(s.Name + path)
				b.fits(path)
			}
			b.complains()
		})
	}
}
