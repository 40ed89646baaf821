package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// passphraseFlags say where a passphrase comes from, if not from the terminal.
type passphraseFlags struct {
	file string
	none bool
}

var (
	errNoTerminal      = errors.New("no terminal to ask for the passphrase of the root key")
	errNoPassphrase    = errors.New("input ended before a passphrase")
	errEmptyPassphrase = errors.New("passphrase is empty")
	errLongPassphrase  = errors.New("first line is longer than 4096 bytes")
	errBothPassphrases = errors.New("--no-passphrase and a passphrase file contradict each other")
)

// maxPassphrase is the longest passphrase: a longer line is in a file that is no
// passphrase file.
const maxPassphrase = 4096

// fromFile returns the first line of the passphrase file; found is false when
// none is named.
func (a *app) passphraseFromFile(flags passphraseFlags) (passphrase []byte, found bool, err error) {
	name := flags.file
	if name == "" {
		name = a.Getenv("PICOCA_PASSPHRASE_FILE")
	}
	if name == "" {
		return nil, false, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, false, fmt.Errorf("passphrase file: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPassphrase+2)) // and the line's end
	if err != nil {
		return nil, false, fmt.Errorf("passphrase file: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, false, fmt.Errorf("passphrase file %q: %w", name, errEmptyPassphrase)
	case len(line) > maxPassphrase:
		return nil, false, fmt.Errorf("passphrase file %q: %w", name, errLongPassphrase)
	}
	return line, true, nil
}

// newPassphrase returns the passphrase for a new root key, empty for none,
// asking twice as ssh-keygen does until both are the same.
func (a *app) newPassphrase(ctx context.Context, flags passphraseFlags) ([]byte, error) {
	if flags.none {
		if flags.file != "" {
			return nil, errBothPassphrases
		}
		return nil, nil
	}
	if passphrase, found, err := a.passphraseFromFile(flags); found || err != nil {
		return passphrase, err
	}
	for {
		first, err := a.ask(ctx, "Enter a passphrase for the root key (empty for none): ")
		if err != nil {
			return nil, err
		}
		second, err := a.ask(ctx, "Enter the same passphrase again: ")
		if err != nil {
			return nil, err
		}
		if bytes.Equal(first, second) {
			return first, nil
		}
		fmt.Fprintln(a.Stderr, "Passphrases do not match. Try again.")
	}
}

// rootPassphrase returns the passphrase that opens the root key.
func (a *app) rootPassphrase(ctx context.Context, flags passphraseFlags) ([]byte, error) {
	if passphrase, found, err := a.passphraseFromFile(flags); found || err != nil {
		return passphrase, err
	}
	return a.ask(ctx, "Passphrase of the root key: ")
}

// ask reads a line from the terminal without showing it. On an interrupt the
// terminal shows again what is typed, and ask fails with errInterrupted. When
// the input ends (Ctrl-D) it fails with errNoPassphrase: it never stands for an
// empty passphrase.
func (a *app) ask(ctx context.Context, prompt string) ([]byte, error) {
	file, ok := a.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, errNoTerminal
	}
	fd := int(file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	fmt.Fprint(a.Stderr, prompt)
	answers := make(chan answer, 1)
	go func() {
		line, err := readHidden(fd)
		answers <- answer{line, err}
	}()
	defer fmt.Fprintln(a.Stderr)
	select {
	case got := <-answers:
		return got.line, got.err
	case <-ctx.Done():
		return nil, errors.Join(errInterrupted, term.Restore(fd, before))
	}
}

type answer struct {
	line []byte
	err  error
}
