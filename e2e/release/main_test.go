//go:build unix

// Package release tests what people install: the module as the Go tool installs
// it, the artefacts of a release with the tools that open them, and the program
// on systems other than this one.
package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// needAll skips what takes minutes, unless all tests were asked for.
func needAll(t *testing.T) {
	t.Helper()
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("takes minutes: make test-all runs it")
	}
}

// run runs a command in a folder, with more in its environment, and returns what
// it prints.
func run(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// version is the tag of the repositories that tests make.
const version = "v1.2.3"

// committed returns a repository with the sources as they are now, committed and
// tagged.
func committed(t *testing.T) string {
	t.Helper()
	git := rig.Need(t, "git", "git")
	root, err := filepath.Abs(rig.Root)
	if err != nil {
		t.Fatal(err)
	}
	repository := filepath.Join(t.TempDir(), "picoca.git")
	env := []string{
		"GIT_DIR=" + repository, "GIT_WORK_TREE=" + root, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-11-26T03:30:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-11-26T03:30:00Z",
	}
	for _, args := range []string{"init --quiet", "add --all .", "commit --quiet --message=all", "tag " + version} {
		run(t, root, env, append([]string{git}, strings.Fields(args)...)...)
	}
	return repository
}

// clone returns a clone of a repository, in a folder of its own.
func clone(t *testing.T, repository string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "picoca")
	run(t, "", nil, rig.Need(t, "git", "git"), "clone", "--quiet", repository, dir)
	return dir
}
