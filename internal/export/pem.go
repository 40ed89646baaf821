package export

import (
	"crypto/x509"
	"encoding/pem"

	"github.com/picoca/picoca/internal/ca"
)

// pemLeaf writes cert.pem and key.pem, the key SEC1 or PKCS#1 as in DER.
func pemLeaf(b Bundle) ([]File, error) {
	der, label, err := boardKey(b.Key)
	if err != nil {
		return nil, err
	}
	return pemPair(b.Leaf, der, label), nil
}

// pkcs8Leaf writes cert.pem and key.pem, the key PKCS#8 (RFC 5958).
func pkcs8Leaf(b Bundle) ([]File, error) {
	der, err := x509.MarshalPKCS8PrivateKey(b.Key)
	if err != nil {
		return nil, err
	}
	return pemPair(b.Leaf, der, "PRIVATE KEY"), nil
}

func pemCA(b Bundle) ([]File, error) {
	return []File{{Name: "picoca-root.pem", Data: ca.CertificatePEM(b.Root)}}, nil
}

func pemPair(leaf *x509.Certificate, key []byte, label string) []File {
	return []File{
		{Name: "cert.pem", Data: ca.CertificatePEM(leaf)},
		{Name: "key.pem", Data: pem.EncodeToMemory(&pem.Block{Type: label, Bytes: key}), Private: true},
	}
}
