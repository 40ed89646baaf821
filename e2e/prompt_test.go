//go:build unix

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// terminal is a real one, run by tmux.
type terminal struct {
	t    *testing.T
	tmux string
	name string
}

// newTerminal starts a shell of 80 columns and 24 lines in h's folder.
func newTerminal(t *testing.T, h home) terminal {
	t.Helper()
	term := terminal{t, need(t, "tmux", "tmux"), fmt.Sprintf("picoca-%d", time.Now().UnixNano())}
	term.do("new-session", "-d", "-s", term.name, "-x", "80", "-y", "24", "-c", h.dir,
		"env", "PS1=$ ", "PICOCA_HOME="+h.path("store"), "sh")
	t.Cleanup(func() { term.do("kill-server") })
	return term
}

// do speaks to a tmux of the terminal's own: one that others use may end with
// their last session.
func (term terminal) do(args ...string) string {
	term.t.Helper()
	out, err := exec.Command(term.tmux, append([]string{"-L", term.name, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (term terminal) send(keys ...string) {
	term.t.Helper()
	term.do(append([]string{"send-keys", "-t", term.name}, keys...)...)
}

// wait waits until the screen, or what went off its upper end, has a text, and
// returns both.
func (term terminal) wait(text string) string {
	term.t.Helper()
	screen := ""
	for range 200 {
		screen = term.do("capture-pane", "-p", "-J", "-S", "-50", "-t", term.name)
		if strings.Contains(screen, text) {
			return screen
		}
		time.Sleep(50 * time.Millisecond)
	}
	term.t.Fatalf("the screen never shows %q:\n%s", text, screen)
	return ""
}

// waitTimes waits until the screen has a text so often.
func (term terminal) waitTimes(text string, times int) {
	term.t.Helper()
	for range 200 {
		if strings.Count(term.do("capture-pane", "-p", "-J", "-t", term.name), text) >= times {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	term.t.Fatalf("the screen never shows %q %d times", text, times)
}

// TestPromptHidesThePassphrase types into a real terminal, and interrupts: the
// terminal must echo again afterwards, and the exit code be 130.
func TestPromptHidesThePassphrase(t *testing.T) {
	h := home{t, t.TempDir()}
	term := newTerminal(t, h)
	term.send(binary+" init", "Enter")
	term.wait("Enter a passphrase for the root key (empty for none):")
	term.send("hunter2")
	term.send("Enter")
	term.wait("Enter the same passphrase again:")
	term.send("hunter2")
	time.Sleep(200 * time.Millisecond)
	term.send("C-c")
	term.send("echo code $?", "Enter")
	screen := term.wait("code 130")
	if strings.Contains(screen, "hunter2") {
		t.Errorf("the passphrase can be read:\n%s", screen)
	}
	if !strings.Contains(screen, "echo code") {
		t.Errorf("the terminal does not echo after the interrupt:\n%s", screen)
	}
	if out, err := h.try("list"); err == nil {
		t.Errorf("an interrupted init made a CA:\n%s", out)
	}

	term = newTerminal(t, h)
	term.send(binary+" init", "Enter")
	for _, prompt := range []string{"(empty for none):", "passphrase again:"} {
		term.wait(prompt)
		term.send("hunter2", "Enter")
	}
	if screen := term.wait("next: picoca issue pico.local"); strings.Contains(screen, "hunter2") {
		t.Errorf("the passphrase can be read:\n%s", screen)
	}
}

// TestPromptEndsWithItsInput: Ctrl-D is no empty passphrase, and no reason to
// wait for ever; the terminal echoes again afterwards.
func TestPromptEndsWithItsInput(t *testing.T) {
	h := home{t, t.TempDir()}
	pass := h.path("pass.txt")
	writeFile(t, pass, "hunter2\n")
	for _, before := range []string{"", "hun"} {
		for _, row := range []struct{ command, prompt string }{
			{"init", "Enter a passphrase for the root key (empty for none):"},
			{"issue pico.local", "Passphrase of the root key:"},
		} {
			term := newTerminal(t, h)
			term.send(binary+" "+row.command, "Enter")
			term.wait(row.prompt)
			if before != "" {
				term.send(before, "C-d") // hands over what was typed
			}
			term.send("C-d")
			term.wait("error: input ended before a passphrase")
			term.send("echo code $?", "Enter")
			if screen := term.wait("code 1"); !strings.Contains(screen, "hint: ") || !strings.Contains(screen, "echo code") || strings.Contains(screen, "hun") {
				t.Errorf("%s, %q and Ctrl-D:\n%s", row.command, before, screen)
			}
			if row.command == "init" {
				if out, err := h.try("list"); err == nil {
					t.Errorf("init without a passphrase made a CA:\n%s", out)
				}
				h.run("init", "--passphrase-file", pass)
			} else {
				remove(t, h.path("store"))
			}
		}
	}
}

// TestPromptHoldsNoLock lets one run stand at its prompt while another issues.
func TestPromptHoldsNoLock(t *testing.T) {
	h := home{t, t.TempDir()}
	pass := h.path("pass.txt")
	writeFile(t, pass, "hunter2\n")
	h.run("init", "--passphrase-file", pass)
	term := newTerminal(t, h)
	term.send(binary+" issue slow.local", "Enter")
	term.wait("Passphrase of the root key:")
	h.run("issue", "quick.local", "--passphrase-file", pass)
	term.send("hunter2", "Enter")
	term.wait("wrote slow.local/cert.der")
	if serials := storeSerials(t, h); len(serials) != 2 {
		t.Errorf("the store has %d certificates, want 2", len(serials))
	}
}
