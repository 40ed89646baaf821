package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

// lineWidth is that of a usual terminal.
const lineWidth = 80

// say prints a line of the result.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.Stdout, format+"\n", args...) }

// note prints what belongs to the result on standard error, where no program
// reads it.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "note: %s\n", printable(fmt.Sprintf(format, args...)))
}

// sayWrapped prints a text in lines that break between words; all but the first
// are indented.
func (a *app) sayWrapped(text string) {
	a.say("%s", strings.Join(fold(text, lineWidth-len("  ")), "\n  "))
}

// sayNote prints what a check found that need not be fixed, and how it could be.
func (a *app) sayNote(text, fix string) {
	a.say("note: %s", printable(text))
	if fix != "" {
		a.say("hint: %s", printable(fix))
	}
}

func (a *app) printJSON(v any) error { return writeJSON(a.Stdout, v) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// columns is a writer that aligns columns; flush it. It is buffered, as a
// tabwriter writes each cell by itself.
type columns struct {
	*tabwriter.Writer
	out *bufio.Writer
}

func (a *app) columns() columns {
	out := bufio.NewWriter(a.Stdout)
	return columns{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), out}
}

// Flush writes what is left.
func (c columns) Flush() error { return errors.Join(c.Writer.Flush(), c.out.Flush()) }

// table prints rows of a label and a text.
func (a *app) table(rows [][2]string) error {
	w := a.columns()
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	return w.Flush()
}

// wide are as many rows as words need, the label in the first.
func wide(label string, words []string) [][2]string {
	var rows [][2]string
	for _, line := range fold(strings.Join(words, " "), lineWidth-len("can vouch for  ")) {
		rows = append(rows, [2]string{label, line})
		label = ""
	}
	return rows
}

// fold breaks a text between words into lines of at most width characters. A
// longer word gets a line of its own.
func fold(text string, width int) []string {
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

// printable replaces control characters, and those that turn the direction of
// writing, which a file's name or content may bring into a message, so that
// they do not reach the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// bytesText writes a number of bytes for people.
func bytesText(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// writtenJSON is a written file as --json prints it.
type writtenJSON struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Private bool   `json:"private"`
}

func writtenToJSON(files []pki.Written) []writtenJSON {
	all := []writtenJSON{}
	for _, file := range files {
		all = append(all, writtenJSON(file))
	}
	return all
}

// sayWritten prints each file on a line, their sizes in one column.
func (a *app) sayWritten(files []pki.Written) {
	width := 0
	for _, file := range files {
		width = max(width, utf8.RuneCountInString(file.Path))
	}
	for _, file := range files {
		private := ""
		if file.Private {
			private = ", private"
		}
		a.say("wrote %-*s  (%s%s)", width, file.Path, bytesText(file.Bytes), private)
	}
}

// printer is standard output. It remembers that something could not be
// written: a run whose result was lost has failed, though its work is done.
type printer struct {
	io.Writer
	failed error
}

// Write fails with the first error again once there was one: however often that is
// reported, it is one fault.
func (p *printer) Write(data []byte) (int, error) {
	if p.failed != nil {
		return 0, p.failed
	}
	n, err := p.Writer.Write(data)
	p.failed = err
	return n, err
}

// judge names what went wrong with standard output among the faults of a run. If
// the run changed anything, that is done.
func (p *printer) judge(err error, changes bool) error {
	if p.failed == nil {
		return err
	}
	var others []error
	for _, one := range fault.Flatten(err) {
		if !errors.Is(one, p.failed) {
			others = append(others, one)
		}
	}
	lost := fmt.Errorf("cannot write to standard output: %w", p.failed)
	if changes {
		lost = fault.With(lost, fault.Hintf("the command did its work before that: see %s", fault.Command{"list"}))
	}
	return errors.Join(append(others, lost)...)
}

// terminal returns the file that w is, if that is a terminal.
func terminal(w io.Writer) (*os.File, bool) {
	if p, ok := w.(*printer); ok {
		w = p.Writer
	}
	file, ok := w.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

func isTerminalInput(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}

// count writes so many things: "1 file", "2 files".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
