package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

// maxArgs stands for any number of arguments.
const maxArgs = 1 << 30

type renewOptions struct {
	leafOptions
	wifi       wifiFlags
	due        dueFlags
	push       bool
	access     accessFlags
	withinTime time.Duration
	all        bool
	keepKey    bool
}

func (a *app) renewCommand() *cobra.Command {
	var o renewOptions
	cmd := &cobra.Command{
		Use: "renew NAME [NAME|IP ...] | --due | --all",
		Long: `Issues a new certificate with a new key for a device or an identity, and
replaces the files of the previous one in the folder that picoca last wrote them
to. Names, device, key type, days and clock stay as they are unless you change
them. The previous certificate stays valid until it expires. A device that keeps
its key gets a new certificate for the same key, unless you give a new request
with --csr.

--due renews all certificates that end soon, --all renews every one; revoked
names are left out. With --out DIR each name's files go to a folder in DIR. What
cannot be renewed is reported, the others are renewed, and the exit code is 1.

--push copies the new files to the devices that picoca push has reached before;
with --due and --all also those that did not get there the last time.`,
		Example: `  picoca renew pico.local
  picoca renew pico.local 192.168.1.21
  picoca renew --due --within 60d
  picoca renew --due --push
  picoca renew --all --out new`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 && (o.due.due || o.all) {
				return usageFault(cmd, fmt.Errorf("--due and --all find the certificates themselves, and take no name; got %q", given[0]))
			}
			if o.due.due || o.all {
				return nil
			}
			return args(1, maxArgs, "the name of a device or an identity, --due or --all")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := o.check(cmd, len(args) == 0); err != nil {
				return err
			}
			if len(args) == 0 {
				return a.with(func(c *pki.CA) error { return a.runRenewMany(cmd.Context(), c, o) })
			}
			return a.runRenew(cmd.Context(), args, o)
		},
	}
	o.add(a, cmd)
	return cmd
}

func (o *renewOptions) add(a *app, cmd *cobra.Command) {
	o.due.add(cmd, "renew every certificate that has")
	cmd.Flags().BoolVar(&o.all, "all", false, "renew every certificate")
	cmd.Flags().BoolVar(&o.push, "push", false, "copy the files to their devices, as picoca push does")
	cmd.Flags().BoolVar(&o.keepKey, "keep-key", false, "keep the key, for clients that pin it")
	addFor(cmd, &o.forDevice, "as before")
	o.leafOptions.add(a, cmd, "the folder that picoca last wrote them to", "as before")
	o.addAndClient(cmd)
	days := cmd.Flags().Lookup("days")
	days.Usage, days.DefValue = "valid for `N` days, at most 825, counted from yesterday (default: as before)", "0"
	o.p12.add(cmd)
	o.wifi.add(cmd)
	o.access.add(cmd)
}

// check refuses flags that contradict each other.
func (o *renewOptions) check(cmd *cobra.Command, many bool) (err error) {
	if o.out == "-" {
		return errOutDash(cmd)
	}
	if o.access != (accessFlags{}) && !o.push {
		return usageFault(cmd, errors.New("--insecure-http and --web-password-file are for --push"))
	}
	if o.withinTime, err = o.due.parse(cmd); err != nil || !many {
		return err
	}
	return o.checkMany(cmd)
}

// checkMany refuses flags that are for one certificate.
func (o *renewOptions) checkMany(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	var faults []error
	if o.due.due && o.all {
		faults = append(faults, usageFault(cmd, errors.New("--due and --all contradict each other")))
	}
	for _, flag := range []string{"for", "key", "board-clock", "force", "csr", "forget-key", "and-client", "wifi", "radius-domain"} {
		if given(flag) {
			faults = append(faults, usageFault(cmd, fmt.Errorf("--%s is for one certificate: name it", flag)))
		}
	}
	if given("days") && (o.days < 1 || o.days > ca.MaxLeafDays) {
		faults = append(faults, ca.DaysError{Have: o.days, Min: 1, Max: ca.MaxLeafDays})
	}
	return errors.Join(faults...)
}

func (a *app) runRenew(ctx context.Context, raw []string, o renewOptions) (err error) {
	request, optionsErr := o.request(a)
	request.Renew, request.KeepKey = true, o.keepKey
	c, err := a.open()
	if err != nil {
		return firstOf(optionsErr, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	kind, findErr := c.KindOfName(raw[0])
	if isNotIssued(findErr) {
		return errors.Join(findErr, optionsErr)
	}
	if kind == pki.Delegated {
		return a.renewDelegated(ctx, c, raw, o)
	}
	var nameErr error
	if kind == pki.Identity {
		if len(raw) > 1 {
			return errOneIdentity(raw[1])
		}
		request.Client, nameErr = ca.ParseClientName(raw[0])
	} else if request.Names, nameErr = ca.ParseNames(raw); nameErr != nil {
		nameErr = firstOf(findErr, nameErr) // a name with a space is an identity's
	}
	choice, p12Err := a.chooseP12(o.p12, kind, o.force)
	if err := errors.Join(nameErr, optionsErr, p12Err, o.wifi.apply(a, &request)); err != nil {
		return err
	}
	if o.push {
		o.after = func(ctx context.Context, name string) (*pushedJSON, error) { return a.pushRenewed(ctx, c, name, o) }
	}
	return a.issueOne(ctx, c, request, o.leafOptions, choice)
}

// isNotIssued reports whether nothing was issued for a name, so that there is
// nothing to renew.
func isNotIssued(err error) bool {
	_, missing := errors.AsType[*pki.NotIssuedError](err)
	_, wrong := errors.AsType[*pki.WrongKindError](err)
	return missing || wrong
}
