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

	"github.com/picoca/picoca/internal/fault"
)

// ubCommonName is the longest commonName in characters (RFC 5280 appendix A.1).
const ubCommonName = 64

// A root's life in days: ten years by default. No client limits it; dates from
// 2050 on change their encoding (RFC 5280 section 4.1.2.5), which boards read.
const (
	DefaultRootDays = 3650
	maxRootDays     = 36500
)

// boardEpoch is the time that a Pico W shows before its clock is set. A root
// starts there, so that a board can verify a chain before it has asked for the
// time; it costs nothing, since no client limits a root's life.
var boardEpoch = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)

// RootRequest is what the owner of a new root decides.
type RootRequest struct {
	// Name is the first part of the common name; a suffix from the key follows.
	Name string
	// Days is the time until the root expires, counted from now.
	Days int
	// Constraints are the names that it may vouch for.
	Constraints Constraints
	// AnyAddress leaves the addresses out of the constraints: BoringSSL refuses a
	// leaf with an address under a root that limits them.
	AnyAddress bool
	// Strict marks the name constraints critical, as RFC 5280 section 4.2.1.10
	// demands. Boards with mbedTLS cannot load such a root.
	Strict bool
}

// RootNameError says why Input cannot name a root.
type RootNameError struct{ Input, Text string }

func (e RootNameError) Error() string { return fmt.Sprintf("CA name %q %s", e.Input, e.Text) }

// Hint says what to do about it.
func (e RootNameError) Hint() fault.Hint {
	return fault.Hintf("choose a name such as --name \"Smith Home\"")
}

// DaysError says that a certificate may not be valid for so many days.
type DaysError struct{ Have, Min, Max int }

func (e DaysError) Error() string {
	return fmt.Sprintf("--days %d is not between %d and %d", e.Have, e.Min, e.Max)
}

// Hint says what to do about it.
func (e DaysError) Hint() fault.Hint {
	if e.Max == MaxLeafDays {
		return fault.Hintf("leave out --days for the usual time; Apple devices refuse more than %d days", e.Max)
	}
	return fault.Hintf("leave out --days for the usual time")
}

// CheckCADays fails with a DaysError if no CA under a root can be valid for so many
// days.
func CheckCADays(days int) error {
	if days < 1 || days > maxRootDays {
		return DaysError{days, 1, maxRootDays}
	}
	return nil
}

// NewRoot makes the root certificate for key, signed by itself. Its common
// name ends in four letters or digits of the key's hash, which distinguish two homes
// apart. One more CA may be below it. It vouches for servers and clients, not
// for code, and for e-mail addresses only under home.arpa, whose purpose is to
// exclude all others. A default root of a P-256 key has about 660 bytes. The
// error joins a RootNameError, a DaysError and a ClockError.
func NewRoot(req RootRequest, key crypto.Signer, now time.Time) (*x509.Certificate, error) {
	if err := errors.Join(req.Check(), CheckClock(now)); err != nil {
		return nil, err
	}
	suffix, err := keySuffix(key.Public())
	if err != nil {
		return nil, err
	}
	template := req.template(suffix, now)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (req RootRequest) template(suffix string, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber:                newSerial(),
		Subject:                     pkix.Name{CommonName: req.Name + " " + suffix},
		NotBefore:                   boardEpoch,
		NotAfter:                    now.UTC().AddDate(0, 0, req.Days).Add(-time.Second),
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLen:                  1,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomains:         req.Constraints.domains,
		PermittedEmailAddresses:     []string{mailDomain},
		PermittedDNSDomainsCritical: req.Strict,
		ExtKeyUsage:                 rootPurposes(),
	}
	switch {
	case req.AnyAddress:
	case req.Constraints.noAddress:
		t.ExcludedIPRanges = everyAddress()
	default:
		t.PermittedIPRanges = req.Constraints.ranges()
	}
	return t
}

// rootPurposes keep a root's key from vouching for code, to NSS and Go.
func rootPurposes() []x509.ExtKeyUsage {
	return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
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
