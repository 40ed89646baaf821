//go:build unix

package project

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestLimits holds the sizes that the README and docs/performance.md promise.
func TestLimits(t *testing.T) {
	stripped := filepath.Join(t.TempDir(), "picoca")
	build := exec.Command(rig.Root+"/scripts/build.sh", stripped, rig.Root+"/cmd/picoca")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The server of picoca phone, net/http, takes 2.1 MB of it.
	if got := size(t, stripped); got > 11_600_000 {
		t.Errorf("stripped binary: got %d bytes, want at most 11,600,000", got)
	}
	h := rig.NewHome(t)
	if got := peakMemory(t, h, stripped); got > 12<<10 {
		t.Errorf("peak memory of issue: got %d KiB, want at most %d", got, 12<<10)
	}
	if got := size(t, h.Path("pico.local", "cert.der")); got > 400 {
		t.Errorf("cert.der of pico.local: got %d bytes, want at most 400", got)
	}
	if got := size(t, h.Path("pico.local", "key.der")); got != 121 {
		t.Errorf("key.der of pico.local: got %d bytes, want 121", got)
	}
}

// peakMemory issues pico.local and returns the program's peak in KiB. A child
// includes the memory of its parent, so that must be a small program.
func peakMemory(t *testing.T, h rig.Home, program string) int {
	t.Helper()
	cmd := exec.Command(rig.Need(t, "time", "time"), "-f", "%M", program, "issue", "pico.local")
	cmd.Dir = h.Dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.Bytes())
	}
	kib, err := strconv.Atoi(strings.TrimSpace(errs.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.Bytes())
	}
	return kib
}
