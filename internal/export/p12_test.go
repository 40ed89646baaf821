package export

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

var p12Profiles = []P12Profile{LegacyDES, Modern2023}

func TestP12HoldsLeafAndKey(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		for _, profile := range p12Profiles {
			b.P12.Profile = profile
			data := render(t, deviceSpecs("p12"), b)[b.Stem+".p12"]
			key, leaf, others, err := pkcs12.DecodeChain(data, b.P12.Passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if !leaf.Equal(b.Leaf) || !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(b.Key) {
				t.Errorf("%s: certificate or key is another one", profile)
			}
			if len(others) > 0 {
				t.Errorf("%s: has %d more certificates, which a client would send to the board", profile, len(others))
			}
			if _, _, _, err := pkcs12.DecodeChain(data, b.P12.Passphrase+"x"); err != pkcs12.ErrIncorrectPassword {
				t.Errorf("%s with a wrong passphrase: got %v, want %v", profile, err, pkcs12.ErrIncorrectPassword)
			}
		}
	})
}

func TestTrustStoreHoldsTheRootAlone(t *testing.T) {
	b := fixedBundle(t, "")
	b.P12.Passphrase = TrustStorePassphrase
	for _, profile := range p12Profiles {
		b.P12.Profile = profile
		certs, err := pkcs12.DecodeTrustStore(render(t, rootSpecs("p12"), b)["picoca-root.p12"], "changeit")
		if err != nil || len(certs) != 1 || !certs[0].Equal(b.Root) {
			t.Errorf("%s: got %d certificates, %v; want the root", profile, len(certs), err)
		}
	}
}

// TestP12ProfilesAreWhatTheyAreCalled looks for the algorithms' identifiers in
// the files: a phone that cannot read AES must never be given any.
func TestP12ProfilesAreWhatTheyAreCalled(t *testing.T) {
	b := fixedBundle(t, "client")
	oids := map[string]asn1.ObjectIdentifier{
		"3DES":    {1, 2, 840, 113549, 1, 12, 1, 3},
		"RC2-40":  {1, 2, 840, 113549, 1, 12, 1, 6},
		"AES-256": {2, 16, 840, 1, 101, 3, 4, 1, 42},
		"PBMAC1":  {1, 2, 840, 113549, 1, 5, 14},
	}
	for profile, want := range map[P12Profile]string{LegacyDES: "3DES", Modern2023: "AES-256"} {
		b.P12.Profile = profile
		data := render(t, deviceSpecs("p12"), b)["client.p12"]
		for name, oid := range oids {
			der, err := asn1.Marshal(oid)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Contains(data, der); got != (name == want) {
				t.Errorf("%s with %s: got %t, want %t", profile, name, got, name == want)
			}
		}
	}
}

func TestP12RefusesWhatProtectsNothing(t *testing.T) {
	b := fixedBundle(t, "client")
	for _, p12 := range []P12{{LegacyDES, ""}, {Modern2023, ""}, {LegacyDES, "pässword"}, {"modern", "x"}} {
		b.P12 = p12
		for name, form := range map[string][]Spec{"p12": deviceSpecs("p12"), "trust store": rootSpecs("p12"), "profile": clientSpecs("mobileconfig")} {
			if files, err := Render(b, form...); err == nil || files != nil {
				t.Errorf("%s with %+v: got %d files, %v; want an error", name, p12, len(files), err)
			}
		}
	}
}

func TestParseP12Profile(t *testing.T) {
	for _, profile := range p12Profiles {
		if got, err := ParseP12Profile(string(profile)); got != profile || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, profile)
		}
	}
	if got, err := ParseP12Profile("Legacy-DES"); got != LegacyDES || err != nil {
		t.Errorf("capitals: got %q, %v; want %q", got, err, LegacyDES)
	}
	for _, input := range []string{"", "modern", "legacy", "legacy-rc2", "modern2026"} {
		var fault UnknownProfileError
		if _, err := ParseP12Profile(input); !errors.As(err, &fault) || fault.Input != input {
			t.Errorf("%q: got %v, want an UnknownProfileError for it", input, err)
		}
	}
}
