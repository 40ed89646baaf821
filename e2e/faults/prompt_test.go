//go:build unix

package faults

import (
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// newPassphrase is the first prompt of init for a passphrase.
const newPassphrase = "Enter a passphrase for the root key (empty for none):"

// startInit runs init up to that prompt. If this computer's network has a
// search domain, init offers it first.
func startInit(term rig.Terminal) {
	term.T.Helper()
	const offer = "[y/N]"
	term.Send(rig.Program()+" init", "Enter")
	if term.WaitEither(newPassphrase, offer) == offer {
		term.Send("n", "Enter")
		term.Wait(newPassphrase)
	}
}

// TestPromptHidesThePassphrase types into a real terminal, and interrupts: the
// terminal must echo again afterwards, and the exit code be 130.
func TestPromptHidesThePassphrase(t *testing.T) {
	h := rig.EmptyHome(t)
	term := rig.NewTerminal(t, h)
	startInit(term)
	term.Send("hunter2")
	term.Send("Enter")
	term.Wait("Enter the same passphrase again:")
	term.Send("hunter2")
	term.Send("C-c")
	term.WaitPrompt()
	term.Send("echo code $?", "Enter")
	screen := term.Wait("code 130")
	if strings.Contains(screen, "hunter2") {
		t.Errorf("the passphrase can be read:\n%s", screen)
	}
	if !strings.Contains(screen, "echo code") {
		t.Errorf("the terminal does not echo after the interrupt:\n%s", screen)
	}
	if out, err := h.Try("list"); err == nil {
		t.Errorf("an interrupted init made a CA:\n%s", out)
	}

	term = rig.NewTerminal(t, h)
	startInit(term)
	for _, prompt := range []string{newPassphrase, "passphrase again:"} {
		term.Wait(prompt)
		term.Send("hunter2", "Enter")
	}
	if screen := term.Wait("next: picoca issue pico.local"); strings.Contains(screen, "hunter2") {
		t.Errorf("the passphrase can be read:\n%s", screen)
	}
}

// TestPromptEndsWithItsInput: Ctrl-D is no empty passphrase, and no reason to
// wait for ever; the terminal echoes again afterwards.
func TestPromptEndsWithItsInput(t *testing.T) {
	h := rig.EmptyHome(t)
	pass := h.Path("pass.txt")
	rig.WriteFile(t, pass, "hunter2\n")
	for _, before := range []string{"", "hun"} {
		for _, command := range []string{"init", "issue pico.local"} {
			term := rig.NewTerminal(t, h)
			if command == "init" {
				startInit(term)
			} else {
				term.Send(rig.Program()+" "+command, "Enter")
				term.Wait("Passphrase of the root key:")
			}
			if before != "" {
				term.Send(before, "C-d") // hands over what was typed
			}
			term.Send("C-d")
			term.Wait("error: input ended before the passphrase of the root key was typed")
			term.WaitPrompt()
			term.Send("echo code $?", "Enter")
			if screen := term.Wait("code 1"); !strings.Contains(screen, "hint: ") || !strings.Contains(screen, "echo code") || strings.Contains(screen, "hun") {
				t.Errorf("%s, %q and Ctrl-D:\n%s", command, before, screen)
			}
			if command == "init" {
				if out, err := h.Try("list"); err == nil {
					t.Errorf("init without a passphrase made a CA:\n%s", out)
				}
				h.Run("init", "--passphrase-file", pass)
			} else {
				rig.Remove(t, h.Path("store"))
			}
		}
	}
}

// TestPromptHoldsNoLock lets one run stand at its prompt while another issues.
func TestPromptHoldsNoLock(t *testing.T) {
	h := rig.EmptyHome(t)
	pass := h.Path("pass.txt")
	rig.WriteFile(t, pass, "hunter2\n")
	h.Run("init", "--passphrase-file", pass)
	term := rig.NewTerminal(t, h)
	term.Send(rig.Program()+" issue slow.local", "Enter")
	term.Wait("Passphrase of the root key:")
	h.Run("issue", "quick.local", "--passphrase-file", pass)
	term.Send("hunter2", "Enter")
	term.Wait("wrote slow.local/cert.der")
	if serials := storeSerials(t, h); len(serials) != 2 {
		t.Errorf("the store has %d certificates, want 2", len(serials))
	}
}
