package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/term"

	"github.com/picoca/picoca/internal/testcli"
)

// saidVariable names the folder where each run of picoca in a script leaves what it
// printed, for TestScripts to look at its hints and next steps.
const saidVariable = "PICOCA_TEST_SAID"

// overhear returns where a run of picoca writes to instead of a file, and what that
// got. A terminal is left alone: picoca would see the difference.
func overhear(file *os.File) (io.Writer, *bytes.Buffer) {
	var said bytes.Buffer
	if os.Getenv(saidVariable) == "" || term.IsTerminal(int(file.Fd())) {
		return file, &said
	}
	return io.MultiWriter(file, &said), &said
}

// keepSaid keeps the lines that have a command of picoca's in them, unless they are
// help, a completion, or for programs.
func keepSaid(args []string, said ...*bytes.Buffer) {
	if os.Getenv(saidVariable) == "" || slices.ContainsFunc(args, func(arg string) bool {
		return slices.Contains([]string{"help", "--help", "completion", "--json"}, arg) || strings.HasPrefix(arg, "__complete")
	}) {
		return
	}
	var kept strings.Builder
	for _, text := range said {
		for line := range strings.Lines(text.String()) {
			if strings.Contains(line, "picoca ") && !strings.Contains(line, " COMMAND") { // in a usage
				kept.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			}
		}
	}
	if kept.Len() == 0 {
		return
	}
	file, err := os.CreateTemp(os.Getenv(saidVariable), "run-")
	if err == nil {
		_, err = file.WriteString(kept.String())
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// checkSaid wants every command that a script made picoca print to be one that it
// would run.
func checkSaid(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			lines[strings.TrimSuffix(line, "\n")] = true
		}
	}
	found := map[string]bool{}
	for line := range lines {
		commands, faults := testcli.InText(line)
		for _, fault := range faults {
			t.Errorf("a printed command: %v", fault)
		}
		for _, command := range commands {
			found[command] = true
		}
	}
	all := flag.Lookup("test.run").Value.String() == "" && os.Getenv(runnerVariable) == ""
	if t.Logf("%d different commands were printed", len(found)); all && len(found) < 200 {
		t.Errorf("got %d different commands, want 200 or more", len(found))
	}
}
