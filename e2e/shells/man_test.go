//go:build unix

package shells

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// pages writes the man pages to a folder, and returns what each holds by its name.
func pages(t *testing.T) (dir string, all map[string]string) {
	t.Helper()
	dir = t.TempDir()
	generate := exec.Command("go", "run", rig.Root+"/tools/man", dir, "2026-11-26")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	all = map[string]string{}
	for _, file := range files {
		all[strings.TrimSuffix(filepath.Base(file), ".1")] = string(rig.ReadFile(t, file))
	}
	return dir, all
}

// listed are the commands in a help text.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+)  `)

// commandsBelow returns the pages that a command and all below it must have.
func commandsBelow(t *testing.T, words ...string) []string {
	t.Helper()
	names := []string{strings.Join(append([]string{"picoca"}, words...), "-")}
	out, err := exec.Command(rig.Program(), append(words, "--help")...).Output()
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	for _, command := range listed.FindAllStringSubmatch(string(out), -1) {
		names = append(names, commandsBelow(t, append(slices.Clone(words), command[1])...)...)
	}
	return names
}

// TestEveryCommandHasAManPage that three programs render without a warning.
func TestEveryCommandHasAManPage(t *testing.T) {
	mandoc, groff, man := rig.Need(t, "mandoc", "mandoc"), rig.Need(t, "groff", "groff-base"), rig.Need(t, "man", "man-db")
	dir, all := pages(t)
	commands := commandsBelow(t)
	if len(commands) < 15 || !slices.Contains(commands, "picoca-export-crl") {
		t.Errorf("got only the commands %q", commands)
	}
	for _, name := range commands {
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"} {
			if !strings.Contains(all[name], "\n.SH \""+section+"\"\n") {
				t.Errorf("%s.1 has no section %s", name, section)
			}
		}
	}
	for name := range all {
		file := filepath.Join(dir, name+".1")
		for _, render := range [][]string{{mandoc, "-T", "lint", "-W", "warning", file}, {groff, "-ww", "-man", "-Tutf8", "-z", file}} {
			if out, err := exec.Command(render[0], render[1:]...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s %s: %v\n%s", filepath.Base(render[0]), name, err, out)
			}
		}
	}
	show := exec.Command(man, "--warnings", "-l", filepath.Join(dir, "picoca-issue.1"))
	show.Env = append(os.Environ(), "MANPAGER=cat", "MANWIDTH=80", "LC_ALL=C.UTF-8")
	out, err := show.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "picoca issue pico.local") || !strings.Contains(string(out), "--for DEVICE") {
		t.Errorf("man: %v\n%s", err, out)
	}
}

var getenv = regexp.MustCompile(`Getenv\("([A-Za-z_]+)"\)`)

// TestManPagesNameEveryVariable that the program reads.
func TestManPagesNameEveryVariable(t *testing.T) {
	_, all := pages(t)
	_, page, _ := strings.Cut(all["picoca"], `.SH "ENVIRONMENT"`)
	sources, err := filepath.Glob(rig.Root + "/internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, name := range getenv.FindAllStringSubmatch(string(rig.ReadFile(t, source)), -1) {
			found++
			if !strings.Contains(page, name[1]) {
				t.Errorf("%s reads %s, which the man pages do not explain", source, name[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("got %d variables in the sources", found)
	}
}
