package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

type initOptions struct {
	pki.InitRequest
	key, keyIn       string
	only, permit     []string
	spare, spareFile string
}

func (a *app) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use: "init",
		Long: `Creates a root certificate and its key. Devices that trust the root then trust
every certificate it issues. The root is limited to names of a home network and
private addresses: even a stolen root key cannot make a certificate for your
bank that browsers accept.

--spare also makes a second root, whose key is only on a page to be printed.
Your phones trust both from the first day, so a root key that is lost or stolen
later needs no visit to any of them. The price: two switches on each iPhone, two
files on each Android. It cannot be added later.`,
		Example: `  picoca init
  picoca init --permit home.example.com --permit 100.64.0.0/10
  picoca init --only .local
  picoca init --spare spare.html
  picoca init --key rsa-2048      # for an ESP8266 with MicroPython: RSA only
  picoca init --key-in agent:yubikey`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runInit(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.permit, "permit", nil, "`DOMAIN`, address or CIDR range that it can also vouch for (repeatable)")
	f.StringArrayVar(&o.only, "only", nil, "`DOMAIN`, address or CIDR range instead of those of a home, such as .local (repeatable)")
	f.StringVar(&o.Root.Name, "name", "Home CA", "`NAME` of the CA; four characters of the key's hash are added")
	a.addPassphrase(cmd)
	f.BoolVar(&a.passphrase.none, "no-passphrase", false, "leave the root key unencrypted")
	f.StringVar(&o.spare, "spare", "", "`FILE` for the page with a spare root, to be printed")
	addSparePassphrase(cmd, &o.spareFile)
	a.addJSON(cmd)
	f.StringVar(&o.key, "key", string(ca.P256), "`TYPE` of the key: p256, p384, rsa-2048, rsa-3072 or rsa-4096")
	f.StringVar(&o.keyIn, "key-in", "", "use a key in the SSH agent instead of a file: `agent` or agent:COMMENT (YubiKey, TPM, Secretive; see docs/growth.md)")
	f.IntVar(&o.Root.Days, "days", ca.DefaultRootDays, "expire after `N` days")
	f.BoolVar(&o.Root.AnyAddress, "any-address", false, "do not limit addresses: some clients reject certificates with addresses otherwise (Envoy, gRPC, Bun)")
	f.BoolVar(&o.Root.Strict, "strict-constraints", false, "mark the name constraints critical (RFC 5280); boards then cannot load the root")
	addCRLDays(cmd, &o.CRLDays, "with the root")
	return cmd
}

func (a *app) runInit(ctx context.Context, o initOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	if err := a.parseInit(&o); err != nil {
		return err
	}
	if err := a.checkInit(dir, o); err != nil {
		return err
	}
	if err := a.offerSearchDomain(ctx, &o); err != nil {
		return err
	}
	passphrase, err := a.initPassphrase(ctx, o)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if o.Spare, err = a.spareRequest(ctx, o, passphrase); err != nil {
		return err
	}
	created, err := pki.Create(ctx, dir, o.InitRequest, passphrase, a.Now(), a.options(), a.waiting)
	if err != nil {
		return err
	}
	return a.printInit(o, dir, created, len(passphrase) > 0)
}

// checkInit finds what is in the way before anything is asked for.
func (a *app) checkInit(dir string, o initOptions) error {
	if a.sudo() != nil {
		return errSudoInit
	}
	if err := pki.Vacant(dir, a.Now(), a.options()); err != nil {
		return err
	}
	return a.checkSpare(dir, o)
}

// initPassphrase asks for no passphrase of a key that an agent keeps.
func (a *app) initPassphrase(ctx context.Context, o initOptions) ([]byte, error) {
	if o.KeyIn.Agent {
		return nil, nil
	}
	return a.newPassphrase(ctx)
}

// parseInit reads all flags, so that all of their faults come at once.
func (a *app) parseInit(o *initOptions) error {
	var keyErr, permitErr, keyInErr error
	o.Key, keyErr = ca.ParseKeyType(o.key)
	o.Root.Constraints, permitErr = o.constraints()
	o.KeyIn, keyInErr = a.keyInOf(o.keyIn)
	return errors.Join(keyErr, keyInErr, permitErr, o.Check(), a.crlDaysFault(o.CRLDays))
}

// constraints are those of a home, or of --only, with what --permit adds.
func (o initOptions) constraints() (ca.Constraints, error) {
	base, onlyErr := ca.HomeConstraints(), error(nil)
	if len(o.only) > 0 {
		base, onlyErr = ca.OnlyConstraints(o.only)
	}
	wider, err := base.Permit(o.permit)
	return wider, errors.Join(onlyErr, err)
}

// keyInOf reads --key-in. What is for a key file contradicts it.
func (a *app) keyInOf(input string) (pki.KeyIn, error) {
	keyIn, err := pki.ParseKeyIn(input)
	if err != nil || !keyIn.Agent {
		return keyIn, err
	}
	for _, flag := range []string{"key", "passphrase-file", "no-passphrase"} {
		if a.given(flag) {
			return keyIn, misuse(fmt.Sprintf("--%s is for a key in a file, and contradicts --key-in %s", flag, input),
				fault.Hintf("use one of them: a key in an SSH agent keeps its type, and needs no passphrase of picoca's"))
		}
	}
	return keyIn, nil
}

func (a *app) printInit(o initOptions, dir string, created pki.Created, encrypted bool) error {
	cert := created.Root
	a.noteInit(o, ca.KeyType(pki.DescribeRoot(cert).Key))
	if a.json {
		return a.printJSON(describeCreated(created))
	}
	a.sayRoot(cert)
	if o.keyIn != "" {
		a.say("stored in %s, without the key: it stays in the SSH agent, and no copy of this folder holds it", absolute(dir))
	} else {
		a.say("stored in %s; back it up with: %s", absolute(dir), a.command("backup", "FILE"))
	}
	if encrypted {
		a.say("Without the passphrase this CA cannot issue again; it cannot be reset.")
	}
	a.sayCreatedSpare(created)
	a.say("next: %s", a.command("issue", ca.ExampleName(cert)))
	return nil
}

// noteInit says what was asked for and may not be what the user wants.
func (a *app) noteInit(o initOptions, keyType ca.KeyType) {
	if text := pki.RootCost(keyType); text != "" {
		a.note("%s", text)
	}
	if o.Root.Strict {
		a.note("boards cannot load a root with critical constraints: no mutual TLS on a board, and no board as a client")
	}
	if o.CRLDays > 0 {
		a.note("the revocation list ends after %s; servers that read it then refuse everyone: see docs/automation.md", terminal.Count(o.CRLDays, "day"))
	}
}

func absolute(dir string) string {
	if path, err := filepath.Abs(dir); err == nil {
		return path
	}
	return dir
}
