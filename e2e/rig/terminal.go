//go:build unix

package rig

import (
	"crypto/rand"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Terminal is a real one, run by tmux.
type Terminal struct {
	T    *testing.T
	tmux string // the program
	Name string // of the session, and of tmux's socket
}

// NewTerminal starts a shell of 80 columns and 24 lines in h's folder.
func NewTerminal(t *testing.T, h Home) Terminal {
	t.Helper()
	term := Terminal{t, Need(t, "tmux", "tmux"), "picoca-" + rand.Text()}
	term.Do("new-session", "-d", "-s", term.Name, "-x", "80", "-y", "24", "-c", h.Dir,
		"env", "PS1=$ ", "PICOCA_HOME="+h.Path("store"), "sh")
	t.Cleanup(func() { term.Do("kill-server") })
	return term
}

// Do speaks to a tmux of the terminal's own: one that others use may end with
// their last session.
func (term Terminal) Do(args ...string) string {
	term.T.Helper()
	out, err := exec.Command(term.tmux, append([]string{"-L", term.Name, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		term.T.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// Send types keys, named as tmux names them.
func (term Terminal) Send(keys ...string) {
	term.T.Helper()
	term.Do(append([]string{"send-keys", "-t", term.Name}, keys...)...)
}

// Wait waits until the screen, or what went off its upper end, has a text, and
// returns both.
func (term Terminal) Wait(text string) string {
	term.T.Helper()
	screen := ""
	for range 200 {
		screen = term.Do("capture-pane", "-p", "-J", "-S", "-50", "-t", term.Name)
		if strings.Contains(screen, text) {
			return screen
		}
		time.Sleep(50 * time.Millisecond)
	}
	term.T.Fatalf("the screen never shows %q:\n%s", text, screen)
	return ""
}

// WaitTimes waits until the screen has a text so often.
func (term Terminal) WaitTimes(text string, times int) {
	term.T.Helper()
	for range 200 {
		if strings.Count(term.Do("capture-pane", "-p", "-J", "-t", term.Name), text) >= times {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	term.T.Fatalf("the screen never shows %q %d times", text, times)
}
