//go:build unix

package release

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// crossTest builds the scripts' test for a system. It runs as picoca if it has
// that name.
func crossTest(t *testing.T, name string, env ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	run(t, rig.Root, append(env, "CGO_ENABLED=0"), "go", "test", "-vet=off", "-c", "-o", program, "./cmd/picoca")
	return program
}

var resultLine = regexp.MustCompile(`(?m)^ +--- (FAIL|SKIP|PASS): TestScripts/(\S+)`)

// scripts runs the scripts on this computer with another picoca, and returns which
// of them had which result.
func scripts(t *testing.T, env []string) (map[string][]string, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-count=1", "-timeout=40m", "-v", "-run=^TestScripts$", "./cmd/picoca")
	cmd.Dir, cmd.Env = rig.Root, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	results := map[string][]string{}
	for _, match := range resultLine.FindAllStringSubmatch(string(out), -1) {
		results[match[1]] = append(results[match[1]], match[2])
	}
	for _, names := range results {
		slices.Sort(names)
	}
	if len(results) == 0 {
		t.Fatalf("no script ran: %v\n%s", err, out)
	}
	return results, string(out)
}

// exceptions are the scripts that fail or are skipped with a picoca for another
// system, and why.
type exceptions map[string]string

// check wants every script to pass but the exceptions, and none of those, so that
// the list stays true. It logs the figures for docs/systems.md.
func (e exceptions) check(t *testing.T, env []string) {
	t.Helper()
	results, out := scripts(t, env)
	notPassed := slices.Concat(results["FAIL"], results["SKIP"])
	for _, name := range notPassed {
		if e[name] == "" {
			t.Errorf("%s did not pass", name)
		}
	}
	for name := range e {
		if !slices.Contains(notPassed, name) {
			t.Errorf("%s is an exception, but passed, or does not exist", name)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	t.Logf("%d scripts passed, skipped %q, failed %q", len(results["PASS"]), results["SKIP"], results["FAIL"])
}

// TestScriptsUnderQEMU runs the scripts with picoca for the processors of a
// Raspberry Pi, one of 64 bits and the first one.
func TestScriptsUnderQEMU(t *testing.T) {
	needAll(t)
	notEmulated := exceptions{"phone": "picoca starts itself again, and the kernel does not know that the emulator has to run that"}
	for _, test := range []struct {
		qemu, name string
		env        []string
	}{
		{"qemu-aarch64-static", "arm64", []string{"GOOS=linux", "GOARCH=arm64"}},
		{"qemu-arm-static", "armv6", []string{"GOOS=linux", "GOARCH=arm", "GOARM=6"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			runner := rig.Need(t, test.qemu, "qemu-user-static") + " -0 picoca " + crossTest(t, "picoca", test.env...)
			notEmulated.check(t, []string{"PICOCA_TEST_RUNNER=" + runner})
		})
	}
}
