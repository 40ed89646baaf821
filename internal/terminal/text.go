package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable replaces control characters, and those that turn the direction of
// writing, which a file's name or content may bring into a message, so that
// they do not reach the terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// IsBinary reports whether a terminal would take a part of data for commands.
func IsBinary(data []byte) bool {
	control := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }
	return !utf8.Valid(data) || bytes.ContainsFunc(data, control)
}

// Fold breaks a text between words into lines of at most width characters. A
// longer word gets a line of its own.
func Fold(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last+" "+word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// Beside puts words, broken at spaces, to the right of a drawing of that width.
// It reports false if a word is too long for what is left of the columns.
func Beside(drawn []string, width int, words []string, columns int) ([]string, bool) {
	room := columns - width - 1
	var broken []string
	longest := 0
	for _, text := range words {
		for _, line := range Fold(text, room) {
			longest = max(longest, utf8.RuneCountInString(line))
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

// Count writes so many things: "1 file", "2 files".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Some lists the first most of a few texts: "a, b and 3 more".
func Some(texts []string, most int) string {
	if more := len(texts) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), more)
	}
	return strings.Join(texts, ", ")
}
