package device

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Certificate is what decides whether a certificate fits a board.
type Certificate struct {
	Key     string // key type of the leaf
	RootKey string // key type of its root
	Bytes   int    // most bytes of its DER; 0 if it is not made yet
	Names   int    // how many names and addresses it has
}

// Limit is the kind of limit that a certificate exceeds.
type Limit string

// The limits of a board.
const (
	LimitKey    Limit = "key"    // its firmware does not load the key type
	LimitUnwise Limit = "unwise" // it loads the key, and pays too much
	LimitRoot   Limit = "root"   // it needs another key type in the root
	LimitBytes  Limit = "bytes"  // the certificate is too large to serve
)

// MisfitError says why a certificate does not fit a board, with figures.
type MisfitError struct {
	Board   Board
	Limit   Limit
	Text    string
	Instead string // key type to use instead, if that helps
}

func (e *MisfitError) Error() string { return e.Board.Name + " " + e.Text }

// Fits returns nil if the board can serve the certificate, or a *MisfitError
// for each limit that it exceeds, joined. Force allows what is unwise.
func (b Board) Fits(c Certificate, force bool) error {
	var faults []error
	misfit := func(limit Limit, instead, format string, args ...any) {
		faults = append(faults, &MisfitError{b, limit, fmt.Sprintf(format, args...), instead})
	}
	switch {
	case !b.loads(c.Key):
		misfit(LimitKey, b.Keys[0], "does not load a key of type %q", c.Key)
	case b.Unwise(c.Key) && !force:
		misfit(LimitUnwise, b.Keys[0], "%s", b.unwisdom(c))
	}
	if len(b.RootKeys) > 0 && !slices.Contains(b.RootKeys, c.RootKey) {
		misfit(LimitRoot, "", "does not load a certificate that a root of type %q signed; it takes %s", c.RootKey, strings.Join(b.RootKeys, ", "))
	}
	if c.Bytes > b.MaxCertificateBytes {
		misfit(LimitBytes, "", "serves at most %d bytes of certificate; this one would have %d", b.MaxCertificateBytes, c.Bytes)
	}
	return errors.Join(faults...)
}

// unwisdom tells why a key that loads is not worth its cost: an RSA key by its
// price alone, if that is known. P-384 costs hardly more than P-256, but there
// is nothing to be had for it.
func (b Board) unwisdom(c Certificate) string {
	row, figures := b.dearest(c)
	switch {
	case figures == Figures{}:
		return fmt.Sprintf("gains nothing by key type %q, which costs more than %s", c.Key, b.Keys[0])
	case strings.HasPrefix(c.Key, "rsa-"):
		return fmt.Sprintf("would need %s in %s for one connection with key type %q", figures, row.Name, c.Key)
	}
	return fmt.Sprintf("gains nothing by key type %q, which costs more than %s: %s in %s for one connection", c.Key, b.Keys[0], figures, row.Name)
}
