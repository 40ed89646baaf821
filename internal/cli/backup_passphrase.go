package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
)

func addBackupPassphrase(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "backup-passphrase-file", "", "`FILE` whose first line is the passphrase of the backup")
}

var errNoTerminalBackup = fault.New("no terminal to ask for the passphrase of the backup", fault.Hintf("use --backup-passphrase-file FILE"))

// newBackupPassphrase returns the passphrase for a new backup or paper, asking
// twice. It is never empty.
func (a *app) newBackupPassphrase(ctx context.Context, file, what string) ([]byte, error) {
	if file != "" {
		passphrase, err := a.passphraseIn(file)
		a.noteWeak(passphrase)
		return passphrase, err
	}
	for {
		first, err := a.askBackup(ctx, fmt.Sprintf("Enter a passphrase for %s: ", what))
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			fmt.Fprintf(a.Stderr, "It needs one: it has the keys of your CA. Try again.\n")
			continue
		}
		second, err := a.askBackup(ctx, "Enter the same passphrase again: ")
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

// backupPassphrase returns the passphrase that opens a backup.
func (a *app) backupPassphrase(ctx context.Context, file string) ([]byte, error) {
	if file != "" {
		return a.passphraseIn(file)
	}
	return a.askBackup(ctx, "Passphrase of the backup: ")
}

func (a *app) askBackup(ctx context.Context, prompt string) ([]byte, error) {
	answer, err := a.ask(ctx, prompt)
	switch {
	case errors.Is(err, errNoTerminal):
		err = errNoTerminalBackup
	case errors.Is(err, errNoPassphrase):
		err = fault.With(errNoPassphrase, fault.Hintf("type it and press Enter, or use --backup-passphrase-file FILE"))
	}
	return answer, err
}

// passphraseIn returns the first line of a passphrase file.
func (a *app) passphraseIn(name string) ([]byte, error) {
	line, err := a.firstLine(name)
	if err != nil {
		return nil, fmt.Errorf("passphrase file %q %w", name, err)
	}
	return line, nil
}
