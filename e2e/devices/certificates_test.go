package devices

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/testpki"
)

// passphrase is that of every .p12 here that has none of its own.
const passphrase = "kqwzep-hrmnba-xvtcyj"

// keyOf returns the run's one key of a type.
func keyOf(t *testing.T, name string) crypto.Signer {
	t.Helper()
	kt, err := ca.ParseKeyType(name)
	if err != nil {
		t.Fatal(err)
	}
	return testpki.Key(t, kt)
}

// bundle returns a leaf with a key of some type, its root, and the root's list
// of revoked certificates.
func bundle(t *testing.T, key, rootKey string) export.Bundle {
	t.Helper()
	root := rootOf(t, rootKey)
	leaf := root.Sign(t, validNow(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "nas.local"}, DNSNames: []string{"nas.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}), keyOf(t, key))
	return export.Bundle{Root: root.Cert, Leaf: leaf.Cert, Key: leaf.Key, CRL: root.CRL(t, 1, time.Now().Add(-time.Minute)), Stem: "nas.local", P12: export.P12{Passphrase: passphrase}}
}

func rootOf(t *testing.T, rootKey string) testpki.Pair {
	t.Helper()
	return testpki.SelfSigned(t, validNow(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Home CA 7Q3F"}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}), keyOf(t, rootKey))
}

func validNow(template *x509.Certificate) *x509.Certificate {
	now := time.Now()
	template.NotBefore, template.NotAfter = now.AddDate(0, 0, -1), now.AddDate(1, 0, 0)
	return template
}
