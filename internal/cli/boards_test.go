package cli_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/cli"
	"github.com/picoca/picoca/internal/device"
)

// TestBoardsFitTheTerminal shows every board in 80 columns, with each of its
// firmwares, costs, notes and sources.
func TestBoardsFitTheTerminal(t *testing.T) {
	for _, board := range device.All() {
		var out, errs bytes.Buffer
		world := cli.World{Args: []string{"boards", board.ID}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
			Getenv: func(string) string { return "" }, Now: time.Now}
		if code := cli.Main(t.Context(), world); code != 0 {
			t.Fatalf("picoca boards %s: %d, %s", board.ID, code, errs.String())
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if n := utf8.RuneCountInString(line); n > 80 || strings.TrimRight(line, " ") != line {
				t.Errorf("%s: %d columns, or spaces at the end: %q", board.ID, n, line)
			}
		}
		want := []string{board.Name}
		for _, firmware := range board.Firmware {
			want = append(want, firmware.Name+" "+firmware.Versions, firmware.LoadsSource)
		}
		for _, cost := range board.Costs {
			want = append(want, cost.Key, cost.SizesSource, cost.SecondsSource)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, part := range append(want, board.Notes...) {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is missing in\n%s", board.ID, part, out.String())
			}
		}
	}
}
