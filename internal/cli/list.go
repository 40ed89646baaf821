package cli

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

type listOptions struct {
	all    bool
	due    dueFlags
	within time.Duration
}

func (a *app) listCommand() *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:  "list",
		Args: args(0, 0, ""),
		Long: `Lists the newest certificate of each name. With --due it lists those that should
be renewed, and the exit code is 4 if there are any. A terminal shows long names
without their middle; in a pipe and with --json they are whole.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.within, err = o.due.parse(cmd); err != nil {
				return err
			}
			if o.due.due && o.all {
				return usageFault(cmd, errors.New("--due looks at the newest certificate of each name: leave out --all"))
			}
			return a.with(func(c *pki.CA) error { return a.runList(c, o) })
		},
	}
	o.due.add(cmd, "list only what has")
	cmd.Flags().BoolVar(&o.all, "all", false, "include earlier certificates")
	a.addJSON(cmd)
	return cmd
}

// listJSON is the list as --json prints it.
type listJSON struct {
	CA           pki.RootDescription       `json:"ca"`
	Roots        []pki.RootInfoDescription `json:"roots"`
	Certificates []pki.Description         `json:"certificates"`

	due, unpushed []string // names
}

func (a *app) runList(c *pki.CA, o listOptions) error {
	signing, err := c.Root()
	if err != nil {
		return err
	}
	roots, err := c.RootInfos()
	if err != nil {
		return err
	}
	list := listJSON{CA: pki.DescribeRoot(signing.Certificate), Roots: pki.DescribeRoots(roots), Certificates: []pki.Description{}}
	var faults []error // of single certificates, which hide no other
	for issued, err := range c.All(!o.all) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		due := pki.IsDue(issued, o.within, a.Now())
		if due {
			list.due = append(list.due, issued.Record.Name)
		}
		if due || !o.due.due {
			list.add(issued)
		}
	}
	if o.due.due {
		return a.printDue(list, faults)
	}
	return errors.Join(append([]error{a.printList(list)}, faults...)...)
}

// printDue prints what is due, and fails if that is anything. Roots are not renewed
// but replaced: picoca doctor says when.
func (a *app) printDue(list listJSON, faults []error) error {
	if len(list.due) > 0 {
		faults = append(faults, errDue(len(list.due)))
		list.due = nil // the error says it
	}
	if !a.json {
		list.Roots = nil
	}
	if len(list.Roots)+len(list.Certificates)+len(faults) == 0 {
		a.say("nothing is due")
		return nil
	}
	return errors.Join(append([]error{a.printList(list)}, faults...)...)
}

func (l *listJSON) add(i store.Issued) {
	l.Certificates = append(l.Certificates, pki.Describe(i))
	if pki.IsUnpushed(i) {
		l.unpushed = append(l.unpushed, i.Record.Name)
	}
}

// revokedText says when and why: "revoked 2026-12-01 (keyCompromise)".
func revokedText(r *pki.RevokedAt) string {
	text := "revoked " + pki.Day(r.At)
	if r.Reason != "" {
		text += fmt.Sprintf(" (%s)", r.Reason)
	}
	return text
}

func (a *app) printList(list listJSON) error {
	if a.json {
		return a.printJSON(list)
	}
	rows := [][]string{{"NAME", "FOR", "KEY", "UNTIL", "SHA-256"}}
	row := func(name, what, key, until, sha256 string) {
		rows = append(rows, []string{name, what, key, until, sha256[:min(11, len(sha256))] + "…"})
	}
	for _, root := range list.Roots {
		row(rootName(root.Name), rootWords[root.State], root.Key, a.until(root.NotBefore, root.NotAfter), root.SHA256)
	}
	for _, c := range list.Certificates {
		until := a.until(c.NotBefore, c.NotAfter)
		switch {
		case c.Revoked != nil:
			until = revokedText(c.Revoked)
		case c.RootRetired != nil:
			until = "root retired " + pki.Day(*c.RootRetired)
		case c.Pushed != nil && c.Pushed.At.IsZero():
			until += ", not on the device"
		}
		row(pki.DisplayName(c.Name), cmp.Or(c.For, string(c.Kind)), c.Key, until, c.SHA256)
	}
	if err := terminal.WriteRows(a.Stdout, "", rows); err != nil {
		return err
	}
	a.sayDue(list.due)
	a.sayUnpushed(list.unpushed)
	return nil
}

// rootWords say what a root is among certificates.
var rootWords = map[pki.RootState]string{
	pki.RootSigning: "root", pki.RootOld: "old root", pki.RootSpare: "spare root", pki.RootRetired: "retired root",
}

// rootName distinguishes roots by the characters at the end of their names.
func rootName(name string) string {
	return fmt.Sprintf("%s (%s)", pki.TheCA, name[strings.LastIndexByte(name, ' ')+1:])
}

// sayDue says which certificates end soon or have ended, and how to renew them.
func (a *app) sayDue(due []string) {
	switch len(due) {
	case 0:
	case 1:
		a.say("1 is due for renewal: %s", a.command("renew", due[0]))
	default:
		a.say("%d are due for renewal: %s", len(due), a.command("renew", "--due"))
	}
}

// sayUnpushed says which certificates a device should have, and how it gets them.
func (a *app) sayUnpushed(names []string) {
	switch len(names) {
	case 0:
	case 1:
		a.say("1 is not on its device: %s", a.command("push", names[0]))
	default:
		a.say("%d are not on their devices: %s", len(names), a.command("renew", "--due", "--push"))
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
