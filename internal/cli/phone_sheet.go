package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// sheetDevice returns the name in --device, "" if it is not given. It refuses
// flags of the server, which --sheet does not start.
func (o phoneOptions) sheetDevice(flags *pflag.FlagSet) (name string, err error) {
	flags.Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "sheet", "device", "force", "json", "home":
		default:
			err = fmt.Errorf("--%s is for the server, which --sheet does not start", f.Name)
		}
	})
	switch {
	case err != nil:
		return "", err
	case o.sheet == "":
		return "", errors.New("--sheet has no name of a file")
	case o.sheet == "-":
		return "", errors.New("--sheet writes a file, and not to standard output")
	case len(o.devices) > 1:
		return "", errors.New("--sheet leads to one board: give --device once")
	case len(o.devices) == 0:
		return "", nil
	}
	if name, _, found := strings.Cut(o.devices[0], "="); found {
		return "", fmt.Errorf("--device %q has a URL; --sheet needs only the name, %s", o.devices[0], name)
	}
	return o.devices[0], nil
}

// runSheet writes a page to print.
func (a *app) runSheet(ctx context.Context, c *pki.CA, device string, o phoneOptions) error {
	sheet, err := c.Sheet(device, a.Now())
	if err != nil {
		return err
	}
	page, err := sheet.Board.Sheet(a.Now())
	if err != nil {
		return err
	}
	written, err := c.WriteFile(ctx, o.sheet, output.File{Name: "picoca-sheet.html", Data: page}, o.force, a.waiting)
	if err != nil {
		return placeFault(err, "--sheet")
	}
	return a.printSheet(sheet, written[0])
}

// sheetJSON is the result of phone --sheet as --json prints it.
type sheetJSON struct {
	URL    string `json:"url"`
	Device string `json:"device"`
	// NDEF is the record for an NFC tag, in hexadecimal.
	NDEF  string                `json:"ndef"`
	Roots []pki.RootDescription `json:"roots"`
	// Current reports whether the board's project has these roots.
	Current bool        `json:"current"`
	File    pki.Written `json:"file"`
}

func (a *app) printSheet(s pki.Sheet, file pki.Written) error {
	if a.json {
		return a.printJSON(sheetJSON{s.Board.URL(), s.TrustPage.Name, fmt.Sprintf("%x", s.Board.Record()), each(s.Board.Roots, pki.DescribeRoot), s.TrustPage.Current, file})
	}
	a.say("written to %s (%s): it leads to %s", file.Path, terminal.Count(file.Bytes, "byte"), s.Board.URL())
	for _, root := range s.Board.Roots {
		a.say("%s: SHA-256 %s", root.Subject.CommonName, ca.Fingerprint(root))
	}
	a.say("for an NFC tag, write the address above as a link; as bytes (NDEF): % X", s.Board.Record())
	if !s.TrustPage.Current {
		a.say("%s serves other roots to phones: %s", s.TrustPage.Name, a.projectStep(s.TrustPage))
	}
	a.say("next: open it in a browser and print it; phones must reach %s, so leave that board switched on", s.TrustPage.Name)
	return nil
}

// sayStale names the boards that serve other roots to phones than the CA has.
func (a *app) sayStale(pages []pki.TrustPage, indent string) {
	for _, page := range pages {
		if !page.Current {
			a.say("%s%s serves other roots to phones: %s; %s", indent, page.Name, a.projectStep(page), a.sheetStep())
		}
	}
}

// staleSteps bring the boards and the sheet up to date.
func (a *app) staleSteps(pages []pki.TrustPage) (steps []string) {
	for _, page := range pages {
		steps = append(steps, a.projectStep(page))
	}
	if len(pages) > 0 {
		steps = append(steps, a.sheetStep())
	}
	return steps
}

func (a *app) projectStep(page pki.TrustPage) string {
	if page.Updates {
		return fmt.Sprintf("bring the new page to %s: %s", page.Name, a.command("push", page.Name))
	}
	return fmt.Sprintf("write the project of %s again, with --push, --mutual-tls or --updates if it had them, and copy it to the board: %s", page.Name, a.command("example", page.Name, "--force"))
}

func (a *app) sheetStep() string {
	return "print the sheet for phones again: " + a.command("phone", "--sheet", "sheet.html", "--force")
}
