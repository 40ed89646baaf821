package example

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestDocumentedProgramsServe runs the programs of docs/board.md, as they stand
// there, in place of the example's own.
func TestDocumentedProgramsServe(t *testing.T) {
	text, err := os.ReadFile(rig.Root + "/docs/board.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllSubmatch(text, -1)
	firmwares := []exampleFirmware{exampleOnMicroPython, exampleOnCircuitPython}
	if len(programs) != len(firmwares) {
		t.Fatalf("got %d programs, want %d", len(programs), len(firmwares))
	}
	for i, firmware := range firmwares {
		t.Run(firmware.String(), func(t *testing.T) {
			h := rig.NewHome(t)
			h.Run("issue", "pico.local", "--out", "project")
			if err := os.WriteFile(filepath.Join(h.Path("project"), firmware.program), programs[i][1], 0o600); err != nil {
				t.Fatal(err)
			}
			b := startExample(t, h, firmware)
			stranger := b.visitor("127.0.0.1")
			stranger.roots = nil
			if _, body, err := get(stranger.client(), "/"); err == nil {
				t.Errorf("a client that does not trust the CA got %q", body)
			}
			status, body, err := get(b.visitor("127.0.0.1").client(), "/")
			if err != nil || status != http.StatusOK || body != "21.5 degrees\n" {
				t.Errorf("got status %d, %q, %v", status, body, err)
			}
		})
	}
}
