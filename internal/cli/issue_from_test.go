package cli

import (
	"strings"
	"testing"
	"time"
)

func TestProgressIsALineEachSecond(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	c := &counter{w: &out, now: func() time.Time { now = now.Add(400 * time.Millisecond); return now }, what: "issued", all: 8, last: now}
	for range 8 {
		c.step()
	}
	if got, want := out.String(), "issued 3 of 8\nissued 6 of 8\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	(&counter{now: func() time.Time { t.Error("it looks at the clock"); return now }}).step() // no terminal
}
