package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// TestProgressIsShownAfterASecond: what is quick needs none, and nothing of it
// stays on the line.
func TestProgressIsShownAfterASecond(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	p := &progress{out: &out, now: func() time.Time { return now }, start: now}
	p.show("cert.der", 180, 397)
	p.clear()
	if out.Len() != 0 {
		t.Errorf("at once: got %q, want nothing", out.String())
	}
	now = now.Add(time.Second)
	p.show("index.html", 1800, 23800)
	p.show("sw.js", 180, 397)
	p.clear()
	p.clear()
	lines := strings.Split(out.String(), "\r")
	if len(lines) != 5 || lines[1] != "writing index.html: 1800 of 23800 bytes" || strings.TrimRight(lines[2], " ") != "writing sw.js: 180 of 397 bytes" || len(lines[2]) != len(lines[1]) || strings.TrimSpace(lines[3]) != "" || lines[4] != "" {
		t.Errorf("got %q, want two texts, the second over the first, and an empty line", lines)
	}
	hidden := &progress{now: p.now}
	hidden.show("cert.der", 1, 2) // no terminal
	hidden.clear()
}

func TestInterruptedPushKeepsWhatMatters(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	mixed := errors.New("/media/CIRCUITPY may have files of two certificates")
	a := &app{}
	if got := a.interrupted(ctx, mixed); got != mixed {
		t.Errorf("before: got %v", got)
	}
	cancel()
	got := fault.Flatten(a.interrupted(ctx, errors.Join(ctx.Err(), mixed)))
	if len(got) != 2 || got[0] != errInterrupted || got[1] != mixed {
		t.Errorf("got %q, want the interruption and what is known of the device", got)
	}
	if code := exitCode(errors.Join(got...)); code != fault.Interrupted {
		t.Errorf("exit code: got %d", code)
	}
}
