package phone

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
func screenText(t *testing.T, size onboard.Size) string {
	return "$ picoca phone\n" + strings.Join(newCode(t).Terminal(size), "\n") + "\nscan with the phone's camera, or open " + phoneURL + "\n"
}

// Terminals add space between lines: macOS Terminal a little, editors and web
// terminals up to half a line. Half blocks must scan up to a tenth, full cells up
// to a half.
func TestPhoneCodeScansInEveryThemeAndLineHeight(t *testing.T) {
	for _, test := range []struct {
		name       string
		size       onboard.Size
		lineHeight float64
	}{
		{"compact", onboard.Compact, 1}, {"compact", onboard.Compact, 1.1},
		{"large", onboard.Large, 1}, {"large", onboard.Large, 1.1}, {"large", onboard.Large, 1.5},
	} {
		for _, theme := range []string{"light", "dark"} {
			name := fmt.Sprintf("terminal-%s-%g-%s", test.name, test.lineHeight, theme)
			t.Run(name, func(t *testing.T) {
				picture := filepath.Join(pictures(t), name+".png")
				drawTerminal(t, screenText(t, test.size), emulator{80, 42, theme, test.lineHeight, false}, picture)
				if got := scan(t, picture); got != phoneURL {
					t.Errorf("scanned %q, want %q", got, phoneURL)
				}
			})
		}
	}
}

// What must not scan: a code in the theme's own colours on a dark theme, and
// half blocks with half a line between them. Otherwise the test above would
// prove nothing.
func TestPhoneCodeNeedsItsColoursAndItsSize(t *testing.T) {
	compact := screenText(t, onboard.Compact)
	colours := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, test := range map[string]struct {
		text string
		in   emulator
	}{
		"without colours": {colours.ReplaceAllString(screenText(t, onboard.Large), ""), emulator{80, 42, "dark", 1, false}},
		"line height 1.5": {compact, emulator{80, 42, "light", 1.5, false}},
	} {
		picture := filepath.Join(t.TempDir(), "unreadable.png")
		drawTerminal(t, test.text, test.in, picture)
		if out, err := exec.Command(rig.Need(t, "zbarimg", "zbar-tools"), "--raw", "--quiet", picture).Output(); err == nil {
			t.Errorf("%s: scans as %q", name, out)
		}
	}
}

func TestPhoneCodeScansUnderTmuxAt80Columns(t *testing.T) {
	tmux := rig.Need(t, "tmux", "tmux")
	dir := t.TempDir()
	printed := filepath.Join(dir, "printed")
	if err := os.WriteFile(printed, []byte(screenText(t, onboard.Compact)), 0o600); err != nil {
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
	run("new-session", "-d", "-x", "80", "-y", "24", "cat '"+printed+"'; sleep 3600")
	t.Cleanup(func() { run("kill-server") })
	shown := ""
	for end := time.Now().Add(rig.Patience); !strings.Contains(shown, phoneURL); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("tmux shows only:\n%s", shown)
		}
		shown = run("capture-pane", "-p", "-e", "-N")
	}
	for _, theme := range []string{"light", "dark"} {
		picture := filepath.Join(pictures(t), "tmux-"+theme+".png")
		drawTerminal(t, shown, emulator{80, 32, theme, 1, false}, picture)
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

// emulator is how a terminal emulator is set up.
type emulator struct {
	columns, rows int
	theme         string
	lineHeight    float64 // 1 for no space between lines
	crop          bool    // the picture is of the terminal, without a margin
}

// drawTerminal lets a terminal emulator show text.
func drawTerminal(t *testing.T, text string, in emulator, picture string) {
	t.Helper()
	rig.NeedDrivers(t)
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(map[string]any{
		"input": input, "output": picture, "columns": in.columns, "rows": in.rows, "theme": in.theme, "lineHeight": in.lineHeight, "crop": in.crop,
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
func scan(t *testing.T, picture string, options ...string) string {
	t.Helper()
	out, err := exec.Command(rig.Need(t, "zbarimg", "zbar-tools"), append(options, "--raw", "--quiet", picture)...).Output()
	if err != nil {
		return fmt.Sprintf("nothing (%v)", err)
	}
	return strings.TrimSuffix(string(out), "\n")
}
