package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	boardClock bool
	dryRun     bool
	json       bool
	passphrase passphraseFlags
	// given reports whether the user set a flag: a renewal keeps the rest.
	given func(flag string) bool
}

func (o *leafOptions) add(cmd *cobra.Command, outDefault string) {
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "`FOLDER` for the files (default: "+outDefault+")")
	f.IntVar(&o.days, "days", ca.DefaultLeafDays, "`N` days of validity, at most 825; the first is yesterday")
	f.StringVar(&o.key, "key", "", "`TYPE` of the key: p256 or rsa-2048 (default: what suits the device best)")
	f.BoolVar(&o.dryRun, "dry-run", false, "check and show everything; sign and write nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.BoolVar(&o.force, "force", false, "allow what is not recommended: slow keys, replacing files")
	o.passphrase.add(cmd)
	f.BoolVar(&o.boardClock, "board-clock", false, "make it valid from 2021-01-01, for boards that verify without a set clock; Apple devices refuse it")
}

// addFor adds --for, whose value is a device.
func addFor(cmd *cobra.Command, value *string, usual string) {
	cmd.Flags().StringVar(value, "for", "", "`DEVICE`[/FIRMWARE[@VERSION]], such as pico-w/circuitpython@10: see picoca devices (default: "+usual+")")
}

// request parses what the flags say; all of their faults come at once.
func (o *leafOptions) request() (pki.Request, error) {
	r := pki.Request{Out: o.out, Force: o.force}
	var forErr, keyErr, daysErr error
	if o.forDevice != "" {
		r.For, forErr = device.ParseTarget(o.forDevice)
	}
	if o.key != "" {
		r.Key, keyErr = ca.ParseKeyType(o.key)
	}
	if o.given("days") {
		r.Days = o.days
		if o.days == 0 {
			daysErr = ca.DaysError{Have: 0, Min: 1, Max: ca.MaxLeafDays}
		}
	}
	if o.given("board-clock") {
		r.BoardClock = &o.boardClock
	}
	return r, errors.Join(forErr, keyErr, daysErr)
}

// errOutDash says that issuing writes several files.
func errOutDash(cmd *cobra.Command) error {
	return usageFault(cmd, errors.New("--out - is for export: there are several files to write"))
}

func (a *app) issueCommand() *cobra.Command {
	var o leafOptions
	cmd := &cobra.Command{
		Use:   "issue NAME [NAME|IP ...]",
		Short: "Issue a device's certificate, and write the files it loads",
		Long: `Issues a certificate for the names and addresses, the first of which becomes
the device's own name, and writes the files the device loads to a folder of
that name. A new key is made each time.`,
		Example: `  picoca issue pico.local
  picoca issue pico.local 192.168.1.20
  picoca issue nas.local --for computer`,
		Args: args(1, maxArgs, "a name such as pico.local"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "-" {
				return errOutDash(cmd)
			}
			o.given = cmd.Flags().Changed
			return a.runIssue(cmd.Context(), args, o)
		},
	}
	addFor(cmd, &o.forDevice, "pico-w")
	o.add(cmd, "the first name")
	return cmd
}

