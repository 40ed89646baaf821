package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

// issueFromOptions are those of issue --from.
type issueFromOptions struct {
	leafOptions
	from      string // a file, or - for standard input
	skipValid bool
	p12       p12Flags
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

func (a *app) runIssueFrom(ctx context.Context, o issueFromOptions) (err error) {
	request, optionsErr := o.request(a)
	request.SkipValid = o.skipValid
	list, err := a.readList(o.from)
	if err = errors.Join(optionsErr, err); err != nil {
		return err
	}
	if request.P12, err = a.listP12(o); err != nil {
		return err
	}
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	report := &batchReport{app: a, o: o, rows: list.Rows(), targets: map[string]int{}}
	counter := a.counter("checked", list.Rows())
	batch, err := c.PlanBatch(list, request, a.Now(), func(row pki.BatchRow) {
		counter.step()
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

// readList reads a list from a file or from standard input.
func (a *app) readList(name string) (*pki.List, error) {
	data, err := a.readInput("list", name, pki.MaxListBytes)
	if err != nil {
		return nil, err
	}
	return pki.ParseList(data)
}

// readInput reads a file, or standard input for "-", up to one byte more than most.
func (a *app) readInput(what, name string, most int64) ([]byte, error) {
	input := a.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s %q cannot be read: %w", what, name, withoutPath(err))
		}
		defer file.Close()
		input = file
	}
	data, err := io.ReadAll(io.LimitReader(input, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s %q cannot be read: %w", what, name, withoutPath(err))
	}
	return data, nil
}

// listP12 reads the passphrase for every .p12: one that was made up would be lost
// with an interrupted run, and the next run could not write the same file.
func (a *app) listP12(o issueFromOptions) (export.P12, error) {
	if o.p12.file == "" && o.p12 != (p12Flags{}) {
		return export.P12{}, fault.WithCode(fault.New("--p12-profile and --show-passphrase have no effect without --p12-passphrase-file for a list",
			fault.Hintf("choose one passphrase for all: --p12-passphrase-file FILE")), fault.Usage)
	}
	if o.p12.file == "" {
		return export.P12{}, nil
	}
	choice, err := a.keyP12(o.p12, export.Modern2023, o.force)
	return choice.P12, err
}

// issueBatch issues the list with one unlocked key. Nothing is asked for if nothing
// is left to sign.
func (a *app) issueBatch(ctx context.Context, c *pki.CA, batch *pki.Batch, report *batchReport) error {
	var session *pki.Session
	if batch.Ready > 0 {
		defer a.promptOnTerminal(report.o.from)()
		var err error
		if session, err = c.Session(ctx, a.Now(), a.rootPassphrase(ctx, report.o.passphrase), a.waiting); err != nil {
			return err
		}
		defer session.Close()
	}
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	counter := a.counter("issued", report.rows)
	err := batch.Issue(ctx, session, a.Now(), a.waiting, func(row pki.BatchRow) {
		report.issued(row)
		counter.step()
	})
	return a.interrupted(ctx, err)
}

// promptOnTerminal lets the passphrase be typed on the terminal where standard
// input was the list. Call what it returns when nothing more is asked.
func (a *app) promptOnTerminal(from string) (done func()) {
	if stdin, ok := a.Stdin.(*os.File); from != "-" || ok && isTerminal(stdin) {
		return func() {}
	}
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	tty, err := os.OpenFile(name, os.O_RDWR, 0)
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
