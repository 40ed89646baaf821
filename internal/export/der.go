package export

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
)

// derLeaf writes cert.der and key.der. The key is SEC1 (RFC 5915) or PKCS#1
// (RFC 8017 appendix A.1.2), never PKCS#8, which MicroPython 1.23 refuses.
func derLeaf(b Bundle) ([]File, error) {
	key, _, err := boardKey(b.Key)
	if err != nil {
		return nil, err
	}
	return []File{
		{Name: "cert.der", Data: b.Leaf.Raw},
		{Name: "key.der", Data: key, Private: true},
	}, nil
}

func derCA(b Bundle) ([]File, error) {
	return []File{{Name: "picoca-root.der", Data: b.Root.Raw}}, nil
}

// boardKey returns the DER of a key as boards load it, with the label that it
// has in PEM. It fails with a KeyError for other keys than ECDSA and RSA.
func boardKey(key crypto.Signer) (der []byte, label string, err error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err = x509.MarshalECPrivateKey(key)
		return der, "EC PRIVATE KEY", err
	case *rsa.PrivateKey:
		return x509.MarshalPKCS1PrivateKey(key), "RSA PRIVATE KEY", nil
	}
	return nil, "", KeyError{key.Public()}
}
