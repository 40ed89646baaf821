package output_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
)

func hintOf(err error) string {
	return fault.HintOf(err).Text(func(c fault.Command) string { return strings.Join(c, " ") })
}

// TestRefusals: what is in the way is named, with a hint, and nothing changes.
func TestRefusals(t *testing.T) {
	const another = "choose another place with --out"
	const force = another + ", or replace files of the same name with --force"
	own := output.Own(func(name string, data []byte) bool { return string(data) == "own" })
	for _, test := range []struct {
		name   string
		setup  func(dir string) error
		out    string
		policy output.Policy
		want   string // DIR stands for the folder above
		hint   string
	}{
		{"not empty", file("out/x"), "out", output.Empty, `output "DIR/out" already exists and is not empty`, force},
		{"the same file", file("out/cert.pem"), "out", output.Beside, `output "DIR/out/cert.pem" already exists`, force},
		{"the same file below", file("out/main/main.py"), "out", output.Beside, `output "DIR/out/main/main.py" already exists`, force},
		{"a file of others", file("out/cert.pem"), "out", own, `output "DIR/out/cert.pem" already exists and picoca did not write it`, force},
		{"a link", link("x", "out"), "out", output.Overwrite, `output "DIR/out" is a symbolic link`, another},
		{"a file", file("out"), "out", output.Overwrite, `output "DIR/out" is not a folder`, another},
		{"below a file", file("x"), "x/out", output.Overwrite, `output "DIR/x" is not a folder`, another},
		{"below nothing", file("x"), "none/out", output.Overwrite, `output "DIR/none": file does not exist`, "make that folder first, or " + another},
		{"a folder for a file", file("out/cert.pem/x"), "out", output.Overwrite, `output "DIR/out/cert.pem" is not a regular file`, another},
		{"a link for a file", link("x", "cert.pem"), ".", output.Overwrite, `output "DIR/cert.pem" is not a regular file`, another},
		{"a file for a folder", file("out/main"), "out", output.Overwrite, `output "DIR/out/main" is not a folder`, another},
		{"a link for a folder", link(".", "main"), ".", output.Overwrite, `output "DIR/main" is not a folder`, another},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.HasPrefix(test.name, "a link") {
				needsLinks(t)
			}
			dir := t.TempDir()
			must(t, test.setup(dir))
			before := tree(t, dir)
			err := write(filepath.Join(dir, test.out), set, output.Options{Policy: test.policy})
			want := strings.ReplaceAll(test.want, "DIR", dir)
			if got := fmt.Sprint(err); portablePath(got) != portablePath(want) {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := hintOf(err); got != test.hint {
				t.Errorf("hint: got %q, want %q", got, test.hint)
			}
			if got := tree(t, dir); got != before {
				t.Errorf("left\n%s\nwant\n%s", got, before)
			}
		})
	}
}

// needsLinks skips a test on Windows, where few users may make symbolic links.
func needsLinks(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links")
	}
}

