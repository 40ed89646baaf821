package export

import (
	"bytes"
	"crypto/x509"
	"testing"

	"github.com/smallstep/pkcs7"
)

func signedProfile(t *testing.T, leaf string) (b Bundle, signed []byte) {
	t.Helper()
	b = fixedBundle(t, "")
	b.Signer = &Signer{Leaf: fixedCert(t, leaf), Key: fixedKey(t, leaf)}
	return b, render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"]
}

// TestSignedProfileVerifies with each kind of key, against only the root.
func TestSignedProfileVerifies(t *testing.T) {
	for _, leaf := range []string{"device", "device-rsa", "client"} {
		b, signed := signedProfile(t, leaf)
		b.Signer = nil
		plain := render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"]
		message, err := pkcs7.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(b.Root)
		if err := message.VerifyWithChainAtTime(roots, fixedTime); err != nil {
			t.Errorf("%s: %v", leaf, err)
		}
		if !bytes.Equal(message.Content, plain) {
			t.Errorf("%s: what is signed is not the profile", leaf)
		}
		if digest := message.Signers[0].DigestAlgorithm.Algorithm; !digest.Equal(pkcs7.OIDDigestAlgorithmSHA256) {
			t.Errorf("%s: digest algorithm is %v, want SHA-256", leaf, digest)
		}
	}
}

func TestChangedProfileDoesNotVerify(t *testing.T) {
	b, signed := signedProfile(t, "device")
	changed := bytes.Replace(signed, []byte(b.Root.Subject.CommonName), []byte("Evil Only UVPP"), 1)
	message, err := pkcs7.Parse(changed)
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(); err == nil || bytes.Equal(signed, changed) {
		t.Error("a changed profile verifies")
	}
}

// TestSignerOfAnotherRootIsRefused: the profile could not be verified.
func TestSignerOfAnotherRootIsRefused(t *testing.T) {
	b := fixedBundle(t, "")
	b.Signer = &Signer{Leaf: fixedCert(t, "device"), Key: fixedKey(t, "device")}
	b.Root = fixedCert(t, "client")
	if files, err := Render(b, rootSpecs("mobileconfig")...); err == nil || files != nil {
		t.Errorf("got %d files, %v; want an error", len(files), err)
	}
}
