package ca

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// RevocationReason is why a certificate was revoked, in the words of RFC 5280
// section 5.3.1.
type RevocationReason string

// The reasons that a certificate can be revoked for. Not among them:
// certificateHold, which picoca could not lift again, and removeFromCRL, which
// is for delta CRLs.
const (
	Unspecified          RevocationReason = "unspecified"
	KeyCompromise        RevocationReason = "keyCompromise"
	CACompromise         RevocationReason = "cACompromise"
	AffiliationChanged   RevocationReason = "affiliationChanged"
	Superseded           RevocationReason = "superseded"
	CessationOfOperation RevocationReason = "cessationOfOperation"
	PrivilegeWithdrawn   RevocationReason = "privilegeWithdrawn"
	AACompromise         RevocationReason = "aACompromise"
)

// reasonCodes are the numbers of CRLReason.
var reasonCodes = []struct {
	reason RevocationReason
	code   int
}{
	{Unspecified, 0}, {KeyCompromise, 1}, {CACompromise, 2}, {AffiliationChanged, 3},
	{Superseded, 4}, {CessationOfOperation, 5}, {PrivilegeWithdrawn, 9}, {AACompromise, 10},
}

// ReasonError is returned for a text that is not a reason for revoking.
type ReasonError struct{ Input string }

func (e ReasonError) Error() string {
	return fmt.Sprintf("reason %q is not one of %s", e.Input, strings.Join(ReasonNames(), ", "))
}

// Hint says what to do about it.
func (e ReasonError) Hint() fault.Hint {
	return fault.Hintf("leave the reason out, or use keyCompromise for a device that was lost or stolen")
}

// ExitCode returns fault.Usage.
func (e ReasonError) ExitCode() int { return fault.Usage }

// ReasonNames returns the reasons, as ParseReason reads them.
func ReasonNames() []string {
	var names []string
	for _, row := range reasonCodes {
		names = append(names, string(row.reason))
	}
	return names
}

// ParseReason returns the reason that input names, in upper or lower case. The
// error is a ReasonError.
func ParseReason(input string) (RevocationReason, error) {
	for _, row := range reasonCodes {
		if strings.EqualFold(input, string(row.reason)) {
			return row.reason, nil
		}
	}
	return "", ReasonError{input}
}

// ReasonOf returns the reason with a CRLReason's number, Unspecified for one
// that picoca does not use.
func ReasonOf(code int) RevocationReason {
	for _, row := range reasonCodes {
		if row.code == code {
			return row.reason
		}
	}
	return Unspecified
}

func (r RevocationReason) code() (int, error) {
	for _, row := range reasonCodes {
		if row.reason == r {
			return row.code, nil
		}
	}
	return 0, ReasonError{string(r)}
}

// Revocation is one certificate that is no longer valid.
type Revocation struct {
	Serial *big.Int
	At     time.Time
	Reason RevocationReason // "" stands for Unspecified
}

// crlBackdate is how far before its making a CRL begins to be valid, for
// clocks that run behind.
const crlBackdate = time.Hour

// maxCRLNumber is the largest CRL number (RFC 5280 section 5.2.3: 20 octets,
// the first bit is the sign).
var maxCRLNumber = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 159), big.NewInt(1))

// SignCRL signs the list of revoked certificates, in DER (RFC 5280 section 5).
// It has no issuing distribution point: as the extension is critical, mbedTLS
// would not load the list, and OpenSSL would refuse its scope. Each list needs
// a higher number than the one before. Before Unlock it fails with ErrLocked.
func (a *Authority) SignCRL(revoked []Revocation, number *big.Int, now, nextUpdate time.Time) ([]byte, error) {
	if a.signer == nil {
		return nil, ErrLocked
	}
	template, err := a.crlTemplate(revoked, number, now, nextUpdate)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.signer)
	if err != nil {
		return nil, err
	}
	if _, err := VerifyCRL(a.cert, der); err != nil {
		return nil, err
	}
	return der, nil
}

