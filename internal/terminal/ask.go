package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

var (
	// ErrInterrupted says that the user ended the run.
	ErrInterrupted = fault.WithCode(errors.New("interrupted"), fault.Interrupted)
	// ErrNone says that there is no terminal to ask at.
	ErrNone = errors.New("no terminal to ask at")
	// ErrEnded says that the input ended where a secret was expected.
	ErrEnded = errors.New("input ended before a secret was typed")
)

// Prompter asks the user. It reads answers from In, and writes questions to Out.
type Prompter struct {
	In  io.Reader
	Out io.Writer
	// Interrupts returns a context that ends when the user interrupts the program.
	Interrupts func(context.Context) (context.Context, context.CancelFunc)
}

// CanAsk reports whether there is a user to answer a question.
func (p Prompter) CanAsk() bool { return Is(p.In) }

// Confirm asks a question whose default answer is no.
func (p Prompter) Confirm(ctx context.Context, question string) (bool, error) {
	line, err := p.Line(ctx, question+" [y/N] ")
	reply := strings.ToLower(line)
	return reply == "y" || reply == "yes", err
}

// Line reads a line, without the spaces around it. The end of the input is an
// empty line. On an interrupt it fails with ErrInterrupted.
func (p Prompter) Line(ctx context.Context, prompt string) (string, error) {
	ctx, stop := p.Interrupts(ctx)
	defer stop()
	fmt.Fprint(p.Out, prompt)
	answers := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(oneByte{p.In}).ReadBytes('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", got.err
		}
		return strings.TrimSpace(string(got.line)), nil
	case <-ctx.Done():
		fmt.Fprintln(p.Out)
		return "", ErrInterrupted
	}
}

// Secret reads a line from the terminal without showing it, not even what is typed
// as soon as the prompt appears. On an interrupt the terminal shows again what is
// typed, and it fails with ErrInterrupted. It fails with ErrNone without a
// terminal, and with ErrEnded when the input ends (Ctrl-D): that never means an
// empty secret.
func (p Prompter) Secret(ctx context.Context, prompt string) ([]byte, error) {
	file, ok := file(p.In)
	if !ok {
		return nil, ErrNone
	}
	fd := int(file.Fd())
	ctx, stop := p.Interrupts(ctx)
	defer stop()
	show, err := hideTyped(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(p.Out, prompt)
	answers := make(chan answer, 1)
	go func() {
		line, err := readTyped(fd)
		answers <- answer{line, err}
	}()
	defer fmt.Fprintln(p.Out)
	select {
	case got := <-answers:
		return got.line, errors.Join(got.err, show())
	case <-ctx.Done():
		return nil, errors.Join(ErrInterrupted, show())
	}
}

// answer is what the user typed.
type answer struct {
	line []byte
	err  error
}

// oneByte reads no further than its caller asks: what follows a line is the
// answer to the next question.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }
