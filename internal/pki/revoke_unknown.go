package pki

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// SerialError says that Input is no serial number that a certificate of this CA
// can have.
type SerialError struct{ Input string }

func (e *SerialError) Error() string {
	digits := serialDigits(e.Input)
	if len(digits) < minSerial || len(digits) > maxSerial || !isHex(digits) {
		return fmt.Sprintf("%q is not a serial number of %d to %d hexadecimal digits", e.Input, minSerial, maxSerial)
	}
	return fmt.Sprintf("%q is zero or negative, and serial numbers are positive", e.Input) // RFC 5280 section 4.1.2.2
}

// Hint says where serial numbers are.
func (*SerialError) Hint() fault.Hint {
	return fault.Hintf("copy all of it: openssl x509 -noout -serial -in FILE prints that of a certificate, and servers write it to their logs")
}

// ExitCode is that of a wrong command line.
func (*SerialError) ExitCode() int { return fault.Usage }

// KnownSerialError says that the store has the certificate of a serial number.
type KnownSerialError struct{ Serial, Name string }

func (e *KnownSerialError) Error() string {
	return fmt.Sprintf("serial number %q is known: it is a certificate of %s", e.Serial, DisplayName(e.Name))
}

// Hint revokes it.
func (e *KnownSerialError) Hint() fault.Hint {
	return fault.Hintf("leave out --unknown: %s", fault.Command{"revoke", e.Serial})
}

// minSerial is how many digits a serial number has at least: picoca's have 32, and
// one that was copied in part would revoke nothing, without a word.
const minSerial = 32

// maxSerial is RFC 5280's: 20 octets.
const maxSerial = 40

// unknown returns the revocation of a certificate that the store does not have, or
// not whole. It fails with a SerialError, a KnownSerialError, an UnknownRootError, or with
// store.ErrRevoked.
func (c *CA) unknown(req RevokeRequest, now time.Time) (store.Revocation, error) {
	serial, ok := store.ParseSerial(req.Target)
	if !ok || len(serialDigits(req.Target)) < minSerial {
		return store.Revocation{}, &SerialError{req.Target}
	}
	if c.isRootSerial(serial) {
		return store.Revocation{}, errRevokeRoot
	}
	if known, err := c.store.BySerial(serial); err == nil {
		return store.Revocation{}, &KnownSerialError{serial, known.Record.Name}
	} else if !errors.Is(err, store.ErrNotIssued) && !isLost(err) {
		return store.Revocation{}, err
	}
	if err := c.refuseListed(serial); err != nil {
		return store.Revocation{}, err
	}
	root, err := c.rootNamed(req.Root)
	if err != nil {
		return store.Revocation{}, err
	}
	return store.UnknownRevocation(root, serial, now, req.Reason), nil
}

// refuseListed fails with store.ErrRevoked if a serial number was revoked as
// unknown.
func (c *CA) refuseListed(serial string) error {
	revoked, err := c.store.Revocations()
	if slices.ContainsFunc(revoked, func(r store.Revocation) bool { return r.Serial == serial }) {
		return fault.With(fmt.Errorf("serial number %q: %w", serial, store.ErrRevoked), fault.Hintf("the list has it: %s", fault.Command{"export crl"}))
	}
	return err
}
