// Package fault gives an error what the user needs beside its message: a hint
// with the command that fixes it, and the exit code. Both are defined where the
// error occurs; only package cli, which knows the program's name and --home,
// turns them into text.
package fault

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode"
)

// The program's exit codes.
const (
	Done        = 0
	Failed      = 1
	Usage       = 2 // the command line itself is wrong
	NoCA        = 3 // no CA here
	Found       = 4 // a check found something
	Interrupted = 130
)

// Command is a picoca command line without the program's name, such as
// {"renew", "pico.local"}. Its words are not quoted yet. The commands below export are
// one word, {"export crl"}: {"export", "crl"} exports what has that name.
type Command []string

// Hint is advice in words, with commands among them. The zero Hint is none.
type Hint struct {
	format string
	args   []any
}

// Hintf returns a hint. Its arguments may be Commands, for which %s stands.
func Hintf(format string, args ...any) Hint { return Hint{format, args} }

// Run returns the hint that is nothing but a command.
func Run(words ...string) Hint { return Hintf("%s", Command(words)) }

// IsZero reports whether there is no advice.
func (h Hint) IsZero() bool { return h.format == "" }

// Text returns the words of the hint, each command as show writes it.
func (h Hint) Text(show func(Command) string) string {
	args := make([]any, len(h.args))
	for i, arg := range h.args {
		switch arg := arg.(type) {
		case Command:
			args[i] = show(arg)
		case Hint:
			args[i] = arg.Text(show)
		default:
			args[i] = arg
		}
	}
	return fmt.Sprintf(h.format, args...)
}

// Error is a failure with a hint and an exit code, for errors that no code
// inspects. Types of their own have the methods Hint and ExitCode instead.
type Error struct {
	Err    error
	Advice Hint
	Code   int // 0 stands for Failed
}

// New returns an error with a hint.
func New(text string, hint Hint) error { return &Error{Err: errors.New(text), Advice: hint} }

// With returns err with a hint, nil if err is nil.
func With(err error, hint Hint) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Advice: hint}
}

// WithCode returns err with an exit code, nil if err is nil.
func WithCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Code: code}
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that the hint is for.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns the error's own hint, or that of the error inside.
func (e *Error) Hint() Hint {
	if !e.Advice.IsZero() {
		return e.Advice
	}
	return HintOf(e.Err)
}

// ExitCode returns the error's own exit code, or that of the error inside.
func (e *Error) ExitCode() int {
	if e.Code != 0 {
		return e.Code
	}
	return CodeOf(e.Err)
}

// HintOf returns the first hint in err's chain, the zero Hint if there is none.
func HintOf(err error) Hint {
	hinter, ok := errors.AsType[interface {
		error
		Hint() Hint
	}](err)
	if !ok {
		return Hint{}
	}
	return hinter.Hint()
}

// CodeOf returns the first exit code in err's chain, Failed if there is none,
// and Done for nil.
func CodeOf(err error) int {
	if err == nil {
		return Done
	}
	coder, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err)
	if !ok {
		return Failed
	}
	return coder.ExitCode()
}

// Flatten returns the single errors that err joins (errors.Join), in order.
func Flatten(err error) []error {
	switch joined := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, Flatten(one)...)
		}
		return all
	}
	return []error{err}
}

// Quote returns a word as the shells of this system read it: quoted, unless
// each of them takes it as it is.
func Quote(word string) string { return quoteFor(runtime.GOOS, word) }

func quoteFor(system, word string) string {
	if system == "windows" {
		return quoteWindows(word)
	}
	return QuotePOSIX(word)
}

// QuotePOSIX is Quote for a POSIX shell, on whatever computer it runs.
func QuotePOSIX(word string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._:@%+=,-", r)
	}
	// zsh takes =WORD for the path of a command.
	if word == "" || word[0] == '=' || strings.ContainsFunc(word, special) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// quoteWindows quotes a word for cmd and PowerShell, which both read "" in a
// quoted word as a quote. A program takes \" at the end for a quote: that
// backslash is doubled. PowerShell cuts -x.local before the dot, and takes @x for a
// variable, unless they are quoted. They have no quotes in common that keep a $ or a % as it is.
// https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments
// https://github.com/PowerShell/PowerShell/issues/6291
func quoteWindows(word string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`\/._:@+=-`, r)
	}
	cut := strings.HasPrefix(word, "-") && strings.ContainsAny(word, ".:")
	if word != "" && word[0] != '@' && !cut && !strings.ContainsFunc(word, special) {
		return word
	}
	trailing := len(word) - len(strings.TrimRight(word, `\`))
	return `"` + strings.ReplaceAll(word, `"`, `""`) + strings.Repeat(`\`, trailing) + `"`
}

// QuotePath is Quote for a path that a program gets: it takes none that begins
// with a hyphen for an option.
func QuotePath(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	return Quote(path)
}
