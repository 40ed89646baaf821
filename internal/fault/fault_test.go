package fault

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func show(c Command) string { return "picoca " + strings.Join(c, " ") }

func TestHintWritesItsCommandsAsTheCallerDoes(t *testing.T) {
	hint := Hintf("%s for a new key, or %q: %s", Command{"renew", "a.local"}, "b", Run("list"))
	if got, want := hint.Text(show), `picoca renew a.local for a new key, or "b": picoca list`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHintAndCodeOfTheOutermostErrorThatHasOne(t *testing.T) {
	inner := WithCode(With(io.EOF, Run("inner")), NoCA)
	for _, row := range []struct {
		err  error
		hint string
		code int
	}{
		{io.EOF, "", Failed},
		{inner, "picoca inner", NoCA},
		{fmt.Errorf("outer: %w", inner), "picoca inner", NoCA},
		{With(inner, Run("outer")), "picoca outer", NoCA},
		{WithCode(inner, Usage), "picoca inner", Usage},
	} {
		hint := HintOf(row.err)
		text := ""
		if !hint.IsZero() {
			text = hint.Text(show)
		}
		if text != row.hint || CodeOf(row.err) != row.code {
			t.Errorf("%v: got %q, %d, want %q, %d", row.err, text, CodeOf(row.err), row.hint, row.code)
		}
		if !errors.Is(row.err, io.EOF) {
			t.Errorf("%v is not the error inside", row.err)
		}
	}
	if CodeOf(nil) != Done || With(nil, Run("x")) != nil || WithCode(nil, Usage) != nil {
		t.Error("nil is a failure")
	}
}

// TestCodeOfAnotherProgramIsNotOurs: ssh ends with 255, and 3 would say that there
// is no CA.
func TestCodeOfAnotherProgramIsNotOurs(t *testing.T) {
	err := exec.Command("sh", "-c", "exit 3").Run()
	if failed := new(exec.ExitError); !errors.As(err, &failed) || failed.ExitCode() != 3 {
		t.Fatalf("sh: got %v, want exit status 3", err)
	}
	if got := CodeOf(With(fmt.Errorf("ssh: %w", err), Run("x"))); got != Failed {
		t.Errorf("got %d, want %d", got, Failed)
	}
	if got := CodeOf(WithCode(err, Found)); got != Found {
		t.Errorf("with a code of ours: got %d, want %d", got, Found)
	}
}

func TestFlattenReturnsSingleErrorsInOrder(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	got := Flatten(errors.Join(a, errors.Join(b, nil), c))
	if want := []error{a, b, c}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Flatten(nil); got != nil {
		t.Errorf("nil: got %v", got)
	}
}

// TestQuoteIsReadBackByAShell: whatever the word holds, a shell hands on exactly
// that, and nothing of it runs.
func TestQuoteIsReadBackByAShell(t *testing.T) {
	for word, quoted := range map[string]bool{
		"/srv/pico": false, "küche": false, "": true, "a b": true, "it's": true, "$HOME": true, "`id`": true, "=ls": true, "a;b": true, "~": true, "*": true, "a\nb": true,
	} {
		line := QuotePOSIX(word)
		if got := line != word; got != quoted {
			t.Errorf("%q: got %s, quoted is %t, want %t", word, line, got, quoted)
		}
		if runtime.GOOS == "windows" {
			continue // it has no sh
		}
		out, err := exec.Command("sh", "-c", "printf %s "+line).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q: sh made %q of it, %v", word, out, err)
		}
	}
}

func TestQuotePathIsNoOption(t *testing.T) {
	for path, want := range map[string]string{"-rf": "./-rf", "-a b": "'./-a b'", "a": "a", "/-a": "/-a", "": "''"} {
		if got := QuotePath(path); got != want && runtime.GOOS != "windows" {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

func TestQuotesForWindows(t *testing.T) {
	for word, want := range map[string]string{
		"pico.local":      "pico.local",
		`C:\Users\ann\ca`: `C:\Users\ann\ca`,
		`C:\my ca`:        `"C:\my ca"`,
		`C:\my ca\`:       `"C:\my ca\\"`,
		"Garden sensor":   `"Garden sensor"`,
		`the "good" one`:  `"the ""good"" one"`,
		"a&b":             `"a&b"`,
		"":                `""`,
		"Küche":           "Küche",
		"-x.local":        `"-x.local"`,
		"-x":              "-x",
		"@x":              `"@x"`,
		"you@example.com": "you@example.com",
	} {
		if got := quoteFor("windows", word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}
