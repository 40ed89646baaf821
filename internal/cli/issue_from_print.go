package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/pki"
)

// counter prints how far a long operation is, once a second, on a terminal.
type counter struct {
	w    io.Writer // nil without a terminal
	now  func() time.Time
	what string
	done int
	all  int
	last time.Time
}

func (a *app) counter(what string, all int) *counter {
	p := &counter{now: a.Now, what: what, all: all}
	if isTerminal(a.Stderr) {
		p.w, p.last = a.Stderr, a.Now()
	}
	return p
}

func (p *counter) step() {
	p.done++
	if p.w == nil {
		return
	}
	if now := p.now(); now.Sub(p.last) >= time.Second {
		fmt.Fprintf(p.w, "%s %d of %d\n", p.what, p.done, p.all)
		p.last = now
	}
}

// batchReport counts and prints what became of a list.
type batchReport struct {
	*app
	o    issueFromOptions
	rows int

	targets  map[string]int // rows for each device and firmware
	examples []*pki.Plan    // one for each of those, in the order of the list
	lines    []batchJSON    // of a dry run
	done     int
	before   int // existed when their turn came: another run may have issued them meanwhile
	again    int

	differs     []string        // lines whose certificate differs from the list or the flags
	differsIn   map[string]bool // the settings
	replaceWith []string        // the command for the first of them
}

// batchJSON is a line of what issue --from --json prints.
type batchJSON struct {
	Line int `json:"line"`
	leafJSON
	DryRun bool `json:"dry_run"`
	// Before reports whether the certificate existed before this run; Differs is what
	// it does not have of what was asked for. Files are those that this run wrote.
	Differs []string      `json:"differs,omitempty"`
	Before  bool          `json:"already_issued"`
	Files   []writtenJSON `json:"files"`
}

func (r *batchReport) checked(row pki.BatchRow) {
	if row.Plan == nil {
		r.checkedBefore(row)
		return
	}
	target := row.Plan.Target.String()
	if r.targets[target]++; r.targets[target] == 1 {
		r.examples = append(r.examples, row.Plan)
	}
	if r.o.dryRun && r.o.json {
		r.lines = append(r.lines, batchJSON{Line: row.Line, leafJSON: describePlanned(row.Plan), DryRun: true, Files: []writtenJSON{}})
	}
}

// checkedBefore remembers a certificate that exists, and what it lacks.
func (r *batchReport) checkedBefore(row pki.BatchRow) {
	if r.o.dryRun && r.o.json {
		line := describeRow(row)
		line.DryRun = true
		r.lines = append(r.lines, line)
	}
	if len(row.Differs.Settings) == 0 {
		return
	}
	if len(r.differs) == 0 {
		r.replaceWith, r.differsIn = row.Differs.Replace, map[string]bool{}
	}
	r.differs = append(r.differs, strconv.Itoa(row.Line))
	for _, setting := range row.Differs.Settings {
		r.differsIn[setting] = true
	}
}

// noteDiffers says which certificates stay as they are although the list or the
// flags ask for something else.
func (r *batchReport) noteDiffers() {
	if len(r.differs) == 0 {
		return
	}
	lines := "line " + r.differs[0]
	if len(r.differs) > 1 {
		lines = "lines " + strings.Join(r.differs[:min(len(r.differs), maxNamesShown)], ", ")
	}
	if len(r.differs) > maxNamesShown {
		lines += ", ..."
	}
	r.note("existing certificates (%s) differ from the list or the flags in: %s; they stay as they are; to change one: %s",
		lines, strings.Join(slices.Sorted(maps.Keys(r.differsIn)), ", "), r.command(r.replaceWith...))
}

// checkP12 fails if flags for a .p12 change nothing.
func (r *batchReport) checkP12() error {
	for _, plan := range r.examples {
		if plan.WritesP12() {
			return nil
		}
	}
	if r.o.p12 != (p12Flags{}) && len(r.examples) > 0 {
		return errNoP12("any device in the list")
	}
	return nil
}

