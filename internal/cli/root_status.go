package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

func (a *app) rootStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which devices and identities still depend on an old root",
		Long: `Shows the devices and identities whose newest certificate an old root signed,
unless it has expired or is revoked. The exit code is 4 if there are any. picoca
cannot see whether you have copied the new files to a device.`,
		Args: args(0, 0, ""),
		RunE: func(*cobra.Command, []string) error { return a.with(a.runRootStatus) },
	}
	a.addJSON(cmd)
	return cmd
}

// rootStatusJSON is a root and who depends on it as --json prints it.
type rootStatusJSON struct {
	pki.RootInfoDescription
	Dependents []pki.Description `json:"dependents"`
}

// errBehind says that names depend on a root that signs no more.
func errBehind(n int) error {
	text := "1 certificate depends on an old root"
	if n > 1 {
		text = fmt.Sprintf("%d certificates depend on an old root", n)
	}
	return found(text, fault.Hintf("renew them and copy their files to the devices: %s", fault.Command{"renew", "--all"}))
}

func (a *app) runRootStatus(c *pki.CA) error {
	roots, damaged, err := c.RootStatus(a.Now())
	if err != nil {
		return err
	}
	pages, err := c.TrustPages(a.Now())
	if err != nil {
		return err
	}
	faults := []error{a.printRootStatus(roots), damaged}
	if !a.json {
		a.sayStale(pages, "")
	}
	if behind := pki.Behind(roots); len(behind) > 0 {
		faults = append(faults, errBehind(len(behind)))
	}
	return errors.Join(faults...)
}

func (a *app) printRootStatus(roots []pki.RootInfo) error {
	if a.json {
		return a.printJSON(each(roots, func(r pki.RootInfo) rootStatusJSON {
			return rootStatusJSON{r.Describe(), pki.DescribeAll(r.Dependents)}
		}))
	}
	for _, root := range roots {
		a.say("%s (%s): %s", root.Certificate.Subject.CommonName, stateText(root), inUseText(len(root.Dependents)))
		if root.State == pki.RootSigning {
			continue
		}
		var rows [][]string
		for _, issued := range root.Dependents {
			leaf := pki.Describe(issued)
			rows = append(rows, []string{pki.DisplayName(leaf.Name), cmp.Or(leaf.For, string(leaf.Kind)), a.until(leaf.NotBefore, leaf.NotAfter)})
		}
		if err := terminal.WriteRows(a.Stdout, "  ", rows); err != nil {
			return err
		}
	}
	return nil
}

func inUseText(n int) string {
	if n == 0 {
		return "no certificate in use"
	}
	return terminal.Count(n, "certificate") + " in use"
}
