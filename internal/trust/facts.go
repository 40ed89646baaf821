package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
)

// nameOf returns what a root is called in every store.
func nameOf(cert *x509.Certificate) string {
	return prefix + strings.ToLower(strings.ReplaceAll(ca.Fingerprint(cert), ":", ""))[:8]
}

// FileName is what the commands of a plan call the file with a root.
func FileName(cert *x509.Certificate) string { return nameOf(cert) + ".pem" }

// thumbprint is what macOS and Windows call a certificate.
func thumbprint(cert *x509.Certificate) string {
	return strings.ReplaceAll(ca.FingerprintSHA1(cert), ":", "")
}

// certificatesIn returns the DER of every certificate of a PEM file. What the
// file holds beside them is no concern here.
func certificatesIn(data []byte) [][]byte {
	var all [][]byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			all = append(all, block.Bytes)
		}
	}
	return all
}

func holds(certs [][]byte, der []byte) bool {
	return slices.ContainsFunc(certs, func(cert []byte) bool { return bytes.Equal(cert, der) })
}
