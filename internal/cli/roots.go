package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
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
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every root: which one signs, and which are trusted",
		Args:  args(0, 0, ""),
		RunE:  func(*cobra.Command, []string) error { return a.runRootList(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// rootInfoJSON is a root with its state as --json prints it.
type rootInfoJSON struct {
	ID    string        `json:"id"`
	State pki.RootState `json:"state"`
	rootJSON
	KeyPlace store.KeyPlace `json:"key_place"`
	// Retired is left out unless the root is retired.
	Retired *time.Time `json:"retired,omitempty"`
}

func describeRootInfo(r pki.RootInfo) rootInfoJSON {
	return rootInfoJSON{r.ID, r.State, describeRoot(r.Certificate), r.Root.Key, r.Retired}
}

func (a *app) runRootList(asJSON bool) (err error) {
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	roots, err := c.RootInfos()
	if err != nil {
		return err
	}
	if !asJSON {
		return a.printRoots(roots)
	}
	all := []rootInfoJSON{}
	for _, root := range roots {
		all = append(all, describeRootInfo(root))
	}
	return a.printJSON(all)
}

func (a *app) printRoots(roots []pki.RootInfo) error {
	rows := [][]string{{"ROOT", "STATE", "KEY", "UNTIL", "SHA-256"}}
	for _, root := range roots {
		r := describeRootInfo(root)
		rows = append(rows, []string{r.Name, stateText(root), r.Key, a.until(r.NotBefore, r.NotAfter), r.SHA256[:11] + "…"})
	}
	return a.printRows("", rows)
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
