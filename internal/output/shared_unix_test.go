//go:build unix

package output_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/output"
)

// nobody is the other user of these tests.
const nobody = 65534

// sharedDir returns a folder that everybody can reach, with that mode.
func sharedDir(t testing.TB, mode fs.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, mode))
	return dir
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
}

// give makes the user nobody the owner of files and folders.
func give(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, os.Lchown(name, nobody, nobody))
	}
}

const sticky = 0o777 | fs.ModeSticky

// TestPlantedChangesAreIgnored: another user makes folders with the names of
// changes, in a shared folder. Nothing of them takes effect, and none is in the
// way, whether files are written into that folder or a new one in it.
func TestPlantedChangesAreIgnored(t *testing.T) {
	needRoot(t)
	for _, mode := range []fs.FileMode{0o777, sticky} {
		for name, out := range map[string]string{"into it": ".", "a folder in it": "x.local"} {
			dir := sharedDir(t, mode)
			put(t, filepath.Join(dir, "notes.txt"), "mine")
			for _, ending := range []string{".commit", ".stage"} {
				planted := filepath.Join(dir, prefix+"x"+ending)
				put(t, filepath.Join(planted, "notes.txt"), "planted")
				put(t, filepath.Join(planted, "deep", "notes.txt"), "planted")
				give(t, planted, filepath.Join(planted, "notes.txt"), filepath.Join(planted, "deep"))
				must(t, os.Chmod(filepath.Join(planted, "deep"), 0))
				pipe := filepath.Join(dir, prefix+"pipe"+ending)
				must(t, unix.Mkfifo(pipe, 0o600))
				link := filepath.Join(dir, prefix+"link"+ending)
				must(t, os.Symlink(planted, link))
				give(t, pipe, link)
			}
			before := tree(t, dir)
			if err := write(filepath.Join(dir, out), set[:2], output.Options{Policy: output.Overwrite}); err != nil {
				t.Errorf("mode %v, %s: %v", mode, name, err)
			}
			after := tree(t, dir)
			for line := range strings.SplitSeq(before, "\n") {
				if !strings.Contains(after, line) {
					t.Errorf("mode %v, %s: lost %s", mode, name, line)
				}
			}
		}
	}
}

// TestRenamedFoldersAreNotRemoved: where others can rename everything, they give
// the name of a change to a folder of the user.
func TestRenamedFoldersAreNotRemoved(t *testing.T) {
	for _, ending := range []string{".commit", ".stage"} {
		dir := sharedDir(t, 0o777)
		put(t, filepath.Join(dir, "notes.txt"), "mine")
		put(t, filepath.Join(dir, prefix+"x"+ending, "notes.txt"), "photos")
		before := tree(t, dir)
		must(t, write(dir, set[:1], output.Options{Policy: output.Overwrite}))
		must(t, os.Remove(filepath.Join(dir, "cert.pem")))
		if got := tree(t, dir); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", ending, got, before)
		}
	}
}

// TestCommitBesideANewFolderIsNotOurs: it belongs to a command that writes into
// the folder itself.
func TestCommitBesideANewFolderIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "ca.pem"), "old")
	put(t, filepath.Join(dir, prefix+"x.commit", "ca.pem"), "new")
	put(t, filepath.Join(dir, prefix+"y.stage", "ca.pem"), "new")
	must(t, write(filepath.Join(dir, "x.local"), set[:1], output.Options{}))
	must(t, os.RemoveAll(filepath.Join(dir, "x.local")))
	want := fmt.Sprintf("%[1]sx.commit drwxr-xr-x\n%[1]sx.commit/ca.pem -rw-r--r-- \"new\"\nca.pem -rw-r--r-- \"old\"", prefix)
	if got := tree(t, dir); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// swaps are what another user can put in the place of a change's folder.
func swaps(t testing.TB, precious string) map[string]func(name string) {
	return map[string]func(string){
		"a link":             func(name string) { must(t, os.Symlink(precious, name)) },
		"the user's folder":  func(name string) { must(t, os.Rename(precious, name)) },
		"a file of the user": func(name string) { must(t, os.Rename(filepath.Join(filepath.Dir(precious), "file"), name)) },
		"a folder of others": func(name string) {
			put(t, filepath.Join(name, "notes.txt"), "planted")
			give(t, name, filepath.Join(name, "notes.txt"))
		},
		"nothing": func(string) {},
	}
}

// TestSwappedFoldersLoseNothing: before each operation another user puts
// something else in the place of the change's folder. The command may fail. The
// user's other files stay, wherever they are then.
func TestSwappedFoldersLoseNothing(t *testing.T) {
	needRoot(t)
	for name := range swaps(t, "") {
		for _, exists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, folder exists %v", name, exists), func(t *testing.T) {
				t.Parallel()
				for at := 1; swapAt(t, at, name, exists); at++ {
				}
			})
		}
	}
}

