package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/pki"
)

// leafOptions are what issue, identity and renew have in common.
type leafOptions struct {
	forDevice  string
	key        string
	days       int
	out        string
	force      bool
	boardClock string
	dryRun     bool
	andClient  bool
	kept       keyFlags
	p12        p12Flags
	delegated  string // the name of another CA, of issue only
	// after is what follows once the certificate is printed, nil for nothing. As
	// JSON it is part of the result.
	after func(ctx context.Context, name string) (*pushedJSON, error)
}

func (o *leafOptions) add(a *app, cmd *cobra.Command, outDefault, keyDefault string) {
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "`FOLDER` for the files (default: "+outDefault+")")
	f.IntVar(&o.days, "days", ca.DefaultLeafDays, "valid for `N` days, at most 825, counted from yesterday")
	f.StringVar(&o.key, "key", "", "`TYPE` of the key: p256 or rsa-2048 (default: "+keyDefault+")")
	o.kept.add(cmd)
	f.BoolVar(&o.dryRun, "dry-run", false, "check everything and show the result, but sign and write nothing")
	a.addJSON(cmd)
	f.BoolVar(&o.force, "force", false, "allow slow keys, and replace existing files")
	a.addPassphrase(cmd)
	f.StringVar(&o.boardClock, "board-clock", "", "valid from 2021-01-01, for boards that check certificates before their clock is set, or from where the clock of `DEVICE` stands then, such as --board-clock=esp8266; Apple devices refuse it")
	f.Lookup("board-clock").NoOptDefVal = "true"
}

// addAndClient adds --and-client, which is for devices only.
func (o *leafOptions) addAndClient(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.andClient, "and-client", false, "make the certificate an identity as well, for a device that is also a client of other servers")
}

// bestKey is the default of --key for a new certificate.
const bestKey = "what suits the device best"

// addFor adds --for, whose value is a device.
func addFor(cmd *cobra.Command, value *string, usual string) {
	cmd.Flags().StringVar(value, "for", "", "`DEVICE`[/FIRMWARE[@VERSION]], such as pico-w/circuitpython@10: see picoca devices (default: "+usual+")")
}

// request parses what the flags say; all of their faults come at once.
func (o *leafOptions) request(a *app) (pki.Request, error) {
	r := pki.Request{Out: o.out, Force: o.force}
	var forErr, keyErr, daysErr error
	r.For, forErr = optional(o.forDevice, device.ParseTarget)
	r.Key, keyErr = optional(o.key, ca.ParseKeyType)
	if a.given("days") {
		r.Days = o.days
		if o.days == 0 {
			daysErr = ca.DaysError{Have: 0, Min: 1, Max: ca.MaxLeafDays}
		}
	}
	var clockErr error
	if a.given("board-clock") {
		clockErr = o.clock(&r)
	}
	if a.given("and-client") {
		r.AndClient = &o.andClient
	}
	return r, errors.Join(forErr, keyErr, daysErr, clockErr, o.kept.apply(a, &r))
}

// clock reads --board-clock: true or false, or a board.
func (o *leafOptions) clock(r *pki.Request) (err error) {
	on := o.boardClock != "false"
	r.BoardClock = &on
	if on && o.boardClock != "true" {
		r.ClockOf, err = device.ParseTarget(o.boardClock)
	}
	return err
}

// errOutDash says that a command writes several files.
func errOutDash(cmd *cobra.Command) error {
	return usageFault(cmd, errors.New("--out - works only with export: "+commandName(cmd)+" writes several files"))
}

