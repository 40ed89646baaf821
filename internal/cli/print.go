package cli

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// say prints a line of the result.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.Stdout, format+"\n", args...) }

// note prints what belongs to the result on standard error, where no program
// reads it.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "note: %s\n", terminal.Printable(fmt.Sprintf(format, args...)))
}

// sayWrapped prints a text in lines that break between words; all but the first
// are indented.
func (a *app) sayWrapped(text string) {
	a.say("%s", strings.Join(terminal.Fold(text, terminal.LineWidth-len("  ")), "\n  "))
}

// sayNote prints what a check found that need not be fixed, and how it could be.
func (a *app) sayNote(text, fix string) {
	a.say("note: %s", terminal.Printable(text))
	if fix != "" {
		a.say("hint: %s", terminal.Printable(fix))
	}
}

func (a *app) printJSON(v any) error { return writeJSON(a.Stdout, v) }

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// columns aligns what is written to it as columns; flush it.
func (a *app) columns() terminal.Columns { return terminal.NewColumns(a.Stdout) }

// wide are as many rows of show as words need.
func wide(label string, words []string) []terminal.Row {
	return terminal.Wide(label, words, len("can vouch for"))
}

// each returns what do makes of each; as JSON that is a list even if it is empty.
func each[A, B any](all []A, do func(A) B) []B {
	list := make([]B, len(all))
	for i, one := range all {
		list[i] = do(one)
	}
	return list
}

// listed returns all as a list that is not null in JSON.
func listed[A any](all []A) []A { return append([]A{}, all...) }

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
		a.say("wrote %-*s  (%s%s)", width, file.Path, terminal.Count(file.Bytes, "byte"), private)
	}
}

// judge names what went wrong with standard output among the faults of a run. If
// the run changed anything, that is done.
func judge(out *terminal.Writer, err error, changes bool) error {
	failed := out.Err()
	if failed == nil {
		return err
	}
	var others []error
	for _, one := range fault.Flatten(err) {
		if !errors.Is(one, failed) {
			others = append(others, one)
		}
	}
	lost := fmt.Errorf("cannot write to standard output: %w", failed)
	if changes {
		lost = fault.With(lost, fault.Hintf("the command did its work before that: see %s", fault.Command{"list"}))
	}
	return errors.Join(append(others, lost)...)
}

// sayRoot prints what a new root is.
func (a *app) sayRoot(cert *x509.Certificate) {
	root := pki.DescribeRoot(cert)
	a.say("%s: %s, valid until %s, limited to %s", root.Name, ca.KeyType(root.Key), pki.Day(root.NotAfter), ca.ConstraintsOf(cert).Short())
	a.say("SHA-256 %s", root.SHA256)
}
