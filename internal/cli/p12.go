package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// p12Flags say how a .p12 is encrypted.
type p12Flags struct {
	profile string
	file    string
	show    bool
}

var p12FlagNames = []string{"p12-profile", "p12-passphrase-file", "show-passphrase"}

func (f *p12Flags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "p12-profile", "", "how to encrypt the .p12: `PROFILE` legacy-des for phones, modern2023 for computers (default: what suits the holder)")
	flags.StringVar(&f.file, "p12-passphrase-file", "", "`FILE` whose first line is the passphrase of a .p12 (default: a new one, shown once)")
	flags.BoolVar(&f.show, "show-passphrase", false, "print the .p12's passphrase even without a terminal (with --json: in the result)")
}

// p12Choice is how the .p12 files of this run are encrypted, with what the user said
// about them.
type p12Choice struct {
	pki.P12Choice
	flags p12Flags
}

var errNoScreen = fault.New("no terminal to show the passphrase of the .p12 on",
	fault.Hintf("choose one with --p12-passphrase-file FILE, or print it anyway: --show-passphrase"))

// chooseP12 reads the passphrase of a .p12, if a file has it, and decides the rest.
func (a *app) chooseP12(flags p12Flags, kind pki.Kind, force bool) (p12Choice, error) {
	var passphrase []byte
	var readErr error
	if flags.file != "" {
		passphrase, readErr = a.secretIn("passphrase", flags.file)
	}
	c, err := pki.ChooseP12(kind, flags.profile, passphrase, force)
	if c.Weak != nil {
		a.note("%v", c.Weak)
	}
	return p12Choice{c, flags}, errors.Join(err, readErr)
}

// checkScreen fails if a new passphrase would never be seen, or end up in
// a log: before anything is signed.
func (a *app) checkScreen(c p12Choice) error {
	if c.Generated && !c.flags.show && !terminal.Is(a.Stderr) {
		return errNoScreen
	}
	return nil
}

// noteP12Root says what it means that a .p12 brings the root along.
func (a *app) noteP12Root(hasRoot bool) {
	if hasRoot {
		a.note("the .p12 also holds the root: a device may trust it with the import, without showing its fingerprint, so hand the file over safely")
	}
}

// jsonPassphrase returns what --json may print of the passphrase.
func (c p12Choice) jsonPassphrase() string {
	if c.flags.show {
		return c.Passphrase
	}
	return ""
}

// lostPassphrase is the failure of a run whose new passphrase could not be printed:
// its .p12 opens for no one.
func (a *app) lostPassphrase() error {
	if a.unseen == nil {
		return nil
	}
	return fault.With(fmt.Errorf("passphrase of the .p12 was lost: cannot write to standard error: %w", a.unseen),
		fault.Hintf("write the .p12 again, with another passphrase: %s", fault.Command{"export", "NAME", "--format", "p12", "--force"}))
}

// printPassphrase shows a new passphrase, beside the result and once.
func (a *app) printPassphrase(c p12Choice) {
	switch {
	case c.Passphrase == "", c.flags.show && a.json:
	case c.Passphrase == export.TrustStorePassphrase && !c.Generated:
		a.note("the .p12's passphrase is %s, as is usual in Java: a trust store holds no secrets", c.Passphrase)
	case c.Generated:
		_, a.unseen = fmt.Fprintf(a.Stderr, "passphrase: %s\n", c.Passphrase)
		a.note("you will need this passphrase, hyphens included, on the device; it is not stored, and not shown again")
	case c.flags.show:
		fmt.Fprintf(a.Stderr, "passphrase: %s\n", c.Passphrase)
	}
}
