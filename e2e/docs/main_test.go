//go:build linux

// Package docs does what a new user does who follows the pages: it runs their
// commands, page by page, in an empty folder with an empty home.
package docs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// inside says in the environment that the namespace has been entered.
const inside = "PICOCA_DOCS_NAMESPACE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		rig.Main(m)
	}
	os.Exit(enter())
}

// enter runs these tests again in a namespace.
func enter() int {
	work, err := os.MkdirTemp("", "picoca-docs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	args := []string{"--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"}
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
	return 0
}
