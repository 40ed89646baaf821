//go:build unix

package shells

import (
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestListFitsATerminal: a long name loses its middle in a terminal of 80 columns,
// so that no row wraps, and nothing in a pipe.
func TestListFitsATerminal(t *testing.T) {
	long := strings.Repeat("kitchen", 8) + ".local"
	h := rig.NewHome(t)
	h.Issue("pico.local")
	h.Issue(long)
	if piped := h.Run("list"); !strings.Contains(piped, long) {
		t.Errorf("a pipe has not the whole name:\n%s", piped)
	}
	term := rig.NewTerminal(t, h)
	term.Send(rig.Program()+" list; echo shown | tr a-z A-Z", "Enter")
	screen := term.Wait("\nSHOWN\n")
	if strings.Contains(screen, long) {
		t.Errorf("the terminal has the whole name:\n%s", screen)
	}
	shown := false
	for line := range strings.Lines(screen) {
		shown = shown || strings.HasPrefix(line, "kitchen") && strings.Contains(line, "…") && strings.HasSuffix(line, "…\n")
	}
	if !shown {
		t.Errorf("no line has the row as a whole:\n%s", screen)
	}
}