// notes says once for each device what was decided and may not be what the user
// wants.
func (r *batchReport) notes(batch *pki.Batch) {
	for _, plan := range r.examples {
		r.noteUnable(plan)
	}
	if r.o.given("board-clock") && r.o.boardClock != "false" {
		r.note("Apple devices refuse these certificates: they are valid for more than 825 days")
	}
	r.noteDiffers()
	if batch.Ended > 0 {
		r.note("%d of the certificates issued from this list before have expired or are revoked; to replace one: %s", batch.Ended, r.command("renew", "NAME"))
	}
}

func (r *batchReport) dryRun(batch *pki.Batch) error {
	if r.o.json {
		for _, row := range r.lines {
			if err := r.printLine(row); err != nil {
				return err
			}
		}
		return nil
	}
	r.say("dry run: would issue %s%s; nothing was signed or written", certificatesText(batch.Ready), r.forWhom())
	r.sayBefore(batch)
	return nil
}

func (r *batchReport) issued(row pki.BatchRow) {
	switch {
	case !row.Before():
		r.done++
	case len(row.Result.Files) > 0:
		r.again++
		fallthrough
	default:
		r.before++
	}
	if r.o.json {
		_ = r.printLine(describeRow(row)) // the printer remembers what could not be written
	}
}

// describeRow is of a row whose certificate exists.
func describeRow(row pki.BatchRow) batchJSON {
	return batchJSON{
		Line: row.Line, leafJSON: describeLeaf(row.Result.Issued), Differs: row.Differs.Settings, Before: row.Before(), Files: writtenToJSON(row.Result.Files),
	}
}

// printLine prints an object on a line of its own.
func (r *batchReport) printLine(v any) error {
	encoder := json.NewEncoder(r.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// end prints the summary, also of a run that stopped.
func (r *batchReport) end(batch *pki.Batch) error {
	switch {
	case r.o.json, r.done == 0 && r.before <= batch.Before+batch.Skipped && batch.Ready > 0:
		return nil
	case r.done > 0:
		r.say("issued %s%s", certificatesText(r.done), r.forWhom())
		r.say("wrote the files of each device to %s", r.eachFolder())
	default:
		r.say("nothing to issue")
	}
	r.sayBefore(batch)
	if r.done < max(batch.Ready, 1) {
		return nil
	}
	for _, plan := range r.examples {
		if !plan.Target.Device.IsBoard() {
			r.say("steps for %s: %s", plan.Target.Name(), r.command("devices", plan.Target.Device.ID))
		}
	}
	r.say("next: copy the files to each device, then %s", pki.PhoneSteps(batch.Root()).Text(r.show))
	return nil
}

func (r *batchReport) sayBefore(batch *pki.Batch) {
	if before := max(batch.Before, r.before-batch.Skipped); before > 0 {
		r.say("issued from this list before: %s", certificatesText(before))
	}
	if batch.Skipped > 0 {
		r.say("left out, with valid certificates: %s", count(batch.Skipped, "name"))
	}
	if r.again > 0 {
		r.say("wrote the missing files of %s again", certificatesText(r.again))
	}
}

// forWhom says what the list is for: " for NAS", or ": 2 for NAS, 3 for Pico W".
func (r *batchReport) forWhom() string {
	if len(r.examples) == 1 {
		return " for " + r.examples[0].Target.Name()
	}
	var parts []string
	for _, plan := range r.examples {
		parts = append(parts, fmt.Sprintf("%d for %s", r.targets[plan.Target.String()], plan.Target.Name()))
	}
	if len(parts) == 0 || len(parts) > maxNamesShown || r.done > 0 && r.done < r.planned() {
		return "" // or which ones are done is not what was planned
	}
	return ": " + strings.Join(parts, ", ")
}

// planned is how many were to be issued.
func (r *batchReport) planned() (n int) {
	for _, of := range r.targets {
		n += of
	}
	return n
}

// eachFolder is where the files of each device are.
func (r *batchReport) eachFolder() string {
	if r.o.out == "" {
		return "." + string(filepath.Separator) + "NAME"
	}
	return filepath.Join(r.o.out, "NAME")
}
