package cli

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/store"
)

type listOptions struct {
	all  bool
	json bool
}

func (a *app) listCommand() *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the certificates: until when, and for which board",
		Args:  exactly(0, "none"),
		RunE:  func(*cobra.Command, []string) error { return a.runList(o) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "list earlier certificates of each name too")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the list as JSON")
	return cmd
}

// listJSON is the list as --json prints it.
type listJSON struct {
	CA           rootJSON      `json:"ca"`
	Certificates []store.About `json:"certificates"`
}

func (a *app) runList(o listOptions) (err error) {
	s, err := a.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	root, err := s.RootCertificate()
	if err != nil {
		return err
	}
	list := listJSON{describeRoot(root), []store.About{}}
	var faults []error // of single certificates, which hide no other
	for about, err := range s.All(!o.all) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		list.Certificates = append(list.Certificates, about)
	}
	return errors.Join(append([]error{a.printList(list, o.json)}, faults...)...)
}

func (a *app) printList(list listJSON, asJSON bool) error {
	if asJSON {
		return a.printJSON(list)
	}
	return a.tellList(list)
}

func (a *app) tellList(list listJSON) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tBOARD\tKEY\tUNTIL\tSHA-256")
	row := func(name, board, key string, until time.Time, sha256 string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s…\n", name, board, key, a.until(until), sha256[:min(11, len(sha256))])
	}
	row("ca", "-", list.CA.Key, list.CA.NotAfter, list.CA.SHA256)
	for _, c := range list.Certificates {
		row(displayed([]string{c.Name})[0], cmp.Or(c.Kind, c.Board), c.Key, c.NotAfter, c.SHA256)
	}
	return w.Flush()
}

// until tells a last day and how far off it is.
func (a *app) until(end time.Time) string {
	left := end.Sub(a.Now())
	if left < 0 {
		return day(end) + " expired"
	}
	return fmt.Sprintf("%s (%d d)", day(end), int(math.Floor(left.Hours()/24)))
}
