package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

func (a *app) rootsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "root COMMAND",
		Long: `A root is replaced step by step: rotate creates the new one beside the old one,
your phones and computers trust both, renew --all moves the devices, status
shows who is left, and retire ends the old one. This is also how a domain is
added to what the CA can vouch for.`,
		Example: `  picoca root rotate --permit home.example.com
  picoca root status
  picoca root retire`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageFault(cmd, fmt.Errorf("unknown command %q", cmd.Name()+" "+args[0]))
		},
	}
	cmd.AddGroup(&cobra.Group{ID: "root", Title: "Commands:"})
	for _, sub := range []*cobra.Command{
		a.rootListCommand(), a.rootRotateCommand(), a.rootStatusCommand(), a.rootRetireCommand(), a.rootPassphraseCommand(),
	} {
		sub.GroupID = "root"
		sub.Flags().SortFlags = false
		cmd.AddCommand(sub)
	}
	return cmd
}

func (a *app) rootListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every root: which one signs, and which are trusted",
		Args:  args(0, 0, ""),
		RunE:  func(*cobra.Command, []string) error { return a.with(a.runRootList) },
	}
	a.addJSON(cmd)
	return cmd
}

func (a *app) runRootList(c *pki.CA) error {
	roots, err := c.RootInfos()
	if err != nil {
		return err
	}
	if !a.json {
		return a.printRoots(roots)
	}
	return a.printJSON(pki.DescribeRoots(roots))
}

func (a *app) printRoots(roots []pki.RootInfo) error {
	rows := [][]string{{"ROOT", "STATE", "KEY", "UNTIL", "SHA-256"}}
	for _, root := range roots {
		r := root.Describe()
		rows = append(rows, []string{r.Name, stateText(root), r.Key, a.until(r.NotBefore, r.NotAfter), r.SHA256[:11] + "…"})
	}
	return terminal.WriteRows(a.Stdout, "", rows)
}

// stateText writes a root's state for people.
func stateText(r pki.RootInfo) string {
	switch {
	case r.Retired != nil:
		return "retired " + pki.Day(*r.Retired)
	case r.State == pki.RootSpare:
		return "spare, on paper"
	case r.Root.Key == store.KeyElsewhere:
		return string(r.State) + ", without key"
	}
	return string(r.State)
}
