package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

// errSkippedP12 says that no one would see a new passphrase.
func errSkippedP12(name string, until time.Time) error {
	return fault.New(fmt.Sprintf("%q, valid until %s, was skipped: no terminal to show the passphrase of its .p12 on", name, pki.Day(until)),
		fault.Hintf("in a terminal: %s; or choose the passphrase: --p12-passphrase-file FILE", fault.Command{"renew", name}))
}

// runRenewMany renews what is due, or everything, with one lock and one unlock.
func (a *app) runRenewMany(ctx context.Context, c *pki.CA, o renewOptions) error {
	request := pki.RenewalsRequest{All: o.all, Within: o.withinTime, Out: o.out, Days: o.days, KeepKey: o.keepKey}
	if !a.given("days") {
		request.Days = 0 // as before
	}
	renewals, err := c.PlanRenewals(request, a.Now())
	if err != nil {
		return err
	}
	p12s, err := a.chooseP12s(renewals, o)
	if err != nil {
		return err
	}
	report := &renewalReport{app: a, options: o, p12s: p12s, JSON: renewedJSON{DryRun: o.dryRun, Renewed: []issuedJSON{}, Delegated: []delegationJSON{}, Pushed: []pushedJSON{}}}
	if o.dryRun {
		for _, renewal := range renewals.Ready {
			if err := report.planned(renewal); err != nil {
				return err
			}
		}
		for _, planned := range renewals.Delegated {
			report.plannedCA(planned)
		}
		return errors.Join(report.end(renewals, nil), renewals.Err())
	}
	lists, err := a.issueRenewals(ctx, c, renewals, report)
	if err != nil {
		return errors.Join(err, renewals.Err())
	}
	pushErr := report.push(ctx, c)
	return errors.Join(report.end(renewals, lists), renewals.Err(), pushErr)
}

// issueRenewals unlocks the key if there is anything to sign, and returns the
// revocation lists that were signed again on the way.
func (a *app) issueRenewals(ctx context.Context, c *pki.CA, renewals *pki.Renewals, report *renewalReport) ([]pki.RevocationList, error) {
	stale, err := c.CRLNeedsRefresh(a.Now())
	if err != nil || len(renewals.Ready)+len(renewals.Delegated) == 0 && !stale {
		return nil, err
	}
	session, err := a.session(ctx, c)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	renewals.Issue(session, a.Now(), report.issued)
	renewals.IssueDelegated(session, a.Now(), report.delegated)
	if !stale {
		return nil, nil
	}
	root, err := c.Root()
	if err != nil || root.CRL == nil {
		return nil, err
	}
	return []pki.RevocationList{{Root: root, Ends: root.CRL.NextUpdate}}, nil
}

// chooseP12s decides how each .p12 is encrypted, and takes out those whose
// passphrase nobody would see.
func (a *app) chooseP12s(renewals *pki.Renewals, o renewOptions) (map[*pki.Renewal]p12Choice, error) {
	all := map[*pki.Renewal]p12Choice{}
	for _, renewal := range append([]*pki.Renewal{}, renewals.Ready...) {
		if !renewal.Plan.WritesP12() {
			continue
		}
		choice, err := a.chooseP12(o.p12, renewal.Plan.Kind(), o.force)
		if err != nil {
			return nil, err
		}
		if a.checkScreen(choice) != nil {
			renewals.Fail(renewal, errSkippedP12(renewal.Plan.Name(), renewal.Until))
			continue
		}
		renewal.Plan.SetP12(choice.P12)
		all[renewal] = choice
	}
	return all, nil
}

// renewedJSON is the result of renew --due and --all as --json prints it.
type renewedJSON struct {
	DryRun  bool         `json:"dry_run"`
	Renewed []issuedJSON `json:"renewed"`
	// Delegated are CAs under the root.
	Delegated []delegationJSON  `json:"delegated"`
	Revoked   []pki.Description `json:"skipped_revoked"`
	Failed    []failedRenewJSON `json:"failed"`
	// Lists are revocation lists that were signed again: servers need them.
	Lists []crlJSON `json:"lists"`
	// Pushed are devices that have new files, by --push.
	Pushed []pushedJSON `json:"pushed"`
}

type failedRenewJSON struct {
	Name  string `json:"name,omitempty"`
	Error string `json:"error"`
}

// renewalReport prints each certificate once it is written.
type renewalReport struct {
	app     *app
	options renewOptions
	p12s    map[*pki.Renewal]p12Choice
	JSON    renewedJSON
}

