package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

type rootRotateOptions struct {
	pki.RotateRequest
	key                string
	anyAddress, strict bool
	json               bool
	passphrase         passphraseFlags
	given              func(flag string) bool
}

func (a *app) rootRotateCommand() *cobra.Command {
	var o rootRotateOptions
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Create a new root beside the old one",
		Long: `Creates a root that signs from now on. What it can vouch for, its name and its
type of key are those of the old root, unless you choose others; --permit adds to
them. Its key gets the passphrase of the old key.

The old root stays trusted until you retire it: files for phones, computers and
servers hold both.`,
		Example: `  picoca root rotate
  picoca root rotate --permit home.example.com`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.given = cmd.Flags().Changed
			return a.runRootRotate(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Permit, "permit", nil, "`DOMAIN`, address or CIDR range to add (repeatable)")
	f.StringVar(&o.Name, "name", "", "`NAME` of the root; four characters of the key's hash are added (default: as before)")
	f.StringVar(&o.key, "key", "", "`TYPE` of the key: p256, p384, rsa-2048, rsa-3072 or rsa-4096 (default: as before)")
	f.IntVar(&o.Days, "days", ca.DefaultRootDays, "expire after `N` days")
	f.BoolVar(&o.anyAddress, "any-address", false, "do not limit addresses (default: as before)")
	f.BoolVar(&o.strict, "strict-constraints", false, "mark the name constraints critical (default: as before)")
	o.passphrase.add(cmd)
	f.BoolVar(&o.passphrase.none, "no-passphrase", false, "leave the new key unencrypted, if no old key is here any more")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	addCRLDays(cmd, &o.CRLDays, "as before")
	return cmd
}

func (a *app) runRootRotate(ctx context.Context, o rootRotateOptions) (err error) {
	req, parseErr := o.parse()
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	rotation, err := c.PlanRotation(req, a.Now())
	if err := errors.Join(parseErr, err); err != nil {
		return err
	}
	if o.passphrase.none && !rotation.Keyless {
		return errKeepsPassphrase
	}
	result, err := rotation.Rotate(ctx, a.Now(), a.rotationPassphrases(ctx, o.passphrase), a.waiting)
	if err != nil {
		return err
	}
	return a.printRotated(c, result, o.json)
}

// parse reads the flags.
func (o rootRotateOptions) parse() (req pki.RotateRequest, err error) {
	req = o.RotateRequest
	if o.key != "" {
		req.Key, err = ca.ParseKeyType(o.key)
	}
	if o.given("any-address") {
		req.AnyAddress = &o.anyAddress
	}
	if o.given("strict-constraints") {
		req.Strict = &o.strict
	}
	return req, errors.Join(err, o.daysFault(), crlDaysFault(o.CRLDays, o.given))
}

// daysFault refuses --days 0, which stands for unset elsewhere.
func (o rootRotateOptions) daysFault() error {
	if o.Days == 0 {
		return ca.RootRequest{Name: "CA"}.Check()
	}
	return nil
}

// rotationPassphrases asks for the passphrase of the keys, or if there are none
// for that of the new key.
func (a *app) rotationPassphrases(ctx context.Context, flags passphraseFlags) pki.Passphrases {
	return pki.Passphrases{Old: a.rootPassphrase(ctx, flags), New: func() ([]byte, error) { return a.newPassphrase(ctx, flags) }}
}

// rotatedJSON is the result of root rotate as --json prints it.
type rotatedJSON struct {
	ID string `json:"id"`
	rootJSON
	Old string `json:"old"` // its ID
}

func (a *app) printRotated(c *pki.CA, r pki.Rotated, asJSON bool) error {
	if asJSON {
		return a.printJSON(rotatedJSON{r.New.ID, describeRoot(r.New.Certificate), r.Old.ID})
	}
	cert, old := r.New.Certificate, r.Old.Certificate.Subject.CommonName
	keyType, err := ca.KeyTypeOf(cert.PublicKey)
	if err != nil {
		return err
	}
	a.say("%s: %s, valid until %s, limited to %s", cert.Subject.CommonName, keyType, pki.Day(cert.NotAfter), limits(cert))
	a.say("SHA-256 %s", ca.Fingerprint(cert))
	a.say("It signs from now on. %s stays trusted until you retire it.", old)
	a.say("step 1: each phone and computer must trust the new root: %s, %s", a.command("phone"), a.command("trust"))
	a.say("step 2: give servers that check identities both roots: %s", a.command("export", "ca"))
	a.say("step 3: renew all, and copy the files to the devices: %s", a.command("renew", "--all"))
	a.say("step 4: when %s finds nothing more: %s", a.command("root", "status"), a.command("root", "retire"))
	return nil
}
