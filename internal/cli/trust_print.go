package cli

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/terminal"
	"github.com/picoca/picoca/internal/trust"
)

// noStore is the state of a store that this computer does not have.
const noStore = trust.State("none")

// trustedJSON is one trust store as --json prints it.
type trustedJSON struct {
	Store   trust.Store  `json:"store"`
	Place   string       `json:"place,omitempty"`
	State   trust.State  `json:"state"`
	Before  trust.State  `json:"before,omitempty"`
	Changed bool         `json:"changed"`
	Steps   []trust.Step `json:"steps,omitempty"`
	Error   string       `json:"error,omitempty"`
	Hint    string       `json:"hint,omitempty"`

	fault error
}

// trustJSON is the result of trust as --json prints it.
type trustJSON struct {
	Action string          `json:"action"`
	DryRun bool            `json:"dry_run,omitempty"`
	Roots  []string        `json:"roots"` // SHA-256, the one that signs first
	Files  []trustFileJSON `json:"files,omitempty"`
	Stores []trustedJSON   `json:"stores"`
	Advice []trust.Step    `json:"advice,omitempty"`
}

// trustFileJSON is a file that the commands of a dry run read.
type trustFileJSON struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// result adds to what was found the stores that do not exist here. Where roots
// are taken out, a store that does not exist is as it should be.
func (t *trustRun) result(found []trustedJSON) trustJSON {
	r := trustJSON{Action: t.options.action, DryRun: t.options.dryRun, Stores: []trustedJSON{}}
	for _, root := range t.request.Roots {
		r.Roots = append(r.Roots, ca.Fingerprint(root))
	}
	for _, store := range t.request.Stores {
		n := len(r.Stores)
		for _, one := range found {
			if one.Store == store {
				r.Stores = append(r.Stores, one)
			}
		}
		if len(r.Stores) == n && t.options.action != trustRemove {
			r.Stores = append(r.Stores, t.missing(store))
		}
	}
	for i, one := range r.Stores {
		if one.fault != nil {
			r.Stores[i].Error, r.Stores[i].Hint = one.fault.Error(), t.app.hint(one.fault)
		}
	}
	return r
}

// faults returns what went wrong: that a store does not exist only if no other
// does.
func (r trustJSON) faults() []error {
	exists := slices.ContainsFunc(r.Stores, func(s trustedJSON) bool { return s.State != noStore })
	var all []error
	for _, one := range r.Stores {
		if one.fault != nil && (one.State != noStore || !exists) {
			all = append(all, one.fault)
		}
	}
	return all
}

// print prints a line for each store, and what to do next.
func (t *trustRun) print(r trustJSON) error {
	if t.app.json {
		return t.app.printJSON(r)
	}
	w := t.app.columns()
	for _, one := range r.Stores {
		fmt.Fprintf(w, "%s\t%s\t%s\n", one.Store, t.word(one), terminal.Printable(t.place(one)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(r.Stores) == 0 {
		t.app.say("no trust store has a root of this CA")
	}
	if slices.ContainsFunc(r.Stores, func(s trustedJSON) bool { return s.Store == trust.Firefox && s.Changed }) {
		t.app.say("next: restart Firefox if it is open")
	}
	t.sayAdvice(r.Advice)
	return nil
}

// word says in a word what became of a store.
func (t *trustRun) word(s trustedJSON) string {
	switch {
	case t.options.action == trustStatus || s.State == noStore:
		return string(s.State)
	case s.fault != nil:
		return "failed"
	case !s.Changed:
		return "unchanged"
	case t.options.action == trustRemove:
		return "removed"
	}
	return string(s.State)
}

// place is where the store is, with what the word of its state leaves open.
func (t *trustRun) place(s trustedJSON) string {
	switch {
	case s.State == noStore:
		return s.fault.Error()
	case t.options.action != trustStatus:
	case s.State == trust.Older:
		return s.Place + " (lacks a root of this CA)"
	case s.State == trust.Other:
		return s.Place + " (trusts another CA of picoca)"
	}
	return s.Place
}

// sayAdvice prints the commands for Java runtimes that the run left alone.
func (t *trustRun) sayAdvice(steps []trust.Step) {
	if len(steps) == 0 {
		return
	}
	t.app.say("next: a Java runtime here has a store of its own, which lacks the root: %s", t.app.command("trust", "--store", string(trust.Java)))
	if len(t.request.Roots) > 1 {
		return // export writes only one of them
	}
	t.app.say("or by hand:")
	t.app.say("  %s", t.exportLine())
	for _, step := range steps {
		t.app.say("  %s", terminal.Printable(step.String()))
	}
}

// exportLine is the command that writes the file of the root that signs, which is
// the only one in it.
func (t *trustRun) exportLine() string {
	words := []string{"export", "ca", "--out", trust.FileName(t.request.Roots[0])}
	if name := t.request.Roots[0].Subject.CommonName; len(t.request.Roots) > 1 {
		words = append(words, "--root", name[strings.LastIndexByte(name, ' ')+1:])
	}
	return t.app.command(words...)
}

// dryRun prints the commands that a run would have executed, so that they can be
// pasted into a shell: first those that make the files which the others read.
func (t *trustRun) dryRun(p *trust.Plan) error {
	var found []trustedJSON
	for _, part := range p.Parts {
		found = append(found, trustedJSON{Store: part.Store, Place: part.Place, State: part.State, Before: part.State, Steps: part.Steps, fault: part.Err})
	}
	r := t.result(found)
	r.Advice = p.Advice
	for _, file := range p.Files() {
		r.Files = append(r.Files, trustFileJSON{file.Name, string(file.Data)})
	}
	var err error
	if t.app.json {
		err = t.app.printJSON(r)
	} else {
		t.sayCommands(r)
	}
	return errors.Join(append([]error{err}, r.faults()...)...)
}

func (t *trustRun) sayCommands(r trustJSON) {
	for _, file := range r.Files {
		t.app.say("%s", t.fileLines(file))
	}
	steps := 0
	for _, one := range r.Stores {
		for _, step := range one.Steps {
			t.app.say("%s", step)
			steps++
		}
	}
	if steps == 0 && len(r.faults()) == 0 {
		t.app.note("nothing to do: every store is up to date")
	}
}

// fileLines are the commands that make a file: export for the root that signs,
// else its text.
func (t *trustRun) fileLines(file trustFileJSON) string {
	if root := t.request.Roots[0]; file.Name == trust.FileName(root) && bytes.Equal([]byte(file.Text), ca.CertificatePEM(root)) {
		return t.exportLine()
	}
	end := "END"
	for slices.Contains(strings.Split(file.Text, "\n"), end) {
		end += "_"
	}
	return fmt.Sprintf("cat >%s <<'%s'\n%s\n%s", fault.Quote(file.Name), end, strings.TrimSuffix(file.Text, "\n"), end)
}
