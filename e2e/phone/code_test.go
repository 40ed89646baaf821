package phone

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/onboard"
)

// phoneURL is the longest address that picoca phone prints for IPv4.
const phoneURL = "http://192.168.100.200:65535/k7q2m5x3w4t6p"

func newCode(t *testing.T) onboard.Code {
	t.Helper()
	code, err := onboard.NewCode(phoneURL)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// screenText is what the terminal shows: some words around the code.
func screenText(t *testing.T) string {
	return "$ picoca phone\n" + newCode(t).Terminal() + "scan with the phone's camera, or open " + phoneURL + "\n"
}

func TestPhoneCodeScansFromALightAndADarkTerminal(t *testing.T) {
	for _, theme := range []string{"light", "dark"} {
		t.Run(theme, func(t *testing.T) {
			picture := filepath.Join(pictures(t), "terminal-"+theme+".png")
			drawTerminal(t, screenText(t), 80, theme, picture)
			if got := scan(t, picture); got != phoneURL {
				t.Errorf("scanned %q, want %q", got, phoneURL)
			}
		})
	}
}

// The same code without its colours must not scan on a dark theme: otherwise
// this test would prove nothing.
func TestPhoneCodeNeedsItsColours(t *testing.T) {
	plain := strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(newCode(t).Terminal())
	picture := filepath.Join(t.TempDir(), "plain.png")
	drawTerminal(t, plain, 80, "dark", picture)
	if out, err := exec.Command(rig.Need(t, "zbarimg", "zbar-tools"), "--raw", "--quiet", picture).Output(); err == nil {
		t.Errorf("a code in the theme's own colours scans as %q", out)
	}
}

func TestPhoneCodeScansUnderTmuxAt80Columns(t *testing.T) {
	tmux := rig.Need(t, "tmux", "tmux")
	dir := t.TempDir()
	printed := filepath.Join(dir, "printed")
	if err := os.WriteFile(printed, []byte(screenText(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) string {
		t.Helper()
		out, err := exec.Command(tmux, append([]string{"-S", filepath.Join(dir, "tmux"), "-f", "/dev/null"}, arguments...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v\n%s", arguments, err, out)
		}
		return string(out)
	}
	run("new-session", "-d", "-x", "80", "-y", "24", "cat '"+printed+"'; sleep 60")
	t.Cleanup(func() { run("kill-server") })
	shown := ""
	for end := time.Now().Add(10 * time.Second); !strings.Contains(shown, phoneURL); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("tmux shows after 10 s:\n%s", shown)
		}
		shown = run("capture-pane", "-p", "-e", "-N")
	}
	for _, theme := range []string{"light", "dark"} {
		picture := filepath.Join(pictures(t), "tmux-"+theme+".png")
		drawTerminal(t, shown, 80, theme, picture)
		if got := scan(t, picture); got != phoneURL {
			t.Errorf("%s: scanned %q, want %q", theme, got, phoneURL)
		}
	}
}

func TestPhoneCodeAsPictureScans(t *testing.T) {
	picture := filepath.Join(pictures(t), "code.png")
	if err := os.WriteFile(picture, newCode(t).PNG(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := scan(t, picture); got != phoneURL {
		t.Errorf("scanned %q, want %q", got, phoneURL)
	}
}

// drawTerminal lets a terminal emulator show text.
func drawTerminal(t *testing.T, text string, columns int, theme, picture string) {
	t.Helper()
	rig.NeedDrivers(t)
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(map[string]any{
		"input": input, "output": picture, "columns": columns, "rows": 32, "theme": theme,
		"chromium": rig.Need(t, "chromium", "chromium"), "home": t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "terminal.js", string(options))
	cmd.Dir = rig.ClientDrivers
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terminal.js: %v\n%s", err, out)
	}
}

// scan reads the one QR code in a picture.
func scan(t *testing.T, picture string) string {
	t.Helper()
	out, err := exec.Command(rig.Need(t, "zbarimg", "zbar-tools"), "--raw", "--quiet", picture).Output()
	if err != nil {
		return fmt.Sprintf("nothing (%v)", err)
	}
	return strings.TrimSuffix(string(out), "\n")
}
