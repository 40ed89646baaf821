package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// batchReport counts and prints what became of a list.
type batchReport struct {
	app  *app
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
	pki.Description
	DryRun bool `json:"dry_run"`
	// Before reports whether the certificate existed before this run; Differs is what
	// it does not have of what was asked for. Files are those that this run wrote.
	Differs []string      `json:"differs,omitempty"`
	Before  bool          `json:"already_issued"`
	Files   []pki.Written `json:"files"`
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
	if r.o.dryRun && r.app.json {
		r.lines = append(r.lines, batchJSON{Line: row.Line, Description: row.Plan.Describe(), DryRun: true, Files: []pki.Written{}})
	}
}

// checkedBefore remembers a certificate that exists, and what it lacks.
func (r *batchReport) checkedBefore(row pki.BatchRow) {
	if r.o.dryRun && r.app.json {
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
	r.app.note("existing certificates (%s) differ from the list or the flags in: %s; they stay as they are; to change one: %s",
		lines, strings.Join(slices.Sorted(maps.Keys(r.differsIn)), ", "), r.app.command(r.replaceWith...))
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
		r.app.noteUnable(plan)
	}
	if r.app.given("board-clock") && r.o.boardClock != "false" {
		r.app.note("Apple devices refuse these certificates: they are valid for more than 825 days")
	}
	r.noteDiffers()
	if batch.Ended > 0 {
		r.app.note("%d of the certificates issued from this list before have expired or are revoked; to replace one: %s", batch.Ended, r.app.command("renew", "NAME"))
	}
}

func (r *batchReport) dryRun(batch *pki.Batch) error {
	if r.app.json {
		for _, row := range r.lines {
			if err := r.printLine(row); err != nil {
				return err
			}
		}
		return nil
	}
	r.app.say("dry run: would issue %s%s; nothing was signed or written", terminal.Count(batch.Ready, "certificate"), r.forWhom())
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
	if r.app.json {
		_ = r.printLine(describeRow(row)) // standard output remembers what could not be written
	}
}

// describeRow is of a row whose certificate exists.
func describeRow(row pki.BatchRow) batchJSON {
	return batchJSON{
		Line: row.Line, Description: pki.Describe(row.Result.Issued), Differs: row.Differs.Settings, Before: row.Before(), Files: listed(row.Result.Files),
	}
}

// printLine prints an object on a line of its own.
func (r *batchReport) printLine(v any) error {
	encoder := json.NewEncoder(r.app.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// end prints the summary, also of a run that stopped.
func (r *batchReport) end(batch *pki.Batch) error {
	switch {
	case r.app.json, r.done == 0 && r.before <= batch.Before+batch.Skipped && batch.Ready > 0:
		return nil
	case r.done > 0:
		r.app.say("issued %s%s", terminal.Count(r.done, "certificate"), r.forWhom())
		r.app.say("wrote the files of each device to %s", r.eachFolder())
	default:
		r.app.say("nothing to issue")
	}
	r.sayBefore(batch)
	if r.done < max(batch.Ready, 1) {
		return nil
	}
	for _, plan := range r.examples {
		if !plan.Target.Device.IsBoard() {
			r.app.say("steps for %s: %s", plan.Target.Name(), r.app.command("devices", plan.Target.Device.ID))
		}
	}
	r.app.say("next: copy the files to each device, then %s", pki.PhoneSteps(batch.Root()).Text(r.app.show))
	return nil
}

func (r *batchReport) sayBefore(batch *pki.Batch) {
	if before := max(batch.Before, r.before-batch.Skipped); before > 0 {
		r.app.say("issued from this list before: %s", terminal.Count(before, "certificate"))
	}
	if batch.Skipped > 0 {
		r.app.say("left out, with valid certificates: %s", terminal.Count(batch.Skipped, "name"))
	}
	if r.again > 0 {
		r.app.say("wrote the missing files of %s again", terminal.Count(r.again, "certificate"))
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
