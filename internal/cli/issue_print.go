package cli

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
)

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
	// KeyKept says who has the private key: "store", "device" or "files"; or
	// "missing", if the store has lost it.
	KeyKept string `json:"key_kept"`
	// AndClient reports whether a device's certificate is an identity as well.
	AndClient bool `json:"and_client"`
	// Revoked is left out unless the certificate is revoked.
	Revoked *revocationJSON `json:"revoked,omitempty"`
	// RootRetired is when its root was retired, left out unless it was.
	RootRetired *time.Time `json:"root_retired,omitempty"`
	// Pushed is left out unless the files are, or should be, on a device.
	Pushed *placeJSON `json:"pushed,omitempty"`
}

// revocationJSON is when and why a certificate was revoked.
type revocationJSON struct {
	At     time.Time           `json:"at"`
	Reason ca.RevocationReason `json:"reason,omitempty"`
}

// issuedJSON is the result of issue, identity and renew as --json prints it.
type issuedJSON struct {
	leafJSON
	DryRun           bool          `json:"dry_run"`
	CertificateBytes int           `json:"certificate_bytes"`
	Costs            []device.Cost `json:"costs"`
	// ClientHeapBytes is the memory of a connection to a server, of an identity.
	ClientHeapBytes [2]int        `json:"client_heap_bytes,omitzero"`
	Files           []writtenJSON `json:"files"`
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
	r := issuedJSON{DryRun: true, CertificateBytes: bytes, Files: []writtenJSON{}, Costs: p.Costs(bytes), ClientHeapBytes: p.ClientHeap()}
	r.leafJSON, r.Request = describePlanned(p), describeCSR(p)
	return r, err
}

func describePlanned(p *pki.Plan) leafJSON {
	return leafJSON{
		Name: p.Name(), Kind: p.Kind(), Names: namesJSON(p.Names), For: p.Target.String(), Key: string(p.Key),
		NotBefore: p.NotBefore(), NotAfter: p.NotAfter(), KeyKept: keyKeptTexts[p.KeyKept], AndClient: p.AndClient,
		Pushed: describePlace(p.NextPlace()),
	}
}

func describeIssued(result pki.Result, p *pki.Plan) issuedJSON {
	leaf := result.Issued.Leaf
	r := issuedJSON{
		CertificateBytes: len(leaf.Raw), Costs: p.Costs(len(leaf.Raw)), ClientHeapBytes: p.ClientHeap(), Stale: result.Stale, written: result.Files,
	}
	r.leafJSON, r.Files, r.Request = describeLeaf(result.Issued), writtenToJSON(result.Files), describeCSR(p)
	return r
}

func namesJSON(names ca.Names) []string {
	if all := names.Strings(); len(all) > 0 {
		return all
	}
	return []string{}
}

func (a *app) printIssued(r issuedJSON, p *pki.Plan, asJSON bool) error {
	switch {
	case asJSON:
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

// exampleAside mentions example where there is a project for the device.
func (a *app) exampleAside(p *pki.Plan) string {
	if p.HasExample() {
		return fmt.Sprintf(" (or run %s for a complete project)", a.command("example", p.Name()))
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
			text = "run " + wholeQuotes(runtime.GOOS, step.Run)
		}
		a.say("step %d: %s", i+1, text)
	}
	return true
}

// wholeQuotes puts what follows a quoted folder between its quotes: PowerShell would
// make two words of "my files"/cert.pem.
func wholeQuotes(system, command string) string {
	if system != "windows" {
		return command
	}
	return regexp.MustCompile(`("[^"]*)"(/[^ "]+)`).ReplaceAllString(command, `$1$2"`)
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
	if p.KeyKept == store.KeptByDevice && !p.Target.Device.IsBoard() {
		return "The device keeps its key"
	}
	if p.Target.NotRecommended(facts.Key) {
		text = "Not recommended for " + p.Target.Name()
	}
	if row, figures := p.Target.Cheapest(facts); figures != (device.Figures{}) {
		text += fmt.Sprintf(" (%s in %s)", costText(figures), row.Name)
	}
	return text
}
