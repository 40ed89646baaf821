package output_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/output"
)

var prefix = output.Prefix([]byte("root"))

// set is what the tests write: two files, and one in a folder.
var set = []output.File{
	{Name: "cert.pem", Data: []byte("new cert")},
	{Name: "key.pem", Data: []byte("new key"), Private: true},
	{Name: "main/main.py", Data: []byte("new main")},
}

func namesOf(files []output.File) []string {
	var names []string
	for _, file := range files {
		names = append(names, file.Name)
	}
	return names
}

// write runs a whole change.
func write(dir string, files []output.File, options output.Options) (err error) {
	options.Prefix = prefix
	f, err := output.Open(dir, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Prepare(namesOf(files)); err != nil {
		return err
	}
	if err := f.Stage(files); err != nil {
		return err
	}
	return f.Commit()
}

// tree shows all that is below a folder: a line for each path.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		// A run that ends between the rename and the last call leaves the sticky
		// bit, which means nothing for a folder that only its owner can write to.
		mode := info.Mode()
		if mode&0o022 == 0 {
			mode &^= fs.ModeSticky
		}
		line := fmt.Sprintf("%s %v", filepath.ToSlash(name[len(dir)+1:]), mode)
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", data)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return portable(strings.Join(lines, "\n"))
}

// portable leaves out the modes where the system has none.
func portable(tree string) string {
	if runtime.GOOS != "windows" {
		return tree
	}
	return regexp.MustCompile(` [d-][rwx-]{9}`).ReplaceAllString(tree, "")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, name, data string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(data), 0o644))
}

const newSet = `out drwxr-xr-x
out/cert.pem -rw-r--r-- "new cert"
out/key.pem -rw------- "new key"
out/main drwxr-xr-x
out/main/main.py -rw-r--r-- "new main"`

// scenario is a change of a folder that may be interrupted.
type scenario struct {
	name     string
	mode     fs.FileMode // of the folder above
	setup    func(t testing.TB, above string)
	policy   output.Policy
	old, new string
}

func scenarios() []scenario {
	const oldFlat = "out drwxr-xr-x\nout/cert.pem -rw-r--r-- \"old\"\nout/key.pem -rw-r--r-- \"old\"\nout/mine -rw-r--r-- \"mine\""
	const newFlat = "out drwxr-xr-x\nout/cert.pem -rw-r--r-- \"new cert\"\nout/key.pem -rw------- \"new key\"\nout/main drwxr-xr-x\n" +
		"out/main/main.py -rw-r--r-- \"new main\"\nout/mine -rw-r--r-- \"mine\""
	flat := func(t testing.TB, above string) {
		put(t, filepath.Join(above, "out", "cert.pem"), "old")
		put(t, filepath.Join(above, "out", "key.pem"), "old")
		put(t, filepath.Join(above, "out", "mine"), "mine")
	}
	const oldTree = "out drwxr-xr-x\nout/cert.pem -rw-r--r-- \"old\"\nout/main drwxr-xr-x\nout/main/main.py -rw-r--r-- \"old\"\nout/main/mine -rw-r--r-- \"mine\""
	const newTree = newSet + "\nout/main/mine -rw-r--r-- \"mine\""
	deep := func(t testing.TB, above string) {
		put(t, filepath.Join(above, "out", "cert.pem"), "old")
		put(t, filepath.Join(above, "out", "main", "main.py"), "old")
		put(t, filepath.Join(above, "out", "main", "mine"), "mine")
	}
	isOld := output.Own(func(_ string, data []byte) bool {
		return string(data) == "old" || strings.HasPrefix(string(data), "new ")
	})
	all := []scenario{
		{"new folder", 0o755, func(testing.TB, string) {}, output.Empty, "", newSet},
		{"new folder where others write", 0o777, func(testing.TB, string) {}, output.Empty, "", newSet},
		{"new folder in a sticky one", 0o777 | fs.ModeSticky, func(testing.TB, string) {}, output.Empty, "", newSet},
		{"empty folder", 0o755, func(t testing.TB, above string) { must(t, os.Mkdir(filepath.Join(above, "out"), 0o755)) }, output.Empty, "out drwxr-xr-x", newSet},
		{"replace all", 0o755, flat, output.Overwrite, oldFlat, newFlat},
		{"replace own", 0o755, flat, isOld, oldFlat, newFlat},
		{"replace in a tree", 0o755, deep, output.Overwrite, oldTree, newTree},
		{"replace own in a tree", 0o755, deep, isOld, oldTree, newTree},
	}
	for i := range all {
		all[i].old, all[i].new = portable(all[i].old), portable(all[i].new)
	}
	return all
}

func (s scenario) begin(t testing.TB) (above string) {
	above = t.TempDir()
	must(t, os.Chmod(above, s.mode))
	s.setup(t, above)
	return above
}

func (s scenario) run(above string, plan *faultdisk.Plan) (error, bool) {
	plan.NoSync = true
	return plan.Run(func() error {
		return write(filepath.Join(above, "out"), set, output.Options{Policy: s.policy, Wrap: plan.Wrap})
	})
}

// steps counts the operations of a run that meets no fault.
func (s scenario) steps(t testing.TB) int {
	t.Helper()
	plan := &faultdisk.Plan{}
	above := s.begin(t)
	if err, _ := s.run(above, plan); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, above); got != s.new {
		t.Fatalf("got\n%s\nwant\n%s", got, s.new)
	}
	return plan.Count()
}

// checkWhole checks what is visible in the folder against all old or all new,
// unless a change is committed there that the next run completes.
func (s scenario) checkWhole(t testing.TB, above, when string) {
	t.Helper()
	lines := strings.Split(tree(t, above), "\n")
	if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, ".commit") }) {
		return
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, ".picoca-") })
	if got := strings.Join(lines, "\n"); got != s.old && got != s.new {
		t.Fatalf("%s: neither old nor new:\n%s", when, got)
	}
}

// checkAgain runs the same command again. A folder that was empty and is not is
// refused, and then it is whole.
func (s scenario) checkAgain(t testing.TB, above, when string) {
	t.Helper()
	err, _ := s.run(above, &faultdisk.Plan{})
	if exists, ok := errors.AsType[*output.ExistsError](err); err != nil && (!ok || !strings.Contains(s.name, " folder") && s.name != "empty folder" || !exists.Force) {
		t.Fatalf("%s, then again: %v", when, err)
	}
	if got := tree(t, above); got != s.new {
		t.Fatalf("%s, then again: got\n%s\nwant\n%s", when, got, s.new)
	}
}

// TestInterruptedAtEveryOperation ends the process before each operation, lets
// each fail once, and lets all fail from each on.
func TestInterruptedAtEveryOperation(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			steps := s.steps(t)
			for at := 1; at <= steps; at++ {
				for _, plan := range []*faultdisk.Plan{
					{At: at}, {At: at, Err: syscall.EMFILE}, {At: at, Err: syscall.ENOSPC, ForGood: true},
				} {
					above := s.begin(t)
					err, killed := s.run(above, plan)
					when := fmt.Sprintf("operation %d: killed %v, %v", at, killed, err)
					if killed != (plan.Err == nil) {
						t.Fatalf("%s: the plan was not carried out", when)
					}
					if err != nil && strings.Contains(err.Error(), ".picoca-") {
						t.Errorf("%s: shows a folder of a change", when)
					}
					s.checkWhole(t, above, when)
					s.checkAgain(t, above, when)
				}
			}
		})
	}
}
