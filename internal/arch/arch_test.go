package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/picoca/picoca"
	root   = "../.."
)

// all stands for every package below internal.
var all = []string{"*"}

// imports is who may import whom, of ours. Arrows go one way: nothing that a
// package may import may import it. A new package is a new row.
var imports = map[string][]string{
	"cmd/picoca":                 {"internal/cli"},
	"internal/cli":               all,
	"internal/arch":              nil,
	"tools/man":                  {"internal/cli", "internal/fault"},
	"internal/errno":             nil,
	"internal/fault":             nil,
	"internal/pki":               {"internal/ca", "internal/device", "internal/export", "internal/example", "internal/store", "internal/output", "internal/durable", "internal/backup", "internal/backup/paper", "internal/keys", "internal/delegate", "internal/onboard", "internal/push", "internal/errno", "internal/fault"},
	"internal/output":            {"internal/durable", "internal/durable/osdisk", "internal/errno", "internal/fault"},
	"internal/ca":                {"internal/fault"},
	"internal/device":            {"internal/fault"},
	"internal/durable":           nil,
	"internal/durable/osdisk":    {"internal/durable"},
	"internal/durable/faultdisk": {"internal/durable"},
	"bench":                      {"internal/ca", "internal/store", "internal/durable/faultdisk"},
	"internal/example":           {"internal/export", "internal/fault"},
	"internal/export":            {"internal/ca", "internal/fault"},
	"internal/onboard":           {"internal/ca", "internal/errno", "internal/fault"},
	"internal/store":             {"internal/ca", "internal/durable", "internal/durable/osdisk", "internal/errno", "internal/fault"},
	"internal/trust":             {"internal/ca", "internal/fault"},
	"internal/testpki":           {"internal/ca"},
	"internal/testcli":           {"internal/cli"},
	"internal/push":              {"internal/errno", "internal/fault"},
	"internal/probe":             {"internal/ca", "internal/errno", "internal/fault"},
	"internal/backup/paper":      {"internal/ca", "internal/fault"},
	"internal/backup":            {"internal/durable", "internal/fault"},
	"internal/delegate":          {"internal/fault"},
	"internal/keys":              {"internal/fault"},
	"internal/terminal":          {"internal/errno", "internal/fault"},
}

// planned are rows of packages that do not exist yet.
var planned = []string{
	"internal/arch",
}

// testOnly are the packages for tests and the bench: not even the command line
// may import them.
var testOnly = []string{"internal/durable/faultdisk", "internal/testpki", "internal/testcli"}

// pure are the packages without files and words of their own.
var pure = []string{"internal/ca", "internal/device", "internal/example", "internal/export", "internal/durable", "internal/fault"}

// exclusive are packages of others that only one package of ours uses, beside the
// tools, which are not in the program.
var exclusive = map[string]string{
	"github.com/spf13/cobra": "internal/cli",
	"github.com/spf13/pflag": "internal/cli",
}

// load parses the sources of every package of the module, tests left out. It
// asks no build tool: the test's cached result would outlive a bad import.
func load(t testing.TB, fset *token.FileSet) map[string][]*ast.File {
	t.Helper()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skip(name, entry)
		case !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		packages[filepath.ToSlash(dir)] = append(packages[filepath.ToSlash(dir)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// skip leaves out what the go command leaves out: other modules, and folders
// that hold no packages.
func skip(name string, entry fs.DirEntry) error {
	if name == root {
		return nil
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	if base := entry.Name(); err == nil || base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	return nil
}

func TestArchitectureHolds(t *testing.T) {
	fset := token.NewFileSet()
	packages := load(t, fset)
	for dir, files := range packages {
		for _, fault := range check(fset, dir, files) {
			t.Error(fault)
		}
	}
	// A checker that sees nothing finds nothing.
	for dir := range imports {
		if len(packages[dir]) == 0 && !slices.Contains(planned, dir) {
			t.Errorf("%s: has no sources", dir)
		}
	}
	if !slices.ContainsFunc(packages["cmd/picoca"], func(f *ast.File) bool { return len(clockReads(fset, f)) > 0 }) {
		t.Error("cmd/picoca: reads no clock, so the check for it sees nothing")
	}
}

// TestArrowsGoOneWay holds the table itself: no package may import, over any
// number of others, itself.
func TestArrowsGoOneWay(t *testing.T) {
	var reach func(from, to string, seen map[string]bool) bool
	reach = func(from, to string, seen map[string]bool) bool {
		for _, next := range imports[from] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				if reach(next, to, seen) {
					return true
				}
			}
		}
		return false
	}
	for dir, may := range imports {
		if reach(dir, dir, map[string]bool{}) {
			t.Errorf("%s may import itself", dir)
		}
		if slices.Contains(may, "*") && dir != "internal/cli" {
			t.Errorf("%s may import everything", dir)
		}
		if slices.Contains(may, "internal/cli") && dir != "cmd/picoca" && dir != "tools/man" && !slices.Contains(testOnly, dir) {
			t.Errorf("%s may import the command line", dir)
		}
	}
}

func TestProgramIsSmall(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "cmd", "picoca", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(data, []byte("\n")); lines > 30 {
		t.Errorf("cmd/picoca/main.go has %d lines, want what a process hands in and nothing else", lines)
	}
}

// checkImports checks a file against the table.
func checkImports(dir string, file *ast.File) []string {
	var faults []string
	may, known := imports[dir]
	if !known && strings.HasPrefix(dir, "internal/") {
		faults = append(faults, dir+": is not in the table of who may import whom")
	}
	for _, spec := range file.Imports {
		target := strings.Trim(spec.Path.Value, `"`)
		ours, isOurs := strings.CutPrefix(target, module+"/")
		switch {
		case isOurs && !slices.Contains(may, ours) && !slices.Contains(may, "*"):
			faults = append(faults, dir+": may not import "+ours)
		case slices.Contains(testOnly, ours) && dir != "bench":
			faults = append(faults, dir+": imports "+ours+", which is for tests only")
		case slices.Contains(pure, dir) && isEffect(target):
			faults = append(faults, dir+": has no files and no words of its own, and imports "+target)
		}
		if user, ok := exclusive[target]; ok && user != dir && !strings.HasPrefix(dir, "tools/") && !slices.Contains(testOnly, dir) {
			faults = append(faults, dir+": imports "+target+", which is only for "+user)
		}
		if spec.Name != nil && spec.Name.Name == "." {
			faults = append(faults, dir+": imports "+target+" without a name")
		}
	}
	return faults
}

func isEffect(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return first == "os" || first == "log" || path.Base(target) == "syscall"
}
