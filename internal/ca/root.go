package ca

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// ubCommonName is the longest commonName in characters (RFC 5280 appendix A.1).
const ubCommonName = 64

// A root's life in days: ten years by default. No client limits it; dates from
// 2050 on change their encoding (RFC 5280 section 4.1.2.5), which boards read.
const (
	DefaultRootDays = 3650
	maxRootDays     = 36500
)

// boardEpoch is the time at which a Pico W without a set clock believes to be.
// A root starts there, so that a board can verify a chain before it has asked
// for the time; it costs nothing, since no client limits a root's life.
var boardEpoch = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)

// RootRequest is what the owner of a new root decides.
type RootRequest struct {
	// Name is the first part of the common name; a suffix from the key follows.
	Name string
	// Days is the time until the root expires, counted from now.
	Days int
	// Constraints are the names that it may vouch for.
	Constraints Constraints
	// Strict marks the name constraints critical, as RFC 5280 section 4.2.1.10
	// demands. Boards with mbedTLS cannot load such a root.
	Strict bool
}

// RootNameError says why Input cannot name a root.
type RootNameError struct{ Input, Text string }

func (e RootNameError) Error() string { return fmt.Sprintf("CA name %q %s", e.Input, e.Text) }

// DaysError says that a certificate may not be valid for so many days.
type DaysError struct{ Have, Min, Max int }

func (e DaysError) Error() string {
	return fmt.Sprintf("days %d is not between %d and %d", e.Have, e.Min, e.Max)
}

// NewRoot makes the root certificate for key, signed by itself. Its common
// name ends in four letters or digits of the key's hash, by which people tell
// two homes apart. The error is a RootNameError or a DaysError.
func NewRoot(req RootRequest, key crypto.Signer, now time.Time) (*x509.Certificate, error) {
	if err := req.Check(); err != nil {
		return nil, err
	}
	suffix, err := keySuffix(key.Public())
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:                newSerial(),
		Subject:                     pkix.Name{CommonName: req.Name + " " + suffix},
		NotBefore:                   earlier(boardEpoch, now.Add(-Days(1))),
		NotAfter:                    now.UTC().AddDate(0, 0, req.Days).Add(-time.Second),
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomains:         req.Constraints.domains,
		PermittedIPRanges:           req.Constraints.ranges(),
		PermittedDNSDomainsCritical: req.Strict,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Check returns what NewRoot would refuse in the request: a RootNameError, a
// DaysError, or both joined.
func (req RootRequest) Check() error {
	var days error
	if req.Days < 1 || req.Days > maxRootDays {
		days = DaysError{req.Days, 1, maxRootDays}
	}
	return errors.Join(req.checkName(), days)
}

func (req RootRequest) checkName() error {
	if fault := textFault(req.Name, ubCommonName-len(" ABCD")); fault != "" {
		return RootNameError{req.Name, fault}
	}
	return nil
}

// keySuffix returns four characters of base 32 (RFC 4648), which has neither 0
// nor 1, from the hash of the public key.
func keySuffix(pub crypto.PublicKey) (string, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(spki)
	return base32.StdEncoding.EncodeToString(sum[:])[:4], nil
}

// newSerial returns a random positive serial number of exactly 16 bytes of DER,
// 126 of its bits random (RFC 5280 section 4.1.2.2: positive, at most 20 bytes).
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b[:])
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b.UTC().Truncate(time.Second)
}
