package cli

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

// issuedJSON is the result of issue, identity and renew as --json prints it.
type issuedJSON struct {
	pki.Description
	DryRun           bool          `json:"dry_run"`
	CertificateBytes int           `json:"certificate_bytes"`
	Costs            []device.Cost `json:"costs"`
	// ClientHeapBytes is the memory of a connection to a server, of an identity.
	ClientHeapBytes [2]int        `json:"client_heap_bytes,omitzero"`
	Files           []pki.Written `json:"files"`
	// Stale are files of earlier certificates, in other formats.
	Stale      []string `json:"stale,omitempty"`
	Passphrase string   `json:"passphrase,omitempty"`
	// Request is what the certificate request asked for, left out if there was none.
	Request *requestJSON `json:"request,omitempty"`
	// Push is the device that has the files, by --push.
	Push *pushedJSON `json:"push,omitempty"`

	written []pki.Written
	pushes  bool
}

func describePlan(p *pki.Plan) (issuedJSON, error) {
	bytes, err := p.MaxBytes()
	r := issuedJSON{DryRun: true, CertificateBytes: bytes, Files: []pki.Written{}, Costs: p.Costs(bytes), ClientHeapBytes: p.ClientHeap()}
	r.Description, r.Request = p.Describe(), describeCSR(p)
	return r, err
}

func describeIssued(result pki.Result, p *pki.Plan) issuedJSON {
	leaf := result.Issued.Leaf
	r := issuedJSON{
		CertificateBytes: len(leaf.Raw), Costs: p.Costs(len(leaf.Raw)), ClientHeapBytes: p.ClientHeap(), Stale: result.Stale, written: result.Files,
	}
	r.Description, r.Files, r.Request = pki.Describe(result.Issued), listed(result.Files), describeCSR(p)
	return r
}

func (a *app) printIssued(r issuedJSON, p *pki.Plan) error {
	switch {
	case a.json:
		return a.printJSON(r)
	case p.Kind() == pki.Identity:
		return a.printIdentity(r, p)
	}
	a.say("%s: %s, valid until %s. %s.", displayNames(p.Names), whatText(p), pki.Day(r.NotAfter), fitText(p, r.CertificateBytes))
	if r.DryRun {
		return a.printDryRun(r)
	}
	a.sayWritten(r.written)
	a.noteKey(p)
	a.noteStale(r.Stale)
	if p.AndClient {
		a.say("%s", a.needsRoot())
	}
	if !r.pushes { // which says what remains to be done
		a.sayNext(r, p, a.printInstall(p))
	}
	return nil
}

// sayNext says what is left to do, once the files are written, or the steps to
// install them were printed.
func (a *app) sayNext(r issuedJSON, p *pki.Plan, installed bool) {
	next, phones := nextText(p, len(r.Files))+a.exampleAside(p), pki.PhoneSteps(p.Root()).Text(a.show)
	switch {
	case installed && !p.IsRenewal() && pki.HasPhonePage(p.Root()):
		a.say("next: %s, for each phone", a.command("phone"))
	case installed && !p.IsRenewal():
		a.say("next: %s", phones)
	case installed: // the phones trust the root already
	case p.IsRenewal():
		a.say("next: %s", next)
	default:
		a.say("next: %s, then %s", next, phones)
	}
}

// needsRoot says what a server needs to check identities.
func (a *app) needsRoot() string {
	return "a server that asks for identities needs the root: " + a.command("export", "ca")
}

// whatText is the key of a device's certificate, and what it is for beside
// serving.
func whatText(p *pki.Plan) string {
	if p.AndClient {
		return p.Key.String() + ", for server and client"
	}
	return p.Key.String()
}

// nextText is what the user does with the files.
func nextText(p *pki.Plan, files int) string {
	if p.KeyKept == store.KeptByDevice && p.Writes("cert.pem", "fullchain.pem") {
		return "install cert.pem on the device, or fullchain.pem if it asks for a chain, and picoca-root.pem if it asks for the CA"
	}
	return fmt.Sprintf("copy %s to the %s", countText(files), placeOf(p.Target))
}

// exampleAside mentions example where there is a project for the device, and push for
// a renewal, as the project may have been written by then.
func (a *app) exampleAside(p *pki.Plan) string {
	switch {
	case p.IsRenewal() && p.IsCopied():
		return fmt.Sprintf(" (or run %s)", a.command("push", p.Name()))
	case p.HasExample():
		return fmt.Sprintf(" (or run %s for a complete project)", a.command("example", p.Name()))
	}
	return ""
}

func (a *app) printDryRun(r issuedJSON) error {
	a.say("dry run: the certificate would have at most %s; nothing was signed or written", terminal.Count(r.CertificateBytes, "byte"))
	return nil
}

func (a *app) noteStale(stale []string) {
	if len(stale) > 0 {
		a.note("left over from the previous certificate: %s", strings.Join(stale, ", "))
	}
}

// placeOf is what people call what loads the files.
func placeOf(target device.Target) string {
	switch {
	case target.Device.IsBoard():
		return "board"
	case target.Device.Group == "server":
		return "server"
	}
	return "device"
}

// printInstall prints what the user does with the files, and reports whether there
// is anything.
func (a *app) printInstall(p *pki.Plan) bool {
	quoted := func(words ...string) string { return fault.Quote(strings.Join(words, "")) }
	steps := p.Steps(device.Place{Name: quoted(p.Name()), Stem: quoted(p.Stem()), Folder: fault.QuotePath(p.Dir)})
	if len(steps) == 0 {
		return false
	}
	if !p.Target.IsTested() {
		a.note("no one has tested these files on %s yet; see picoca devices %s", p.Target.Name(), p.Target.Device.ID)
	}
	for i, step := range steps {
		text := step.Do
		if step.Run != "" {
			text = "run " + fault.WholeQuotes(runtime.GOOS, step.Run)
		}
		a.say("step %d: %s", i+1, text)
	}
	return true
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

func displayNames(names ca.Names) string {
	return terminal.Some(each(names.All(), ca.Name.Display), maxNamesShown)
}

// fitText says what the certificate costs the device, with the figures of the
// firmware that needs the least: "Fits Raspberry Pi Pico W (27.3 KB of memory
// and 0.5 s per connection in MicroPython)".
func fitText(p *pki.Plan, bytes int) string {
	facts := p.Facts(bytes)
	text := "Fits " + p.Target.Name()
	if p.KeyKept == store.KeptByDevice && !p.Target.Device.IsBoard() {
		return "The device keeps its key"
	}
	if p.Target.NotRecommended(facts.Key) {
		text = "Not recommended for " + p.Target.Name()
	}
	if row, figures := p.Target.Cheapest(facts); figures != (device.Figures{}) {
		text += fmt.Sprintf(" (%s per connection in %s)", figures.Text("memory"), row.Name)
	}
	return text
}
