package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
	"github.com/picoca/picoca/internal/trust"
)

func (a *app) doctorCommand() *cobra.Command {
	repair := false
	cmd := &cobra.Command{
		Use: "doctor",
		Long: `Reads everything in the CA's folder and verifies it: modes and owners, every
signature, every key, numbers, what a crash left, the days that the root and
the certificates have left, the revocation list, the folders that files were
written to, and whether this computer trusts the CA. Each fault comes with the
command that fixes it. It changes nothing, and asks for no passphrase.

--repair does what the next command that signs would do first: it completes or
removes what a crash left, and signs the revocation list if that is due.`,
		Example: `  picoca doctor
  picoca doctor --json
  picoca doctor --repair`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if repair {
				return a.with(func(c *pki.CA) error { return a.runRepair(cmd.Context(), c) })
			}
			return a.runDoctor(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "complete what was interrupted, and sign the revocation list if it is due")
	a.addJSON(cmd)
	a.addPassphrase(cmd)
	return cmd
}

func (a *app) runDoctor(ctx context.Context) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	d, err := pki.Diagnose(dir, a.options(), a.Now())
	if err != nil {
		return err
	}
	d.Findings = append(d.Findings, a.examineTrust(ctx)...)
	if err := a.printDiagnosis(d); err != nil {
		return err
	}
	var faults []error
	for _, f := range d.Findings {
		if !f.Note {
			faults = append(faults, f)
		}
	}
	return errors.Join(faults...)
}

// examineTrust asks the stores of this computer.
func (a *app) examineTrust(ctx context.Context) []*pki.Finding {
	roots, err := a.trustRoots(trustStatus)
	if err != nil {
		return nil // it was found before
	}
	stores, _ := trust.ParseStores("")
	computer := a.thisComputer()
	all, err := computer.Status(ctx, trust.Request{Roots: roots, Stores: stores})
	if err != nil {
		return []*pki.Finding{{ID: "trust-unknown", Note: true, Text: err.Error(), Fix: fault.HintOf(err)}}
	}
	return judgeTrust(all)
}

// judgeTrust reports what is wrong with trust stores. One that trusts an earlier
// root only would refuse devices sooner or later. One that trusts none may be as
// the user wants it.
func judgeTrust(all []trust.Status) []*pki.Finding {
	var found []*pki.Finding
	absent := 0
	for _, s := range all {
		fix := fault.Run("trust", "--store", string(s.Store))
		switch s.State {
		case trust.Older:
			found = append(found, &pki.Finding{ID: "trust-older", Text: fmt.Sprintf("store %s of this computer lacks a root of this CA: %s", s.Store, s.Place), Fix: fix})
		case trust.Unknown:
			found = append(found, &pki.Finding{ID: "trust-unknown", Note: true, Text: s.Err.Error(), Fix: fault.HintOf(s.Err)})
		case trust.Absent, trust.Other:
			absent++
			found = append(found, &pki.Finding{ID: "trust-absent", Note: true, Text: fmt.Sprintf("store %s of this computer does not trust the CA: %s", s.Store, s.Place), Fix: fix})
		}
	}
	if absent > 0 && absent == len(all) {
		return []*pki.Finding{{ID: "trust-absent", Note: true, Text: "this computer does not trust the CA", Fix: fault.Run("trust")}}
	}
	return found
}

func (a *app) runRepair(ctx context.Context, c *pki.CA) error {
	signed, err := c.Repair(ctx, a.Now(), a.rootPassphrase(ctx), a.waiting)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(repairJSON{signed})
	}
	if signed {
		a.say("signed the revocation list; servers that read it need the new one: %s", a.command("export crl"))
	}
	a.say("the store is in order; %s looks at the rest", a.command("doctor"))
	return nil
}

// repairJSON is the result of doctor --repair as --json prints it.
type repairJSON struct {
	SignedList bool `json:"signed_list"`
}

// findingJSON is a finding as --json prints it.
type findingJSON struct {
	ID    string `json:"id"`
	Level string `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix"`
}

// diagnosisJSON is the result of doctor as --json prints it.
type diagnosisJSON struct {
	OK           bool          `json:"ok"`
	Files        int           `json:"files"`
	Roots        int           `json:"roots"`
	Certificates int           `json:"certificates"`
	Findings     []findingJSON `json:"findings"`
}

// printDiagnosis prints the notes. The faults are the errors of the run.
func (a *app) printDiagnosis(d pki.Diagnosis) error {
	r := diagnosisJSON{OK: true, Files: d.Files, Roots: d.Roots, Certificates: d.Certificates, Findings: []findingJSON{}}
	for _, f := range d.Findings {
		level := "problem"
		if f.Note {
			level = "note"
		}
		r.OK = r.OK && f.Note
		r.Findings = append(r.Findings, findingJSON{f.ID, level, f.Text, f.Fix.Text(a.show)})
	}
	if a.json {
		return a.printJSON(r)
	}
	a.say("looked at %s, %s and %s", terminal.Count(r.Files, "file"), terminal.Count(r.Roots, "root"), terminal.Count(r.Certificates, "certificate"))
	for _, f := range r.Findings {
		if f.Level == "note" {
			a.sayNote(f.Text, f.Fix)
		}
	}
	if r.OK {
		a.say("nothing is wrong")
	}
	return nil
}