// swapAt runs a command with a swap before one operation, and again without. It
// reports whether there is such an operation.
func swapAt(t *testing.T, at int, name string, exists bool) bool {
	above := sharedDir(t, 0o777)
	work, out := above, "out"
	if exists {
		out = "."
		put(t, filepath.Join(above, "main", "mine"), "mine")
	}
	precious := filepath.Join(above, "precious")
	put(t, filepath.Join(precious, "notes.txt"), "precious")
	put(t, filepath.Join(precious, "cert.pem"), "precious")
	put(t, filepath.Join(above, "file"), "precious")
	put(t, filepath.Join(above, "notes.txt"), "notes")
	do := swaps(t, precious)[name]
	swapped := false
	plan := &faultdisk.Plan{NoSync: true, Before: func(operation int) {
		if operation == at {
			swapped = swap(t, work, do)
		}
	}}
	options := output.Options{Policy: output.Overwrite, Wrap: plan.Wrap}
	err := write(filepath.Join(above, out), set, options)
	if !swapped {
		return plan.Count() > at
	}
	for range 2 {
		got := tree(t, above)
		if n := strings.Count(got, `"precious"`); n != 3 {
			t.Fatalf("operation %d, %v: %d of 3 precious files are left:\n%s", at, err, n, got)
		}
		if n := strings.Count(got, `notes.txt -rw-r--r-- "notes"`); n != 1 {
			t.Fatalf("operation %d, %v: notes.txt is not as it was:\n%s", at, err, got)
		}
		plan.Before = nil
		err = write(filepath.Join(above, "other"), set, options)
	}
	return true
}

// swap replaces the change's folder, if there is one.
func swap(t testing.TB, dir string, put func(name string)) bool {
	found, err := filepath.Glob(filepath.Join(dir, ".picoca-*"))
	must(t, err)
	for _, name := range found {
		must(t, os.Rename(name, filepath.Join(dir, "moved-"+filepath.Base(name))))
		put(name)
	}
	return len(found) > 0
}

