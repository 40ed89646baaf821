package ca

import (
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// A clock outside these limits is wrong: one is before this program was
// written, the other beyond the end of the certificates that it makes. Most
// such clocks are at 1970 or 2000 (no battery) or in a year that ASN.1 cannot
// write (RFC 5280 section 4.1.2.5.2: four digits).
var (
	earliestClock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	latestClock   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ClockError is returned for a clock that cannot be right.
type ClockError struct{ Now time.Time }

func (e ClockError) Error() string {
	return fmt.Sprintf("this computer's clock is wrong: it says %s", day(e.Now))
}

// Hint says what to do about it.
func (e ClockError) Hint() fault.Hint {
	return fault.Hintf("set this computer's clock, then run the same command again")
}

// CheckClock fails with a ClockError for a time that cannot be the present.
func CheckClock(now time.Time) error {
	if now.Before(earliestClock) || !now.Before(latestClock) {
		return ClockError{now}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
