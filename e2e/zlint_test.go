package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestZlintFindsNothing lints roots and leaves of every kind; what is accepted
// is listed in tools/zlint with its reason.
func TestZlintFindsNothing(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "zlint")
	build := exec.Command("go", "build", "-o", tool, ".")
	build.Dir = "../tools/zlint"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var files []string
	for _, key := range []string{"p256", "p384", "rsa-2048"} {
		for _, flags := range [][]string{nil, {"--strict-constraints"}, {"--permit", "home.example.com"}} {
			h := newHome(t, append([]string{"--key", key}, flags...)...)
			long := strings.Repeat("a", 62) + ".local"
			h.run("issue", "pico.local")
			h.run("issue", "many.local", "*.pico.local", "büro.local", "192.168.1.20", "fd00::1", "--key", "rsa-2048")
			h.run("issue", long, "--out", "long")
			files = append(files, h.path("store", "root", "cert.pem"),
				h.path("pico.local", "cert.der"), h.path("many.local", "cert.der"), h.path("long", "cert.der"))
		}
	}
	if out, err := exec.Command(tool, files...).CombinedOutput(); err != nil {
		t.Errorf("zlint: %v\n%s", err, out)
	}
	// A certificate that it must not pass.
	if out, err := exec.Command(tool, "testdata/bad.pem").CombinedOutput(); err == nil {
		t.Errorf("zlint passes a bad certificate\n%s", out)
	}
}
