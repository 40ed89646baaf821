package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/terminal"
)

// checkJSON is a report as --json prints it.
type checkJSON struct {
	Name        string           `json:"name"`
	Port        int              `json:"port"`
	Address     string           `json:"address,omitempty"`
	OK          bool             `json:"ok"`
	Steps       []stepJSON       `json:"steps"`
	TLS         *tlsJSON         `json:"tls,omitempty"`
	Certificate *servedJSON      `json:"certificate,omitempty"`
	Chain       []probe.Link     `json:"chain,omitempty"`
	ChainBytes  int              `json:"chain_bytes,omitempty"`
	Identity    probe.Demand     `json:"identity,omitempty"`
	Findings    []checkFaultJSON `json:"findings"`
}

type stepJSON struct {
	probe.Step
	Seconds float64 `json:"seconds"`
}

type tlsJSON struct {
	Version          string      `json:"version,omitempty"`
	CipherSuite      string      `json:"cipher_suite,omitempty"`
	Seconds          float64     `json:"seconds"`
	Device           string      `json:"device,omitempty"`
	PredictedSeconds *[2]float64 `json:"predicted_seconds,omitempty"`
}

type servedJSON struct {
	Names     []string  `json:"names"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	DaysLeft  int64     `json:"days_left"`
	SHA256    string    `json:"sha256"`
	Ours      bool      `json:"ours"`
	Newest    bool      `json:"newest"`
}

type checkFaultJSON struct {
	ID    string      `json:"id"`
	Level probe.Level `json:"level"`
	Title string      `json:"title"`
	Cause string      `json:"cause"`
	Fix   string      `json:"fix"`
}

// checksJSON is the result of --all and --find as --json prints it.
type checksJSON struct {
	Places  *int        `json:"places,omitempty"`
	Cut     bool        `json:"cut,omitempty"`
	Servers []checkJSON `json:"servers"`
}

func (r *checkRun) describe(report probe.Report) checkJSON {
	j := checkJSON{
		Name: report.Target.Name, Port: report.Target.Port, OK: len(report.Problems()) == 0, Steps: []stepJSON{},
		Chain: report.Chain, ChainBytes: report.ChainBytes, Identity: report.Client, Findings: []checkFaultJSON{},
	}
	if report.Address.IsValid() {
		j.Address = report.Address.Addr().String()
	}
	for _, step := range report.Steps {
		j.Steps = append(j.Steps, stepJSON{step, step.Time.Seconds()})
	}
	if report.Leaf != nil {
		j.TLS, j.Certificate = describeTLS(report), r.describeServed(report)
	}
	for _, f := range report.Findings {
		j.Findings = append(j.Findings, checkFaultJSON{f.ID, f.Level, f.Title, f.Cause, f.Fix.Text(r.app.show)})
	}
	return j
}

func describeTLS(report probe.Report) *tlsJSON {
	t := &tlsJSON{Version: report.Version, CipherSuite: report.Suite, Seconds: report.Handshake.Seconds(), Device: report.Prediction.Device}
	if report.Prediction.Seconds[1] > 0 {
		t.PredictedSeconds = &report.Prediction.Seconds
	}
	return t
}

func (r *checkRun) describeServed(report probe.Report) *servedJSON {
	leaf := report.Leaf
	names := ca.NamesOf(leaf)
	if names == nil {
		names = []string{}
	}
	return &servedJSON{
		Names: names, Serial: ca.Serial(leaf), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		DaysLeft: probe.Days(r.app.Now(), leaf.NotAfter), SHA256: ca.Fingerprint(leaf), Ours: report.Ours, Newest: report.IsNewest,
	}
}

// printReport prints the steps and the notes. The problems are the errors of
// the run.
func (r *checkRun) printReport(report probe.Report) error {
	if r.app.json {
		return r.app.printJSON(r.describe(report))
	}
	r.app.say("%s", report.Target)
	w := r.app.columns()
	for _, step := range report.Steps {
		fmt.Fprintf(w, "  %s\t%s%s\n", step.Name, terminal.Printable(step.Text), took(step, report.Prediction))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Level == probe.Note {
			r.app.sayNote(f.Error(), f.Fix.Text(r.app.show))
		}
	}
	if len(report.Problems()) == 0 {
		r.app.say("nothing is wrong")
	}
	return nil
}

// took writes the time of a step, that of TLS with the one that fit predicts.
func took(step probe.Step, p probe.Prediction) string {
	switch {
	case step.Name == probe.StepTLS && p.Seconds[1] > 0:
		return fmt.Sprintf(", %s (%s: %s)", millis(step.Time), p.Device, device.Figures{Seconds: p.Seconds}.Time())
	case step.Time > 0, step.Name == probe.StepTLS:
		return ", " + millis(step.Time)
	}
	return ""
}

// printReports prints a line for each server: its worst finding, and the
// command for it.
func (r *checkRun) printReports(reports []probe.Report, result checksJSON) error {
	result.Servers = []checkJSON{}
	for _, report := range reports {
		result.Servers = append(result.Servers, r.describe(report))
	}
	if r.app.json {
		return r.app.printJSON(result)
	}
	if len(reports) == 0 {
		r.app.say("no server of HTTPS or MQTT was found")
		return nil
	}
	w := r.app.columns()
	fmt.Fprintln(w, "SERVER\tADDRESS\tTLS\tTIME\tDAYS\tSTATE\tFIX")
	for i, report := range reports {
		j := result.Servers[i]
		state, fix := state(report), ""
		if problems := report.Problems(); len(problems) > 0 {
			// The first step; check NAME shows the others.
			fix, _, _ = strings.Cut(problems[0].Fix.Text(r.app.show), "; ")
		}
		fmt.Fprintln(w, terminal.Printable(strings.Join([]string{report.Target.String(), cmp.Or(j.Address, "-"), tlsText(report), timeText(report), daysText(j), state, fix}, "\t")))
	}
	return w.Flush()
}

// state says in a few words how a server is.
func state(report probe.Report) string {
	problems := report.Problems()
	switch {
	case len(problems) == 1:
		return problems[0].Title
	case len(problems) > 1:
		return fmt.Sprintf("%s, and %d more", problems[0].Title, len(problems)-1)
	case !report.Ours:
		return "ok, by a public CA"
	case len(report.Findings) > 0:
		return "ok, with a note"
	}
	return "ok"
}

func tlsText(report probe.Report) string {
	return cmp.Or(strings.TrimPrefix(report.Version, "TLS "), "-")
}

func timeText(report probe.Report) string {
	if report.Leaf == nil {
		return "-"
	}
	return millis(report.Handshake)
}

func daysText(j checkJSON) string {
	if j.Certificate == nil {
		return "-"
	}
	return fmt.Sprint(j.Certificate.DaysLeft)
}

// millis writes how long a step took.
func millis(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
