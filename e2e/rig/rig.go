// Package rig is what the families of end-to-end tests share: the built picoca
// binary, authorities in throw-away folders, outside tools, browsers, a
// terminal, and the bench with the boards' own TLS code. The families are the
// folders beside it; they prove picoca with real programs.
package rig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Root is the project's folder, seen from a family's, where its tests run.
const Root = "../.."

// Patience bounds every wait of a test for something that must come. It only
// guards against hanging: on a busy machine all takes many times as long.
const Patience = 5 * time.Minute

// built is the picoca program under test, built once by Main.
var built string

// Program is the path of the picoca program under test.
func Program() string { return built }

// Main builds picoca, runs a family's tests and ends the process: a family's
// TestMain calls it.
func Main(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "picoca-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "picoca")
	build := exec.Command("go", "build", "-o", built, Root+"/cmd/picoca")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", out, err)
		return 1
	}
	return m.Run()
}

// Need returns the path of an outside tool, which Debian has in pkg; it may be
// one of the administrator's. Without the tool a run in CI fails; elsewhere the
// test is skipped under its name.
func Need(t testing.TB, tool, pkg string) string {
	t.Helper()
	for _, name := range []string{tool, "/usr/sbin/" + tool} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, tool, pkg)
	return ""
}

// Missing fails a run in CI, and skips the test elsewhere, for want of a tool.
func Missing(t testing.TB, tool, pkg string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: run make deps (Debian package %s)", tool, pkg)
	}
	t.Skipf("%s is missing: run make deps (Debian package %s)", tool, pkg)
}

// Home is a certificate authority of its own with a folder to work in.
type Home struct {
	T   testing.TB
	Dir string // working folder; the store is in Dir/store
}

// EmptyHome is a folder without an authority.
func EmptyHome(t testing.TB) Home {
	t.Helper()
	return Home{t, t.TempDir()}
}

// NewHome makes an unencrypted authority with the given init flags.
func NewHome(t testing.TB, initFlags ...string) Home {
	t.Helper()
	h := EmptyHome(t)
	h.Run(append([]string{"init", "--no-passphrase"}, initFlags...)...)
	return h
}

// Path returns a path below the working folder.
func (h Home) Path(elem ...string) string {
	return filepath.Join(append([]string{h.Dir}, elem...)...)
}

// RootFile returns the path of a file of a store's only root, cert.pem or key.pem.
func (h Home) RootFile(store, name string) string {
	h.T.Helper()
	files, err := filepath.Glob(h.Path(store, "roots", "*", name))
	if err != nil || len(files) != 1 {
		h.T.Fatalf("%s of the root in %s: got %q, %v", name, store, files, err)
	}
	return files[0]
}

// Run runs picoca in h's folder and returns its standard output.
func (h Home) Run(args ...string) string {
	h.T.Helper()
	out, err := h.Try(args...)
	if err != nil {
		h.T.Fatalf("picoca %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// Issue issues a certificate for name, or renews the one that exists.
func (h Home) Issue(name string, args ...string) string {
	h.T.Helper()
	verb := "issue"
	if _, err := h.Try("show", name); err == nil {
		verb = "renew"
	}
	return h.Run(append([]string{verb, name}, args...)...)
}

// Try is Run for commands that may fail. Its error has standard error's text.
func (h Home) Try(args ...string) (string, error) {
	cmd := exec.CommandContext(h.T.Context(), built, args...)
	cmd.Dir = h.Dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, errs.String())
	}
	return out.String(), nil
}
