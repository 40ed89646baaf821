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
	if isNotIssued(findErr) {
		return errors.Join(findErr, optionsErr)
	}
	usual := export.Modern2023
	var nameErr error
	if kind == pki.Identity {
		usual = export.LegacyDES
		if len(raw) > 1 {
			return errOneIdentity(raw[1])
		}
		request.Client, nameErr = ca.ParseClientName(raw[0])
	} else if request.Names, nameErr = ca.ParseNames(raw); nameErr != nil {
		nameErr = firstOf(findErr, nameErr) // a name with a space is an identity's
	}
	choice, p12Err := a.keyP12(p12, usual, o.force)
	if err := errors.Join(nameErr, optionsErr, p12Err); err != nil {
		return err
	}
	return a.issueOne(ctx, c, request, o, choice, p12)
}

// isNotIssued reports whether nothing was issued for a name, so that there is
// nothing to renew.
func isNotIssued(err error) bool {
	_, missing := errors.AsType[*pki.NotIssuedError](err)
	_, wrong := errors.AsType[*pki.WrongKindError](err)
	return missing || wrong
}
