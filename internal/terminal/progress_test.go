package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestProgressIsALineEachSecond(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	c := &Counter{w: &out, now: func() time.Time { now = now.Add(400 * time.Millisecond); return now }, what: "issued", all: 8, last: now}
	for range 8 {
		c.Step()
	}
	if got, want := out.String(), "issued 3 of 8\nissued 6 of 8\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	(&Counter{now: func() time.Time { t.Error("it looks at the clock"); return now }}).Step() // no terminal
}

// TestProgressIsShownAfterASecond: what is quick needs none, and nothing of it
// stays on the line.
func TestProgressIsShownAfterASecond(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	p := &Progress{out: &out, now: func() time.Time { return now }, start: now}
	p.Show("writing cert.der: 180 of 397 bytes")
	p.Clear()
	if out.Len() != 0 {
		t.Errorf("at once: got %q, want nothing", out.String())
	}
	now = now.Add(time.Second)
	p.Show("writing index.html: 1800 of 23800 bytes")
	p.Show("writing sw.js: 180 of 397 bytes")
	p.Clear()
	p.Clear()
	lines := strings.Split(out.String(), "\r")
	if len(lines) != 5 || lines[1] != "writing index.html: 1800 of 23800 bytes" || strings.TrimRight(lines[2], " ") != "writing sw.js: 180 of 397 bytes" || len(lines[2]) != len(lines[1]) || strings.TrimSpace(lines[3]) != "" || lines[4] != "" {
		t.Errorf("got %q, want two texts, the second over the first, and an empty line", lines)
	}
	hidden := &Progress{now: p.now}
	hidden.Show("writing cert.der") // no terminal
	hidden.Clear()
}
