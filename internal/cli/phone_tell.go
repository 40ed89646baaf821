package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/picoca/picoca/internal/onboard"
)

// phoneServing is what is served, and where.
type phoneServing struct {
	url, print string
	address    onboard.Address
	others     []onboard.Address // that would do as well
}

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

// tellPhone saves and prints the code, and says what to do with it.
func (a *app) tellPhone(ctx context.Context, o phoneOptions, serving phoneServing, p12 p12Choice, picture *picture) error {
	code, err := onboard.NewCode(serving.url)
	if err != nil {
		return err
	}
	if picture != nil {
		if err := a.locked(ctx, func() error { return picture.write(code.PNG()) }); err != nil {
			return pictureError{err}
		}
	}
	if o.json {
		first := servingJSON{
			a.Now(), "serving", serving.url, serving.print, a.Now().Add(o.limit),
			addressJSON{serving.address.IP(), serving.address.Interface()}, []addressJSON{}, p12.jsonPassphrase(o.p12),
		}
		for _, other := range serving.others {
			first.Others = append(first.Others, addressJSON{other.IP(), other.Interface()})
		}
		err = json.NewEncoder(a.Stdout).Encode(first)
	} else {
		a.draw(code, serving.words(o.limit), p12.Passphrase != "")
	}
	a.tellPassphrase(p12, o.p12, o.json)
	return err
}

// mostOthers bounds the list of addresses: a computer with containers has dozens.
const mostOthers = 3

// words say what to do with the code. What is to be compared or typed stands on
// lines of its own, short enough to stand unbroken beside the code.
func (s phoneServing) words(limit time.Duration) []string {
	const quarter = 8 * len("AB:")
	words := []string{
		"scan with the phone's camera, or open", s.url, "",
		"compare on the phone, SHA-256", s.print[:quarter], s.print[quarter : 2*quarter], s.print[2*quarter : 3*quarter], s.print[3*quarter:], "",
		fmt.Sprintf("serving on %s for %s", s.address, spanText(limit)), "Ctrl-C ends it",
	}
	for i, other := range s.others {
		if i == mostOthers {
			return append(words, fmt.Sprintf("or on %d more: see --json", len(s.others)-i))
		}
		words = append(words, fmt.Sprintf("or on %s: --address %s", other.Interface(), other.IP()))
	}
	return words
}

// passphraseRows is what tellPassphrase takes on a terminal of 80 columns.
const passphraseRows = 3

// draw prints the code with the words beside it, or above it where the terminal
// is narrow: below it they would push its upper end out of a small window. A
// code that does not fit as a whole is left out.
func (a *app) draw(code onboard.Code, words []string, passphrase bool) {
	drawn := strings.Split(strings.TrimSuffix(code.Terminal(), "\n"), "\n")
	columns, rows := a.size()
	need := len(drawn) + 1 // the cursor has a line, too
	if passphrase {
		need += passphraseRows
	}
	beside, fits := besides(drawn, code.Width(), words, columns)
	lines := append(words, drawn...)
	switch {
	case columns == 0:
		lines = append(drawn, words...)
	case columns < code.Width():
		a.note("the QR code needs %d columns, and this terminal has %d: make it wider, type the address, or save the code with --png", code.Width(), columns)
		lines = words
	case rows < need:
		a.note("the QR code needs %d lines, and this terminal has %d: make it higher, type the address, or save the code with --png", need, rows)
		lines = words
	case fits:
		lines = beside
	}
	a.say("%s", strings.Join(lines, "\n"))
}

// besides puts words, broken at spaces, to the right of a drawing that is wide
// columns. It reports false if a word is too long for what is left.
func besides(drawn []string, wide int, words []string, columns int) ([]string, bool) {
	room := columns - wide - 1
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
	gap := strings.Repeat(" ", min(2, columns-wide-longest))
	top := max(0, (len(drawn)-len(broken))/2)
	lines := make([]string, max(len(drawn), top+len(broken)))
	copy(lines, drawn)
	for i, words := range broken {
		if words == "" {
			continue
		}
		if lines[top+i] == "" {
			lines[top+i] = strings.Repeat(" ", wide)
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

// size is that of the terminal, or zero where there is none.
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
	switch {
	case l.json:
		_ = json.NewEncoder(l.app.Stdout).Encode(endedJSON{l.app.Now(), "ended", reason, count})
	case isA[untrustedError](err):
	case count == 0:
		l.app.say("%s: no phone has trusted the CA", endWords[reason])
	case count == 1:
		l.app.say("%s: 1 phone trusts the CA", endWords[reason])
	default:
		l.app.say("%s: %d phones trust the CA", endWords[reason], count)
	}
}
