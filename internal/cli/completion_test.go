package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls do for each command that people can see.
func everyCommand(t *testing.T, do func(name string, cmd *cobra.Command)) {
	t.Helper()
	root := Command()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.Hidden {
			do(commandName(cmd), cmd)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// TestEveryCommandCompletes: a new command decides what its arguments can be, and a
// row for none is left over. Without a decision the shell offers file names.
func TestEveryCommandCompletes(t *testing.T) {
	found := map[string]bool{"help": true} // it is hidden
	everyCommand(t, func(name string, _ *cobra.Command) {
		found[name] = true
		if argCompleters[name] == nil {
			t.Errorf("picoca %s: what its arguments can be is not in argCompleters", name)
		}
	})
	for name := range argCompleters {
		if !found[name] {
			t.Errorf("argCompleters has %q, which is no command", name)
		}
	}
}

func TestEveryFlagCompletes(t *testing.T) {
	found, own := map[string]bool{}, map[string]bool{}
	everyCommand(t, func(name string, cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			found[f.Name], own[name+" --"+f.Name] = true, true
			if f.NoOptDefVal == "" && flagCompleters[f.Name] == nil {
				t.Errorf("picoca %s: what --%s can be is not in flagCompleters", name, f.Name)
			}
		})
	})
	for flag := range flagCompleters {
		if !found[flag] {
			t.Errorf("flagCompleters has %q, which is no flag", flag)
		}
	}
	for flag := range ownFlagCompleters {
		if !own[flag] {
			t.Errorf("ownFlagCompleters has %q, which is no flag", flag)
		}
	}
}

// complete returns what a shell would offer, without descriptions, and cobra's
// number for what else it may offer.
func complete(t *testing.T, args ...string) (offered []string, directive string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(t.Context(), Env{
		Args: append([]string{cobra.ShellCompNoDescRequestCmd}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(string) string { return "" },
	})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if code != 0 || len(lines) == 0 {
		t.Fatalf("%q: exit code %d, %s%s", args, code, out.String(), errs.String())
	}
	return lines[:len(lines)-1], lines[len(lines)-1]
}

func TestCompletionOfADeviceGoesFromLeftToRight(t *testing.T) {
	for typed, want := range map[string]string{
		"syn": "synology", "PICO-W": "pico-w", "pico-w/micro": "pico-w/micropython", "pico-w/micropython@1.29": "pico-w/micropython@1.29",
	} {
		got, directive := complete(t, "issue", "x.local", "--for", typed)
		if !slices.Contains(got, want) || directive != ":4" {
			t.Errorf("%q: got %q %s, want %q among them and no files", typed, got, directive, want)
		}
	}
	if got, directive := complete(t, "issue", "x.local", "--for", "nosuch/"); len(got) > 0 || directive != ":4" {
		t.Errorf("got %q %s, want nothing", got, directive)
	}
}

// TestWithoutACANothingIsOffered: nor does completion say why.
func TestWithoutACANothingIsOffered(t *testing.T) {
	for _, args := range [][]string{{"renew", ""}, {"export", "crl", "--root", ""}, {"phone", "--device", ""}, {"--home", "/nonexistent", "revoke", ""}} {
		if got, directive := complete(t, args...); len(got) > 0 || directive != ":4" {
			t.Errorf("%q: got %q %s, want nothing and no files", args, got, directive)
		}
	}
}
