package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/pki"
)

// maxArgs stands for any number of arguments.
const maxArgs = 1 << 30

type renewOptions struct {
	leafOptions
	p12        p12Flags
	due        dueFlags
	withinTime time.Duration
	all        bool
	keepKey    bool
}

func (a *app) renewCommand() *cobra.Command {
	var o renewOptions
	cmd := &cobra.Command{
		Use:   "renew NAME [NAME|IP ...] | --due | --all",
		Short: "Replace certificates with new ones, in the same folders",
		Long: `Issues a new certificate with a new key for a device or an identity, and
replaces the files of the previous one in the folder that picoca last wrote them
to. Names, device, key type, days and clock stay as they are unless you change
them. The previous certificate stays valid until it expires.

--due renews all certificates that end soon, --all renews every one; revoked
names are left out. With --out DIR each name's files go to a folder in DIR. What
cannot be renewed is reported, the others are renewed, and the exit code is 1.`,
		Example: `  picoca renew pico.local
  picoca renew pico.local 192.168.1.21
  picoca renew --due --within 60d
  picoca renew --all --out new`,
		Args: func(cmd *cobra.Command, given []string) error {
			if o.due.due || o.all {
				return args(0, 0, "")(cmd, given)
			}
			return args(1, maxArgs, "the name of a device or an identity, --due or --all")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.given = cmd.Flags().Changed
			if err := o.check(cmd, len(args) == 0); err != nil {
				return err
			}
			if len(args) == 0 {
				return a.runRenewMany(cmd.Context(), o)
			}
			return a.runRenew(cmd.Context(), args, o)
		},
	}
	o.add(cmd)
	return cmd
}

func (o *renewOptions) add(cmd *cobra.Command) {
	o.due.add(cmd, "renew every certificate that has")
	cmd.Flags().BoolVar(&o.all, "all", false, "renew every certificate")
	cmd.Flags().BoolVar(&o.keepKey, "keep-key", false, "keep the key, for clients that pin it")
	addFor(cmd, &o.forDevice, "as before")
	o.leafOptions.add(cmd, "the folder that picoca last wrote them to", "as before")
	days := cmd.Flags().Lookup("days")
	days.Usage, days.DefValue = "valid for `N` days, at most 825, counted from yesterday (default: as before)", "0"
	o.p12.add(cmd)
}

// check refuses flags that contradict each other.
func (o *renewOptions) check(cmd *cobra.Command, many bool) (err error) {
	if o.out == "-" {
		return errOutDash(cmd)
	}
	if o.withinTime, err = o.due.parse(cmd); err != nil || !many {
		return err
	}
	return o.checkMany(cmd)
}

// checkMany refuses flags that are for one certificate.
func (o *renewOptions) checkMany(cmd *cobra.Command) error {
	var faults []error
	if o.due.due && o.all {
		faults = append(faults, usageFault(cmd, errors.New("--due and --all contradict each other")))
	}
	for _, flag := range []string{"for", "key", "board-clock", "force"} {
		if o.given(flag) {
			faults = append(faults, usageFault(cmd, fmt.Errorf("--%s is for one certificate: name it", flag)))
		}
	}
	if o.given("days") && (o.days < 1 || o.days > ca.MaxLeafDays) {
		faults = append(faults, ca.DaysError{Have: o.days, Min: 1, Max: ca.MaxLeafDays})
	}
	return errors.Join(faults...)
}

func (a *app) runRenew(ctx context.Context, raw []string, o renewOptions) (err error) {
	request, optionsErr := o.request()
	request.Renew, request.KeepKey = true, o.keepKey
	c, err := a.open()
	if err != nil {
		return firstOf(optionsErr, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	kind, findErr := c.KindOfName(raw[0])
	if kind == pki.Identity {
		return a.renewIdentity(ctx, c, raw, request, o.leafOptions, o.p12)
	}
	var namesErr error
	request.Names, namesErr = ca.ParseNames(raw)
	if namesErr != nil {
		namesErr = firstOf(findErr, namesErr) // a name with a space is an identity's
	}
	if err := errors.Join(namesErr, optionsErr); err != nil {
		return err
	}
	return a.issueDevice(ctx, c, request, o.leafOptions, o.p12)
}

// deviceP12 decides how a device's .p12 is encrypted, if it loads one.
func (a *app) deviceP12(c *pki.CA, request *pki.Request, flags p12Flags) (p12Choice, error) {
	if !c.WillWriteP12(*request) {
		if flags != (p12Flags{}) {
			return p12Choice{}, errNoP12(request.Names.First().String())
		}
		return p12Choice{}, nil
	}
	choice, err := a.keyP12(flags, export.Modern2023, request.Force)
	request.P12 = choice.P12
	return choice, errors.Join(err, a.checkScreen(choice, flags))
}

func (a *app) renewIdentity(ctx context.Context, c *pki.CA, raw []string, request pki.Request, o leafOptions, p12 p12Flags) error {
	if len(raw) > 1 {
		return errOneIdentity(raw[1])
	}
	var nameErr error
	request.Client, nameErr = ca.ParseClientName(raw[0])
	if nameErr != nil {
		return nameErr
	}
	choice, err := a.keyP12(p12, export.LegacyDES, o.force)
	if err != nil {
		return err
	}
	request.P12 = choice.P12
	return a.issueIdentity(ctx, c, request, choice, identityOptions{leafOptions: o, p12: p12})
}
