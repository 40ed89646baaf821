package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHelpFitsATerminal holds the help of every command against 80 columns.
func TestHelpFitsATerminal(t *testing.T) {
	root := (&app{}).rootCommand()
	for _, cmd := range append(root.Commands(), root) {
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "--home") {
			t.Errorf("help of %q does not tell of --home:\n%s", cmd.CommandPath(), out.String())
		}
		for line := range strings.Lines(out.String()) {
			if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > lineWidth {
				t.Errorf("help of %q has a line of %d columns: %s", cmd.CommandPath(), width, line)
			}
		}
	}
}
