package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/terminal"
)

// hinted is an error with a hint of its own.
func hinted(text string, hint fault.Hint) error { return fault.New(text, hint) }

func TestFaultsAreExplainedOnePerLine(t *testing.T) {
	list := fault.Run("list")
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"one without a hint", errors.New("a is wrong"), "error: a is wrong\n"},
		{"one with a hint", hinted("a is wrong", list), "error: a is wrong\nhint: picoca --home ca list\n"},
		{"the same hint once", errors.Join(hinted("a", list), hinted("b", list)), "error: a\nerror: b\nhint: picoca --home ca list\n"},
		{
			"another hint in between", errors.Join(hinted("a", list), hinted("b", fault.Run("init")), hinted("c", list)),
			"error: a\nhint: picoca --home ca list\nerror: b\nhint: picoca --home ca init\nerror: c\nhint: picoca --home ca list\n",
		},
		{"joined twice", errors.Join(errors.Join(errors.New("a"), errors.New("b")), errors.New("c")), "error: a\nerror: b\nerror: c\n"},
		{"the hint of the error inside", fmt.Errorf("store: %w", hinted("a", list)), "error: store: a\nhint: picoca --home ca list\n"},
		{"the system's", &fs.PathError{Op: "open", Path: "x", Err: syscall.EISDIR}, "error: open x: is a directory\nhint: check the path: it names a folder, not a file\n"},
		{"explained elsewhere", &reportedError{3}, ""},
		{"explained elsewhere, and another", errors.Join(&reportedError{3}, errors.New("a")), "error: a\n"},
		{"control characters", hinted("\x1b[2J\u202ea\u009b", fault.Hintf("\x1b[31m")), "error: \ufffd[2J\ufffda\ufffd\nhint: \ufffd[31m\n"},
	} {
		var out bytes.Buffer
		a := &app{Env: Env{Stderr: &out}, homeFlag: "ca"}
		a.explain(row.err)
		if got := out.String(); got != row.want {
			t.Errorf("%s: got\n%swant\n%s", row.name, got, row.want)
		}
	}
}

func TestFaultsAreExplainedToPrograms(t *testing.T) {
	rule := ca.RuleError{Rule: "days", Source: "Apple", Err: errors.New("too long")}
	for _, row := range []struct {
		name string
		err  error
		want failureJSON
	}{
		{"one", hinted("a", fault.Run("list")), failureJSON{[]faultJSON{{Error: "a", Hint: "picoca list"}}, fault.Failed}},
		{
			"several", errors.Join(errors.New("a"), fault.WithCode(errors.New("b"), fault.NoCA)),
			failureJSON{[]faultJSON{{Error: "a"}, {Error: "b"}}, fault.NoCA},
		},
		{"a broken rule", rule, failureJSON{[]faultJSON{{Error: "too long", Rule: "days", Source: "Apple"}}, fault.Failed}},
	} {
		var out bytes.Buffer
		a := &app{Env: Env{Stderr: &out}}
		a.explainJSON(row.err)
		var got failureJSON
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", row.name, err, out.Bytes())
		}
		for i := range got.Errors {
			if row.want.Errors[i].Hint == "" {
				got.Errors[i].Hint = "" // a rule has one of its own
			}
		}
		if !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
	var out bytes.Buffer
	(&app{Env: Env{Stderr: &out}}).explainJSON(&reportedError{3})
	if out.Len() > 0 {
		t.Errorf("explained elsewhere: got %s, want nothing", out.Bytes())
	}
}

func TestExitCodeIsThatOfTheFirstFaultWithOne(t *testing.T) {
	coded := func(code int) error { return fault.WithCode(errors.New("x"), code) }
	plain := errors.New("x")
	for _, row := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, fault.Done},
		{"no code", plain, fault.Failed},
		{"usage", coded(fault.Usage), fault.Usage},
		{"inside another", fmt.Errorf("store: %w", coded(fault.NoCA)), fault.NoCA},
		{"after one without", errors.Join(plain, coded(fault.NoCA)), fault.NoCA},
		{"before one without", errors.Join(coded(fault.NoCA), plain), fault.NoCA},
		{"the first of two", errors.Join(coded(fault.Usage), coded(fault.NoCA)), fault.Usage},
		{"deep", errors.Join(plain, errors.Join(plain, coded(fault.Found))), fault.Found},
		{"interrupted", terminal.ErrInterrupted, fault.Interrupted},
		{"another process's", &reportedError{fault.NoCA}, fault.NoCA},
		{"several without", errors.Join(plain, plain), fault.Failed},
	} {
		if got := exitCode(row.err); got != row.want {
			t.Errorf("%s: got %d, want %d", row.name, got, row.want)
		}
	}
}

// TestLostOutputIsAFailure: a run whose result nobody got did not succeed, and
// the same fault is named once.
func TestLostOutputIsAFailure(t *testing.T) {
	p := &terminal.Writer{Writer: brokenPipe{}}
	if err := judge(p, nil, true); err != nil {
		t.Errorf("before anything was written: got %v, want none", err)
	}
	_, err := p.Write([]byte("x"))
	_, again := p.Write([]byte("x"))
	other := errors.New("disk is full")
	got := fault.Flatten(judge(p, errors.Join(other, err, again), true))
	if len(got) != 2 || got[0] != other || !strings.HasPrefix(got[1].Error(), "cannot write to standard output: ") {
		t.Errorf("got %q, want the other fault and the lost output", got)
	}
}

// TestLostOutputHasTheRightHint: only a command that changed something has done it.
func TestLostOutputHasTheRightHint(t *testing.T) {
	for command, want := range map[string]bool{"issue": true, "root rotate": true, "root list": false, "list": false, "backup": false, "": false} {
		cmd := &cobra.Command{Use: "picoca"}
		for name := range strings.FieldsSeq(command) {
			sub := &cobra.Command{Use: name}
			cmd.AddCommand(sub)
			cmd = sub
		}
		p := &terminal.Writer{Writer: brokenPipe{}}
		_, _ = p.Write([]byte("x"))
		if got := !fault.HintOf(judge(p, nil, changesCA(cmd))).IsZero(); got != want {
			t.Errorf("%q: got a hint %v, want %v", command, got, want)
		}
	}
}

// brokenPipe fails with another error each time, as a file does.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}
