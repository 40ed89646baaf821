package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/pki"
)

type exportExpiryOptions struct {
	format string
	placeOptions
}

func (a *app) exportExpiryCommand() *cobra.Command {
	var o exportExpiryOptions
	cmd := &cobra.Command{
		Use:   "expiry",
		Short: "Write when certificates end, for a calendar or for Prometheus",
		Long: `Writes when the newest certificate of each name, the root and its revocation
list end. A calendar (ics) gets one event and one reminder for each; importing
it again moves them. Prometheus reads the other format through the textfile
collector of its node exporter. Revoked names are left out.`,
		Example: `  picoca export expiry
  picoca export expiry --format prometheus --out picoca.prom --force`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkOut(cmd, o.out); err != nil {
				return err
			}
			if _, err := pki.ExpiryFile(o.format, nil, a.Now()); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runExportExpiry(cmd.Context(), c, o) })
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&o.format, "format", pki.ExpiryCalendar, "`FORMAT` of the file: ics or prometheus")
	o.add(a, cmd, "picoca-expiry.ics or picoca.prom")
	return cmd
}

func (a *app) runExportExpiry(ctx context.Context, c *pki.CA, o exportExpiryOptions) error {
	all, damaged := c.Expiries(a.show)
	if all == nil {
		return damaged
	}
	file, err := pki.ExpiryFile(o.format, all, a.Now())
	if err != nil {
		return err
	}
	return errors.Join(a.place(ctx, c, file, o.placeOptions), damaged)
}
