package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/pki"
)

type rootRetireOptions struct {
	pki.RetireRequest
}

func (a *app) rootRetireCommand() *cobra.Command {
	var o rootRetireOptions
	cmd := &cobra.Command{
		Use:   "retire [ROOT]",
		Short: "End an old root, and say where to remove it",
		Long: `Ends a root that was replaced: it signs nothing more, and what you export from
now on does not hold it. Phones and computers trust it until you remove it from
them. It cannot be undone.`,
		Example: `  picoca root retire
  picoca root retire 7Q3F`,
		Args: filled(0, 1, "the four characters of a root, such as 7Q3F"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Root = args[0]
			}
			return a.with(func(c *pki.CA) error { return a.runRootRetire(cmd.Context(), c, o) })
		},
	}
	cmd.Flags().BoolVar(&o.Force, "force", false, "retire it although certificates in use depend on it")
	a.addJSON(cmd)
	return cmd
}

// retiredJSON is the result of root retire as --json prints it.
type retiredJSON struct {
	pki.RootInfoDescription
	// Files are those with the roots, which devices were given.
	Files []pki.RootReader `json:"files"`
	// Dependents are certificates in use that the root signed.
	Dependents []pki.Description `json:"dependents"`
}

// writeAgain is the command that writes the files of a device again.
func (a *app) writeAgain(r pki.RootReader) string {
	if r.Forgotten {
		return a.command("renew", r.Name)
	}
	return a.command("export", r.Name, "--out", "FOLDER", "--force")
}

func (a *app) runRootRetire(ctx context.Context, c *pki.CA, o rootRetireOptions) error {
	result, err := c.RetireRoot(ctx, o.RetireRequest, a.Now(), a.waiting)
	if err != nil {
		return err
	}
	return a.printRetired(result)
}

func (a *app) printRetired(r pki.RetiredRoot) error {
	info := r.RootInfo.Describe()
	info.Retired = nil
	if a.json {
		return a.printJSON(retiredJSON{info, listed(r.Readers), pki.DescribeAll(r.Dependents)})
	}
	a.say("%s is retired. What you export from now on does not hold it.", info.Name)
	a.say("Remove it where it is trusted:")
	a.say("  iPhone, iPad: install the profile again: %s; then Settings > General > VPN & Device Management > %s > Remove Profile", a.show(r.Profile), info.Name)
	a.say("  Android: Settings > Encryption & credentials > Trusted credentials > User > %s > Remove", info.Name)
	a.say("  computers: %s, then %s", a.command("trust", "remove"), a.command("trust"))
	a.sayStale(r.Stale, "  ")
	for _, file := range r.Readers {
		a.say("  %s (%s): %s; write it again: %s", pki.DisplayName(file.Name), file.Device, file.File, a.writeAgain(file))
	}
	return nil
}
