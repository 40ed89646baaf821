package ca

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// Authority is a root certificate that was checked, and, after Unlock, its
// key. The key may live elsewhere: everything is signed with crypto.SignMessage,
// never with the key's Sign, so a crypto.MessageSigner such as an SSH agent
// serves.
type Authority struct {
	cert    *x509.Certificate
	keyType KeyType
	signer  crypto.Signer
}

var (
	// ErrLocked is returned while the authority has no key.
	ErrLocked = errors.New("root key is locked")
	// ErrOtherKey is returned for a key that is not the root certificate's.
	ErrOtherKey = fault.New("key does not belong to the root certificate",
		fault.Hintf("restore the root's certificate and key from the same backup"))
	// ErrNotRoot is returned for a certificate that is not a root that may sign
	// others.
	ErrNotRoot = fault.New("certificate is not a root certificate",
		fault.Hintf("restore the root certificate from a backup"))
)

// ExpiredError is returned for a root that is not valid at Now.
type ExpiredError struct{ NotBefore, NotAfter, Now time.Time }

func (e ExpiredError) Error() string {
	if e.Now.Before(e.NotBefore) {
		return fmt.Sprintf("root certificate is valid from %s on, but this computer's clock says %s", day(e.NotBefore), day(e.Now))
	}
	text := "root certificate expired on " + day(e.NotAfter)
	if CheckClock(e.Now) != nil {
		text += ", if the clock is right: it says " + day(e.Now)
	}
	return text
}

// Hint says what to do about it.
func (e ExpiredError) Hint() fault.Hint {
	if e.Now.Before(e.NotBefore) || CheckClock(e.Now) != nil {
		return ClockError{e.Now}.Hint()
	}
	return fault.Hintf("replace it, and have your devices trust the new root: %s", fault.Command{"root", "rotate"})
}

// NewAuthority checks that cert is a root that is valid at now. It fails with
// ErrNotRoot, an ExpiredError or an UnknownKeyError.
func NewAuthority(cert *x509.Certificate, now time.Time) (*Authority, error) {
	if err := VerifyRoot(cert); err != nil {
		return nil, err
	}
	if err := validAt(cert, now); err != nil {
		return nil, err
	}
	keyType, err := KeyTypeOf(cert.PublicKey)
	return &Authority{cert: cert, keyType: keyType}, err
}

// validAt fails with an ExpiredError outside the life of a root.
func validAt(root *x509.Certificate, now time.Time) error {
	if !ValidAt(root, now) {
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
	if !KeyMatches(a.cert, key.Public()) {
		return ErrOtherKey
	}
	a.signer = key
	return nil
}

// Lock makes the authority forget its key.
func (a *Authority) Lock() { a.signer = nil }
