package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func addBackupPassphrase(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "backup-passphrase-file", "", "`FILE` whose first line is the passphrase of the backup")
}

var backupSecret = secret{what: "the passphrase of the backup", flag: "--backup-passphrase-file FILE", needed: "It needs one: it has the keys of your CA."}

// newBackupPassphrase returns the passphrase for a new backup or paper, asking
// twice. It is never empty.
func (a *app) newBackupPassphrase(ctx context.Context, file, what string) ([]byte, error) {
	if file != "" {
		return a.newSecretIn(file)
	}
	return a.askTwice(ctx, fmt.Sprintf("Enter a passphrase for %s: ", what), backupSecret)
}

// backupPassphrase returns the passphrase that opens a backup.
func (a *app) backupPassphrase(ctx context.Context, file string) ([]byte, error) {
	if file != "" {
		return a.secretIn("passphrase", file)
	}
	return a.ask(ctx, "Passphrase of the backup: ", backupSecret)
}
