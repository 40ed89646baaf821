package formats

import (
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// p12Reader lists what is in a .p12. It must say each of says, and fail with
// another passphrase.
type p12Reader struct {
	name, pkg string
	args      func(file, passphrase string) []string
	says      []string
}

// openssl reads both profiles without -legacy: 3DES is in its default provider,
// RC2 would not be.
var p12Readers = []p12Reader{
	{"openssl", "openssl", func(file, passphrase string) []string {
		return []string{"pkcs12", "-in", file, "-passin", "pass:" + passphrase, "-noenc"}
	}, []string{"BEGIN PRIVATE KEY", "BEGIN CERTIFICATE"}},
	{"certtool", "gnutls-bin", func(file, passphrase string) []string {
		return []string{"--p12-info", "--inder", "--infile", file, "--password", passphrase}
	}, []string{"BEGIN ENCRYPTED PRIVATE KEY", "BEGIN CERTIFICATE"}},
	{"pk12util", "libnss3-tools", func(file, passphrase string) []string {
		return []string{"-l", file, "-W", passphrase}
	}, []string{"Key(shrouded)", "Certificate(has private key)", "chen/Tablet"}},
	{"keytool", "default-jdk-headless", func(file, passphrase string) []string {
		return []string{"-J-Duser.language=en", "-list", "-storetype", "PKCS12", "-keystore", file, "-storepass", passphrase}
	}, []string{"Your keystore contains 1 entry", "PrivateKeyEntry"}},
}

func TestP12IsReadByEveryone(t *testing.T) {
	h := newDoor(t)
	for _, profile := range p12Profiles {
		for _, reader := range p12Readers {
			t.Run(profile+"/"+reader.name, func(t *testing.T) {
				out, err := rig.Outside(t, reader.pkg, reader.name, reader.args(p12(h, profile), p12Passphrase)...)
				for _, want := range reader.says {
					if err != nil || !strings.Contains(out, want) {
						t.Fatalf("does not say %q: %v\n%s", want, err, out)
					}
				}
				if out, err := rig.Outside(t, reader.pkg, reader.name, reader.args(p12(h, profile), p12Passphrase+"x")...); err == nil {
					t.Errorf("opens with a wrong passphrase\n%s", out)
				}
			})
		}
	}
}

// TestP12NeedsNoLegacyProvider says what legacy-des needs of OpenSSL: the
// default provider only. It is loaded here by name, so that no configuration
// adds another.
func TestP12NeedsNoLegacyProvider(t *testing.T) {
	h := newDoor(t)
	for _, profile := range p12Profiles {
		out, err := rig.Outside(t, "openssl", "openssl", "pkcs12", "-provider", "default", "-in", p12(h, profile), "-passin", "pass:"+p12Passphrase, "-nokeys", "-info")
		want := map[string]string{"legacy-des": "pbeWithSHA1And3-KeyTripleDES-CBC", "modern2023": "AES-256-CBC"}[profile]
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", profile, err, out)
		}
	}
}

func TestTrustStoreIsReadByJava(t *testing.T) {
	h := newDoor(t)
	for _, profile := range p12Profiles {
		out, err := rig.Outside(t, "default-jdk-headless", "keytool", "-J-Duser.language=en", "-list", "-storetype", "PKCS12",
			"-keystore", h.Path("trust-"+profile+".p12"), "-storepass", "changeit")
		for _, want := range []string{"Your keystore contains 1 entry", "home ca ", "trustedCertEntry"} {
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: does not say %q: %v\n%s", profile, want, err, out)
			}
		}
	}
}
