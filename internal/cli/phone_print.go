package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// servingJSON is the first line of --json.
type servingJSON struct {
	Time   time.Time `json:"time"`
	Action string    `json:"event"`
	URL    string    `json:"url"`
	SHA256 string    `json:"sha256"`
	Until  time.Time `json:"until"`
	addressJSON
	Others []addressJSON `json:"others"`
	// Passphrase is the identity's, if --show-passphrase asks for it.
	Passphrase string `json:"passphrase,omitempty"`
}

type addressJSON struct {
	Address   netip.Addr `json:"address"`
	Interface string     `json:"interface"`
}

// print saves and prints the code, and says what to do with it.
func (r *phoneRun) print(ctx context.Context) error {
	code, err := onboard.NewCode(r.server.URL())
	if err != nil {
		return err
	}
	if r.options.png != "" {
		if err := r.writePicture(ctx, code.PNG()); err != nil {
			return placeFault(err, "--png")
		}
	}
	if r.app.json {
		err = json.NewEncoder(r.app.Stdout).Encode(r.serving())
	} else {
		r.draw(code)
	}
	r.app.printPassphrase(r.p12)
	return err
}

// writePicture saves the code. It opens the CA for itself: the lock must not be
// held while the phone is served.
func (r *phoneRun) writePicture(ctx context.Context, data []byte) error {
	o := r.options
	return r.app.with(func(c *pki.CA) error {
		if _, err := c.Root(); err != nil {
			return err
		}
		_, err := c.WriteFile(ctx, o.png, output.File{Name: filepath.Base(o.png), Data: data}, o.force, r.app.waiting)
		return err
	})
}

func (r *phoneRun) serving() servingJSON {
	first := servingJSON{
		r.app.Now().UTC(), "serving", r.server.URL(), ca.Fingerprint(r.offer.Roots[0]), r.app.Now().UTC().Add(r.options.limit),
		addressJSON{r.place.Address.IP(), r.place.Address.Interface()}, []addressJSON{}, r.p12.jsonPassphrase(),
	}
	for _, other := range r.place.Others {
		first.Others = append(first.Others, addressJSON{other.IP(), other.Interface()})
	}
	return first
}

// maxOthers limits the list of addresses: a computer with containers has dozens.
const maxOthers = 3

// words say what to do with the code. What must be compared or typed is on lines
// of its own, short enough to stand unbroken beside the code.
func (r *phoneRun) words(coloured bool) []string {
	const quarter = 8 * len("AB:")
	words := []string{"scan with the phone's camera, or open", r.server.URL(), ""}
	for i, root := range r.offer.Roots {
		title := "compare on the phone, SHA-256"
		if len(r.offer.Roots) > 1 {
			title = fmt.Sprintf("compare on the phone, SHA-256 of root %d", i+1)
		}
		print := ca.Fingerprint(root)
		words = append(words, title, print[:quarter], print[quarter:2*quarter], print[2*quarter:3*quarter], print[3*quarter:], "")
	}
	words = append(words, fmt.Sprintf("serving on %s for %s", r.place.Address, spanText(r.options.limit)), "Ctrl-C ends it")
	for i, other := range r.place.Others {
		if r.options.address != "" || r.options.iface != "" {
			break // the user has chosen
		}
		if i == maxOthers {
			return append(words, fmt.Sprintf("and %d more addresses: see --json", len(r.place.Others)-i))
		}
		words = append(words, fmt.Sprintf("or on %s: --address %s", other.Interface(), other.IP()))
	}
	return append(words, r.otherwise(coloured)...)
}

// otherwise says what to do about a code that cannot be scanned. Some phones read
// no inverted one.
func (r *phoneRun) otherwise(coloured bool) []string {
	switch {
	case !coloured:
		return []string{"cannot scan it, for example on a light background? --png FILE"}
	case r.options.large:
		return nil
	}
	return []string{"cannot scan it? --large, or --png FILE"}
}

// passphraseRows is what a passphrase takes on a terminal of 80 columns.
const passphraseRows = 3

// draw prints the code with the words beside it, or above it if the terminal is
// narrow: below it they would push its upper end out of a small window. A code
// that does not fit as a whole is left out.
func (r *phoneRun) draw(code onboard.Code) {
	coloured := terminal.HasColours(r.app.Stdout, r.app.Getenv)
	size, words := onboard.Compact, r.words(coloured)
	if r.options.large {
		size = onboard.Large
	}
	drawn, width := code.Terminal(size), code.Columns(size)
	if !coloured {
		drawn = code.Blocks(size)
	}
	columns, rows := terminal.Size(r.app.Stdout)
	need := len(drawn) + 1 // the cursor has a line, too
	if r.p12.Passphrase != "" {
		need += passphraseRows
	}
	beside, fits := terminal.Beside(drawn, width, words, columns)
	lines := append(words, drawn...)
	switch {
	case columns == 0:
		lines = append(drawn, words...)
	case columns < width:
		r.app.note("the QR code needs %d columns, and this terminal has %d: make it wider, type the address, or save the code with --png", width, columns)
		lines = words
	case rows < need:
		r.app.note("the QR code needs %d lines, and this terminal has %d: make it taller, type the address, or save the code with --png", need, rows)
		lines = words
	case fits:
		lines = beside
	}
	r.app.say("%s", strings.Join(lines, "\n"))
}

// spanText is a time span without the zeros at its end: 10m, and still 10s.
func spanText(span time.Duration) string {
	text := span.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// printEvent prints what a visitor does.
func (r *phoneRun) printEvent(e onboard.Event) {
	if r.app.json {
		e.Time = e.Time.UTC()
		_ = json.NewEncoder(r.app.Stdout).Encode(e)
		return
	}
	r.app.say("%s  %s", e.Time.Local().Format(time.TimeOnly), e)
}

// endReason says what ended the run.
type endReason string

const (
	endedByProof endReason = "trusted"
	endedByTime  endReason = "time"
	endedByUser  endReason = "interrupted"
)

// endWords begin the last line.
var endWords = map[endReason]string{
	endedByProof: "done",
	endedByTime:  "time is up",
	endedByUser:  "stopped",
}

// endedJSON is the last line of --json.
type endedJSON struct {
	Time    time.Time `json:"time"`
	Action  string    `json:"event"`
	Reason  endReason `json:"reason"`
	Trusted int       `json:"trusted"`
}

// printEnd prints how it ended; failed is for an error that will say so.
func (r *phoneRun) printEnd(reason endReason, failed bool) {
	trusting := r.server.Trusting()
	if reason == endedByUser && terminal.Is(r.app.Stdout) {
		r.app.say("") // the terminal has written ^C
	}
	switch {
	case r.app.json:
		_ = json.NewEncoder(r.app.Stdout).Encode(endedJSON{r.app.Now().UTC(), "ended", reason, trusting})
	case failed:
	case trusting == 0:
		r.app.say("%s: no phone trusts the CA yet", endWords[reason])
	case trusting == 1:
		r.app.say("%s: 1 phone trusts the CA", endWords[reason])
	default:
		r.app.say("%s: %d phones trust the CA", endWords[reason], trusting)
	}
}