func (a *app) runIssue(ctx context.Context, raw []string, o leafOptions) (err error) {
	request, optionsErr := o.request()
	names, namesErr := ca.ParseNames(raw)
	request.Names = names
	c, err := a.open()
	if err != nil {
		return firstOf(errors.Join(namesErr, optionsErr), err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := errors.Join(namesErr, optionsErr); err != nil {
		return errors.Join(err, c.Permits(names, a.Now()))
	}
	return a.issuePlan(ctx, c, request, o)
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

// issuePlan plans, and unless it is a dry run, signs and writes.
func (a *app) issuePlan(ctx context.Context, c *pki.CA, request pki.Request, o leafOptions) (err error) {
	plan, err := c.Plan(request, a.Now())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	a.notePlan(plan)
	if o.dryRun {
		return a.printIssued(describePlan(plan), plan, o.json)
	}
	session, err := c.Session(ctx, a.Now(), a.rootPassphrase(ctx, o.passphrase), a.waiting)
	if err != nil {
		return err
	}
	defer session.Close()
	result, err := session.Issue(plan, a.Now())
	if err != nil {
		return err
	}
	return a.printIssued(describeIssued(result, plan), plan, o.json)
}

// notePlan says what was decided and may not be what the user wants.
func (a *app) notePlan(p *pki.Plan) {
	for _, row := range p.Unable() {
		first, _, _ := strings.Cut(row.Range, " ")
		a.note("%s does not load these files; for that firmware add --for %s/%s@%s", row, p.Target.Device.ID, row.ID, first)
	}
	switch {
	case p.Lost == nil:
	case p.Kind() == pki.Identity:
		a.note("%v", p.Lost)
	default:
		a.note("%v; the new certificate is for %s on %s", p.Lost, displayNames(p.Names), p.Target.Name())
	}
	if p.BoardClock {
		a.note("Apple devices refuse this certificate: it is valid for more than 825 days")
	}
}

// leafJSON is a certificate as --json prints it.
type leafJSON struct {
	Name      string    `json:"name"`
	Kind      pki.Kind  `json:"kind"`
	Names     []string  `json:"names"`
	For       string    `json:"for"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
}

// issuedJSON is the result of issue, identity and renew as --json prints it.
type issuedJSON struct {
	leafJSON
	DryRun           bool          `json:"dry_run"`
	CertificateBytes int           `json:"certificate_bytes"`
	Costs            []device.Cost `json:"costs"`
	Files            []writtenJSON `json:"files"`
	// Stale are files of earlier certificates, in other formats.
	Stale      []string `json:"stale,omitempty"`
	Passphrase string   `json:"passphrase,omitempty"`

	written []pki.Written
}

func describePlan(p *pki.Plan) issuedJSON {
	r := issuedJSON{DryRun: true, CertificateBytes: p.MaxBytes(), Files: []writtenJSON{}, Costs: p.Costs(p.MaxBytes())}
	r.leafJSON = leafJSON{
		Name: p.Name(), Kind: p.Kind(), Names: namesJSON(p.Names), For: p.Target.String(), Key: string(p.Key),
		NotBefore: p.NotBefore(), NotAfter: p.NotAfter(),
	}
	return r
}

func describeIssued(result pki.Result, p *pki.Plan) issuedJSON {
	leaf := result.Issued.Leaf
	r := issuedJSON{CertificateBytes: len(leaf.Raw), Costs: p.Costs(len(leaf.Raw)), Stale: result.Stale, written: result.Files}
	r.leafJSON, r.Files = describeLeaf(result.Issued), writtenToJSON(result.Files)
	return r
}

func namesJSON(names ca.Names) []string {
	if all := names.Strings(); len(all) > 0 {
		return all
	}
	return []string{}
}

func (a *app) printIssued(r issuedJSON, p *pki.Plan, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	a.say("%s: %s, valid until %s. %s.", displayNames(p.Names), p.Key, pki.Day(r.NotAfter), fitText(p, r.CertificateBytes))
	if r.DryRun {
		return a.printDryRun(r)
	}
	a.sayWritten(r.written)
	a.noteStale(r.Stale)
	a.say("next: copy %s to the %s%s, then run %s", countText(len(r.Files)), placeOf(p.Target), a.exampleAside(p), a.command("phone"))
	return nil
}

// exampleAside mentions example where there is a project for the device.
func (a *app) exampleAside(p *pki.Plan) string {
	if p.HasExample() {
		return fmt.Sprintf(" (or %s for a whole project)", a.command("example", p.Name()))
	}
	return ""
}

func (a *app) printDryRun(r issuedJSON) error {
	a.say("dry run: the certificate would have at most %s; nothing was signed or written", bytesText(r.CertificateBytes))
	return nil
}

func (a *app) noteStale(stale []string) {
	if len(stale) > 0 {
		a.note("left over from the previous certificate: %s", strings.Join(stale, ", "))
	}
}

// placeOf is what people call the thing that loads the files.
func placeOf(target device.Target) string {
	if target.Device.IsBoard() {
		return "board"
	}
	return "server"
}

func countText(n int) string {
	switch n {
	case 1:
		return "the file"
	case 2:
		return "both files"
	}
	return fmt.Sprintf("all %d files", n)
}

// maxNamesShown is how many names a sentence lists.
const maxNamesShown = 8

// costText is what one connection costs: "27.3 KB of memory and 0.5 s per
// connection".
func costText(f device.Figures) string {
	var parts []string
	if f.HeapBytes[1] > 0 {
		parts = append(parts, f.Heap()+" of memory")
	}
	if f.Seconds[1] > 0 {
		parts = append(parts, f.Time())
	}
	return strings.Join(parts, " and ") + " per connection"
}

func displayNames(names ca.Names) string {
	var all []string
	for _, name := range names.All() {
		all = append(all, name.Display())
	}
	if more := len(all) - maxNamesShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNamesShown], ", "), more)
	}
	return strings.Join(all, ", ")
}

// fitText says what the certificate costs the device, with the figures of the
// firmware that needs the least: "Fits Raspberry Pi Pico W (27.3 KB of memory
// and 0.5 s per connection in MicroPython)".
func fitText(p *pki.Plan, bytes int) string {
	facts := p.Facts(bytes)
	text := "Fits " + p.Target.Name()
	if p.Target.Unwise(facts.Key) {
		text = "Loads on, but is not recommended for, " + p.Target.Name()
	}
	if row, figures := p.Target.Cheapest(facts); figures != (device.Figures{}) {
		text += fmt.Sprintf(" (%s in %s)", costText(figures), row.Name)
	}
	return text
}