func (r *renewalReport) planned(renewal *pki.Renewal) error {
	described, err := describePlan(renewal.Plan)
	if err != nil {
		return err
	}
	r.JSON.Renewed = append(r.JSON.Renewed, described)
	if !r.app.json {
		text := fmt.Sprintf("%s: would be valid until %s (before: %s)", pki.DisplayName(renewal.Plan.Name()), pki.Day(renewal.Plan.NotAfter()), pki.Day(renewal.Until))
		if next := renewal.Plan.NextPlace(); next != nil && r.options.push {
			text += "; would be pushed to " + next.To
		}
		r.app.say("%s", text)
	}
	return nil
}

func (r *renewalReport) issued(renewal *pki.Renewal, result pki.Result) {
	printed, choice := describeIssued(result, renewal.Plan), r.p12s[renewal]
	r.app.printPassphrase(choice) // first: nothing else has it
	printed.Passphrase = choice.jsonPassphrase()
	r.JSON.Renewed = append(r.JSON.Renewed, printed)
	if !r.app.json {
		text := fmt.Sprintf("%s: valid until %s (before: %s)", pki.DisplayName(printed.Name), pki.Day(printed.NotAfter), pki.Day(renewal.Until))
		if !r.options.push || printed.Pushed == nil {
			text += fmt.Sprintf("; copy %s to the %s", countText(len(printed.Files)), destination(renewal.Plan))
		}
		r.app.say("%s", text)
		r.app.sayWritten(result.Files)
		r.app.noteStale(result.Stale)
	}
}

// plannedCA and delegated are for a CA under the root.
func (r *renewalReport) plannedCA(d *pki.Delegation) {
	r.JSON.Delegated = append(r.JSON.Delegated, delegationJSON{d.Name, d.Program(), d.NotAfter(), d.Dir, []pki.Written{}, []string{}})
	if !r.app.json {
		r.app.say("%s: a CA, would be valid until %s (before: %s)", d.Name, pki.Day(d.NotAfter()), pki.Day(d.Until()))
	}
}

func (r *renewalReport) delegated(d *pki.Delegation, result pki.Result) {
	r.JSON.Delegated = append(r.JSON.Delegated, delegationJSON{d.Name, result.Issued.Record.For, d.NotAfter(), d.Dir, listed(result.Files), []string{}})
	if !r.app.json {
		r.app.say("%s: a CA, valid until %s; %s", d.Name, pki.Day(d.NotAfter()), renewedCANext(d))
		r.app.sayWritten(result.Files)
	}
}

// destination is what the files are for: "server (Mosquitto)".
func destination(p *pki.Plan) string {
	switch {
	case p.KeyKept == store.KeptByDevice:
		return "device"
	case p.Target.Device.ID == "":
		return "phone or computer"
	case p.Target.Device.IsBoard():
		return p.Target.Name()
	}
	return fmt.Sprintf("server (%s)", p.Target.Name())
}

// end prints what was left out, and how many were renewed.
func (r *renewalReport) end(renewals *pki.Renewals, lists []pki.RevocationList) error {
	r.JSON.Revoked, r.JSON.Lists = pki.DescribeAll(renewals.Revoked), each(lists, describeCRL)
	r.JSON.Failed = each(renewals.Failed, func(f pki.FailedRenewal) failedRenewJSON { return failedRenewJSON{f.Name, f.Err.Error()} })
	if r.app.json {
		return r.app.printJSON(r.JSON)
	}
	for _, list := range r.JSON.Lists {
		r.app.say("The revocation list of %s is now valid until %s; copy it to each server that checks identities: %s", list.Root, pki.Day(list.NextUpdate), r.app.command("export crl"))
	}
	r.app.say("%s", r.summary())
	return nil
}

func (r *renewalReport) summary() string {
	done, what := "renewed", terminal.Count(len(r.JSON.Renewed)+len(r.JSON.Delegated), "certificate")
	if r.options.dryRun {
		done = "dry run: would renew"
	}
	text := fmt.Sprintf("%s %s", done, what)
	if len(r.JSON.Renewed)+len(r.JSON.Delegated) == 0 && len(r.JSON.Failed) == 0 && !r.options.all {
		text = "nothing is due"
	}
	if n := len(r.JSON.Pushed); n > 0 {
		text += fmt.Sprintf("; pushed %s", terminal.Count(n, "certificate"))
	}
	if len(r.JSON.Revoked) > 0 {
		names := each(r.JSON.Revoked, func(d pki.Description) string { return pki.DisplayName(d.Name) })
		text += "; skipped, because revoked: " + strings.Join(names, ", ")
	}
	if n := len(r.JSON.Failed); n > 0 {
		text += fmt.Sprintf("; not renewed: %d", n)
	}
	return text
}
