package trust

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestEndlessOutputEndsTheCommand is certutil, asked for a password that it
// cannot read.
func TestEndlessOutputEndsTheCommand(t *testing.T) {
	out, err := Exec(t.Context(), Command{Args: []string{"yes", "Invalid password."}, Time: changeTime})
	if !errors.Is(err, errOutput) || len(out) > maxOutput {
		t.Errorf("got %v, %d bytes", err, len(out))
	}
}

func TestCommandThatHangsIsEnded(t *testing.T) {
	if _, err := Exec(t.Context(), Command{Args: []string{"sleep", "1000"}, Time: time.Millisecond}); !errors.Is(err, errTime) {
		t.Errorf("got %v", err)
	}
}

func TestCommandReadsNothing(t *testing.T) {
	if out, err := Exec(t.Context(), Command{Args: []string{"cat"}, Time: changeTime}); err != nil || out != "" {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestCommandFindsRootsPrograms though su leaves PATH without their folders.
func TestCommandFindsRootsPrograms(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	out, err := Exec(t.Context(), Command{Args: []string{"sh", "-c", "echo $PATH"}, Time: changeTime})
	if want := "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"; err != nil || out != want {
		t.Errorf("got %q (%v), want %q", out, err, want)
	}
}

func TestCommandErrorSaysWhatItSaid(t *testing.T) {
	_, err := Exec(t.Context(), Command{Args: []string{"sh", "-c", "echo first; echo 'it broke' >&2; exit 3"}, Dir: t.TempDir(), Time: changeTime})
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 3: it broke") || !strings.HasPrefix(err.Error(), "sh -c 'echo first; echo '") {
		t.Errorf("got %v", err)
	}
}

func TestLineIsAShells(t *testing.T) {
	args := []string{"a b", "it's", "", "$HOME", "plain-1.x", "*"}
	out, err := Exec(t.Context(), Command{Args: []string{"sh", "-c", `printf '[%s]' ` + line(args)}, Time: changeTime})
	if want := "[a b][it's][][$HOME][plain-1.x][*]"; err != nil || out != want {
		t.Errorf("got %s (%v), want %s", out, err, want)
	}
}
