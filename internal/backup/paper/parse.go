package paper

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/fault"
)

// MaxText is the longest text that Parse reads, in bytes. It has room for the
// page itself, as HTML.
const MaxText = 1 << 20

// maxFaults is how many wrong lines are named at once.
const maxFaults = 10

// The faults of a text as a whole.
var (
	ErrNoSheet = fault.New("text has no line of a sheet, such as H01: or K01:",
		fault.Hintf("type the lines with their names, or scan the QR codes: zbarimg --raw PHOTO"))
	ErrNotText  = fault.New("input is not text", fault.Hintf("give the lines of the sheet in a text file; a photo of its QR codes becomes text with: zbarimg --raw PHOTO"))
	ErrTooLarge = fault.New("text is too large for a sheet: it has more than 1 MiB", fault.Hintf("give only the lines of the sheet"))
	ErrMixed    = fault.New("lines are from two different sheets: each is right, but not all of them together",
		fault.Hintf("use the lines of one sheet; each sheet has another line H01"))
	ErrNewer = fault.New("sheet is of a later version of picoca", fault.Hintf("update picoca"))
)

// LineError names a line that is not what the paper has.
type LineError struct {
	Line string // its name on the paper: "K07", or "C10 to C12"
	Text string
}

func (e *LineError) Error() string { return e.Line + " " + e.Text }

// Hint says what to do about it.
func (e *LineError) Hint() fault.Hint {
	return fault.Hintf("compare these lines with the paper, correct them in the text, and run the same command again")
}

// Parse reads the lines of a sheet from text that was typed or scanned: in any
// order, also more than once, in upper or lower case, with or without spaces,
// among other text. The error joins a *LineError for each line that is wrong or
// missing, or is one of the errors of this package. The root in the result was
// verified; its key was not opened.
func Parse(text []byte) (Content, error) {
	if err := checkText(text); err != nil {
		return Content{}, err
	}
	found := collect(string(text))
	if len(found.good)+len(found.bad) == 0 {
		return Content{}, ErrNoSheet
	}
	head, err := found.header()
	if err != nil {
		return Content{}, limit(err)
	}
	key, keyErr := found.part(keyLines, head.keySize())
	cert, certErr := found.part(certLines, head.certSize())
	err = errors.Join(keyErr, certErr)
	switch {
	case errors.Is(err, ErrMixed):
		return Content{}, ErrMixed
	case err != nil:
		return Content{}, limit(err)
	}
	return assemble(head, key, cert)
}

func checkText(text []byte) error {
	switch {
	case len(text) > MaxText:
		return ErrTooLarge
	case bytes.IndexByte(text, 0) >= 0:
		return ErrNotText
	}
	return nil
}

func assemble(head header, key, der []byte) (Content, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return Content{}, ErrMixed
	}
	content := Content{cert, key}
	if content.header() != head {
		return Content{}, ErrMixed
	}
	return content, content.check()
}

// limit keeps the first faults of many.
func limit(err error) error {
	all := fault.Flatten(err)
	if len(all) <= maxFaults {
		return err
	}
	more := &LineError{fmt.Sprintf("%d more lines", len(all)-maxFaults), "are wrong or missing"}
	return errors.Join(append(slices.Clone(all[:maxFaults]), more)...)
}

// collected are the lines of a text.
type collected struct {
	good  map[label]string // the data of lines whose check is right
	bad   map[label]string // lines that never were right, with their checks
	mixed bool             // a line was right twice, and different
}

// collect finds the lines of a sheet among other text.
func collect(text string) collected {
	found := collected{good: map[label]string{}, bad: map[label]string{}}
	for piece := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' || r == '/' }) {
		l, ok := parseLine(piece)
		if !ok {
			continue
		}
		found.add(l)
	}
	for l := range found.good {
		delete(found.bad, l)
	}
	return found
}

func (c *collected) add(l line) {
	data, ok := l.data()
	if !ok {
		c.bad[l.label] = l.text
		return
	}
	if before, twice := c.good[l.label]; twice && before != data {
		c.mixed = true
	}
	c.good[l.label] = data
}

// data returns the letters of a line without their check, if that is right.
func (l line) data() (string, bool) {
	at := len(l.text) - checkLen
	if at <= 0 || l.text[at:] != check(l.label, l.text[:at]) {
		return "", false
	}
	return l.text[:at], true
}

