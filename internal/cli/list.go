package cli

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
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
		Short: "List certificates: for which device, and when they end",
		Args:  args(0, 0, ""),
		RunE:  func(*cobra.Command, []string) error { return a.runList(o) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "include earlier certificates")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

// listJSON is the list as --json prints it.
type listJSON struct {
	CA           rootJSON   `json:"ca"`
	Roots        []rootJSON `json:"roots"`
	Certificates []leafJSON `json:"certificates"`
}

func (a *app) runList(o listOptions) (err error) {
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	signing, err := c.Root()
	if err != nil {
		return err
	}
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	list := listJSON{CA: describeRoot(signing.Certificate), Certificates: []leafJSON{}}
	for _, root := range roots {
		list.Roots = append(list.Roots, describeRoot(root.Certificate))
	}
	var faults []error // of single certificates, which hide no other
	for issued, err := range c.All(!o.all) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		list.Certificates = append(list.Certificates, describeLeaf(issued))
	}
	return errors.Join(append([]error{a.printList(list, o.json)}, faults...)...)
}

func describeLeaf(i store.Issued) leafJSON {
	names := ca.NamesOf(i.Leaf)
	if names == nil {
		names = []string{}
	}
	return leafJSON{
		Name: i.Record.Name, Kind: pki.KindOf(i), Names: names, For: i.Record.For, Key: keyOf(i.Leaf),
		Serial: ca.Serial(i.Leaf), NotBefore: i.Leaf.NotBefore, NotAfter: i.Leaf.NotAfter, SHA256: ca.Fingerprint(i.Leaf),
	}
}

func (a *app) printList(list listJSON, asJSON bool) error {
	if asJSON {
		return a.printJSON(list)
	}
	w := a.columns()
	fmt.Fprintln(w, "NAME\tFOR\tKEY\tUNTIL\tSHA-256")
	row := func(name, what, key, until, sha256 string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s…\n", name, what, key, until, sha256[:min(11, len(sha256))])
	}
	for _, root := range list.Roots {
		row(rootName(root.Name), "root", root.Key, a.until(root.NotBefore, root.NotAfter), root.SHA256)
	}
	var due []leafJSON
	for _, c := range list.Certificates {
		row(pki.DisplayName(c.Name), cmp.Or(c.For, string(c.Kind)), c.Key, a.until(c.NotBefore, c.NotAfter), c.SHA256)
		if left := c.NotAfter.Sub(a.Now()); left >= 0 && left < pki.DueWithin {
			due = append(due, c)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.sayDue(due)
	return nil
}

// rootName distinguishes roots by the characters at the end of their names.
func rootName(name string) string {
	return fmt.Sprintf("%s (%s)", pki.TheCA, name[strings.LastIndexByte(name, ' ')+1:])
}

// sayDue says which certificates end soon, and how to renew the first.
func (a *app) sayDue(due []leafJSON) {
	slices.SortFunc(due, func(x, y leafJSON) int { return x.NotAfter.Compare(y.NotAfter) })
	switch len(due) {
	case 0:
	case 1:
		a.say("1 ends within 30 days: %s", a.command("renew", due[0].Name))
	default:
		a.say("%d end within 30 days, %s first: %s", len(due), pki.DisplayName(due[0].Name), a.command("renew", due[0].Name))
	}
}

// until writes a last day and how far off it is.
func (a *app) until(start, end time.Time) string {
	now := a.Now()
	left := end.Sub(now)
	days := int(math.Floor(left.Hours() / 24))
	switch {
	case now.Before(start):
		return fmt.Sprintf("%s not valid before %s", pki.Day(end), pki.Day(start))
	case left < 0:
		return pki.Day(end) + " expired"
	case days == 0:
		return pki.Day(end) + " (ends today)"
	case days == 1:
		return pki.Day(end) + " (1 day)"
	}
	return fmt.Sprintf("%s (%d days)", pki.Day(end), days)
}
