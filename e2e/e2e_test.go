package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the picoca program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "picoca-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "picoca")
	build := exec.Command("go", "build", "-o", binary, "../cmd/picoca")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", out, err)
		return 1
	}
	return m.Run()
}

// need returns the path of an outside tool, which Debian has in pkg. Without
// the tool a run in CI fails; elsewhere the test is skipped under its name.
func need(t testing.TB, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: run make deps (Debian package %s)", tool, pkg)
	}
	t.Skipf("%s is missing: run make deps (Debian package %s)", tool, pkg)
	return ""
}

// home is a certificate authority of its own with a folder to work in.
type home struct {
	t   testing.TB
	dir string // working folder; the store is in dir/store
}

// newHome makes an unencrypted authority with the given init flags.
func newHome(t testing.TB, initFlags ...string) home {
	t.Helper()
	h := home{t, t.TempDir()}
	h.run(append([]string{"init", "--no-passphrase"}, initFlags...)...)
	return h
}

func (h home) path(elem ...string) string {
	return filepath.Join(append([]string{h.dir}, elem...)...)
}

// run runs picoca in h's folder and returns its standard output.
func (h home) run(args ...string) string {
	h.t.Helper()
	out, err := h.try(args...)
	if err != nil {
		h.t.Fatalf("picoca %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func (h home) try(args ...string) (string, error) {
	cmd := exec.CommandContext(h.t.Context(), binary, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.path("store"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, errs.String())
	}
	return out.String(), nil
}
