package pki

import (
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// FutureError says that a certificate begins after now: the clock is wrong, or was
// when the certificate was issued. Only the owner can tell which.
type FutureError struct {
	Name      string
	From, Now time.Time
}

func futureOf(i store.Issued, now time.Time) *FutureError {
	return &FutureError{i.Record.Name, i.Leaf.NotBefore, now}
}

func (e *FutureError) Error() string {
	return fmt.Sprintf("clock shows %s, and the certificate of %s begins on %s", e.Now.UTC().Format(time.DateTime), DisplayName(e.Name), Day(e.From))
}

// Hint corrects either.
func (e *FutureError) Hint() fault.Hint {
	return fault.Hintf("set the clock of this computer; if it is right: %s", fault.Command{"renew", e.Name})
}

// ClockUselessError says that no certificate helps a board whose clock is not
// set.
type ClockUselessError struct {
	Board, Why string
	hint       fault.Hint
}

func (e *ClockUselessError) Error() string { return "--board-clock: " + e.Board + " " + e.Why }

// Hint says what helps instead.
func (e *ClockUselessError) Hint() fault.Hint { return e.hint }

// ExitCode is that of a wrong command line.
func (*ClockUselessError) ExitCode() int { return fault.Usage }

var setItsClock = fault.Hintf("let the board set its clock first, by NTP")

// chooseClock decides whether the certificate begins where a board's clock stands
// before it is set: as asked for, else as before.
func (p *Plan) chooseClock(before *store.Issued) (err error) {
	wasSo := before != nil && ca.HasBoardClock(before.Leaf)
	p.BoardClock = chosen(p.request.BoardClock, wasSo)
	switch {
	case p.BoardClock && p.request.ClockOf.Device.ID != "":
		p.clockStart, err = p.startOf(&p.request.ClockOf)
	case p.BoardClock && wasSo && before.Leaf.NotBefore.Before(before.Root.Certificate.NotBefore):
		p.clockStart = before.Leaf.NotBefore
	}
	return err
}

// startOf returns where a board's clock stands at power-on, zero for the usual
// time. It fails with a ClockUselessError where that helps nobody.
func (p *Plan) startOf(board *device.Target) (time.Time, error) {
	clock, root := board.Clock().PowerOn, p.ca.authority.Certificate()
	none, roots := board.DateChecks()
	start, err := time.Parse(time.DateOnly, clock)
	switch {
	case none:
		return time.Time{}, &ClockUselessError{board.Name(), "checks no dates, so its clock does not matter", fault.Hintf("leave it out")}
	case err != nil:
		return time.Time{}, &ClockUselessError{board.Name(), "shows an unknown time at power-on", setItsClock}
	case !start.Before(root.NotBefore):
		return time.Time{}, nil
	case roots:
		why := fmt.Sprintf("starts in %s, and checks the root too, which is valid from %s on", clock, Day(root.NotBefore))
		return time.Time{}, &ClockUselessError{board.Name(), why, setItsClock}
	}
	return start, nil
}
