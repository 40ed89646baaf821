package export

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
)

// renderDER writes the one part of a file in DER.
func renderDER(s Spec, b Bundle) ([]byte, error) {
	if len(s.Parts) != 1 { // readers stop after the first
		return nil, ContainerError{s}
	}
	der, _, err := s.part(b, Part(s.Parts[0]))
	return der, err
}

// renderBase64 writes the one part of a file in DER, as one line of base64.
func renderBase64(s Spec, b Bundle) ([]byte, error) {
	der, err := renderDER(s, b)
	if err != nil {
		return nil, err
	}
	return append(base64.StdEncoding.AppendEncode(nil, der), '\n'), nil
}

// part returns the DER of a part, with the label that it has in PEM (RFC 7468).
func (s Spec) part(b Bundle, part Part) (der []byte, label string, err error) {
	switch part {
	case Leaf:
		return b.Leaf.Raw, "CERTIFICATE", nil
	case CA:
		return b.Root.Raw, "CERTIFICATE", nil
	case Issuer:
		return b.LeafIssuer().Raw, "CERTIFICATE", nil
	case CRL:
		return b.CRL.Raw, "X509 CRL", nil
	}
	switch s.Key {
	case PKCS8:
		der, err := x509.MarshalPKCS8PrivateKey(b.Key)
		return der, "PRIVATE KEY", err
	case Traditional:
		return traditional(b.Key)
	}
	return nil, "", ContainerError{s}
}

// traditional returns the DER of a key in SEC1 or PKCS#1, with the label that
// it has in PEM. MicroPython 1.23 refuses PKCS#8. It fails with a KeyError for
// other keys than ECDSA and RSA.
func traditional(key crypto.Signer) (der []byte, label string, err error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err = x509.MarshalECPrivateKey(key)
		return der, "EC PRIVATE KEY", err
	case *rsa.PrivateKey:
		return x509.MarshalPKCS1PrivateKey(key), "RSA PRIVATE KEY", nil
	}
	return nil, "", KeyError{key.Public()}
}
