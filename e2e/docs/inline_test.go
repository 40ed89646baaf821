//go:build linux

package docs

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/testcli"
)

var span = regexp.MustCompile("``([^\n]+?)``|`([^`\n]+)`")

// inline returns the commands in the page's sentences and tables.
func (p page) inline() []string {
	var all []string
	for _, match := range span.FindAllStringSubmatch(p.text, -1) {
		line := strings.ReplaceAll(strings.TrimSpace(match[1]+match[2]), `\|`, "|") // as a table writes it
		if strings.HasPrefix(line, "picoca ") || strings.Contains(line, "$(picoca ") || strings.Contains(line, "&& picoca ") {
			all = append(all, line)
		}
	}
	return all
}

// placeholder is a word that the reader replaces.
var placeholder = regexp.MustCompile(`^(\.\.\.|[A-Z]{2,})$`)

// TestCommandsCouldBeRun reads every command as picoca does, also those that no
// test runs. A sentence may name a command without its arguments.
func TestCommandsCouldBeRun(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, line := range append(p.inline(), p.commandLines()...) {
			at := strings.Index(line, "picoca ")
			if at != 0 && !slices.Contains(p.inline(), line) {
				continue // another program's
			}
			if words := testcli.Words(line[at:]); len(words) > 1 && words[1] == "COMMAND" {
				continue
			}
			found++
			if err := testcli.Check(line[at:]); err != nil && !testcli.IsName(line[at:]) {
				t.Errorf("%s: %s: %v", p.name, line, err)
			}
		}
	}
	if found < 250 {
		t.Errorf("got %d commands, want 250 or more", found)
	}
}

// TestInlineCommandsRun runs each command in a sentence once, unless it has a
// placeholder: issue and identity in a new CA, init and restore where there is none, all others
// in a CA that has what the pages speak of.
func TestInlineCommandsRun(t *testing.T) {
	needTools(t)
	worlds := map[string]world{"": newWorld(t, "true"), "new": newWorld(t, newCA), "full": newWorld(t, newCA+fullCA)}
	ran := map[string]bool{}
	for _, p := range append(pages(t), guides()...) {
		for _, line := range p.inline() {
			command := line[strings.Index(line, "picoca "):]
			words := testcli.Words(command)
			if ran[line] || testcli.Check(command) != nil || slices.ContainsFunc(words, placeholder.MatchString) || exceptionFor(p.name, line) != nil {
				continue
			}
			ran[line] = true
			worlds[worldFor(words[1])].run(t, p.name, line)
		}
	}
	if len(ran) < 110 {
		t.Errorf("%d commands were run, want 110 or more", len(ran))
	}
}

func worldFor(command string) string {
	switch command {
	case "init", "restore":
		return ""
	case "issue", "identity":
		return "new"
	}
	return "full"
}

// world is a house that is as before at each command.
type world struct{ house, before house }

func newWorld(t *testing.T, script string) world {
	t.Helper()
	w := world{house: newHouse(t)}
	if shown, err := w.house.run(t, script); err != nil {
		t.Fatalf("%v\n%s", err, shown)
	}
	w.before = w.house.copyOf(t)
	return w
}

// found is picoca's exit code when a check found something.
const found = 4

func (w world) run(t *testing.T, page, line string) {
	t.Helper()
	shown, err := w.house.run(t, line)
	if exit, ok := err.(*exec.ExitError); err != nil && !(ok && exit.ExitCode() == found) {
		t.Errorf("%s: %s: %v\n%s\nIf no test can run it, see exceptions in lists_test.go; what it needs belongs into newCA or fullCA.", page, line, err, shown)
	}
	for from, to := range map[string]string{w.before.home: w.house.home, w.before.work: w.house.work} {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
