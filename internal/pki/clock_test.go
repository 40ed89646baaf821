package pki

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

// TestBoardClockIsThatOfTheBoard: the certificate begins where the clock of the
// board that checks it stands, and one that helps no board is refused.
func TestBoardClockIsThatOfTheBoard(t *testing.T) {
	a := newAuthority(t, "")
	usual := a.root().Certificate.NotBefore
	for i, row := range []struct {
		board string
		want  time.Time
		why   string
	}{
		{"", usual, ""},
		{"pico-w/micropython", usual, ""},
		{"esp8266/arduino", time.Unix(0, 0), ""},
		{"pico-w/arduino", time.Unix(0, 0), ""},
		{"esp32/arduino", time.Time{}, "checks no dates"},
		{"mosquitto", time.Time{}, "shows an unknown time"},
	} {
		req := Request{Names: names(t, "broker.local"), For: target(t, "computer"), BoardClock: yes(), Renew: i > 0}
		if row.board != "" {
			req.ClockOf = target(t, row.board)
		}
		result, err := a.issue(req, start)
		if row.why != "" {
			if useless, ok := errors.AsType[*ClockUselessError](err); !ok || !strings.Contains(err.Error(), row.why) || useless.Hint().IsZero() {
				t.Errorf("%s: got %v, want %q", row.board, err, row.why)
			}
			continue
		}
		if err != nil || !result.Issued.Leaf.NotBefore.Equal(row.want) || !ca.HasBoardClock(result.Issued.Leaf) {
			t.Errorf("%s: got %v, %v, want it to begin at %s", row.board, result.Issued.Leaf, err, row.want)
		}
	}
}

// TestRenewalKeepsTheBoardsClock, also one before the root's beginning.
func TestRenewalKeepsTheBoardsClock(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "broker.local"), For: target(t, "computer"), BoardClock: yes(), ClockOf: target(t, "esp8266/arduino")}
	first := a.mustIssue(req, start).Issued.Leaf
	second := a.mustIssue(Request{Names: req.Names, Renew: true}, start).Issued.Leaf
	third := a.mustIssue(Request{Names: req.Names, Renew: true, BoardClock: no()}, start).Issued.Leaf
	if !second.NotBefore.Equal(first.NotBefore) || ca.HasBoardClock(third) {
		t.Errorf("got %s, then %s, then %s", first.NotBefore, second.NotBefore, third.NotBefore)
	}
}

// TestRootThatIsCheckedLimitsTheClock: a board that checks the root's dates is
// not helped by a certificate that begins before it.
func TestRootThatIsCheckedLimitsTheClock(t *testing.T) {
	a := newAuthority(t, "")
	board := target(t, "pico-w/micropython")
	board.Firmware[0].Clock.PowerOn = "2000-01-01"
	_, err := a.issue(Request{Names: names(t, "broker.local"), BoardClock: yes(), ClockOf: board}, start)
	if _, ok := errors.AsType[*ClockUselessError](err); !ok || !strings.Contains(err.Error(), "2000-01-01") || !strings.Contains(err.Error(), "2021-01-01") {
		t.Errorf("got %v, want both dates", err)
	}
}