// TestUmaskOfAll: the folder and files can be used by their owner whatever the
// umask, and are never wider than asked.
func TestUmask(t *testing.T) {
	for umask, want := range map[int][3]fs.FileMode{
		0o777: {0o700, 0o600, 0o600}, 0o700: {0o755, 0o644, 0o600}, 0o277: {0o700, 0o600, 0o600}, 0o022: {0o755, 0o644, 0o600}, 0o027: {0o750, 0o640, 0o600},
	} {
		t.Run(fmt.Sprintf("%03o", umask), func(t *testing.T) {
			if !asNobody(t) {
				return
			}
			dir := os.Getenv("OUTPUT_TEST_DIR")
			for _, out := range []string{"flat", "flat", "again"} { // the second replaces
				before := syscall.Umask(umask)
				err := write(filepath.Join(dir, out), set, output.Options{Policy: output.Overwrite})
				syscall.Umask(before)
				must(t, err)
				for i, name := range []string{"main", "cert.pem", "key.pem"} {
					info, err := os.Stat(filepath.Join(dir, out, name))
					must(t, err)
					if got := info.Mode().Perm(); got != want[i] {
						t.Errorf("%s/%s: got mode %04o, want %04o", out, name, got, want[i])
					}
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".picoca-*")); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestUnreadableLeftoverIsNoObstacle: earlier versions left a folder with mode
// 0 under a umask of 777.
func TestUnreadableLeftoverIsNoObstacle(t *testing.T) {
	if !asNobody(t) {
		return
	}
	dir := filepath.Join(os.Getenv("OUTPUT_TEST_DIR"), "private")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Mkdir(filepath.Join(dir, prefix+"x.stage"), 0))
	must(t, write(filepath.Join(dir, "out"), set, output.Options{}))
	if left, _ := filepath.Glob(filepath.Join(dir, ".picoca-*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestFilesOfOthersInAStickyFolder: only their owner may replace them.
func TestFilesOfOthersInAStickyFolder(t *testing.T) {
	if os.Getenv("OUTPUT_TEST_DIR") == "" {
		needRoot(t)
	}
	if !asNobody(t) {
		return
	}
	dir := filepath.Join(os.Getenv("OUTPUT_TEST_DIR"), "sticky")
	err := write(dir, set[:1], output.Options{Policy: output.Overwrite})
	if exists, ok := errors.AsType[*output.ExistsError](err); !ok || exists.Force || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("got %v, want an ExistsError", err)
	}
	must(t, write(dir, set[1:2], output.Options{Policy: output.Overwrite}))
}

// asNobody reports whether the test runs as an ordinary user, in the folder
// OUTPUT_TEST_DIR. As root it runs the test again as the user nobody, and reports false.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Getenv("OUTPUT_TEST_DIR") != "" {
		return true
	}
	dir := sharedDir(t, 0o777)
	if os.Geteuid() != 0 {
		t.Setenv("OUTPUT_TEST_DIR", dir)
		return true
	}
	must(t, os.Mkdir(filepath.Join(dir, "sticky"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "sticky"), sticky))
	put(t, filepath.Join(dir, "sticky", "cert.pem"), "root's")
	self, err := os.Executable()
	must(t, err)
	program, err := os.ReadFile(self)
	must(t, err)
	copied := filepath.Join(sharedDir(t, 0o755), "output.test")
	must(t, os.WriteFile(copied, program, 0o755))
	cmd := exec.Command(copied, "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OUTPUT_TEST_DIR="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "--- PASS: "+t.Name()) {
		t.Errorf("as nobody: %v\n%s", err, said)
	}
	return false
}

// TestOwnerGetsEverything: under sudo nothing of root's is left behind, whether
// or not the command ends early.
func TestOwnerGetsEverything(t *testing.T) {
	needRoot(t)
	owner := &output.Owner{UID: nobody, GID: nobody}
	for _, exists := range []bool{false, true} {
		for at := 1; ; at++ {
			dir := t.TempDir()
			give(t, dir)
			if exists {
				put(t, filepath.Join(dir, "out", "main", "mine"), "mine")
				give(t, filepath.Join(dir, "out"), filepath.Join(dir, "out", "main"), filepath.Join(dir, "out", "main", "mine"))
			}
			plan := &faultdisk.Plan{NoSync: true, At: at}
			options := output.Options{Policy: output.Overwrite, Owner: owner, Wrap: plan.Wrap}
			err, killed := plan.Run(func() error { return write(filepath.Join(dir, "out"), set, options) })
			must(t, err)
			checkOwner(t, dir, fmt.Sprintf("exists %v, operation %d", exists, at))
			options.Wrap = nil
			must(t, write(filepath.Join(dir, "out"), set, options))
			checkOwner(t, dir, fmt.Sprintf("exists %v, again after operation %d", exists, at))
			if got := strings.Count(tree(t, dir), "\"new "); got != 3 || strings.Contains(tree(t, dir), ".picoca-") {
				t.Errorf("exists %v, again after operation %d: got\n%s", exists, at, tree(t, dir))
			}
			if !killed {
				break
			}
		}
	}
}

func checkOwner(t *testing.T, dir, when string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != nobody {
			t.Errorf("%s: %s is root's", when, strings.TrimPrefix(name, dir+"/"))
		}
		return err
	}))
}

// TestNothingWaitsForAPipe that another user has put where a file is read.
func TestNothingWaitsForAPipe(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "cert.pem"), 0o600))
	must(t, unix.Mkfifo(filepath.Join(dir, "main"), 0o600))
	own := output.Own(func(string, []byte) bool { return true })
	for _, files := range [][]output.File{set[:1], set[2:]} {
		if _, ok := errors.AsType[*output.ExistsError](write(dir, files, output.Options{Policy: own})); !ok {
			t.Errorf("%s is a pipe: no ExistsError", files[0].Name)
		}
	}
	for _, out := range []string{"main", "main/x"} {
		if _, ok := errors.AsType[*output.ExistsError](write(filepath.Join(dir, out), set, output.Options{})); !ok {
			t.Errorf("%s: main is a pipe: no ExistsError", out)
		}
	}
}

// TestHandlesAreClosed whatever goes wrong.
func TestHandlesAreClosed(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc/self/fd shows which handles are open")
	}
	dir := t.TempDir()
	options := output.Options{Policy: output.Overwrite}
	must(t, write(filepath.Join(dir, "old"), set, options))
	for at := 1; ; at++ {
		reached := false
		for _, out := range []string{"old", fmt.Sprint("new", at)} {
			plan := &faultdisk.Plan{NoSync: true, At: at, Err: syscall.EIO}
			options.Wrap = plan.Wrap
			err := write(filepath.Join(dir, out), set, options)
			if open := openBelow(t, dir); len(open) > 0 {
				t.Fatalf("operation %d, %s: %v; open are %q", at, out, err, open)
			}
			reached = reached || plan.Reached()
		}
		if !reached {
			break
		}
	}
}

// openBelow lists what this process has open below a folder.
func openBelow(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	var open []string
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil && strings.HasPrefix(target, dir) {
			open = append(open, target)
		}
	}
	return open
}
