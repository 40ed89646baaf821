package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

// passphraseFlags say where a passphrase comes from, if not from the terminal.
type passphraseFlags struct {
	file string
	none bool
}

func (f *passphraseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "passphrase-file", "", "`FILE` whose first line is the passphrase of the root key")
}

var (
	errNoTerminal = fault.New("no terminal to ask for the passphrase of the root key",
		fault.Hintf("use --passphrase-file FILE"))
	errNoTerminalInit = fault.New(errNoTerminal.Error(),
		fault.Hintf("use --passphrase-file FILE; a new CA can do without a passphrase: --no-passphrase"))
	errNoPassphrase = fault.New("input ended before a passphrase was typed",
		fault.Hintf("type it and press Enter, or use --passphrase-file FILE"))
	errEmptyPassphrase = fault.New("is empty",
		fault.Hintf("write the passphrase on the first line of the file"))
	errLongPassphrase = fault.New("has a first line longer than 4096 bytes",
		fault.Hintf("write only the passphrase on the first line of the file"))
	errWidePassphrase = fault.New("is encoded in UTF-16",
		fault.Hintf("save it as UTF-8: in PowerShell, Set-Content -Encoding utf8 FILE"))
	errBothPassphrases = fault.WithCode(fault.New("--no-passphrase and a passphrase file contradict each other",
		fault.Hintf("use one of them")), fault.Usage)
)

// maxPassphrase is the longest passphrase: a file with a longer line is not a
// passphrase file.
const maxPassphrase = 4096

// passphraseFromFile returns the first line of the passphrase file; found is
// false if none is named.
func (a *app) passphraseFromFile(flags passphraseFlags) (passphrase []byte, found bool, err error) {
	name := flags.file
	if name == "" {
		name = a.Getenv("PICOCA_PASSPHRASE_FILE")
	}
	if name == "" {
		return nil, false, nil
	}
	line, err := a.passphraseIn(name)
	return line, err == nil, err
}

func (a *app) firstLine(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	defer file.Close()
	a.noteReadable(name, file)
	data, err := io.ReadAll(io.LimitReader(file, maxPassphrase+5)) // and a mark, and the end of the line
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	return passphraseLine(data)
}

// passphraseLine returns the first line. Windows' programs may begin a file with a
// mark, which no one types at a prompt.
func passphraseLine(data []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, errEmptyPassphrase
	case bytes.HasPrefix(line, []byte("\xff\xfe")), bytes.HasPrefix(line, []byte("\xfe\xff")):
		return nil, errWidePassphrase
	case len(line) > maxPassphrase:
		return nil, errLongPassphrase
	}
	return line, nil
}

// withoutPath returns what is wrong with a file without its name.
func withoutPath(err error) error {
	if errno.Is(err, syscall.EISDIR) {
		return syscall.EISDIR // Windows says that reading is no valid function
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// noteReadable warns if other users can read a passphrase file. Pipes and
// /dev/fd are common, and private.
func (a *app) noteReadable(name string, file *os.File) {
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		a.note("other users can read %s (mode %04o): chmod 600 %[1]s", fault.QuotePath(name), info.Mode().Perm())
	}
}

// newPassphrase returns the passphrase for a new root key, empty for none.
func (a *app) newPassphrase(ctx context.Context, flags passphraseFlags) ([]byte, error) {
	if flags.none {
		if flags.file != "" {
			return nil, errBothPassphrases
		}
		return nil, nil
	}
	if passphrase, found, err := a.passphraseFromFile(flags); found || err != nil {
		a.noteWeak(passphrase)
		return passphrase, err
	}
	return a.typePassphrase(ctx, "Enter a passphrase for the root key (empty for none): ", errNoTerminalInit, nil)
}

// changedPassphrase is newPassphrase for keys that exist. PICOCA_PASSPHRASE_FILE
// has the present one.
func (a *app) changedPassphrase(ctx context.Context, flags passphraseFlags) ([]byte, error) {
	if flags.none {
		return nil, nil
	}
	if flags.file != "" {
		passphrase, _, err := a.passphraseFromFile(flags)
		a.noteWeak(passphrase)
		return passphrase, err
	}
	return a.typePassphrase(ctx, "Enter the new passphrase for the root keys (empty for none): ", errNoTerminalNew, nil)
}

// typePassphrase asks twice, as ssh-keygen does, until both are the same. It
// fails with noTerminal if there is no terminal, and, unless empty is nil, with
// that for an empty passphrase.
func (a *app) typePassphrase(ctx context.Context, prompt string, noTerminal, empty error) ([]byte, error) {
	for {
		first, err := a.ask(ctx, prompt)
		if errors.Is(err, errNoTerminal) {
			return nil, noTerminal
		}
		if err != nil {
			return nil, err
		}
		second, err := a.ask(ctx, "Enter the same passphrase again: ")
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first, second) {
			fmt.Fprintln(a.Stderr, "Passphrases do not match. Try again.")
			continue
		}
		if len(first) == 0 && empty != nil {
			return nil, empty
		}
		if len(first) == 0 {
			yes, err := a.confirm(ctx, "No passphrase: anyone who copies the folder has the key. Continue?")
			if err != nil || yes {
				return nil, err
			}
			continue
		}
		a.noteWeak(first)
		return first, nil
	}
}

// noteWeak warns of a passphrase that is easy to guess: a thief who copies the
// folder can try as many as they like.
func (a *app) noteWeak(passphrase []byte) {
	if len(passphrase) > 0 && pki.IsWeak(string(passphrase)) {
		a.note("this passphrase is easy to guess: use several words, or more characters")
	}
}

// rootPassphrase returns how to get the passphrase that opens the root key.
func (a *app) rootPassphrase(ctx context.Context, flags passphraseFlags) pki.Passphrase {
	return func() ([]byte, error) {
		if passphrase, found, err := a.passphraseFromFile(flags); found || err != nil {
			return passphrase, err
		}
		return a.ask(ctx, "Passphrase of the root key: ")
	}
}

// ask reads a line from the terminal without showing it, not even what is typed as
// soon as the prompt appears. On an interrupt the terminal shows again what is
// typed, and ask fails with errInterrupted. When
// the input ends (Ctrl-D) it fails with errNoPassphrase: that never means an
// empty passphrase.
func (a *app) ask(ctx context.Context, prompt string) ([]byte, error) {
	file, ok := a.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, errNoTerminal
	}
	fd := int(file.Fd())
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	show, err := hideTyped(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(a.Stderr, prompt)
	answers := make(chan answer, 1)
	go func() {
		line, err := readTyped(fd)
		answers <- answer{line, err}
	}()
	defer fmt.Fprintln(a.Stderr)
	select {
	case got := <-answers:
		return got.line, errors.Join(got.err, show())
	case <-ctx.Done():
		return nil, errors.Join(errInterrupted, show())
	}
}

type answer struct {
	line []byte
	err  error
}
