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
	Bytes   int    // most bytes of its DER
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
	case !slices.Contains(b.Keys, c.Key) && !force:
		misfit(LimitUnwise, b.Keys[0], "would need %s for one connection with key type %q", b.price(c.Key), c.Key)
	}
	if len(b.RootKeys) > 0 && !slices.Contains(b.RootKeys, c.RootKey) {
		misfit(LimitRoot, "", "does not load a certificate that a root of type %q signed; it takes %s", c.RootKey, strings.Join(b.RootKeys, ", "))
	}
	if c.Bytes > b.MaxCertificateBytes {
		misfit(LimitBytes, "", "serves at most %d bytes of certificate; this one would have %d", b.MaxCertificateBytes, c.Bytes)
	}
	return errors.Join(faults...)
}

// price tells the dearest measured cost of a key, "41.2 KB of heap and 26 s".
func (b Board) price(key string) string {
	var worst Cost
	for _, cost := range b.CostOf(key) {
		worst.HeapBytes = max(worst.HeapBytes, cost.HeapBytes)
		worst.Seconds = max(worst.Seconds, cost.Seconds)
	}
	if worst == (Cost{}) {
		return "far more time and memory"
	}
	return worst.String()
}

// String tells the figures that are known: "27.7 KB of heap, 0.5 s".
func (c Cost) String() string {
	var parts []string
	if c.HeapBytes > 0 {
		parts = append(parts, fmt.Sprintf("%.1f KB of heap", float64(c.HeapBytes)/1000))
	}
	if c.Seconds > 0 {
		parts = append(parts, Seconds(c.Seconds))
	}
	return strings.Join(parts, ", ")
}

// Seconds writes a duration with no more digits than a measurement has: "0.5 s",
// "26 s".
func Seconds(s float64) string {
	if s >= 9.95 { // which one digit would round up
		return fmt.Sprintf("%.0f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}
