package export

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// TestMissingPartIsNamed: a device that keeps its own key has none here, and
// the CA by itself has no leaf.
func TestMissingPartIsNamed(t *testing.T) {
	keyless := fixedBundle(t, "device")
	keyless.Key = nil
	for _, row := range []struct {
		b    Bundle
		spec Spec
		part Part
		want string
	}{
		{keyless, spec("key.pem", "pem", PKCS8, Key), Key, "private key"},
		{keyless, spec("x.p12", "p12", "", Key, Leaf), Key, "private key"},
		{fixedBundle(t, ""), spec("cert.pem", "pem", "", Leaf), Leaf, "certificate"},
		{Bundle{}, spec("ca.pem", "pem", "", CA), CA, "root"},
		{fixedBundle(t, "device"), spec("crl.pem", "pem", "", CA, CRL), CRL, "revoked"},
		{fixedBundle(t, "device"), spec("x.pem", "pem", "", "intermediate"), "intermediate", "unknown"},
	} {
		files, err := Render(row.b, row.spec)
		e, ok := errors.AsType[PartError](err)
		if !ok || e.Part != row.part || files != nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %d files, %v", row.spec.Name, len(files), err)
		}
	}
	if files, err := Render(keyless, formatOf("pem-cert").Device...); err != nil || len(files) != 1 || files[0].Private {
		t.Errorf("certificate without a key: got %d files, %v", len(files), err)
	}
}

func TestContainersRefuseOtherParts(t *testing.T) {
	b := fixedBundle(t, "device")
	for _, row := range []Spec{
		spec("a", "jks", "", Leaf),
		spec("a", "", "", Leaf),
		spec("a", "pem", ""),
		spec("a", "pem", "", Key),          // in which form?
		spec("a", "der", "", Leaf, CA),     // readers stop after the first
		spec("a", "base64", "", Leaf, CA),  // the same
		spec("a", "p12", "", Leaf),         // a certificate without its key
		spec("a", "p12", "", Key),          // and the reverse
		spec("a", "p12", "", Leaf, CA),     //
		spec("a", "mobileconfig", "", Key), // without the root that it needs
		spec("a", "tasmota", "", Leaf),
		spec("a", "tasmota", "", Leaf, CA),
	} {
		if files, err := Render(b, row); !isContainerError(err) || files != nil {
			t.Errorf("%s with %q: got %d files, %v", row.Container, row.Parts, len(files), err)
		}
	}
}

func isContainerError(err error) bool {
	_, ok := errors.AsType[ContainerError](err)
	return ok
}

// TestOneFailureWritesNothing: half of a device's files would be useless.
func TestOneFailureWritesNothing(t *testing.T) {
	good, bad := spec("cert.pem", "pem", "", Leaf), spec("a", "jks", "", Leaf)
	if files, err := Render(fixedBundle(t, "device"), good, bad); files != nil || err == nil {
		t.Errorf("got %d files, %v", len(files), err)
	}
}

// TestStemNamesTheFile, in front and in the middle.
func TestStemNamesTheFile(t *testing.T) {
	b := fixedBundle(t, "device")
	files, err := Render(b, spec("{stem}.crt", "pem", "", Leaf), spec("my-{stem}.crt", "pem", "", Leaf))
	if err != nil || files[0].Name != "device.crt" || files[1].Name != "my-device.crt" {
		t.Errorf("got %+v, %v", files, err)
	}
}

// TestProfileOfASpecIsADefault: the user's choice comes first, then the
// device's, then that for computers.
func TestProfileOfASpecIsADefault(t *testing.T) {
	b := fixedBundle(t, "device")
	for _, row := range []struct{ user, device, want P12Profile }{
		{"", "", Modern2023}, {"", LegacyDES, LegacyDES}, {Modern2023, LegacyDES, Modern2023}, {LegacyDES, "", LegacyDES},
	} {
		b.P12.Profile = row.user
		s := spec("a.p12", "p12", "", Key, Leaf)
		s.Profile = string(row.device)
		files, err := Render(b, s)
		if err != nil {
			t.Fatal(err)
		}
		aes := []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a} // 2.16.840.1.101.3.4.1.42
		if got := bytes.Contains(files[0].Data, aes); got != (row.want == Modern2023) {
			t.Errorf("user %q, device %q: AES %v", row.user, row.device, got)
		}
	}
}

