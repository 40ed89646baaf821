package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/cli"
	"github.com/picoca/picoca/internal/testcli"
)

var (
	// aCommand is one on a line of its own, or at the end of a sentence.
	aCommand = regexp.MustCompile(`(?:^  |: )(picoca .*)$`)
	// anyCommand finds more than commands: also what picoca does, in a sentence.
	anyCommand = regexp.MustCompile(`picoca (\S+)`)
)

// commandsIn returns the commands in a line of a topic. Others than those which the
// test can read are a fault.
func commandsIn(t *testing.T, line string) []string {
	t.Helper()
	var found []string
	rest := line
	if one := aCommand.FindStringSubmatchIndex(line); one != nil {
		found, rest = append(found, line[one[2]:]), line[:one[2]]
		if _, comment, ok := strings.Cut(found[0], "  # "); ok {
			found = append(found, commandsIn(t, comment)...)
		}
	}
	for _, word := range anyCommand.FindAllStringSubmatch(rest, -1) {
		if about, _, err := cli.Command().Find(word[1:]); err == nil && about.HasParent() {
			t.Errorf("%s: write the command on a line of its own, or after a colon at the end of one", line)
		}
	}
	return found
}

// TestTopicsAreTrue: every command in a topic could be run.
func TestTopicsAreTrue(t *testing.T) {
	commands := 0
	for _, topic := range cli.Topics() {
		for line := range strings.SplitSeq(topic.Text, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: %d columns, want at most 80: %s", topic.Name, len(line), line)
			}
			for _, command := range commandsIn(t, line) {
				commands++
				if err := testcli.Check(command); err != nil {
					t.Errorf("%s: %s: %v", topic.Name, command, err)
				}
			}
		}
		if lines := strings.Count(topic.Text, "\n") + 1; lines > 25 {
			t.Errorf("%s: got %d lines, want at most 25", topic.Name, lines)
		}
	}
	if commands < 80 {
		t.Errorf("got %d commands, want 80 or more", commands)
	}
}

// TestHelpFitsATerminal: no line of a command's help wraps at 80 columns, but one
// that is pasted whole.
func TestHelpFitsATerminal(t *testing.T) {
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Long+"\n"+cmd.Example, "\n") {
			if len(line) > 80 && !strings.Contains(line, "Add-Content") {
				t.Errorf("%s: %d columns, want at most 80: %s", cmd.CommandPath(), len(line), line)
			}
		}
		for _, below := range cmd.Commands() {
			look(below)
		}
	}
	look(cli.Command())
}

// TestTopicsAreNoCommands: a command with a topic's name would hide it.
func TestTopicsAreNoCommands(t *testing.T) {
	seen := map[string]bool{"topics": true, "help": true}
	for _, cmd := range cli.Command().Commands() {
		seen[cmd.Name()] = true
	}
	for _, topic := range cli.Topics() {
		if seen[topic.Name] || topic.Title == "" {
			t.Errorf("topic %q is a command or another topic, or has no title", topic.Name)
		}
		seen[topic.Name] = true
	}
}

// TestExamplesCouldBeRun: those in the help of each command.
func TestExamplesCouldBeRun(t *testing.T) {
	examples := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "picoca ") {
				examples++
				if err := testcli.Check(line); err != nil {
					t.Errorf("%s --help: %s: %v", cmd.CommandPath(), line, err)
				}
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(cli.Command())
	if examples < 60 {
		t.Errorf("got %d examples, want 60 or more", examples)
	}
}

// TestHelpNamesNoEmptyDefault: pflag prints one for what it does not take for zero.
func TestHelpNamesNoEmptyDefault(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if usage := c.UsageString(); strings.Contains(usage, "(default )") {
			t.Errorf("%s has an empty default", c.CommandPath())
		}
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(cli.Command())
}
