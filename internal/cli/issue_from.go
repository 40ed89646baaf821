package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// issueFromOptions are those of issue --from.
type issueFromOptions struct {
	leafOptions
	from      string // a file, or - for standard input
	skipValid bool
}

func (o *issueFromOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.from, "from", "", "`LIST` of devices instead of names: a file, or - for standard input; CSV with the columns name, names, ip, for, key, days, or one name per line")
	cmd.Flags().BoolVar(&o.skipValid, "skip-valid", false, "with --from, leave out names that have a valid certificate")
}

// issueArgs wants names, unless a list has them.
func issueArgs(cmd *cobra.Command, names []string) error {
	from := cmd.Flags().Lookup("from")
	switch {
	case !from.Changed && cmd.Flags().Changed("skip-valid"):
		return usageFault(cmd, errors.New("--skip-valid is for a list: it works only with --from"))
	case !from.Changed && (cmd.Flags().Changed("csr") || cmd.Flags().Changed("ca")):
		return nil
	case !from.Changed:
		return args(1, maxArgs, "a name such as pico.local")(cmd, names)
	case len(names) > 0:
		return usageFault(cmd, fmt.Errorf("with --from all names come from the list; got %q as well", names[0]))
	case cmd.Flags().Changed("csr"), cmd.Flags().Changed("forget-key"), cmd.Flags().Changed("ca"):
		return usageFault(cmd, errors.New("--csr, --forget-key and --ca are for one certificate, not for a list"))
	case from.Value.String() == "":
		return usageFault(cmd, errors.New("--from is empty: expected a file, or - for standard input"))
	}
	return nil
}

func (a *app) runIssueFrom(ctx context.Context, o issueFromOptions) error {
	request, optionsErr := o.request(a)
	request.SkipValid = o.skipValid
	list, err := a.readList(o.from)
	if err = errors.Join(optionsErr, err); err != nil {
		return err
	}
	if request.P12, err = a.listP12(o); err != nil {
		return err
	}
	return a.with(func(c *pki.CA) error { return a.issueList(ctx, c, o, list, request) })
}

// issueList checks every row of a list, and unless it is a dry run, issues them.
func (a *app) issueList(ctx context.Context, c *pki.CA, o issueFromOptions, list *pki.List, request pki.Request) error {
	report := &batchReport{app: a, o: o, rows: list.Rows(), targets: map[string]int{}}
	counter := terminal.NewCounter(a.Stderr, a.Now, "checked", list.Rows())
	batch, err := c.PlanBatch(list, request, a.Now(), func(row pki.BatchRow) {
		counter.Step()
		report.checked(row)
	})
	if err != nil {
		return err
	}
	if err := report.checkP12(); err != nil {
		return err
	}
	report.notes(batch)
	if o.dryRun {
		return report.dryRun(batch)
	}
	err = a.issueBatch(ctx, c, batch, report)
	return errors.Join(report.end(batch), err)
}

func (a *app) readList(name string) (*pki.List, error) {
	data, err := a.readInput(fmt.Sprintf("list %q", name), name, pki.MaxListBytes)
	if err != nil {
		return nil, err
	}
	return pki.ParseList(data)
}

// listP12 reads the passphrase for every .p12: one that was made up would be lost
// with an interrupted run, and the next run could not write the same file.
func (a *app) listP12(o issueFromOptions) (export.P12, error) {
	if o.p12.file == "" && o.p12 != (p12Flags{}) {
		return export.P12{}, misuse("--p12-profile and --show-passphrase have no effect without --p12-passphrase-file for a list",
			fault.Hintf("choose one passphrase for all: --p12-passphrase-file FILE"))
	}
	if o.p12.file == "" {
		return export.P12{}, nil
	}
	choice, err := a.chooseP12(o.p12, pki.Device, o.force)
	return choice.P12, err
}

// issueBatch issues the list with one unlocked key. Nothing is asked for if nothing
// is left to sign.
func (a *app) issueBatch(ctx context.Context, c *pki.CA, batch *pki.Batch, report *batchReport) error {
	var session *pki.Session
	if batch.Ready > 0 {
		defer a.promptOnTerminal(report.o.from)()
		var err error
		if session, err = a.session(ctx, c); err != nil {
			return err
		}
		defer session.Close()
	}
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	counter := terminal.NewCounter(a.Stderr, a.Now, "issued", report.rows)
	err := batch.Issue(ctx, session, a.Now(), a.waiting, func(row pki.BatchRow) {
		report.issued(row)
		counter.Step()
	})
	return a.interrupted(ctx, err)
}

// promptOnTerminal lets the passphrase be typed on the terminal where standard
// input was the list. Call what it returns when nothing more is asked.
func (a *app) promptOnTerminal(from string) (done func()) {
	if from != "-" || terminal.Is(a.Stdin) {
		return func() {}
	}
	tty, err := terminal.Open()
	if err != nil {
		return func() {} // there is none: the prompt says what to do
	}
	before := a.Stdin
	a.Stdin = tty
	return func() {
		a.Stdin = before
		_ = tty.Close() // it was only read
	}
}
