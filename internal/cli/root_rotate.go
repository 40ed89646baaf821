package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

type rootRotateOptions struct {
	pki.RotateRequest
	key, keyIn         string
	anyAddress, strict bool
	fromSpare          string
	spareFile          string
}

func (a *app) rootRotateCommand() *cobra.Command {
	var o rootRotateOptions
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Create a new root beside the old one",
		Long: `Creates a root that signs from now on. What it can vouch for, its name and its
type of key are those of the old root, unless you choose others; --permit adds
to them. Its key gets the passphrase of the old key.

The old root stays trusted until you retire it: files for phones, computers and
servers hold both.

With --from-spare it is the spare of picoca init --spare that signs from now on.
Phones and computers trust it already. Type the lines of the paper into a file,
or scan its codes; - reads them from standard input.`,
		Example: `  picoca root rotate
  picoca root rotate --permit home.example.com
  picoca root rotate --from-spare typed.txt`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runRootRotate(cmd.Context(), c, o) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Permit, "permit", nil, "`DOMAIN`, address or CIDR range to add (repeatable)")
	f.StringVar(&o.Name, "name", "", "`NAME` of the root; four characters of the key's hash are added (default: as before)")
	f.StringVar(&o.key, "key", "", "`TYPE` of the key: p256, p384, rsa-2048, rsa-3072 or rsa-4096 (default: as before)")
	f.StringVar(&o.keyIn, "key-in", "", "use a key in the SSH agent instead of a file: `agent` or agent:COMMENT")
	f.IntVar(&o.Days, "days", ca.DefaultRootDays, "expire after `N` days")
	f.BoolVar(&o.anyAddress, "any-address", false, "do not limit addresses (default: as before)")
	f.BoolVar(&o.strict, "strict-constraints", false, "mark the name constraints critical (default: as before)")
	f.StringVar(&o.fromSpare, "from-spare", "", "`FILE` with the lines of the spare's paper; - is standard input")
	a.addPassphrase(cmd)
	addSparePassphrase(cmd, &o.spareFile)
	f.BoolVar(&a.passphrase.none, "no-passphrase", false, "leave the new key unencrypted, if no old key is here any more")
	a.addJSON(cmd)
	addCRLDays(cmd, &o.CRLDays, "as before")
	return cmd
}

// check refuses flags that make no sense together.
func (o rootRotateOptions) check(cmd *cobra.Command) error {
	var faults []error
	if given := cmd.Flags().Changed; !given("from-spare") {
		if o.spareFile != "" {
			faults = append(faults, errors.New("--spare-passphrase-file needs --from-spare"))
		}
	} else {
		for _, flag := range []string{"permit", "name", "key", "key-in", "days", "any-address", "strict-constraints", "no-passphrase"} {
			if given(flag) {
				faults = append(faults, fmt.Errorf("--%s has no effect with --from-spare: the spare was made by init", flag))
			}
		}
	}
	for i := range faults {
		faults[i] = usageFault(cmd, faults[i])
	}
	return errors.Join(faults...)
}

func (a *app) runRootRotate(ctx context.Context, c *pki.CA, o rootRotateOptions) error {
	rotation, err := a.planRotation(c, o)
	if err != nil {
		return err
	}
	if err := a.checkPlace(o, rotation); err != nil {
		return err
	}
	ask := pki.Passphrases{
		Old:   a.rootPassphrase(ctx),
		New:   func() ([]byte, error) { return a.newPassphrase(ctx) },
		Paper: a.sheetPassphrase(ctx, o, rotation.Keyless),
	}
	result, err := rotation.Rotate(ctx, a.Now(), ask, a.waiting)
	if err != nil {
		return err
	}
	return a.printRotated(result)
}

// checkPlace refuses what the old key's place rules out: a key in an SSH agent is
// not replaced by one in a file unless the user says so.
func (a *app) checkPlace(o rootRotateOptions, r *pki.Rotation) error {
	switch {
	case a.passphrase.none && !r.Keyless:
		return errKeepsPassphrase
	case r.InAgent && o.fromSpare == "" && o.keyIn == "" && !a.passphrase.none && a.passphrase.file == "":
		return misuse(fmt.Sprintf("key of %s is in an SSH agent, and the new root needs another key", r.Old().Certificate.Subject.CommonName),
			fault.Hintf("name one in the agent: --key-in agent:COMMENT; or make one in a file: --passphrase-file FILE or --no-passphrase"))
	}
	return nil
}

