package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
)

// nameOf returns what a root is called in every store.
func nameOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return prefix + hex.EncodeToString(sum[:4])
}

func encodePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// certificatesIn returns the DER of every certificate of a PEM file. What the
// file holds beside them is no concern here.
func certificatesIn(data []byte) [][]byte {
	var all [][]byte
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, block.Bytes)
		}
	}
}

func holds(certs [][]byte, der []byte) bool {
	for _, cert := range certs {
		if bytes.Equal(cert, der) {
			return true
		}
	}
	return false
}
