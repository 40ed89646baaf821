package ca

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// Fingerprint returns the SHA-256 of the certificate in upper-case hex with
// colons, as phones and browsers show it: 95 characters.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return colons(sum[:])
}

// FingerprintSHA1 returns the SHA-1 of the certificate in the same form, by
// which Windows and macOS name certificates. It identifies; it proves nothing.
func FingerprintSHA1(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return colons(sum[:])
}

// FingerprintSPKI returns the SHA-256 of a certificate's public key in base64.
func FingerprintSPKI(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// FingerprintKind is what a fingerprint is taken of, and how.
type FingerprintKind string

// The kinds: of the whole certificate, or of its public key (SubjectPublicKeyInfo,
// RFC 7469 section 2.4), which stays the same if the key does.
const (
	SHA256 FingerprintKind = "sha256"
	SHA1   FingerprintKind = "sha1"
	SPKI   FingerprintKind = "spki"
)

// UnknownFingerprintError says that Input is no kind of fingerprint.
type UnknownFingerprintError struct{ Input string }

func (e UnknownFingerprintError) Error() string {
	return fmt.Sprintf("fingerprint %q is unknown", e.Input)
}

// Hint lists the kinds.
func (UnknownFingerprintError) Hint() fault.Hint {
	return fault.Hintf("choose sha256, sha1 or spki (SHA-256 of the public key)")
}

// ExitCode is that of a wrong command line.
func (UnknownFingerprintError) ExitCode() int { return fault.Usage }

// FingerprintOf returns a fingerprint as programs show it: with colons, that of a
// public key in base64 (curl --pinnedpubkey); or plain, in lower-case hexadecimal
// digits. It fails with an UnknownFingerprintError.
func FingerprintOf(cert *x509.Certificate, kind FingerprintKind, plain bool) (string, error) {
	text := ""
	switch kind {
	case SHA256:
		text = Fingerprint(cert)
	case SHA1:
		text = FingerprintSHA1(cert)
	case SPKI:
		if !plain {
			return FingerprintSPKI(cert), nil
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		text = colons(sum[:])
	default:
		return "", UnknownFingerprintError{string(kind)}
	}
	if plain {
		text = strings.ToLower(strings.ReplaceAll(text, ":", ""))
	}
	return text, nil
}

func colons(sum []byte) string { return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":") }

// Serial returns the serial number as 32 lower-case hex digits.
func Serial(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }

// certificateBlock is the label of a certificate in PEM (RFC 7468 section 5).
const certificateBlock = "CERTIFICATE"

// CertificatePEM returns a certificate in PEM.
func CertificatePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw})
}

// ErrNoCertificate is returned for a file in which no certificate was found.
var ErrNoCertificate = fault.New("no certificate in PEM was found", fault.Hintf("choose a file with a line -----BEGIN CERTIFICATE-----"))

// ParseCertificatePEM returns the first certificate in data. Text and other
// blocks before it are skipped. It fails with ErrNoCertificate or, if the
// certificate is damaged, with what crypto/x509 says of it.
func ParseCertificatePEM(data []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == certificateBlock {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, ErrNoCertificate
}

// KeyMatches reports whether pub is the certificate's public key.
func KeyMatches(cert *x509.Certificate, pub crypto.PublicKey) bool {
	own, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && own.Equal(pub)
}

// Kind is what a certificate is for.
type Kind string

// The kinds of certificates that exist below a root, and the root itself.
const (
	KindServer Kind = "server" // a device that serves
	KindClient Kind = "client" // an identity
	KindBoth   Kind = "both"   // a device that serves and is a client of others
	KindCA     Kind = "ca"     // an intermediate: another CA under the root
	KindRoot   Kind = "root"
)

// KindOf returns what a certificate is for. One without an extendedKeyUsage
// counts as a server's.
func KindOf(cert *x509.Certificate) Kind {
	client := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	server := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	switch {
	case cert.IsCA && bytes.Equal(cert.RawIssuer, cert.RawSubject):
		return KindRoot
	case cert.IsCA:
		return KindCA
	case client && server:
		return KindBoth
	case client:
		return KindClient
	}
	return KindServer
}

// NamesOf returns the DNS names of a certificate, then its addresses, in the
// order in which they stand in it; the common name comes first if it is one of
// them. An identity has none.
func NamesOf(cert *x509.Certificate) []string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, addr.Unmap().String())
		}
	}
	if i := slices.Index(names, cert.Subject.CommonName); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, cert.Subject.CommonName)
	}
	return names
}

// ValidAt reports whether now lies within the certificate's life. RFC 5280
// section 4.1.2.5: both limits count as valid. A certificate that was made
// while the clock was ahead is not valid yet.
func ValidAt(cert *x509.Certificate, now time.Time) bool {
	return !now.Before(cert.NotBefore) && !now.After(cert.NotAfter)
}

// HasBoardClock reports whether a device's certificate or an identity begins
// at the time of a board without a clock: only then does it live longer than
// 825 days.
func HasBoardClock(cert *x509.Certificate) bool {
	life := cert.NotAfter.Sub(cert.NotBefore) + time.Second
	return !cert.IsCA && life > Days(MaxLeafDays)
}

// ErrNotIssued is returned for a certificate that a root did not issue.
var ErrNotIssued = fault.New("certificate was not issued by this root", fault.Hintf("restore the file from a backup, or issue the certificate again"))

// VerifyIssued checks that root issued the certificate: issuer's name, key
// identifier and signature. It looks at no dates. It fails with ErrNotIssued.
func VerifyIssued(leaf, root *x509.Certificate) error {
	named := bytes.Equal(leaf.RawIssuer, root.RawSubject) && bytes.Equal(leaf.AuthorityKeyId, root.SubjectKeyId)
	if !named {
		return ErrNotIssued
	}
	if err := leaf.CheckSignatureFrom(root); err != nil {
		return fmt.Errorf("%w: %w", ErrNotIssued, err)
	}
	return nil
}

// VerifyRoot checks that cert is a root whatever the time: signed by itself, a
// CA that may sign certificates, with a key of a known type. It fails with
// ErrNotRoot or an UnknownKeyError.
func VerifyRoot(cert *x509.Certificate) error {
	if _, err := KeyTypeOf(cert.PublicKey); err != nil {
		return err
	}
	selfSigned := bytes.Equal(cert.RawIssuer, cert.RawSubject) && cert.CheckSignatureFrom(cert) == nil
	if !selfSigned || cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return ErrNotRoot
	}
	return nil
}