func (a *app) planRotation(c *pki.CA, o rootRotateOptions) (*pki.Rotation, error) {
	if a.given("from-spare") {
		content, err := a.readSheet(o.fromSpare)
		if err := errors.Join(err, a.crlDaysFault(o.CRLDays)); err != nil {
			return nil, err
		}
		return c.PlanSpare(content, o.CRLDays, a.Now())
	}
	req, parseErr := a.parseRotate(o)
	rotation, err := c.PlanRotation(req, a.Now())
	return rotation, errors.Join(parseErr, err)
}

// readSheet reads the lines of a sheet from a file, or with - from standard input.
func (a *app) readSheet(name string) (paper.Content, error) {
	text, err := a.readInput(fmt.Sprintf("sheet %q", name), name, paper.MaxText)
	if err != nil {
		return paper.Content{}, err
	}
	return paper.Parse(text)
}

// parseRotate reads the flags.
func (a *app) parseRotate(o rootRotateOptions) (req pki.RotateRequest, err error) {
	req = o.RotateRequest
	req.Key, err = optional(o.key, ca.ParseKeyType)
	var keyInErr error
	req.KeyIn, keyInErr = a.keyInOf(o.keyIn)
	if a.given("any-address") {
		req.AnyAddress = &o.anyAddress
	}
	if a.given("strict-constraints") {
		req.Strict = &o.strict
	}
	return req, errors.Join(err, keyInErr, o.daysFault(), a.crlDaysFault(o.CRLDays))
}

// daysFault refuses --days 0, which stands for unset elsewhere.
func (o rootRotateOptions) daysFault() error {
	if o.Days == 0 {
		return ca.RootRequest{Name: "CA"}.Check()
	}
	return nil
}

// rotatedJSON is the result of root rotate as --json prints it.
type rotatedJSON struct {
	ID string `json:"id"`
	pki.RootDescription
	Old string `json:"old"` // its ID
}

// trustStep says how phones and computers come to trust a new root.
func (a *app) trustStep(cert *x509.Certificate) string {
	if pki.HasPhonePage(cert) {
		return fmt.Sprintf("have each phone and computer trust the new root: %s, %s", a.command("phone"), a.command("trust"))
	}
	return fmt.Sprintf("have each computer trust the new root: %s; %s", a.command("trust"), pki.PhoneSteps(cert).Text(a.show))
}

func (a *app) printRotated(r pki.Rotated) error {
	if a.json {
		return a.printJSON(rotatedJSON{r.New.ID, pki.DescribeRoot(r.New.Certificate), r.Old.ID})
	}
	cert, old := r.New.Certificate, r.Old.Certificate.Subject.CommonName
	a.sayRoot(cert)
	a.say("It signs from now on. %s stays trusted until you retire it.", old)
	steps := []string{"renew all, and copy the files to the devices: " + a.command("renew", "--all"),
		fmt.Sprintf("when %s finds nothing more: %s", a.command("root", "status"), a.command("root", "retire", pki.LetterOf(r.Old)))}
	if r.WasSpare {
		a.say("Phones and computers that trust this CA trust it already. It has no spare any more.")
	} else {
		steps = slices.Insert(steps, 0, a.trustStep(cert),
			"give servers that check identities both roots: "+a.command("export", "ca"))
		steps = slices.Insert(steps, 1, a.staleSteps(r.Stale)...)
	}
	if r.OfPaper {
		a.note("the key has the passphrase of the paper: %s changes it", a.command("root", "passphrase"))
	}
	if r.Spare != nil && ca.ConstraintsOf(r.Spare.Certificate).String() != ca.ConstraintsOf(cert).String() {
		a.note("the spare, %s, cannot vouch for what was added", r.Spare.Certificate.Subject.CommonName)
	}
	for i, step := range steps {
		a.say("step %d: %s", i+1, step)
	}
	return nil
}
