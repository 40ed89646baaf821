package formats

import (
	"bytes"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestProfilesAreReadByOthers: as XML, and as a property list.
func TestProfilesAreReadByOthers(t *testing.T) {
	h := newDoor(t)
	h.Run("export", "ca", "--format", "mobileconfig", "--out", "root.mobileconfig", "--web-clip", "Garden & <yard>=https://pico.local/")
	for _, file := range []string{h.Path("root.mobileconfig"), h.Path("legacy-des", "kuchen-tablet-legacy-des.mobileconfig")} {
		if out, err := rig.Outside(t, "libxml2-utils", "xmllint", "--nonet", "--noout", file); err != nil || out != "" {
			t.Errorf("xmllint: %v\n%s", err, out)
		}
		binary := h.Path("binary.plist")
		if out, err := rig.Outside(t, "libplist-utils", "plistutil", "-i", file, "-o", binary, "-f", "bin"); err != nil {
			t.Errorf("plistutil: %v\n%s", err, out)
		}
		back, err := rig.Outside(t, "libplist-utils", "plistutil", "-i", binary, "-o", "-", "-f", "xml")
		for _, want := range []string{"<key>PayloadUUID</key>", "<string>com.apple.security.root</string>", "<key>ConsentText</key>"} {
			if err != nil || !strings.Contains(back, want) {
				t.Errorf("plistutil does not say %s: %v\n%s", want, err, back)
			}
		}
	}
	if cut := rig.ReadFile(t, h.Path("root.mobileconfig")); len(cut) > 0 {
		if out, err := rig.OutsideWith(t, nil, cut[:len(cut)-20], "libxml2-utils", "xmllint", "--nonet", "--noout", "-"); err == nil {
			t.Errorf("xmllint reads a profile that is cut short\n%s", out)
		}
	}
}

// TestSignedProfileIsVerified by OpenSSL, against this root and no other, for
// each kind of signer. -purpose any: the signers are for TLS, and OpenSSL would
// ask for S/MIME's purpose.
func TestSignedProfileIsVerified(t *testing.T) {
	h, stranger := newDoor(t), newDoor(t)
	h.Run("export", "ca", "--format", "mobileconfig", "--out", "plain.mobileconfig")
	h.Run("issue", "rsa.local", "--key", "rsa-2048")
	for _, signer := range []string{"pico.local", "rsa.local", clientName("legacy-des")} {
		signed, content := h.Path("signed.mobileconfig"), h.Path("content")
		h.Run("export", "ca", "--format", "mobileconfig", "--sign", signer, "--out", signed, "--force")
		verify := func(ca, file string) (string, error) {
			return rig.Outside(t, "openssl", "openssl", "cms", "-verify", "-inform", "DER", "-in", file, "-binary", "-purpose", "any",
				"-no-CApath", "-no-CAstore", "-CAfile", ca, "-out", content)
		}
		if out, err := verify(h.Path("root.pem"), signed); err != nil {
			t.Errorf("signed by %s: %v\n%s", signer, err, out)
		}
		if !bytes.Equal(rig.ReadFile(t, content), rig.ReadFile(t, h.Path("plain.mobileconfig"))) {
			t.Errorf("signed by %s: what is signed is not the profile", signer)
		}
		if out, err := verify(stranger.Path("root.pem"), signed); err == nil {
			t.Errorf("signed by %s: a stranger's root verifies it\n%s", signer, out)
		}
		if out, err := verify(h.Path("root.pem"), h.Path("plain.mobileconfig")); err == nil {
			t.Errorf("a profile without signature is verified\n%s", out)
		}
	}
}
