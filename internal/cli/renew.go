package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/pki"
)

// maxArgs stands for any number of arguments.
const maxArgs = 1 << 30

func (a *app) renewCommand() *cobra.Command {
	var o leafOptions
	var p12 p12Flags
	cmd := &cobra.Command{
		Use:   "renew NAME [NAME|IP ...]",
		Short: "Replace a certificate with a new one, in the same folder",
		Long: `Issues a new certificate with a new key for a device or an identity, and
replaces the files of the previous one in the folder that picoca last wrote them
to. Names, device, key type and clock stay as they are unless you change them.
The previous certificate stays valid until it expires.`,
		Example: `  picoca renew pico.local
  picoca renew pico.local 192.168.1.21
  picoca renew kitchen-tablet --out FOLDER`,
		Args: args(1, maxArgs, "the name of a device or an identity"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "-" {
				return errOutDash(cmd)
			}
			o.given = cmd.Flags().Changed
			return a.runRenew(cmd.Context(), args, o, p12)
		},
	}
	addFor(cmd, &o.forDevice, "as before")
	o.add(cmd, "the folder that picoca last wrote them to", "as before")
	p12.add(cmd)
	return cmd
}

func (a *app) runRenew(ctx context.Context, raw []string, o leafOptions, p12 p12Flags) (err error) {
	request, optionsErr := o.request()
	request.Renew = true
	c, err := a.open()
	if err != nil {
		return firstOf(optionsErr, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	kind, findErr := c.KindOfName(raw[0])
	if kind == pki.Identity {
		return a.renewIdentity(ctx, c, raw, request, o, p12)
	}
	var namesErr error
	request.Names, namesErr = ca.ParseNames(raw)
	if namesErr != nil {
		namesErr = firstOf(findErr, namesErr) // a name with a space is an identity's
	}
	if err := errors.Join(namesErr, optionsErr); err != nil {
		return err
	}
	return a.issueDevice(ctx, c, request, o, p12)
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