func (a *app) issueCommand() *cobra.Command {
	var list issueFromOptions
	o := &list.leafOptions
	cmd := &cobra.Command{
		Use: "issue NAME [NAME|IP ...] | --csr FILE | --from LIST",
		Long: `Issues a certificate for one or more names and addresses, and writes the files
the device loads. The first name is the device's own: it names the folder, and
you renew it by it. The key is a new one, unless the device made its own: then
give its certificate request with --csr. Only the key is taken from a request;
its names are used if you give none.

With --from, it issues a certificate for each device in a list, and writes the
files of each to a folder of its own. All rows are checked first; after an
interruption the same command continues.`,
		Example: `  picoca issue pico.local
  picoca issue pico.local 192.168.1.20
  picoca issue nas.local --for computer
  picoca issue printer.local --csr printer.csr
  picoca issue --from devices.csv --out certificates`,
		Args: issueArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "-" {
				return errOutDash(cmd)
			}
			if a.given("ca") {
				return a.runIssueCA(cmd, args, *o)
			}
			if list.from != "" {
				return a.runIssueFrom(cmd.Context(), list)
			}
			return a.runIssue(cmd.Context(), args, *o)
		},
	}
	cmd.Flags().StringVar(&o.delegated, "ca", "", "with --csr, issue a certificate for another CA called `NAME` under the root (see docs/growth.md)")
	addFor(cmd, &o.forDevice, "pico-w; with --csr computer")
	list.add(cmd)
	o.add(a, cmd, "the first name", bestKey)
	o.addAndClient(cmd)
	o.p12.add(cmd)
	return cmd
}

func (a *app) runIssue(ctx context.Context, raw []string, o leafOptions) (err error) {
	request, optionsErr := o.request(a)
	names, namesErr := ca.ParseNames(raw)
	request.Names = names
	c, err := a.open()
	if err != nil {
		return firstOf(errors.Join(namesErr, optionsErr), err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := errors.Join(namesErr, optionsErr, c.Permits(names, a.Now())); err != nil {
		return firstOf(c.RefuseIdentity(strings.Join(raw[:min(1, len(raw))], "")), err)
	}
	choice, err := a.chooseP12(o.p12, pki.Device, o.force)
	if err != nil {
		return err
	}
	return a.issueOne(ctx, c, request, o, choice)
}

// firstOf returns the first error that is not nil: a fault of the command line
// matters more than a missing CA.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// issueOne issues or renews one certificate: it plans, and unless it is a dry run,
// signs, writes and prints.
func (a *app) issueOne(ctx context.Context, c *pki.CA, request pki.Request, o leafOptions, p12 p12Choice) (err error) {
	request.P12 = p12.P12
	plan, err := c.Plan(request, a.Now())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	if !plan.WritesP12() {
		if o.p12 != (p12Flags{}) {
			return errNoP12(plan.Name())
		}
		p12 = p12Choice{}
	}
	a.noteCSR(plan)
	a.noteP12Root(plan.P12HasRoot())
	a.notePlan(plan)
	if o.dryRun {
		described, err := describePlan(plan)
		if err != nil {
			return err
		}
		return a.printIssued(described, plan)
	}
	if err := a.checkScreen(p12); err != nil {
		return err
	}
	session, err := a.session(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close()
	result, err := session.Issue(plan, a.Now())
	if err != nil {
		return err
	}
	a.printPassphrase(p12) // first: nothing else has it
	r := describeIssued(result, plan)
	r.Passphrase = p12.jsonPassphrase()
	return a.finish(ctx, r, plan, o)
}

// finish prints what was issued, and does what follows.
func (a *app) finish(ctx context.Context, r issuedJSON, plan *pki.Plan, o leafOptions) (err error) {
	if o.after != nil && a.json {
		r.Push, err = o.after(ctx, plan.Name())
		return errors.Join(a.printIssued(r, plan), err)
	}
	r.pushes = o.after != nil
	if err := a.printIssued(r, plan); err != nil || o.after == nil {
		return err
	}
	_, err = o.after(ctx, plan.Name())
	return err
}

// notePlan says what was decided and may not be what the user wants.
func (a *app) notePlan(p *pki.Plan) {
	a.noteUnable(p)
	switch {
	case p.Lost == nil:
	case p.Kind() == pki.Identity:
		a.note("%v", p.Lost)
	default:
		a.note("%v; the new certificate is for %s, for use on %s", p.Lost, displayNames(p.Names), p.Target.Name())
	}
	if p.AddsAddress() {
		a.note("Bun, Electron, Envoy, gRPC and wolfSSL refuse a certificate with an address under this root, also when they connect by name")
	}
	if p.BoardClock {
		a.note("Apple devices refuse this certificate: it is valid for more than 825 days")
	}
}

// noteUnable names the firmware that cannot load the files.
func (a *app) noteUnable(p *pki.Plan) {
	for _, row := range p.Unable() {
		first, _, _ := strings.Cut(row.Range, " ")
		a.note("%s cannot load these files; if you use it, add --for %s/%s@%s", row, p.Target.Device.ID, row.ID, first)
	}
}
