//go:build unix

package project

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
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
	data, err := os.ReadFile(filepath.Join(rig.Root+"/scripts", script))
	if err != nil {
		t.Fatal(err)
	}
	r.write("scripts/"+script, string(data))
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools {
		if err := os.Symlink(rig.Need(t, tool, tool), filepath.Join(r.dir, "bin", tool)); err != nil {
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

// essential packages are on every Debian.
var essential = []string{"coreutils", "dash", "util-linux"}

// TestDepsInstallsEveryToolThatTestsNeed runs scripts/deps.sh where none of
// them is there: what need asks for must be in its list.
func TestDepsInstallsEveryToolThatTestsNeed(t *testing.T) {
	r := newScriptRun(t, "deps.sh", "bash", "env", "dirname", "sort", "uname", "id", "grep")
	for _, tool := range []string{"apt-get", "dpkg-query", "sudo"} {
		r.fake(tool)
	}
	if out, err := r.run("deps.sh", "all"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	installed := strings.Fields(r.log())
	for _, pkg := range neededPackages(t) {
		if !slices.Contains(essential, pkg) && !slices.Contains(installed, pkg) {
			t.Errorf("package %s is needed by a test, and not installed", pkg)
		}
	}
}

// packageArgument is where the functions that ask for an outside tool take the
// name of its package: the rig's, and those of families that do without it.
var packageArgument = map[string]int{
	"Need": 2, "Outside": 1, "OutsideWith": 3, "Start": 1, "StartServer": 2,
	"devices.need": 2, "devices.run": 2, "verifiers.need": 2,
}

// neededPackages reads from the sources of every family, and of the rig, what
// they ask for.
func neededPackages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]int{}
	var packages []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		found := packagesIn(file)
		packages = append(packages, found...)
		families[filepath.Base(filepath.Dir(name))] += len(found)
	}
	for _, family := range []string{"boards", "clients", "devices", "example", "formats", "phone", "project", "rig", "verifiers"} {
		if families[family] == 0 {
			t.Errorf("%s: no package found that its tests need", family)
		}
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// packagesIn returns the packages that a file asks for by name.
func packagesIn(file *ast.File) []string {
	var packages []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		at, asks := packageArgument[calledName(call)]
		if !asks {
			at, asks = packageArgument[file.Name.Name+"."+calledName(call)]
		}
		if !asks || at >= len(call.Args) {
			return true
		}
		if literal, ok := call.Args[at].(*ast.BasicLit); ok {
			if name, err := strconv.Unquote(literal.Value); err == nil {
				packages = append(packages, name)
			}
		}
		return true
	})
	return packages
}

// calledName is the name of a called function, without its package's.
func calledName(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// TestChecksOfACopyWithoutGit: a script that finds nothing to check fails.
func TestChecksOfACopyWithoutGit(t *testing.T) {
	tools := []string{"bash", "env", "dirname", "sort", "grep", "find", "gofmt", "mktemp", "rm", "sed", "tee"}
	for _, script := range []string{"fuzz.sh", "lint.sh"} {
		r := newScriptRun(t, script, tools...)
		r.fake("go")
		if out, err := r.run(script, "1s"); err == nil || !strings.Contains(out, "found") || r.log() != "" {
			t.Errorf("%s, nothing to check: got %v\n%s%s", script, err, out, r.log())
		}
	}
	r := newScriptRun(t, "fuzz.sh", tools...)
	r.fake("go")
	r.write("internal/x/x_test.go", "package x\n\nfunc FuzzOne(f *testing.F) {}\n")
	if out, err := r.run("fuzz.sh", "1s"); !strings.Contains(r.log(), "-fuzz ^FuzzOne$ -fuzztime 1s") || !strings.Contains(r.log(), " ./internal/x\n") {
		t.Errorf("fuzz.sh: got %v\n%s%s", err, out, r.log())
	}
	r = newScriptRun(t, "lint.sh", tools...)
	r.fake("go")
	r.write("x/x.go", "package x\n\nvar  X = 1\n")
	if out, err := r.run("lint.sh"); err == nil || !strings.Contains(out, "./x/x.go") {
		t.Errorf("lint.sh, a file that is not formatted: got %v\n%s", err, out)
	}
	r.write("x/x.go", "package x\n\nvar X = 1\n")
	if out, err := r.run("lint.sh"); err != nil || !strings.Contains(r.log(), "go vet ./...") {
		t.Errorf("lint.sh: got %v\n%s%s", err, out, r.log())
	}
}
