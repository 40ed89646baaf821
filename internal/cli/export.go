package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

type exportOptions struct {
	pki.ExportRequest
	forDevice string
	p12       p12Flags
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	var list bool
	cmd := &cobra.Command{
		Use: "export NAME|ca|crl|expiry",
		Long: `Writes the newest certificate of a device or an identity and its key, or the
root certificate ("ca"), in any format; --list shows the formats and what reads
them. The root key never leaves the store.

--out is a folder for a device or an identity (default: its name), and a file or
a folder for the CA; - means standard output (formats with one file only).`,
		Example: `  picoca export --list
  picoca export pico.local --format c-header
  picoca export ca --format mobileconfig --web-clip pico.local
  picoca export ca --format der --out - | sha256sum`,
		Args: func(cmd *cobra.Command, given []string) error {
			if list {
				return args(0, 0, "")(cmd, given)
			}
			return args(1, 1, "the name of a device or an identity, or ca")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listFormats()
			}
			o.Name = args[0]
			if err := a.checkOut(cmd, o.Out); err != nil {
				return err
			}
			if err := o.parse(); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runExport(cmd, c, o) })
		},
	}
	o.add(a, cmd, &list)
	cmd.AddCommand(a.exportCRLCommand(), a.exportExpiryCommand())
	return cmd
}

func (o *exportOptions) add(a *app, cmd *cobra.Command, list *bool) {
	f := cmd.Flags()
	f.StringVar(&o.Format, "format", "", "`FORMAT` of the files: see --list (default: what issue writes; for ca: pem)")
	f.StringVar(&o.Out, "out", "", "`PLACE` to write to; - is standard output")
	addFor(cmd, &o.forDevice, "as issued")
	f.BoolVar(list, "list", false, "list the formats, and what reads them")
	f.BoolVar(&o.Force, "force", false, "replace existing files; allow a weak passphrase")
	a.addJSON(cmd)
	f.StringArrayVar(&o.WebClips, "web-clip", nil, "add a home-screen icon for `NAME[=URL]` (mobileconfig; repeatable)")
	f.StringVar(&o.Root, "root", "", "`ROOT` that the CA's files hold, such as 7Q3F (default: every root to trust; the one that signs where one fits)")
	f.StringVar(&o.Sign, "sign", "", "sign the profile with the key of the device or identity `NAME` (mobileconfig)")
	o.p12.add(cmd)
}

func (a *app) runExport(cmd *cobra.Command, c *pki.CA, o exportOptions) error {
	e, err := c.PlanExport(o.ExportRequest, a.Now())
	if err != nil {
		return err
	}
	p12, p12Err := a.exportP12(e, o)
	if err := errors.Join(p12Err, o.checkFlags(cmd, e)); err != nil {
		return err
	}
	if ended := e.Ended(a.Now()); ended != nil {
		a.note("%v", ended)
	}
	a.noteP12Root(e.P12HasRoot())
	if e.Keyless() && o.Format == "" {
		a.note("the key of %s is not in the store: only its certificate is written", e.Name)
	}
	files, err := e.Render()
	if err != nil {
		return err
	}
	a.noteLeftOut(e, o)
	if o.Out == "-" {
		return a.pipe(files, p12, o.Force)
	}
	return a.writeExport(cmd.Context(), e, files, p12, o)
}

// noteLeftOut says which roots a file of one certificate does not hold.
func (a *app) noteLeftOut(e *pki.Export, o exportOptions) {
	for _, root := range e.LeftOut() {
		_, letters, _ := strings.Cut(rootName(root.Subject.CommonName), "(")
		words := []string{"export", pki.TheCA, "--format", o.Format, "--root", strings.TrimSuffix(letters, ")"), "--out", "FILE"}
		a.note("this file holds only %s; a phone or computer needs %s as well: %s", e.Root().Subject.CommonName, root.Subject.CommonName, a.command(words...))
	}
}

// parse reads what the flags say about format and device.
func (o *exportOptions) parse() error {
	_, formatErr := optional(o.Format, export.Find)
	var forErr error
	o.For, forErr = optional(o.forDevice, device.ParseTarget)
	return errors.Join(formatErr, forErr)
}

// exportP12 decides how a .p12 is encrypted, if there will be one.
func (a *app) exportP12(e *pki.Export, o exportOptions) (c p12Choice, err error) {
	if !e.NeedsPassphrase() {
		return c, nil
	}
	c, err = a.chooseP12(o.p12, e.Kind, o.Force)
	e.SetP12(c.P12)
	return c, errors.Join(err, a.checkScreen(c))
}

// checkFlags refuses flags that have no effect on the format.
func (o exportOptions) checkFlags(cmd *cobra.Command, e *pki.Export) error {
	var faults []error
	unused := func(used bool, flags ...string) {
		for _, flag := range flags {
			if !used && cmd.Flags().Changed(flag) {
				faults = append(faults, usageFault(cmd, fmt.Errorf("--%s has no effect on %s of %s", flag, formatsText(e), e.Kind.WithArticle())))
			}
		}
	}
	unused(e.Has("mobileconfig"), "web-clip", "sign")
	unused(e.NeedsPassphrase(), p12FlagNames...)
	unused(e.Kind != pki.CAItself && o.Format == "", "for")
	unused(e.Kind == pki.CAItself, "root")
	return errors.Join(faults...)
}

func formatsText(e *pki.Export) string {
	if ids := e.Formats(); len(ids) > 0 {
		return "format " + strings.Join(ids, ", ")
	}
	return "the files"
}

var (
	errManyFiles = fault.New("this format has several files, but standard output takes only one",
		fault.Hintf("name a folder: --out FOLDER, or a format with one file: --format p12, or pem-cert, which has no key"))
	errBinary = fault.New("this format is binary, and standard output is a terminal",
		fault.Hintf("choose a file: --out FILE, or pipe it into another program"))
)

func (a *app) pipe(files []output.File, p12 p12Choice, force bool) error {
	if len(files) != 1 {
		return errManyFiles
	}
	if terminal.Is(a.Stdout) && terminal.IsBinary(files[0].Data) && !force {
		return errBinary
	}
	if _, err := a.Stdout.Write(files[0].Data); err != nil {
		return err
	}
	a.printPassphrase(p12)
	return nil
}

// exportedJSON is the result of export as --json prints it.
type exportedJSON struct {
	Files      []pki.Written `json:"files"`
	Passphrase string        `json:"passphrase,omitempty"`
}

func (a *app) writeExport(ctx context.Context, e *pki.Export, files []output.File, p12 p12Choice, o exportOptions) error {
	written, err := e.Write(ctx, files, a.waiting)
	if err != nil {
		return err
	}
	a.printPassphrase(p12)
	if a.json {
		return a.printJSON(exportedJSON{listed(written), p12.jsonPassphrase()})
	}
	a.sayWritten(written)
	return nil
}

// listFormats prints each format, what it can hold, and what reads it.
func (a *app) listFormats() error {
	list := pki.DescribeFormats()
	if a.json {
		return a.printJSON(list)
	}
	w := a.columns()
	fmt.Fprintln(w, "FORMAT\tFOR\tREAD BY")
	for _, row := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row.ID, strings.Join(each(row.For, func(k pki.Kind) string { return string(k) }), " "), row.Reader)
	}
	return w.Flush()
}
