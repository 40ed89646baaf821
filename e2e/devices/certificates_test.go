package devices

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/export"
)

// passphrase is that of every .p12 here that has none of its own.
const passphrase = "kqwzep-hrmnba-xvtcyj"

// keys makes a key of each type once: RSA keys take a while.
var keys = map[string]func() (crypto.Signer, error){
	"p256":     sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }),
	"rsa-2048": sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	"rsa-3072": sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) }),
}

func keyOf(t *testing.T, name string) crypto.Signer {
	t.Helper()
	make, ok := keys[name]
	if !ok {
		t.Fatalf("no key of type %q here", name)
	}
	key, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// bundle returns a leaf with a key of some type, its root, and the root's list
// of revoked certificates.
func bundle(t *testing.T, key, rootKey string) export.Bundle {
	t.Helper()
	root, signer := rootOf(t, rootKey)
	leafKey := keyOf(t, key)
	leaf := certificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "nas.local"}, DNSNames: []string{"nas.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, root, leafKey.Public(), signer)
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: root.NotBefore, NextUpdate: root.NotAfter}
	der, err := x509.CreateRevocationList(rand.Reader, list, root, signer)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return export.Bundle{Root: root, Leaf: leaf, Key: leafKey, CRL: crl, Stem: "nas.local", P12: export.P12{Passphrase: passphrase}}
}

func rootOf(t *testing.T, rootKey string) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	signer := keyOf(t, rootKey)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Home CA 7Q3F"}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return certificate(t, template, template, signer.Public(), signer), signer
}

// certificate signs a template that is valid now.
func certificate(t *testing.T, template, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	now := time.Now()
	template.NotBefore, template.NotAfter = now.AddDate(0, 0, -1), now.AddDate(1, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
