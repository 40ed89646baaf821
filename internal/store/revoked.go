package store

import (
	"errors"
	"fmt"
	"math/big"
	"path"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// Revocation is when and why a certificate was revoked. It is kept although the
// certificate may be removed from the store.
type Revocation struct {
	Serial string `json:"serial"` // as ParseSerial returns it
	Name   string `json:"name"`   // of the holder, "" if the store never had the certificate
	// Authority is the issuer's key identifier in hexadecimal: a CRL lists the
	// certificates of one root.
	Authority string    `json:"authority"`
	At        time.Time `json:"at"`
	NotAfter  time.Time `json:"not_after"` // of the certificate, or of its root if that is unknown

	Reason ca.RevocationReason `json:"reason,omitempty"`
}

// IssuedBy reports whether the revoked certificate was a root's.
func (r Revocation) IssuedBy(root Root) bool {
	return r.Authority == fmt.Sprintf("%x", root.Certificate.SubjectKeyId)
}

// Entry returns the revocation as a CRL lists it.
func (r Revocation) Entry() ca.Revocation {
	serial, _ := new(big.Int).SetString(r.Serial, 16) // checked when it was read
	return ca.Revocation{Serial: serial, At: r.At, Reason: r.Reason}
}

// Revocation returns the revocation of a certificate, for Revoke.
func (i *Issued) Revocation(at time.Time, reason ca.RevocationReason) Revocation {
	return Revocation{
		Serial: ca.Serial(i.Leaf), Name: i.Record.Name, Authority: fmt.Sprintf("%x", i.Leaf.AuthorityKeyId),
		At: at.UTC().Truncate(time.Second), Reason: reason, NotAfter: i.Leaf.NotAfter,
	}
}

func (r Revocation) check() error {
	switch {
	case !isSerial(r.Serial):
		return fmt.Errorf("%.50q is no serial number", r.Serial)
	case r.At.IsZero():
		return errors.New("it has no time")
	case strings.Trim(r.Authority, "0123456789abcdef") != "":
		return fmt.Errorf("authority %.40q is not hexadecimal", r.Authority)
	}
	if r.Reason != "" {
		if _, err := ca.ParseReason(string(r.Reason)); err != nil {
			return err
		}
	}
	return checkText("name", r.Name, maxName)
}

// UnknownRevocation returns the revocation of a root's certificate that the store
// does not have. The serial number is one that ParseSerial has returned.
func UnknownRevocation(root Root, serial string, at time.Time, reason ca.RevocationReason) Revocation {
	return Revocation{
		Serial: serial, Authority: fmt.Sprintf("%x", root.Certificate.SubjectKeyId),
		At: at.UTC().Truncate(time.Second), Reason: reason, NotAfter: root.Certificate.NotAfter,
	}
}

// ParseSerial reads a serial number in hexadecimal, with or without colons. It
// returns 32 digits, as picoca's own have, or up to 40 for a longer one, in lower
// case, and false for what is none: RFC 5280 section 4.1.2.2 has them positive, and
// no longer than 20 octets.
func ParseSerial(text string) (string, bool) {
	digits := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	if digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	number, ok := new(big.Int).SetString(digits, 16)
	if !ok || number.Sign() == 0 || number.BitLen() > 20*8-1 { // a sign is a bit
		return "", false
	}
	return fmt.Sprintf("%032x", number), true
}

func isSerial(text string) bool {
	serial, ok := ParseSerial(text)
	return ok && serial == text
}

// Revocations returns all revocations, ordered by serial number. It fails with a
// DamagedError if one is not what was written.
func (s *Store) Revocations() ([]Revocation, error) {
	serials, err := s.revokedList()
	if err != nil {
		return nil, err
	}
	all := make([]Revocation, len(serials))
	for i, serial := range serials {
		if all[i], err = s.readRevocation(serial); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Store) revokedList() ([]string, error) {
	names, err := s.entryNames("revoked")
	if err != nil {
		return nil, err
	}
	var serials []string
	for _, name := range names {
		if serial, ok := strings.CutSuffix(name, ".json"); ok && isSerial(serial) {
			serials = append(serials, serial)
		}
	}
	return sorted(serials), nil
}

func (s *Store) revokedSerials() (map[string]bool, error) {
	serials, err := s.revokedList()
	revoked := make(map[string]bool, len(serials))
	for _, serial := range serials {
		revoked[serial] = true
	}
	return revoked, err
}

func (s *Store) readRevocation(serial string) (Revocation, error) {
	f, err := s.folder("revoked")
	if err != nil {
		return Revocation{}, err
	}
	defer f.close()
	var r Revocation
	base := serial + ".json"
	there, err := f.readJSON(base, &r)
	if err != nil {
		return Revocation{}, err
	}
	name := path.Join("revoked", base)
	if !there {
		return Revocation{}, MissingError{Path: s.Path(name)}
	}
	if err = r.check(); err == nil && r.Serial != serial {
		err = fmt.Errorf("it has serial number %s", r.Serial)
	}
	if err != nil {
		return Revocation{}, s.damaged(name, "is damaged: "+err.Error(), err)
	}
	return r, nil
}

// Revoke records revocations, and replaces the CRLs that list them, in one
// durable step. The lock must be held. It fails with ErrRevoked if one of the
// certificates is revoked already.
func (s *Store) Revoke(revocations []Revocation, crls []NewCRL) error {
	if s.held == nil {
		return ErrUnlocked
	}
	var files []durable.File
	for _, r := range revocations {
		if err := r.check(); err != nil {
			return err
		}
		name := path.Join("revoked", r.Serial+".json")
		there, err := s.exists(name)
		if err != nil {
			return err
		}
		if there {
			return fault.With(fmt.Errorf("%s (%s): %w", r.Name, r.Serial, ErrRevoked), fault.Hintf("see %s", fault.Command{"show", r.Name}))
		}
		files = append(files, durable.File{Name: name, Data: encodeJSON(r), Mode: 0o644})
	}
	for _, crl := range crls {
		file, err := s.crlFile(crl)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil
	}
	if err := s.makeFolders("revoked"); err != nil {
		return err
	}
	return s.replace(files...)
}
