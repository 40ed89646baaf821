package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
)

type exportCRLOptions struct {
	pki.CRLRequest
	placeOptions
}

// placeOptions say where export writes a single file.
type placeOptions struct {
	out   string
	force bool
}

func (o *placeOptions) add(a *app, cmd *cobra.Command, file string) {
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "`FILE` or folder to write to; - is standard output (default: "+file+")")
	f.BoolVar(&o.force, "force", false, "replace an existing file")
	a.addJSON(cmd)
}

// checkOut refuses to write both the file and the result to standard output.
func (a *app) checkOut(cmd *cobra.Command, out string) error {
	if out == "-" && a.json {
		return usageFault(cmd, errors.New("--json and --out - both need standard output"))
	}
	return nil
}

func (a *app) exportCRLCommand() *cobra.Command {
	var o exportCRLOptions
	cmd := &cobra.Command{
		Use:   "crl",
		Short: "Write the revocation list, for servers that check identities",
		Long: `Writes the list of revoked certificates as it is stored, so it asks for no
passphrase. A server that checks identities needs the new file after each
revocation. mosquitto (crlfile) and nginx (ssl_crl) read PEM; while there are
two roots, the PEM file has the lists of both.`,
		Example: `  picoca export crl
  picoca export crl --out /etc/mosquitto/certs/crl.pem --force
  picoca export crl --format der --out - | openssl crl -inform der -text`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Format != pki.CRLPEM && o.Format != pki.CRLDER {
				return usageFault(cmd, fmt.Errorf("format %q of a revocation list is not pem or der", o.Format))
			}
			if err := a.checkOut(cmd, o.out); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runExportCRL(cmd.Context(), c, o) })
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&o.Format, "format", pki.CRLPEM, "`FORMAT` of the list: pem or der")
	o.add(a, cmd, "picoca-crl.pem")
	cmd.Flags().StringVar(&o.Root, "root", "", "`ROOT` whose list it is (default: all roots in PEM, the one that signs in DER)")
	return cmd
}

func (a *app) runExportCRL(ctx context.Context, c *pki.CA, o exportCRLOptions) error {
	file, lists, err := c.CRLFile(ctx, o.CRLRequest, a.Now(), a.waiting)
	if err != nil {
		return err
	}
	for _, list := range lists {
		if list.Ended(a.Now()) {
			again := "sign it again: " + a.command("doctor", "--repair")
			if a.Now().After(list.Root.Certificate.NotAfter) {
				again = "its root has ended too: " + a.command("root", "rotate")
			}
			a.note("the revocation list of %s ended on %s: servers that read it refuse everyone; %s",
				list.Root.Certificate.Subject.CommonName, pki.Day(list.Ends), again)
		}
	}
	others, err := c.OtherCRLs(o.CRLRequest, a.Now())
	if err != nil {
		return err
	}
	for _, root := range others {
		_, letters, _ := strings.Cut(root.ID, "-")
		a.note("this file holds one list; a server that trusts %s needs that root's as well: %s", root.Certificate.Subject.CommonName,
			a.command("export crl", "--format", "der", "--root", letters, "--out", "FILE"))
	}
	return a.place(ctx, c, file, o.placeOptions)
}

// place writes a single file to where the user wants it.
func (a *app) place(ctx context.Context, c *pki.CA, file output.File, o placeOptions) error {
	if o.out == "-" {
		return a.pipe([]output.File{file}, p12Choice{}, o.force)
	}
	written, err := c.WriteFile(ctx, o.out, file, o.force, a.waiting)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(exportedJSON{Files: listed(written)})
	}
	a.sayWritten(written)
	return nil
}
