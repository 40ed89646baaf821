package ca

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Authority is a root certificate that was checked, and, after Unlock, its
// key.
type Authority struct {
	cert    *x509.Certificate
	keyType KeyType
	signer  crypto.Signer
}

var (
	// ErrLocked says that the authority has no key yet.
	ErrLocked = errors.New("root key is locked")
	// ErrOtherKey says that a key is not the one of the root certificate.
	ErrOtherKey = errors.New("key is not the key of the root certificate")
	// ErrNotRoot says that a certificate is not a root that may sign leaves.
	ErrNotRoot = errors.New("certificate is not a root certificate")
)

// ExpiredError says that a certificate was not valid at Now.
type ExpiredError struct{ NotBefore, NotAfter, Now time.Time }

func (e ExpiredError) Error() string {
	if e.Now.Before(e.NotBefore) {
		return fmt.Sprintf("root certificate is valid only from %s, and the clock says %s", day(e.NotBefore), day(e.Now))
	}
	return fmt.Sprintf("root certificate expired on %s", day(e.NotAfter))
}

// NewAuthority checks that cert is a root that is valid at now: self-signed, a
// CA that may sign certificates. It fails with ErrNotRoot, ExpiredError or
// UnknownKeyTypeError.
func NewAuthority(cert *x509.Certificate, now time.Time) (*Authority, error) {
	keyType, err := KeyTypeOf(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	selfSigned := bytes.Equal(cert.RawIssuer, cert.RawSubject) && cert.CheckSignatureFrom(cert) == nil
	if !selfSigned || cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, ErrNotRoot
	}
	if err := validAt(cert, now); err != nil {
		return nil, err
	}
	return &Authority{cert: cert, keyType: keyType}, nil
}

// validAt fails with an ExpiredError outside the life of a root. RFC 5280
// section 4.1.2.5: both limits count as valid.
func validAt(root *x509.Certificate, now time.Time) error {
	if now.Before(root.NotBefore) || now.After(root.NotAfter) {
		return ExpiredError{root.NotBefore, root.NotAfter, now}
	}
	return nil
}

// Certificate returns the root certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// KeyType returns the type of the root's key.
func (a *Authority) KeyType() KeyType { return a.keyType }

// Unlock gives the authority its key. It fails with ErrOtherKey if that is not
// the key of the root certificate.
func (a *Authority) Unlock(key crypto.Signer) error {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(a.cert.PublicKey) {
		return ErrOtherKey
	}
	a.signer = key
	return nil
}

// Lock makes the authority forget its key.
func (a *Authority) Lock() { a.signer = nil }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
