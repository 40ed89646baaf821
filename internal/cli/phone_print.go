package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/output"
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

// printPhone saves and prints the code, and says what to do with it.
func (a *app) printPhone(ctx context.Context, r *phoneRun) error {
	code, err := onboard.NewCode(r.server.URL())
	if err != nil {
		return err
	}
	if r.options.png != "" {
		if err := a.writePicture(ctx, r.options, code.PNG()); err != nil {
			return pictureFault(err)
		}
	}
	if r.options.json {
		err = json.NewEncoder(a.Stdout).Encode(a.servingJSON(r))
	} else {
		a.draw(code, r)
	}
	a.printPassphrase(r.p12, r.options.p12, r.options.json)
	return err
}

// writePicture saves the code. It opens the CA for itself: the lock must not be
// held while the phone is served.
func (a *app) writePicture(ctx context.Context, o phoneOptions, data []byte) (err error) {
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.Root(); err != nil {
		return err
	}
	_, err = c.WriteFile(ctx, o.png, output.File{Name: filepath.Base(o.png), Data: data}, o.force, a.waiting)
	return err
}

func (a *app) servingJSON(r *phoneRun) servingJSON {
	first := servingJSON{
		a.Now().UTC(), "serving", r.server.URL(), ca.Fingerprint(r.offer.Roots[0]), a.Now().UTC().Add(r.options.limit),
		addressJSON{r.address.IP(), r.address.Interface()}, []addressJSON{}, r.p12.jsonPassphrase(r.options.p12),
	}
	for _, other := range r.others {
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
	words = append(words, fmt.Sprintf("serving on %s for %s", r.address, spanText(r.options.limit)), "Ctrl-C ends it")
	for i, other := range r.others {
		if r.options.address != "" || r.options.iface != "" {
			break // the user has chosen
		}
		if i == maxOthers {
			return append(words, fmt.Sprintf("and %d more addresses: see --json", len(r.others)-i))
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
func (a *app) draw(code onboard.Code, r *phoneRun) {
	coloured := a.hasColours()
	size, words := onboard.Compact, r.words(coloured)
	if r.options.large {
		size = onboard.Large
	}
	drawn, width := code.Terminal(size), code.Columns(size)
	if !coloured {
		drawn = code.Blocks(size)
	}
	columns, rows := a.size()
	need := len(drawn) + 1 // the cursor has a line, too
	if r.p12.Passphrase != "" {
		need += passphraseRows
	}
	beside, fits := besides(drawn, width, words, columns)
	lines := append(words, drawn...)
	switch {
	case columns == 0:
		lines = append(drawn, words...)
	case columns < width:
		a.note("the QR code needs %d columns, and this terminal has %d: make it wider, type the address, or save the code with --png", width, columns)
		lines = words
	case rows < need:
		a.note("the QR code needs %d lines, and this terminal has %d: make it taller, type the address, or save the code with --png", need, rows)
		lines = words
	case fits:
		lines = beside
	}
	a.say("%s", strings.Join(lines, "\n"))
}

// besides puts words, broken at spaces, to the right of a drawing of that width.
// It reports false if a word is too long for what is left.
func besides(drawn []string, width int, words []string, columns int) ([]string, bool) {
	room := columns - width - 1
	var broken []string
	longest := 0
	for _, text := range words {
		for _, line := range fold(text, room) {
			longest = max(longest, len([]rune(line)))
			broken = append(broken, line)
		}
	}
	if longest > room {
		return nil, false
	}
	gap := strings.Repeat(" ", min(2, columns-width-longest))
	top := max(0, (len(drawn)-len(broken))/2)
	lines := make([]string, max(len(drawn), top+len(broken)))
	copy(lines, drawn)
	for i, words := range broken {
		if words == "" {
			continue
		}
		if lines[top+i] == "" {
			lines[top+i] = strings.Repeat(" ", width)
		}
		lines[top+i] += gap + words
	}
	return lines, true
}

// spanText is a time span without the zeros at its end: 10m, and still 10s.
func spanText(span time.Duration) string {
	text := span.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// hasColours reports whether standard output is a terminal that shows colours, and
// the user wants them: https://no-color.org
func (a *app) hasColours() bool {
	return isTerminal(a.Stdout) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

// size is that of the terminal, or zero if there is none.
func (a *app) size() (columns, rows int) {
	file, ok := terminal(a.Stdout)
	if !ok {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// phoneLog prints what visitors do, and remembers who trusts.
type phoneLog struct {
	app      *app
	json     bool
	trusting map[netip.Addr]bool
}

func (l *phoneLog) note(e onboard.Event) {
	if e.Action == onboard.Trusted {
		l.trusting[e.Address] = true
	}
	if l.json {
		e.Time = e.Time.UTC()
		_ = json.NewEncoder(l.app.Stdout).Encode(e)
		return
	}
	l.app.say("%s  %s", e.Time.Local().Format(time.TimeOnly), e)
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

// end says how it ended, unless an error is going to.
func (l *phoneLog) end(reason endReason, err error) {
	count := len(l.trusting)
	if reason == endedByUser && isTerminal(l.app.Stdout) {
		l.app.say("") // the terminal has written ^C
	}
	_, untrusted := errors.AsType[*untrustedError](err)
	switch {
	case l.json:
		_ = json.NewEncoder(l.app.Stdout).Encode(endedJSON{l.app.Now().UTC(), "ended", reason, count})
	case untrusted:
	case count == 0:
		l.app.say("%s: no phone trusts the CA yet", endWords[reason])
	case count == 1:
		l.app.say("%s: 1 phone trusts the CA", endWords[reason])
	default:
		l.app.say("%s: %d phones trust the CA", endWords[reason], count)
	}
}
