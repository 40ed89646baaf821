package e2e

import (
	"bytes"
	"strings"
	"testing"
)

// TestProfilesAreReadByOthers: as XML, and as a property list.
func TestProfilesAreReadByOthers(t *testing.T) {
	h := newDoor(t)
	h.run("export", "ca", "--format", "mobileconfig", "--out", "root.mobileconfig", "--web-clip", "Garden & <yard>=https://pico.local/")
	for _, file := range []string{h.path("root.mobileconfig"), h.path("legacy-des", "kuchen-tablet-legacy-des.mobileconfig")} {
		if out, err := outside(t, "libxml2-utils", "xmllint", "--nonet", "--noout", file); err != nil || out != "" {
			t.Errorf("xmllint: %v\n%s", err, out)
		}
		binary := h.path("binary.plist")
		if out, err := outside(t, "libplist-utils", "plistutil", "-i", file, "-o", binary, "-f", "bin"); err != nil {
			t.Errorf("plistutil: %v\n%s", err, out)
		}
		back, err := outside(t, "libplist-utils", "plistutil", "-i", binary, "-o", "-", "-f", "xml")
		for _, want := range []string{"<key>PayloadUUID</key>", "<string>com.apple.security.root</string>", "<key>ConsentText</key>"} {
			if err != nil || !strings.Contains(back, want) {
				t.Errorf("plistutil does not say %s: %v\n%s", want, err, back)
			}
		}
	}
	if cut := readFile(t, h.path("root.mobileconfig")); len(cut) > 0 {
		if out, err := outsideWith(t, nil, cut[:len(cut)-20], "libxml2-utils", "xmllint", "--nonet", "--noout", "-"); err == nil {
			t.Errorf("xmllint reads a profile that is cut short\n%s", out)
		}
	}
}

// TestSignedProfileIsVerified by OpenSSL, against this root and no other, for
// each kind of signer. -purpose any: the signers are for TLS, and OpenSSL would
// ask for S/MIME's purpose.
func TestSignedProfileIsVerified(t *testing.T) {
	h, stranger := newDoor(t), newDoor(t)
	h.run("export", "ca", "--format", "mobileconfig", "--out", "plain.mobileconfig")
	h.run("issue", "rsa.local", "--key", "rsa-2048")
	for _, signer := range []string{"pico.local", "rsa.local", clientLabel("legacy-des")} {
		signed, content := h.path("signed.mobileconfig"), h.path("content")
		h.run("export", "ca", "--format", "mobileconfig", "--sign", signer, "--out", signed, "--force")
		verify := func(ca, file string) (string, error) {
			return outside(t, "openssl", "openssl", "cms", "-verify", "-inform", "DER", "-in", file, "-binary", "-purpose", "any",
				"-no-CApath", "-no-CAstore", "-CAfile", ca, "-out", content)
		}
		if out, err := verify(h.path("root.pem"), signed); err != nil {
			t.Errorf("signed by %s: %v\n%s", signer, err, out)
		}
		if !bytes.Equal(readFile(t, content), readFile(t, h.path("plain.mobileconfig"))) {
			t.Errorf("signed by %s: what is signed is not the profile", signer)
		}
		if out, err := verify(stranger.path("root.pem"), signed); err == nil {
			t.Errorf("signed by %s: a stranger's root verifies it\n%s", signer, out)
		}
		if out, err := verify(h.path("root.pem"), h.path("plain.mobileconfig")); err == nil {
			t.Errorf("a profile without signature is verified\n%s", out)
		}
	}
}