// portablePath is a message with the slashes of POSIX in its path.
func portablePath(text string) string {
	if runtime.GOOS != "windows" {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, `\\`, "/"), `\`, "/")
}

// file makes a file, and the folders that it is in.
func file(name string) func(dir string) error {
	return func(dir string) error {
		name := filepath.Join(dir, name)
		return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("mine"), 0o644))
	}
}

func link(to, name string) func(dir string) error {
	return func(dir string) error { return os.Symlink(to, filepath.Join(dir, name)) }
}

// TestOtherFilesStay under each policy that allows them.
func TestOtherFilesStay(t *testing.T) {
	for name, policy := range map[string]output.Policy{
		"beside": output.Beside, "overwrite": output.Overwrite, "own": output.Own(func(string, []byte) bool { return false }),
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "main", "mine"), "mine")
		put(t, filepath.Join(dir, "mine"), "mine")
		if err := write(dir, set, output.Options{Policy: policy}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Count(tree(t, dir), `"mine"`); got != 2 {
			t.Errorf("%s: got\n%s", name, tree(t, dir))
		}
	}
}

// TestPaths that have no name of their own in the folder above.
func TestPaths(t *testing.T) {
	for _, out := range []string{".", "./", "..", "../b/../b", "x/..", "new/"} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "a", "b", "x"), 0o755))
		t.Chdir(filepath.Join(dir, "a", "b"))
		must(t, write(out, set, output.Options{Policy: output.Overwrite}))
		if data, err := os.ReadFile(filepath.Join(out, "cert.pem")); err != nil || string(data) != "new cert" {
			t.Errorf("%s: got %q, %v", out, data, err)
		}
	}
}

// TestEnclosedIsAskedForTheRealPath, whatever links lead there.
func TestEnclosedIsAskedForTheRealPath(t *testing.T) {
	needsLinks(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(dir, "ca", "issued"), 0o755))
	must(t, os.Symlink(filepath.Join("ca", "issued"), filepath.Join(dir, "link")))
	enclosed := func(asked string) bool { return strings.HasPrefix(asked, filepath.Join(dir, "ca")) }
	t.Chdir(dir)
	for _, out := range []string{"ca", "ca/x", "link/x", "./link/../ca/issued", filepath.Join(dir, "link", "x")} {
		err := write(out, set, output.Options{Policy: output.Overwrite, Enclosed: enclosed})
		if _, ok := errors.AsType[*output.EnclosedError](err); !ok || hintOf(err) == "" {
			t.Errorf("%s: got %v, want an EnclosedError with a hint", out, err)
		}
	}
	must(t, write("out", set, output.Options{Enclosed: enclosed}))
}

// TestWhatCannotBeLookedIntoIsReportedAsSuch, not as the folder of a CA, for which
// it must count.
func TestWhatCannotBeLookedIntoIsReportedAsSuch(t *testing.T) {
	t.Chdir(t.TempDir())
	out := strings.Repeat("a", 256)
	err := write(out, set, output.Options{Enclosed: func(string) bool { return true }})
	if _, ok := errors.AsType[*output.Error](err); !ok || !errors.Is(err, syscall.ENAMETOOLONG) || hintOf(err) == "" {
		t.Errorf("got %v, want an Error that says the name is too long", err)
	}
}

// TestFolderIsJudgedAgainUnderTheLock: the passphrase prompt may wait for hours.
func TestFolderIsJudgedAgainUnderTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	f, err := output.Open(dir, output.Options{Prefix: prefix})
	must(t, err)
	defer f.Close()
	put(t, filepath.Join(dir, "cert.pem"), "mine")
	if _, ok := errors.AsType[*output.ExistsError](f.Prepare([]string{"cert.pem"})); !ok {
		t.Error("what appeared since is not in the way")
	}
	must(t, os.Remove(filepath.Join(dir, "cert.pem")))
	must(t, f.Prepare([]string{"cert.pem"}))
	if err := f.Stage(set); err == nil {
		t.Error("files are staged that were not checked")
	}
	must(t, errors.Join(f.Stage(set[:1]), f.Commit()))
	if names, err := f.Names(); err != nil || !slices.Equal(names, []string{"cert.pem"}) {
		t.Errorf("got %q, %v", names, err)
	}
	if data, err := f.Read("cert.pem"); err != nil || string(data) != "new cert" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := f.Read("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestStoppedMidwaySaysWhichFilesAreNew, and the same command completes it.
func TestStoppedMidwaySaysWhichFilesAreNew(t *testing.T) {
	partial := 0
	for at := 1; ; at++ {
		dir := t.TempDir()
		for _, file := range set {
			put(t, filepath.Join(dir, file.Name), "old")
		}
		plan := &faultdisk.Plan{NoSync: true, At: at, Err: syscall.EIO}
		err := write(dir, set, output.Options{Policy: output.Overwrite, Wrap: plan.Wrap})
		if e, ok := errors.AsType[*output.PartialError](err); ok {
			partial++
			checkPartial(t, dir, e)
		} else if strings.Contains(tree(t, dir), "new ") && err != nil {
			t.Errorf("operation %d: %v does not say which files are new", at, err)
		}
		if !plan.Reached() {
			break
		}
	}
	if partial < len(set) {
		t.Errorf("%d runs stopped midway, want at least %d", partial, len(set))
	}
}

func checkPartial(t *testing.T, dir string, e *output.PartialError) {
	t.Helper()
	if hintOf(e) == "" || !errors.Is(e, syscall.EIO) || len(e.New)+len(e.Left) != len(set) {
		t.Errorf("got %v, hint %q; want all files, EIO and a hint", e, hintOf(e))
	}
	for want, names := range map[string][]string{"new ": e.New, "old": e.Left} {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil || !strings.HasPrefix(string(data), want) || len(e.Left) > 0 && !strings.Contains(e.Error(), name) {
				t.Errorf("%v: %s has %q, %v", e, name, data, err)
			}
		}
	}
}

// TestUnfinishedChange: Open does not judge a folder that one is in. What keeps
// it from its end is in the way of its own files only.
func TestUnfinishedChange(t *testing.T) {
	dir := t.TempDir()
	commit := filepath.Join(dir, prefix+"x.commit")
	put(t, filepath.Join(commit, "cert.pem"), "new")
	put(t, filepath.Join(dir, "key.pem"), "moved")
	f, err := output.Open(dir, output.Options{Prefix: prefix})
	must(t, err)
	must(t, f.Check([]string{"key.pem"}))
	if _, ok := errors.AsType[*output.ExistsError](f.Prepare([]string{"key.pem"})); !ok {
		t.Error("Prepare does not judge the folder")
	}
	must(t, f.Close())
	if got, want := tree(t, dir), portable("cert.pem -rw-r--r-- \"new\"\nkey.pem -rw-r--r-- \"moved\""); got != want {
		t.Errorf("after Prepare: got\n%s\nwant\n%s", got, want)
	}

	put(t, filepath.Join(commit, "cert.pem"), "newer")
	must(t, os.Remove(filepath.Join(dir, "cert.pem")))
	put(t, filepath.Join(dir, "cert.pem", "x"), "in the way")
	must(t, write(dir, []output.File{{Name: "other", Data: []byte("other")}}, output.Options{Policy: output.Overwrite}))
	err = write(dir, set[:1], output.Options{Policy: output.Overwrite})
	if err == nil || !strings.Contains(portablePath(err.Error()), portablePath(filepath.Join(dir, "cert.pem"))) || strings.Contains(err.Error(), ".picoca-") {
		t.Errorf("got %v, want an error that names cert.pem", err)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "cert.pem")))
	must(t, write(dir, set[:1], output.Options{Policy: output.Overwrite}))
	if got := tree(t, dir); strings.Contains(got, ".picoca-") || !strings.Contains(got, portable(`cert.pem -rw-r--r-- "new cert"`)) {
		t.Errorf("got\n%s", got)
	}
}

// TestSplit writes to the place that Split finds.
func TestSplit(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.Mkdir("folder", 0o755))
	for _, test := range []struct{ out, want string }{
		{"", "ca.pem"}, {"x.pem", "x.pem"}, {"folder", "folder/ca.pem"}, {"new/", "new/ca.pem"}, {"folder/x.pem", "folder/x.pem"},
	} {
		folder, base := output.Split(test.out, "ca.pem")
		files := []output.File{{Name: base, Data: []byte("ca")}}
		err := write(folder, files, output.Options{Policy: output.Beside})
		if data, readErr := os.ReadFile(test.want); err != nil || readErr != nil || string(data) != "ca" {
			t.Errorf("%q: got %q in %q, %v; want %q", test.out, base, folder, err, test.want)
		}
		if err := write(folder, files, output.Options{Policy: output.Beside, Flag: "--png"}); err == nil || !strings.Contains(hintOf(err), "--png") {
			t.Errorf("%q again: got %v, hint %q", test.out, err, hintOf(err))
		}
		if err := write(folder, files, output.Options{Policy: output.Overwrite}); err != nil {
			t.Errorf("%q again: %v", test.out, err)
		}
	}
}

// TestOnlyNotExistIsNotExist: that a name cannot be looked up is not that it is
// free.
func TestOnlyNotExistIsNotExist(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.EMFILE} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "cert.pem"), "mine")
		for at := 1; ; at++ {
			plan := &faultdisk.Plan{NoSync: true, At: at, Err: cause}
			err := write(dir, set[:1], output.Options{Policy: output.Beside, Wrap: plan.Wrap})
			if err == nil || !errors.Is(err, cause) && plan.Count() > at && !isExists(err) {
				t.Errorf("operation %d: got %v", at, err)
			}
			if got := tree(t, dir); got != portable(`cert.pem -rw-r--r-- "mine"`) {
				t.Fatalf("operation %d: got\n%s", at, got)
			}
			if !plan.Reached() {
				break
			}
		}
	}
}

func isExists(err error) bool {
	_, ok := errors.AsType[*output.ExistsError](err)
	return ok
}
