package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

// never is a context that no interrupt ends.
func never(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }

func TestOneLineAnswersOneQuestion(t *testing.T) {
	var out bytes.Buffer
	p := Prompter{In: strings.NewReader("  you@example.com \r\nYes\nno\n"), Out: &out, Interrupts: never}
	line, err := p.Line(t.Context(), "Address: ")
	if err != nil || line != "you@example.com" {
		t.Errorf("got %q, %v", line, err)
	}
	for _, want := range []bool{true, false, false} { // the last is the end of the input
		if got, err := p.Confirm(t.Context(), "Continue?"); err != nil || got != want {
			t.Errorf("got %t, %v; want %t", got, err, want)
		}
	}
	if got, want := out.String(), "Address: "+strings.Repeat("Continue? [y/N] ", 3); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInterruptEndsAQuestion(t *testing.T) {
	in, _ := io.Pipe() // no one types
	ended := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	_, err := Prompter{In: in, Out: io.Discard, Interrupts: ended}.Line(t.Context(), "Address: ")
	if !errors.Is(err, ErrInterrupted) || fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

func TestSecretNeedsATerminal(t *testing.T) {
	var out bytes.Buffer
	p := Prompter{In: strings.NewReader("tulip\n"), Out: &out, Interrupts: never}
	if got, err := p.Secret(t.Context(), "Passphrase: "); !errors.Is(err, ErrNone) || got != nil || out.Len() > 0 || p.CanAsk() {
		t.Errorf("got %q, %v, and %q was printed", got, err, out.String())
	}
}

func TestWriterRemembersItsFirstFault(t *testing.T) {
	in, out := io.Pipe()
	in.CloseWithError(io.ErrShortWrite)
	w := &Writer{Writer: out}
	_, first := w.Write([]byte("a"))
	w.Writer = io.Discard
	if n, err := w.Write([]byte("b")); n != 0 || err != first || w.Err() != first || first == nil {
		t.Errorf("got %d, %v after %v", n, err, first)
	}
}
