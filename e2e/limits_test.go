//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

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
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", stripped, "../cmd/picoca")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if have := size(t, stripped); have > 8_000_000 {
		t.Errorf("stripped binary: have %d bytes, want at most 8,000,000", have)
	}
	h := newHome(t)
	cmd := exec.Command(stripped, "issue", "pico.local")
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.path("store"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const most = 12 << 10 // KiB
	if usage := cmd.ProcessState.SysUsage().(*syscall.Rusage); usage.Maxrss > most {
		t.Errorf("peak memory of issue: have %d KiB, want at most %d", usage.Maxrss, most)
	}
	if have := size(t, h.path("pico.local", "cert.der")); have > 400 {
		t.Errorf("cert.der of pico.local: have %d bytes, want at most 400", have)
	}
	if have := size(t, h.path("pico.local", "key.der")); have != 121 {
		t.Errorf("key.der of pico.local: have %d bytes, want 121", have)
	}
}
