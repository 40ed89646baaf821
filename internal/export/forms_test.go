package export_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/testpki"
)

// forms are the forms of a private key: the label in PEM, and who reads it.
var forms = map[string]func([]byte) (any, error){
	"EC PRIVATE KEY":  func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
	"RSA PRIVATE KEY": func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
	"PRIVATE KEY":     x509.ParsePKCS8PrivateKey,
}

// readAs returns the key in DER and the form that it has. No form may pass for
// another: a board tries one.
func readAs(t testing.TB, der []byte) (crypto.Signer, string) {
	t.Helper()
	var key crypto.Signer
	var labels []string
	for label, parse := range forms {
		if parsed, err := parse(der); err == nil {
			key, labels = parsed.(crypto.Signer), append(labels, label)
		}
	}
	if len(labels) != 1 {
		t.Fatalf("key reads as %q, want one form", labels)
	}
	return key, labels[0]
}

func newBundle(t testing.TB, key crypto.Signer) export.Bundle {
	t.Helper()
	leaf := testpki.SelfSigned(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "pico.local"}, DNSNames: []string{"pico.local"},
		NotBefore: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2028, 11, 21, 0, 0, 0, 0, time.UTC),
	}, key).Cert
	return export.Bundle{Root: leaf, Leaf: leaf, Key: key}
}

func filesOf(t testing.TB, id string, b export.Bundle) []export.File {
	t.Helper()
	format, err := export.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	files, err := export.Render(b, format.Device...)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return files
}

func TestKeyGoesOutInOneFormAndComesBack(t *testing.T) {
	p256, p384, rsa2048 := testpki.Key(t, ca.P256), testpki.Key(t, ca.P384), testpki.Key(t, ca.RSA2048)
	for _, row := range []struct {
		format, name, form string
		key                crypto.Signer
	}{
		{"der", "key.der", "EC PRIVATE KEY", p256},
		{"der", "key.der", "EC PRIVATE KEY", p384},
		{"der", "key.der", "RSA PRIVATE KEY", rsa2048},
		{"pem", "key.pem", "EC PRIVATE KEY", p256},
		{"pem", "key.pem", "EC PRIVATE KEY", p384},
		{"pem", "key.pem", "RSA PRIVATE KEY", rsa2048},
		{"pkcs8", "key.pem", "PRIVATE KEY", p256},
		{"pkcs8", "key.pem", "PRIVATE KEY", p384},
		{"pkcs8", "key.pem", "PRIVATE KEY", rsa2048},
	} {
		files := filesOf(t, row.format, newBundle(t, row.key))
		at := slices.IndexFunc(files, func(f export.File) bool { return f.Name == row.name })
		if at < 0 || !files[at].Private {
			t.Fatalf("%s: no private %s", row.format, row.name)
		}
		der := files[at].Data
		if row.format != "der" {
			block, rest := pem.Decode(der)
			if block == nil || block.Type != row.form || len(rest) != 0 || len(block.Headers) != 0 {
				t.Fatalf("%s: got %q", row.format, der)
			}
			der = block.Bytes
		}
		key, form := readAs(t, der)
		if form != row.form || !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(row.key) {
			t.Errorf("%s, %T: got another key, or one as %s, want %s", row.format, row.key, form, row.form)
		}
	}
}

// TestPrivateFilesAreTheOnesWithTheKey looks for the secret itself in every
// file that is not private.
func TestPrivateFilesAreTheOnesWithTheKey(t *testing.T) {
	key := testpki.NewKey(t, ca.P256)
	secret, err := key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"der", "pem", "pkcs8"} {
		private := 0
		for _, file := range filesOf(t, id, newBundle(t, key)) {
			data := file.Data
			if block, _ := pem.Decode(data); block != nil {
				data = block.Bytes
			}
			if bytes.Contains(data, secret) != file.Private {
				t.Errorf("%s: %s: private %v, and the key is in it: %v", id, file.Name, file.Private, !file.Private)
			}
			if file.Name != path.Base(file.Name) {
				t.Errorf("%s: %q is no base name", id, file.Name)
			}
			if file.Private {
				private++
			}
		}
		if private != 1 {
			t.Errorf("%s: got %d private files, want one", id, private)
		}
	}
}

// TestBoardKeysHaveTheirSize: every board was measured with keys of this size.
func TestBoardKeysHaveTheirSize(t *testing.T) {
	for range 20 { // also when the key begins with zeros
		files := filesOf(t, "der", newBundle(t, testpki.NewKey(t, ca.P256)))
		if got := len(files[1].Data); files[1].Name != "key.der" || got != 121 {
			t.Errorf("%s has %d bytes, want key.der with 121", files[1].Name, got)
		}
	}
}

func TestUnknownFormatIsAnError(t *testing.T) {
	for _, id := range []string{"", "DER", "der ", "jks", "pem\x00"} {
		_, err := export.Find(id)
		if e, ok := errors.AsType[export.UnknownFormatError](err); !ok || e.Input != id {
			t.Errorf("format %q: got %v", id, err)
		}
	}
}