// parseLine reads a line such as "K07: ABCDE FGHJK", whose colon may be missing
// if there is a space.
func parseLine(piece string) (line, bool) {
	piece = strings.TrimSpace(strings.ToUpper(strings.TrimPrefix(strings.TrimSpace(piece), "\ufeff")))
	piece = strings.TrimPrefix(piece, "QR-CODE:") // as zbarimg prints
	name, rest, colon := strings.Cut(piece, ":")
	if !colon {
		at := strings.IndexFunc(piece, unicode.IsSpace)
		if at < 0 {
			return line{}, false
		}
		name, rest = piece[:at], piece[at:]
	}
	l, ok := parseLabel(strings.TrimSpace(name))
	return line{l, canonical(rest)}, ok
}

func parseLabel(name string) (label, bool) {
	if len(name) < 2 || len(name) > 4 || !strings.ContainsRune("HKC", rune(name[0])) {
		return label{}, false
	}
	n, err := strconv.ParseUint(canonical(name[1:]), 10, 16)
	return label{name[0], int(n)}, err == nil && n > 0
}

// canonical removes spaces and hyphens, and reads letters that look like those
// of the alphabet as them.
func canonical(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '-', r == '\ufeff':
			return -1
		case r == 'I', r == 'L':
			return '1'
		case r == 'O':
			return '0'
		case r == 'U':
			return 'V'
		}
		return r
	}, text)
}

// header returns line H01.
func (c collected) header() (header, error) {
	first := label{headLines, 1}
	if raw, _ := alphabet.DecodeString(c.good[first]); len(raw) > 0 && raw[0] > version {
		return header{}, ErrNewer
	}
	data, err := c.part(headLines, len(header{}))
	if err != nil {
		return header{}, errors.Join(err, c.faults())
	}
	if c.mixed {
		return header{}, ErrMixed
	}
	return header(data), nil
}

// faults are those of all lines that are wrong, for a text whose line H01 does
// not say how many there must be.
func (c collected) faults() error {
	var names []string // sorting labels would take 20 KB of code
	for l := range c.bad {
		names = append(names, l.String())
	}
	slices.Sort(names)
	var faults []error
	for _, name := range names {
		if l, _ := parseLabel(name); l.kind != headLines {
			faults = append(faults, c.wrong(l, 0))
		}
	}
	return errors.Join(faults...)
}

// part returns the bytes of the lines of a kind. The error joins a LineError for
// each one that is wrong, and for each row of missing ones.
func (c collected) part(kind byte, size int) ([]byte, error) {
	var all []byte
	var faults []error
	var missing []label
	flush := func() {
		if len(missing) > 0 {
			faults = append(faults, missed(missing))
		}
		missing = nil
	}
	for l := (label{kind, 1}); size > 0; l.number++ {
		n := min(size, perLine)
		size -= n
		if !c.has(l) {
			missing = append(missing, l)
			continue
		}
		flush()
		data, err := c.decode(l, n)
		all, faults = append(all, data...), append(faults, err)
	}
	flush()
	return all, errors.Join(faults...)
}

func (c collected) has(l label) bool { return c.good[l] != "" || c.bad[l] != "" }

func missed(all []label) error {
	first, last := all[0].String(), all[len(all)-1].String()
	if first == last {
		return &LineError{first, "is missing"}
	}
	return &LineError{first + " to " + last, "are missing"}
}

// decode returns the n bytes of a line that the text has.
func (c collected) decode(l label, n int) ([]byte, error) {
	data, ok := c.good[l]
	if !ok {
		return nil, c.wrong(l, alphabet.EncodedLen(n)+checkLen)
	}
	raw, err := alphabet.DecodeString(data)
	if err != nil || len(raw) != n {
		return nil, ErrMixed
	}
	return raw, nil
}

// wrong says what is wrong with a line that must have so many letters, 0 if
// that is unknown.
func (c collected) wrong(l label, letters int) error {
	text := c.bad[l]
	if at := strings.IndexFunc(text, foreign); at >= 0 {
		r, _ := utf8.DecodeRuneInString(text[at:])
		return &LineError{l.String(), fmt.Sprintf("contains %q, which no line has", string(r))}
	}
	if of, ok := owner(l, text); ok {
		return &LineError{l.String(), fmt.Sprintf("contains what belongs to %s", of)}
	}
	if letters > 0 && len(text) != letters {
		return &LineError{l.String(), fmt.Sprintf("has %d letters and digits after its name, the paper has %d", len(text), letters)}
	}
	return &LineError{l.String(), "has a mistake: its last four letters and digits do not fit the rest"}
}

// foreign reports whether a letter cannot be in a line.
func foreign(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

// owner returns the line whose text stands in the place of another's.
func owner(l label, text string) (label, bool) {
	const further = 40
	for n := max(1, l.number-further); n <= l.number+further; n++ {
		for _, kind := range []byte{headLines, keyLines, certLines} {
			other := line{label{kind, n}, text}
			if _, ok := other.data(); ok {
				return other.label, true
			}
		}
	}
	return label{}, false
}
