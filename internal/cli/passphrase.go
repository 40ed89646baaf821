package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// passphraseFlags say where a passphrase comes from, if not from the terminal.
type passphraseFlags struct {
	file string
	none bool
}

func (a *app) addPassphrase(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.passphrase.file, "passphrase-file", "", "`FILE` whose first line is the passphrase of the root key")
}

// secret is something to be typed, or read from the file of a flag.
type secret struct {
	what string
	flag string
	// instead is what a hint offers beside the flag.
	instead string
	// needed says why it cannot be empty, "" if it can.
	needed string
}

var (
	rootSecret = secret{what: "the passphrase of the root key", flag: "--passphrase-file FILE"}
	initSecret = secret{what: rootSecret.what, flag: rootSecret.flag, instead: "; a new CA can do without a passphrase: --no-passphrase"}

	errBothPassphrases = misuse("--no-passphrase and a passphrase file contradict each other",
		fault.Hintf("use one of them"))
)

// ask reads a secret from the terminal without showing it.
func (a *app) ask(ctx context.Context, prompt string, s secret) ([]byte, error) {
	line, err := a.prompter().Secret(ctx, prompt)
	switch {
	case errors.Is(err, terminal.ErrNone):
		return nil, fault.New("no terminal to ask for "+s.what, fault.Hintf("use %s%s", s.flag, s.instead))
	case errors.Is(err, terminal.ErrEnded):
		return nil, fault.New("input ended before "+s.what+" was typed", fault.Hintf("type it and press Enter, or use %s", s.flag))
	}
	return line, err
}

// prompter asks the user of this run.
func (a *app) prompter() terminal.Prompter {
	return terminal.Prompter{In: a.Stdin, Out: a.Stderr, Interrupts: a.Interrupts}
}

// askTwice asks, as ssh-keygen does, until both answers are the same.
func (a *app) askTwice(ctx context.Context, prompt string, s secret) ([]byte, error) {
	for {
		first, err := a.ask(ctx, prompt, s)
		if err != nil {
			return nil, err
		}
		if len(first) == 0 && s.needed != "" {
			fmt.Fprintln(a.Stderr, s.needed, "Try again.")
			continue
		}
		second, err := a.ask(ctx, "Enter the same passphrase again: ", s)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(first, second) {
			a.noteWeak(first)
			return first, nil
		}
		fmt.Fprintln(a.Stderr, "Passphrases do not match. Try again.")
	}
}

// askNew asks twice for the passphrase of root keys, and again if it is empty and
// the user did not mean that.
func (a *app) askNew(ctx context.Context, prompt string, s secret) ([]byte, error) {
	for {
		passphrase, err := a.askTwice(ctx, prompt, s)
		if err != nil || len(passphrase) > 0 {
			return passphrase, err
		}
		yes, err := a.prompter().Confirm(ctx, "No passphrase: anyone who copies the folder has the key. Continue?")
		if err != nil || yes {
			return nil, err
		}
	}
}

// passphraseFromFile returns the first line of the passphrase file, that of a flag or
// of the environment; found is false if none is named.
func (a *app) passphraseFromFile(name string) (passphrase []byte, found bool, err error) {
	if name = cmp.Or(name, a.Getenv("PICOCA_PASSPHRASE_FILE")); name == "" {
		return nil, false, nil
	}
	line, err := a.secretIn("passphrase", name)
	return line, err == nil, err
}

// secretIn returns the first line of a file, and warns if other users can read it.
func (a *app) secretIn(what, name string) ([]byte, error) {
	line, open, err := terminal.SecretFile(name)
	if open != 0 {
		a.note("other users can read %s (mode %04o): chmod 600 %[1]s", fault.QuotePath(name), open)
	}
	if err != nil {
		return nil, fmt.Errorf("%s file %q %w", what, name, err)
	}
	return line, nil
}

// newSecretIn is secretIn for a passphrase that is used for the first time.
func (a *app) newSecretIn(name string) ([]byte, error) {
	passphrase, err := a.secretIn("passphrase", name)
	a.noteWeak(passphrase)
	return passphrase, err
}

// newPassphrase returns the passphrase for a new root key, empty for none.
func (a *app) newPassphrase(ctx context.Context) ([]byte, error) {
	if a.passphrase.none {
		if a.passphrase.file != "" {
			return nil, errBothPassphrases
		}
		return nil, nil
	}
	if passphrase, found, err := a.passphraseFromFile(a.passphrase.file); found || err != nil {
		a.noteWeak(passphrase)
		return passphrase, err
	}
	return a.askNew(ctx, "Enter a passphrase for the root key (empty for none): ", initSecret)
}

// noteWeak warns of a passphrase that is easy to guess: a thief who copies the
// folder can try as many as they like.
func (a *app) noteWeak(passphrase []byte) {
	if len(passphrase) > 0 && pki.IsWeak(string(passphrase)) {
		a.note("this passphrase is easy to guess: use several words, or more characters")
	}
}

// rootPassphrase returns how to get the passphrase that opens the root key.
func (a *app) rootPassphrase(ctx context.Context) pki.Passphrase {
	return func() ([]byte, error) {
		if passphrase, found, err := a.passphraseFromFile(a.passphrase.file); found || err != nil {
			return passphrase, err
		}
		return a.ask(ctx, "Passphrase of the root key: ", rootSecret)
	}
}
