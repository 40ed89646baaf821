package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/terminal"
)

// explain prints what is wrong, one fault per line, and after the last fault of
// a kind how to fix it.
func (a *app) explain(err error) {
	faults := unreported(err)
	for i, one := range faults {
		fmt.Fprintf(a.Stderr, "error: %s\n", terminal.Printable(fault.SingleBackslashes(runtime.GOOS, one.Error())))
		hint := a.hint(one)
		if hint != "" && (i+1 == len(faults) || a.hint(faults[i+1]) != hint) {
			fmt.Fprintf(a.Stderr, "hint: %s\n", terminal.Printable(hint))
		}
	}
}

// wantsJSON reports whether the user asked for the result as JSON. It also looks
// for the flag itself: after a faulty flag the others are not parsed.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if flag := cmd.Flags().Lookup("json"); flag != nil && flag.Changed {
		return flag.Value.String() == "true"
	}
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// failureJSON is what --json prints of a failure, on standard error.
type failureJSON struct {
	Errors   []faultJSON `json:"errors"`
	ExitCode int         `json:"exit_code"`
}

type faultJSON struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	// Rule is the rule of certificates that would be broken, Source where it
	// comes from.
	Rule   string `json:"rule,omitempty"`
	Source string `json:"source,omitempty"`
}

// explainJSON is explain for programs.
func (a *app) explainJSON(err error) {
	failure := failureJSON{ExitCode: exitCode(err)}
	for _, one := range unreported(err) {
		row := faultJSON{Error: one.Error(), Hint: a.hint(one)}
		if rule, ok := errors.AsType[ca.RuleError](one); ok {
			row.Rule, row.Source = rule.Rule, rule.Source
		}
		failure.Errors = append(failure.Errors, row)
	}
	if len(failure.Errors) > 0 {
		_ = writeJSON(a.Stderr, failure) // there is nowhere else to say it
	}
}

// misuse is a fault of the command line that has its own advice: usageFault's is the
// command's help.
func misuse(text string, hint fault.Hint) error {
	return fault.WithCode(fault.New(text, hint), fault.Usage)
}

// found is the failure of a check that found something.
func found(text string, hint fault.Hint) error {
	return fault.WithCode(fault.New(text, hint), fault.Found)
}

// unreported returns the single faults that no other process has explained, and
// that the user does not know: an interruption needs no words.
func unreported(err error) []error {
	return slices.DeleteFunc(fault.Flatten(err), func(one error) bool {
		_, reported := errors.AsType[*reportedError](one)
		return reported || errors.Is(one, terminal.ErrInterrupted)
	})
}

// hint returns the advice of an error, or, for one from another package, of
// the table.
func (a *app) hint(err error) string {
	if hint := fault.HintOf(err); !hint.IsZero() {
		return hint.Text(a.show)
	}
	for _, row := range foreignHints {
		if errno.Is(err, row.err) {
			return row.hint.Text(a.show)
		}
	}
	return ""
}

// foreignHints are for errors that the system reports.
var foreignHints = []struct {
	err  error
	hint fault.Hint
}{
	{syscall.EADDRINUSE, fault.Hintf("choose other ports: --port 8450, or --port 0 for any that are free")},
	{syscall.ENOSPC, fault.Hintf("free some space on the disk, then run the same command again")},
	{syscall.EROFS, fault.Hintf("choose a folder on a disk that can be written to: --home for the CA, --out for the files")},
	{syscall.ENOTDIR, fault.Hintf("check the path: one of its folders is a file")},
	{syscall.EISDIR, fault.Hintf("check the path: it names a folder, not a file")},
	{syscall.ELOOP, fault.Hintf("check the path: its symbolic links lead in a circle")},
	{syscall.EMFILE, fault.Hintf("close other programs, or raise the limit on open files (ulimit -n)")},
	{syscall.EIO, fault.Hintf("check the disk: it reported an error")},
	{fs.ErrPermission, fault.Hintf("look at the owner and the mode with ls -l, and run picoca as the user who owns it")},
	{fs.ErrNotExist, fault.Hintf("check the path")},
}

// exitCode is the one place where an error becomes an exit code: that of the
// first single fault which has one.
func exitCode(err error) int {
	code := fault.Done
	for _, one := range fault.Flatten(err) {
		if this := fault.CodeOf(one); code == fault.Done || code == fault.Failed {
			code = this
		}
	}
	return code
}
