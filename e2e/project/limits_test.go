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
	build := exec.Command("go", "build", "-tags", "nethttpomithttp2", "-gcflags=crypto/tls=-l", "-trimpath", "-ldflags=-s -w", "-o", stripped, rig.Root+"/cmd/picoca")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The server of picoca phone, net/http, takes 2.1 MB of it.
	if have := size(t, stripped); have > 9_000_000 {
		t.Errorf("stripped binary: have %d bytes, want at most 9,000,000", have)
	}
	h := rig.NewHome(t)
	if have := peakMemory(t, h, stripped); have > 12<<10 {
		t.Errorf("peak memory of issue: have %d KiB, want at most %d", have, 12<<10)
	}
	if have := size(t, h.Path("pico.local", "cert.der")); have > 400 {
		t.Errorf("cert.der of pico.local: have %d bytes, want at most 400", have)
	}
	if have := size(t, h.Path("pico.local", "key.der")); have != 121 {
		t.Errorf("key.der of pico.local: have %d bytes, want 121", have)
	}
}

// peakMemory issues pico.local and returns the program's peak in KiB. A child
// counts the memory of whoever forked it, so that must be a small program.
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
