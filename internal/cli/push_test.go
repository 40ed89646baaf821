package cli

import (
	"context"
	"errors"
	"testing"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/terminal"
)

func TestInterruptedPushKeepsWhatMatters(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	mixed := errors.New("/media/CIRCUITPY may have files of two certificates")
	a := &app{}
	if got := a.interrupted(ctx, mixed); got != mixed {
		t.Errorf("before: got %v", got)
	}
	cancel()
	got := fault.Flatten(a.interrupted(ctx, errors.Join(ctx.Err(), mixed)))
	if len(got) != 2 || got[0] != terminal.ErrInterrupted || got[1] != mixed {
		t.Errorf("got %q, want the interruption and what is known of the device", got)
	}
	if code := exitCode(errors.Join(got...)); code != fault.Interrupted {
		t.Errorf("exit code: got %d", code)
	}
}
