package formats

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestZlintFindsNothing lints roots and leaves of every kind; what is accepted
// is listed in tools/zlint with its reason.
func TestZlintFindsNothing(t *testing.T) {
	tool := buildZlint(t)
	var files []string
	for _, key := range []string{"p256", "p384", "rsa-2048", "rsa-3072", "rsa-4096"} {
		for _, flags := range [][]string{nil, {"--strict-constraints"}, {"--permit", "home.example.com"}} {
			h := rig.NewHome(t, append([]string{"--key", key}, flags...)...)
			kinds := everyKind[:1]
			if flags == nil && (key == "p256" || key == "rsa-2048") {
				kinds = everyKind // the others' leaves differ only in the signature
			}
			files = append(files, h.RootFile("store", "cert.pem"))
			files = append(files, issueKinds(h, kinds)...)
		}
	}
	if out, err := exec.Command(tool, files...).CombinedOutput(); err != nil {
		t.Errorf("zlint: %v\n%s", err, out)
	}
	// A certificate that it must not pass.
	if out, err := exec.Command(tool, "testdata/bad.pem").CombinedOutput(); err == nil {
		t.Errorf("zlint passes a bad certificate\n%s", out)
	}
}

func buildZlint(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "zlint")
	build := exec.Command("go", "build", "-o", tool, ".")
	build.Dir = rig.Root + "/tools/zlint"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return tool
}

// everyKind are the arguments of issue, one row for each kind of leaf.
var everyKind = [][]string{
	{"pico.local"},
	{"many.local", "*.pico.local", "büro.local", "192.168.1.20", "fd00::1", "--key", "rsa-2048"},
	{strings.Repeat("a", 62) + ".local"}, // too long for a common name
	{"192.168.1.20"},
	{"fd00::1"},
	{"board.local", "--board-clock"},
	{"p384.local", "--key", "p384", "--force"},
	{"rsa3072.local", "--key", "rsa-3072", "--force"},
	{"rsa4096.local", "--key", "rsa-4096", "--force"},
	{"identity", "kitchen-tablet", "--show-passphrase"},
	{"identity", "Anna's phone, büro", "--key", "rsa-2048", "--show-passphrase"},
	{"identity", "board", "--board-clock", "--show-passphrase"},
}

// issueKinds issues a certificate of each kind, and returns their files.
func issueKinds(h rig.Home, kinds [][]string) []string {
	h.T.Helper()
	for i, args := range kinds {
		if args[0] != "identity" {
			args = append([]string{"issue"}, args...)
		}
		h.Run(append(args, "--out", fmt.Sprint("out", i))...)
	}
	files, err := filepath.Glob(h.Path("store", "issued", "*", "*", "cert.pem"))
	if err != nil || len(files) != len(kinds) {
		h.T.Fatalf("the store has %d certificates, want %d: %v", len(files), len(kinds), err)
	}
	return files
}
