package push

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// byCable is the advice when only a cable helps.
var byCable = fault.Hintf("connect the board by USB, and name its port: --to PORT")

// StrangerError says that a board did not prove that it is the right one. Nothing
// was sent to it.
type StrangerError struct {
	Place string
	Err   error
	// ByName is where the board is by its name, "" if that is Place.
	ByName string
}

func (e *StrangerError) Error() string {
	return fmt.Sprintf("%s does not prove that it is the board, so nothing was sent: %v", e.Place, e.Err)
}

// Unwrap returns what is wrong with its certificate.
func (e *StrangerError) Unwrap() error { return e.Err }

// errRevoked is what is wrong with a certificate whose key someone else may have.
var errRevoked = errors.New("its certificate is revoked")

// Hint depends on that.
func (e *StrangerError) Hint() fault.Hint {
	if errors.Is(e.Err, errRevoked) {
		return byCable
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok && invalid.Reason == x509.Expired {
		return fault.Hintf("check this computer's clock; if the board's certificate has ended, and it is none that this CA still knows: connect the board by USB, and name its port: --to PORT")
	}
	look := "check that no other device has the board's address"
	if e.ByName != "" {
		look += "; if the board has another one now, find it by its name: --to " + e.ByName
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](e.Err); ok {
		look += "; if the board has a certificate of an earlier root: connect it by USB, and name its port: --to PORT"
	}
	return fault.Hintf("%s", look)
}

// LostError says that a board is at none of the places where it may be.
type LostError struct {
	Name string
	Port int
	Errs []error // one for each place
}

func (e *LostError) Error() string {
	var places []string
	for _, err := range e.Errs {
		places = append(places, err.Error())
	}
	return fmt.Sprintf("%s was not found: %s", e.Name, strings.Join(places, "; "))
}

// Hint names the other ways to it.
func (e *LostError) Hint() fault.Hint {
	return fault.Hintf("check that the board is on and in this network, and that its program takes updates; if it has another address: --to https://ADDRESS:%d; over a cable: --to PORT", e.Port)
}

// RefusedError says that a board does not let this CA replace its certificate.
type RefusedError struct{ Place string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s does not accept the update identity of this CA for the board", e.Place)
}

// Hint brings the identity there.
func (*RefusedError) Hint() fault.Hint { return byCable }

// UpdateError is a board's answer that is no success. The board goes on with what
// it had.
type UpdateError struct {
	Place  string
	Status int
	Text   string // the board's
}

func (e *UpdateError) Error() string {
	return fmt.Sprintf("%s refuses the new files (%d): %.200q", e.Place, e.Status, e.Text)
}

// Hint depends on what the board says.
func (e *UpdateError) Hint() fault.Hint {
	if e.Status == 404 {
		return fault.Hintf("run the same command again; if that does not help, check that the board's program is that of picoca example --updates")
	}
	return fault.Hintf("run the same command again; if that does not help, restart the board first")
}

// UnprovenError says that a board has the new files, but was not seen to use them.
// It goes on with the previous ones.
type UnprovenError struct {
	Place string
	Err   error
}

func (e *UnprovenError) Error() string {
	return fmt.Sprintf("%s did not show the new certificate, so it keeps the previous one: %v", e.Place, e.Err)
}

// Unwrap returns why.
func (e *UnprovenError) Unwrap() error { return e.Err }

// Hint tries again.
func (*UnprovenError) Hint() fault.Hint { return fault.Hintf("run the same command again") }
