//go:build unix

package rig

import (
	"crypto/rand"
	"fmt"
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
	return term.waitFor(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// WaitEither waits until the screen has one of two texts, and returns that one.
func (term Terminal) WaitEither(one, other string) string {
	term.T.Helper()
	screen := term.waitFor(fmt.Sprintf("%q or %q", one, other), func(screen string) bool {
		return strings.Contains(screen, one) || strings.Contains(screen, other)
	})
	if strings.Contains(screen, one) {
		return one
	}
	return other
}

// WaitTimes waits until a text is there so often.
func (term Terminal) WaitTimes(text string, times int) {
	term.T.Helper()
	term.waitFor(fmt.Sprintf("%q %d times", text, times), func(screen string) bool { return strings.Count(screen, text) >= times })
}

// WaitPrompt waits until the shell asks for the next command.
func (term Terminal) WaitPrompt() {
	term.T.Helper()
	term.waitFor("the shell's prompt", func(screen string) bool { return strings.HasSuffix("\n"+strings.TrimRight(screen, " \n"), "\n$") })
}

// waitFor looks at the screen, with what went off its upper end, until it is as
// wanted. tmux reports no change of it.
func (term Terminal) waitFor(what string, wanted func(screen string) bool) string {
	term.T.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(50 * time.Millisecond) {
		screen := term.Do("capture-pane", "-p", "-J", "-S", "-50", "-t", term.Name)
		if wanted(screen) {
			return screen
		}
		if time.Now().After(end) {
			term.T.Fatalf("the screen never shows %s:\n%s", what, screen)
		}
	}
}
