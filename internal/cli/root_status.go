package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
)

func (a *app) rootStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which devices and identities still depend on an old root",
		Long: `Shows the devices and identities whose newest certificate an old root signed,
unless it has expired or is revoked. The exit code is 4 if there are any. picoca
cannot see whether you have copied the new files to a device.`,
		Args: args(0, 0, ""),
		RunE: func(*cobra.Command, []string) error { return a.runRootStatus(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// rootStatusJSON is a root and who depends on it as --json prints it.
type rootStatusJSON struct {
	rootInfoJSON
	Dependents []leafJSON `json:"dependents"`
}

// behindError says that names depend on a root that signs no more.
type behindError struct{ count int }

func (e *behindError) Error() string {
	if e.count == 1 {
		return "1 certificate depends on an old root"
	}
	return fmt.Sprintf("%d certificates depend on an old root", e.count)
}

// Hint moves them.
func (*behindError) Hint() fault.Hint {
	return fault.Hintf("renew them and copy their files to the devices: %s", fault.Command{"renew", "--all"})
}

// ExitCode is that of a check that found something.
func (*behindError) ExitCode() int { return fault.Found }

func (a *app) runRootStatus(asJSON bool) (err error) {
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	roots, damaged, err := c.RootStatus(a.Now())
	if err != nil {
		return err
	}
	pages, err := c.TrustPages(a.Now())
	if err != nil {
		return err
	}
	faults := []error{a.printRootStatus(roots, asJSON), damaged}
	if !asJSON {
		a.sayStale(pages, "")
	}
	if behind := pki.Behind(roots); len(behind) > 0 {
		faults = append(faults, &behindError{len(behind)})
	}
	return errors.Join(faults...)
}

func (a *app) printRootStatus(roots []pki.RootInfo, asJSON bool) error {
	if asJSON {
		all := []rootStatusJSON{}
		for _, root := range roots {
			all = append(all, rootStatusJSON{describeRootInfo(root), leavesJSON(root.Dependents)})
		}
		return a.printJSON(all)
	}
	for _, root := range roots {
		a.say("%s (%s): %s", root.Certificate.Subject.CommonName, stateText(root), inUseText(len(root.Dependents)))
		if root.State == pki.RootSigning {
			continue
		}
		var rows [][]string
		for _, issued := range root.Dependents {
			leaf := describeLeaf(issued)
			rows = append(rows, []string{pki.DisplayName(leaf.Name), cmp.Or(leaf.For, string(leaf.Kind)), a.until(leaf.NotBefore, leaf.NotAfter)})
		}
		if err := a.printRows("  ", rows); err != nil {
			return err
		}
	}
	return nil
}

func leavesJSON(issued []store.Issued) []leafJSON {
	all := []leafJSON{}
	for _, one := range issued {
		all = append(all, describeLeaf(one))
	}
	return all
}

func inUseText(n int) string {
	if n == 0 {
		return "no certificate in use"
	}
	return certificatesText(n) + " in use"
}
