package ca

// Stand-ins until the facts of certificates are merged.

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

type Kind string

const (
	KindServer Kind = "server"
	KindClient Kind = "client"
	KindBoth   Kind = "both"
	KindCA     Kind = "ca"
	KindRoot   Kind = "root"
)

func Serial(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }

func CertificatePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func ParseCertificatePEM(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

func KeyMatches(cert *x509.Certificate, pub crypto.PublicKey) bool {
	key, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(pub)
}

func KindOf(cert *x509.Certificate) Kind {
	server := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	client := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	switch {
	case cert.IsCA && bytes.Equal(cert.RawSubject, cert.RawIssuer):
		return KindRoot
	case cert.IsCA:
		return KindCA
	case server && client:
		return KindBoth
	case client:
		return KindClient
	}
	return KindServer
}

func NamesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if i := slices.Index(names, cert.Subject.CommonName); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, cert.Subject.CommonName)
	}
	return names
}

func VerifyIssued(leaf, root *x509.Certificate) error {
	if !bytes.Equal(leaf.RawIssuer, root.RawSubject) || !bytes.Equal(leaf.AuthorityKeyId, root.SubjectKeyId) {
		return errors.New("certificate was issued by another CA")
	}
	return root.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)
}

func VerifyRoot(root *x509.Certificate) error {
	if _, err := KeyTypeOf(root.PublicKey); err != nil {
		return err
	}
	if !bytes.Equal(root.RawIssuer, root.RawSubject) || root.CheckSignatureFrom(root) != nil || root.KeyUsage&x509.KeyUsageCertSign == 0 {
		return ErrNotRoot
	}
	return nil
}