func TestP12CanHoldTheRoot(t *testing.T) {
	b := fixedBundle(t, "device")
	data := render(t, deviceSpecs("p12-ca"), b)["device.p12"]
	_, leaf, others, err := pkcs12.DecodeChain(data, b.P12.Passphrase)
	if err != nil || !leaf.Equal(b.Leaf) || len(others) != 1 || !others[0].Equal(b.Root) {
		t.Errorf("got %d more certificates, %v", len(others), err)
	}
}

// TestCombinedPEMIsKeyAndCertificate, in the order of the spec.
func TestCombinedPEMIsKeyAndCertificate(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		first, rest := pem.Decode(render(t, deviceSpecs("pem-combined"), b)["combined.pem"])
		second, rest := pem.Decode(rest)
		if first == nil || second == nil || len(rest) > 0 || first.Type != "PRIVATE KEY" || !bytes.Equal(second.Bytes, b.Leaf.Raw) {
			t.Error("combined.pem is not the key and the certificate")
		}
	})
}

func TestCRLFollowsTheRoot(t *testing.T) {
	b := fixedBundle(t, "")
	template := &x509.RevocationList{Number: big.NewInt(7), ThisUpdate: fixedTime, NextUpdate: fixedTime.AddDate(0, 1, 0)}
	der, err := x509.CreateRevocationList(rand.Reader, template, b.Root, fixedKey(t, "root"))
	if err != nil {
		t.Fatal(err)
	}
	if b.CRL, err = x509.ParseRevocationList(der); err != nil {
		t.Fatal(err)
	}
	files, err := Render(b, spec("ca.pem", "pem", "", CA, CRL))
	if err != nil {
		t.Fatal(err)
	}
	_, rest := pem.Decode(files[0].Data)
	if list, _ := pem.Decode(rest); list == nil || list.Type != "X509 CRL" || !bytes.Equal(list.Bytes, der) || files[0].Private {
		t.Error("ca.pem does not end in the list")
	}
}

// TestTasmotaTakesP256Only: RSA keys and other curves have no such form. A key
// that begins with zeros keeps them.
func TestTasmotaTakesP256Only(t *testing.T) {
	b := fixedBundle(t, "device-rsa")
	if _, err := Render(b, clientSpecs("tasmota")...); !isP256Error(err) {
		t.Errorf("RSA: got %v", err)
	}
	b.Key = testpki.NewKey(t, ca.P384)
	if _, err := Render(b, clientSpecs("tasmota")...); !isP256Error(err) {
		t.Errorf("P-384: got %v", err)
	}
	scalar := make([]byte, 32)
	scalar[31] = 5
	small, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	b.Key = small
	text := string(render(t, clientSpecs("tasmota"), b)["tasmota.txt"])
	if !strings.HasPrefix(text, "TLSKey1 "+strings.Repeat("A", 42)+"U=\n") {
		t.Errorf("a small key: %q", text)
	}
}

func isP256Error(err error) bool {
	_, ok := errors.AsType[P256Error](err)
	return ok
}

// TestLineHasNoLineBreak, but one at its end.
func TestLineHasNoLineBreak(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		for name, data := range render(t, deviceSpecs("pem-line"), b) {
			if bytes.Count(data, []byte("\n")) != 1 || bytes.ContainsAny(data[:len(data)-1], "\"\n\r\t") {
				t.Errorf("%s is no single line", name)
			}
		}
	})
}

// TestHeaderDateIsTheCertificates, whatever the day on which it is written.
func TestHeaderDateIsTheCertificates(t *testing.T) {
	b := fixedBundle(t, "device")
	first := render(t, deviceSpecs("c-header"), b)["picoca_cert.h"]
	if !strings.Contains(string(first), b.Leaf.NotAfter.UTC().Format(time.DateOnly)) {
		t.Error("the header's date is not the certificate's")
	}
}
