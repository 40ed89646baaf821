package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// KeyType is a public key algorithm with its size, written as on the command
// line: p256, p384, rsa-2048, rsa-3072 or rsa-4096.
type KeyType string

// The key types that roots and leaves can have.
const (
	P256    KeyType = "p256"
	P384    KeyType = "p384"
	RSA2048 KeyType = "rsa-2048"
	RSA3072 KeyType = "rsa-3072"
	RSA4096 KeyType = "rsa-4096"
)

// keyTypes has a row for each key type. maxSignature is the size in bytes of
// the largest signature that the key makes: for ECDSA a DER SEQUENCE of two
// INTEGERs (RFC 3279 section 2.2.3), for RSA the modulus.
var keyTypes = []struct {
	id           KeyType
	title        string
	curve        func() elliptic.Curve
	bits         int
	maxSignature int
}{
	{P256, "ECDSA P-256", elliptic.P256, 0, 72},
	{P384, "ECDSA P-384", elliptic.P384, 0, 104},
	{RSA2048, "RSA-2048", nil, 2048, 256},
	{RSA3072, "RSA-3072", nil, 3072, 384},
	{RSA4096, "RSA-4096", nil, 4096, 512},
}

// ParseKeyType returns the key type that s names. Any other text, ed25519 and
// rsa-1024 included, is an UnknownKeyTypeError.
func ParseKeyType(s string) (KeyType, error) {
	for _, row := range keyTypes {
		if strings.EqualFold(s, string(row.id)) {
			return row.id, nil
		}
	}
	return "", UnknownKeyTypeError{Input: s, Why: whyNot(s)}
}

// UnknownKeyTypeError says that Input is not a key type of picoca's, and, for
// one that exists elsewhere, Why not.
type UnknownKeyTypeError struct{ Input, Why string }

func (e UnknownKeyTypeError) Error() string {
	return withReason(fmt.Sprintf("key type %q is not one of %s", e.Input, keyTypeNames()), e.Why)
}

// Hint says what to do about it.
func (e UnknownKeyTypeError) Hint() fault.Hint {
	return fault.Hintf("use p256: it is small, fast, and works everywhere")
}

// ExitCode returns fault.Usage.
func (e UnknownKeyTypeError) ExitCode() int { return fault.Usage }

// UnknownKeyError says that a key is of a Type that picoca does not use, and
// Why not.
type UnknownKeyError struct{ Type, Why string }

func (e UnknownKeyError) Error() string {
	return withReason(fmt.Sprintf("key is of type %q, not one of %s", e.Type, keyTypeNames()), e.Why)
}

// Hint says what to do about it.
func (e UnknownKeyError) Hint() fault.Hint {
	return fault.Hintf("use an ECDSA P-256 key, or an RSA key of 2048 bits")
}

func keyTypeNames() string { return strings.Join(KeyTypeNames(), ", ") }

// KeyTypeNames returns the key types, as ParseKeyType reads them.
func KeyTypeNames() []string {
	known := make([]string, len(keyTypes))
	for i, row := range keyTypes {
		known[i] = string(row.id)
	}
	return known
}

func withReason(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + why
}

func whyNot(s string) string {
	switch strings.ToLower(s) {
	case "ed25519":
		return "Chromium cannot use it, and no board's firmware loads it"
	case "rsa-1024", "rsa1024", "rsa-512":
		return "RSA under 2048 bits is broken, and clients refuse it"
	}
	return ""
}

// String returns the name for people, such as "ECDSA P-256".
func (k KeyType) String() string {
	for _, row := range keyTypes {
		if row.id == k {
			return row.title
		}
	}
	return string(k)
}

// IsRSA reports whether the key is an RSA key.
func (k KeyType) IsRSA() bool { return strings.HasPrefix(string(k), "rsa-") }

// Generate makes a key of this type from the system's random source.
func (k KeyType) Generate() (crypto.Signer, error) {
	for _, row := range keyTypes {
		switch {
		case row.id != k:
		case row.curve != nil:
			return ecdsa.GenerateKey(row.curve(), rand.Reader)
		default:
			return rsa.GenerateKey(rand.Reader, row.bits)
		}
	}
	return nil, UnknownKeyTypeError{Input: string(k)}
}

// KeyTypeOf returns the type of a public key. Ed25519, other curves and other
// RSA sizes are an UnknownKeyError.
func KeyTypeOf(pub crypto.PublicKey) (KeyType, error) {
	name := nameOfKey(pub)
	kt, err := ParseKeyType(name)
	if err != nil {
		return "", UnknownKeyError{name, whyNot(name)}
	}
	return kt, nil
}

// nameOfKey returns the name that a key's type has, or would have.
func nameOfKey(pub crypto.PublicKey) string {
	switch pub := pub.(type) {
	case nil: // crypto/x509 leaves it out of a certificate when it doesn't know it
		return "unknown"
	case *ecdsa.PublicKey:
		return strings.ToLower(strings.ReplaceAll(pub.Curve.Params().Name, "-", ""))
	case *rsa.PublicKey:
		return fmt.Sprintf("rsa-%d", pub.N.BitLen())
	case ed25519.PublicKey:
		return "ed25519"
	}
	return fmt.Sprintf("%T", pub)
}

func maxSignature(k KeyType) int {
	for _, row := range keyTypes {
		if row.id == k {
			return row.maxSignature
		}
	}
	return 0
}