func (a *Authority) crlTemplate(revoked []Revocation, number *big.Int, now, nextUpdate time.Time) (*x509.RevocationList, error) {
	entries, err := crlEntries(revoked)
	if err != nil {
		return nil, err
	}
	thisUpdate := now.UTC().Add(-crlBackdate).Truncate(time.Second)
	switch {
	case CheckClock(now) != nil:
		return nil, CheckClock(now)
	case validAt(a.cert, now) != nil:
		return nil, validAt(a.cert, now)
	case a.cert.KeyUsage&x509.KeyUsageCRLSign == 0:
		return nil, errors.New("root certificate may not sign revocation lists")
	case number == nil || number.Sign() <= 0 || number.Cmp(maxCRLNumber) > 0:
		return nil, fmt.Errorf("number %v of the revocation list is not between 1 and 2^159-1", number)
	case !nextUpdate.After(now) || nextUpdate.After(a.cert.NotAfter):
		return nil, fmt.Errorf("revocation list would end on %s, not between now and its root's end on %s", day(nextUpdate), day(a.cert.NotAfter))
	}
	return &x509.RevocationList{Number: number, ThisUpdate: thisUpdate, NextUpdate: nextUpdate.UTC().Truncate(time.Second), RevokedCertificateEntries: entries}, nil
}

// crlEntries orders the entries by serial number: the same revocations make
// the same list. slices.SortFunc would be compiled once more for these entries: 20 KB.
func crlEntries(revoked []Revocation) ([]x509.RevocationListEntry, error) {
	var entries []x509.RevocationListEntry
	for _, r := range revoked {
		entry, err := r.entry()
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].SerialNumber.Cmp(entries[j].SerialNumber) < 0 })
	for i := range entries[:max(0, len(entries)-1)] {
		if entries[i].SerialNumber.Cmp(entries[i+1].SerialNumber) == 0 {
			return nil, fmt.Errorf("serial number %032x is revoked twice", entries[i].SerialNumber)
		}
	}
	return entries, nil
}

// entry leaves out the reason "unspecified", as RFC 5280 section 5.3.1 asks.
func (r Revocation) entry() (x509.RevocationListEntry, error) {
	if r.Serial == nil || r.Serial.Sign() <= 0 {
		return x509.RevocationListEntry{}, fmt.Errorf("serial number %v is not positive", r.Serial)
	}
	code, err := orUnspecified(r.Reason).code()
	return x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At.UTC().Truncate(time.Second), ReasonCode: code}, err
}

func orUnspecified(r RevocationReason) RevocationReason {
	if r == "" {
		return Unspecified
	}
	return r
}

// CRLLife returns how long a list was meant to be valid when it was signed.
func CRLLife(list *x509.RevocationList) time.Duration {
	return list.NextUpdate.Sub(list.ThisUpdate) - crlBackdate
}

// CRLPEM returns a revocation list in PEM (RFC 7468 section 7), the only form
// that nginx and mosquitto read.
func CRLPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// ErrOtherCRL is returned for a revocation list that a root did not sign.
var ErrOtherCRL = fault.New("revocation list was not signed by this root", fault.Hintf("restore the file from a backup"))

// VerifyCRL reads a revocation list in DER and checks that root signed it. It
// looks at no dates. It fails with ErrOtherCRL, or with what crypto/x509 says
// of a list that it cannot read.
func VerifyCRL(root *x509.Certificate, der []byte) (*x509.RevocationList, error) {
	list, err := x509.ParseRevocationList(der)
	switch {
	case err != nil:
		return nil, fmt.Errorf("revocation list: %w", err)
	case len(list.Raw) != len(der):
		return nil, fmt.Errorf("revocation list is followed by %d bytes", len(der)-len(list.Raw))
	}
	named := bytes.Equal(list.RawIssuer, root.RawSubject) && bytes.Equal(list.AuthorityKeyId, root.SubjectKeyId)
	if !named || list.CheckSignatureFrom(root) != nil {
		return nil, ErrOtherCRL
	}
	return list, nil
}
