package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

func (a *app) rootPassphraseCommand() *cobra.Command {
	var new passphraseFlags
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Change, add or remove the passphrase of the root keys",
		Long: `Encrypts the keys of all roots under another passphrase, in one step. Backups
made before keep the old one: replace them.`,
		Example: `  picoca root passphrase
  picoca root passphrase --passphrase-file old.txt --new-passphrase-file new.txt`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if new.none && new.file != "" {
				return errBothNew
			}
			return a.with(func(c *pki.CA) error { return a.runRootPassphrase(cmd.Context(), c, new) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.passphrase.file, "passphrase-file", "", "`FILE` whose first line is the present passphrase")
	f.StringVar(&new.file, "new-passphrase-file", "", "`FILE` whose first line is the new passphrase")
	f.BoolVar(&new.none, "no-passphrase", false, "leave the root keys unencrypted")
	a.addJSON(cmd)
	return cmd
}

var (
	newSecret = secret{what: "the new passphrase", flag: "--new-passphrase-file FILE", instead: ", or --no-passphrase"}

	errBothNew = misuse("--no-passphrase and --new-passphrase-file contradict each other",
		fault.Hintf("use one of them"))
	errKeepsPassphrase = misuse("--no-passphrase has no effect: the new key gets the passphrase of the old one",
		fault.Hintf("change it afterwards: %s", fault.Command{"root", "passphrase"}))
)

func (a *app) runRootPassphrase(ctx context.Context, c *pki.CA, new passphraseFlags) error {
	ask := pki.Passphrases{
		Old: a.rootPassphrase(ctx),
		New: func() ([]byte, error) { return a.changedPassphrase(ctx, new) },
	}
	encrypted, err := c.ChangePassphrase(ctx, ask, a.waiting)
	if err != nil {
		return err
	}
	return a.printPassphraseChanged(encrypted)
}

// changedPassphrase is newPassphrase for keys that exist. PICOCA_PASSPHRASE_FILE
// has the present one.
func (a *app) changedPassphrase(ctx context.Context, flags passphraseFlags) ([]byte, error) {
	switch {
	case flags.none:
		return nil, nil
	case flags.file != "":
		return a.newSecretIn(flags.file)
	}
	return a.askNew(ctx, "Enter the new passphrase for the root keys (empty for none): ", newSecret)
}

// passphraseJSON is the result of root passphrase as --json prints it.
type passphraseJSON struct {
	Encrypted bool `json:"encrypted"`
}

func (a *app) printPassphraseChanged(encrypted bool) error {
	switch {
	case a.json:
		return a.printJSON(passphraseJSON{encrypted})
	case encrypted:
		a.say("The root keys have the new passphrase.")
	default:
		a.say("The root keys are not encrypted any more: anyone who copies the folder has them.")
	}
	a.say("Backups made before have the old passphrase: make a new one.")
	return nil
}
