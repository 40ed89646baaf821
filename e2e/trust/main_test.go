// Package trust tests what this computer's programs accept after picoca's roots
// were added to its trust stores, and after they were taken out. It runs in a
// mount namespace of its own, so that the computer stays as it is.
//
// The command goes through each kind of store once. With PICOCA_TEST_ALL=1 every
// layout that the stores have is gone through, twice.
package trust

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// inside says in the environment that the namespace has been entered.
const inside = "PICOCA_TRUST_NAMESPACE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		rig.Main(m)
	}
	os.Exit(enter())
}

// enter runs these tests again, in a namespace. It fails if they changed this
// computer's stores.
func enter() int {
	before := stores()
	work, err := os.MkdirTemp("", "picoca-trust-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	args := []string{"--mount", "--propagation", "private"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "testdata/namespace.sh", work)
	cmd := exec.Command("unshare", append(args, os.Args...)...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "unshare:", err)
		return 1
	}
	if !maps.Equal(before, stores()) {
		fmt.Fprintln(os.Stderr, "the tests changed this computer's own trust stores")
		return 1
	}
	return 0
}

// stores returns what the folders that picoca may write to hold.
func stores() map[string]string {
	return snapshot("/etc/ssl", "/usr/local/share/ca-certificates", "/etc/ca-certificates", "/etc/firefox", "/etc/chromium")
}

// snapshot maps the files and links below some folders to their modes and
// contents.
func snapshot(dirs ...string) map[string]string {
	all := map[string]string{}
	for _, dir := range dirs {
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				all[path] = describe(path, entry)
			}
			return nil
		})
	}
	return all
}

func describe(path string, entry fs.DirEntry) string {
	info, err := entry.Info()
	if err != nil {
		return err.Error()
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, _ := os.Readlink(path)
		return "-> " + target
	}
	data, _ := os.ReadFile(path)
	return fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(data))
}
