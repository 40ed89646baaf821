//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scriptRun is a project of its own with one of our scripts in it, and the
// commands that the script finds.
type scriptRun struct {
	t   *testing.T
	dir string
}

func newScriptRun(t *testing.T, script string, tools ...string) scriptRun {
	t.Helper()
	r := scriptRun{t, t.TempDir()}
	data, err := os.ReadFile(filepath.Join("../scripts", script))
	if err != nil {
		t.Fatal(err)
	}
	r.write("scripts/"+script, string(data))
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools {
		if err := os.Symlink(need(t, tool, tool), filepath.Join(r.dir, "bin", tool)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r scriptRun) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		r.t.Fatal(err)
	}
}

// fake makes a command that notes its arguments in file log.
func (r scriptRun) fake(tool string) {
	r.t.Helper()
	r.write("bin/"+tool, "#!/usr/bin/env bash\necho \""+tool+" $*\" >>\""+filepath.Join(r.dir, "log")+"\"\n")
}

func (r scriptRun) log() string {
	data, _ := os.ReadFile(filepath.Join(r.dir, "log"))
	return string(data)
}

// run runs the script with no other commands, and no git above it.
func (r scriptRun) run(script string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(r.dir, "scripts", script), args...)
	cmd.Env = []string{"PATH=" + filepath.Join(r.dir, "bin"), "CI=true", "HOME=" + r.dir, "GIT_CEILING_DIRECTORIES=" + r.dir}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDepsInstallsEveryToolThatTestsNeed runs scripts/deps.sh where none of
// them is there: what need asks for must be in its list.
func TestDepsInstallsEveryToolThatTestsNeed(t *testing.T) {
	r := newScriptRun(t, "deps.sh", "bash", "env", "dirname", "sort", "uname", "id", "grep")
	for _, tool := range []string{"apt-get", "dpkg-query", "sudo"} {
		r.fake(tool)
	}
	if out, err := r.run("deps.sh"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	installed := strings.Fields(r.log())
	for _, pkg := range neededPackages(t) {
		if pkg != "util-linux" && !slices.Contains(installed, pkg) { // that one is essential to Debian
			t.Errorf("package %s is needed by a test, and not installed", pkg)
		}
	}
}

// neededPackages reads from these tests what they call need with.
func neededPackages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range strings.Split(string(data), "need(t, \"")[1:] {
			if parts := strings.SplitN(call, "\"", 4); len(parts) == 4 && parts[1] == ", " {
				packages = append(packages, parts[2])
			}
		}
	}
	if !slices.Contains(packages, "time") || len(packages) < 5 {
		t.Fatalf("packages that tests need: have %q", packages)
	}
	return packages
}

// TestChecksOfACopyWithoutGit: a script that finds nothing to check fails.
func TestChecksOfACopyWithoutGit(t *testing.T) {
	tools := []string{"bash", "env", "dirname", "sort", "grep", "find", "gofmt", "mktemp", "rm", "sed", "tee"}
	for _, script := range []string{"fuzz.sh", "lint.sh"} {
		r := newScriptRun(t, script, tools...)
		r.fake("go")
		if out, err := r.run(script, "1s"); err == nil || !strings.Contains(out, "found") || r.log() != "" {
			t.Errorf("%s, nothing to check: have %v\n%s%s", script, err, out, r.log())
		}
	}
	r := newScriptRun(t, "fuzz.sh", tools...)
	r.fake("go")
	r.write("internal/x/x_test.go", "package x\n\nfunc FuzzOne(f *testing.F) {}\n")
	if out, err := r.run("fuzz.sh", "1s"); !strings.Contains(r.log(), "-fuzz ^FuzzOne$ -fuzztime 1s") || !strings.Contains(r.log(), " ./internal/x\n") {
		t.Errorf("fuzz.sh: have %v\n%s%s", err, out, r.log())
	}
	r = newScriptRun(t, "lint.sh", tools...)
	r.fake("go")
	r.write("x/x.go", "package x\n\nvar  X = 1\n")
	if out, err := r.run("lint.sh"); err == nil || !strings.Contains(out, "./x/x.go") {
		t.Errorf("lint.sh, a file that is not formatted: have %v\n%s", err, out)
	}
	r.write("x/x.go", "package x\n\nvar X = 1\n")
	if out, err := r.run("lint.sh"); err != nil || !strings.Contains(r.log(), "go vet ./...") {
		t.Errorf("lint.sh: have %v\n%s%s", err, out, r.log())
	}
}
