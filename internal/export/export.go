// Package export turns a certificate and its key into the bytes of the files
// that a board, a browser, a phone or a server reads. One Go file a format;
// everything here is pure: no files, no clock, no printing.
package export

import (
	"crypto"
	"crypto/x509"
)

// Bundle is what a format may draw from. Leaf and Key are nil when the
// certificate authority itself is exported; a format never sees the root's key.
type Bundle struct {
	Root *x509.Certificate
	Leaf *x509.Certificate
	Key  crypto.Signer
}

// File is one file of a format: a base name without folders, and its bytes.
// A Private file holds a private key and has mode 0600 from its creation.
type File struct {
	Name    string
	Data    []byte
	Private bool
}
