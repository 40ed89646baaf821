package push

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func TestDriveIsKnownByItsBootFile(t *testing.T) {
	d := open(t, Computer{OS: "linux"}, circuitPy(t))
	want := Board{boardIDText, "Raspberry Pi Pico W with rp2040", "circuitpython"}
	if d.Kind != Drive || d.Board != want {
		t.Errorf("got %s, %+v; want drive, %+v", d.Kind, d.Board, want)
	}
	if d := open(t, Computer{OS: "linux"}, t.TempDir()); d.Kind != Folder || d.Board != (Board{}) {
		t.Errorf("a folder without it: got %s, %+v; want folder", d.Kind, d.Board)
	}
}

func TestParseBootOut(t *testing.T) {
	for _, row := range []struct {
		text string
		want Board
	}{
		{"", Board{}},
		{"Adafruit CircuitPython 8.2.0 on 2023-07-05; Adafruit Feather with rp2040\r\nUID:de6185\r\nMAC:28:CD", Board{ID: "DE6185", Name: "Adafruit Feather with rp2040"}},
		{"UID:../../etc/passwd", Board{}},
		{"UID:" + strings.Repeat("A", 65), Board{}},
		{"x;\x1b[31mred\nUID: 12 ", Board{ID: "12"}},
		{strings.Repeat("x", 5000), Board{}},
	} {
		row.want.Firmware = "circuitpython"
		if got := parseBootOut(row.text); got != row.want {
			t.Errorf("%.40q: got %+v, want %+v", row.text, got, row.want)
		}
	}
}

func TestDriveReplacesThePair(t *testing.T) {
	dir := circuitPy(t)
	write(t, dir, "code.py", "mine")
	d := open(t, Computer{OS: "linux"}, dir)
	if done := mustPut(t, d, pair("one")); done[0].State != Written || done[1].State != Written {
		t.Errorf("first: got %+v, want written", done)
	}
	checkPair(t, dir, "one")
	if done := mustPut(t, d, pair("two")); done[1].State != Written {
		t.Errorf("second: got %+v, want written", done)
	}
	checkPair(t, dir, "two")
	if done := mustPut(t, d, pair("two")); done[0].State != Unchanged || done[1].State != Unchanged {
		t.Errorf("again: got %+v, want unchanged", done)
	}
	if got := content(t, dir, "code.py"); got != "mine" {
		t.Errorf("code.py: got %q", got)
	}
}

// hooked opens a folder whose operations a test can fail.
func hooked(t *testing.T, dir string, hook func(op, name string) error) *Device {
	t.Helper()
	d := open(t, Computer{OS: "linux"}, dir)
	d.conn.(*folder).hook = hook
	return d
}

// TestDriveFaultsAnywhere lets each single operation fail, once and for good.
// What a push reports is true, and the next one repairs what it left.
func TestDriveFaultsAnywhere(t *testing.T) {
	operations := 0
	dir := circuitPy(t)
	mustPut(t, open(t, Computer{OS: "linux"}, dir), pair("one"))
	mustPut(t, hooked(t, dir, func(string, string) error { operations++; return nil }), pair("two"))
	if operations < 10 {
		t.Fatalf("a push has %d operations: too few to be true", operations)
	}
	for _, gone := range []bool{false, true} {
		for at := 1; at <= operations; at++ {
			checkFault(t, at, gone)
		}
	}
}

// checkFault fails the operation at, and if the drive is gone then, all later
// ones.
func checkFault(t *testing.T, at int, gone bool) {
	t.Helper()
	dir := circuitPy(t)
	mustPut(t, open(t, Computer{OS: "linux"}, dir), pair("one"))
	n, last := 0, ""
	d := hooked(t, dir, func(op, name string) error {
		n++
		if n == at {
			last = op + " " + name
		}
		if n == at || gone && n > at {
			return syscall.EIO
		}
		return nil
	})
	name := func() string { return fmt.Sprintf("operation %d (%s), gone %t", at, last, gone) }
	_, err := d.Put(context.Background(), pair("two"), Options{})
	if err == nil {
		t.Errorf("%s: no error", name())
	}
	_, mixed := errors.AsType[*MixedError](err)
	_, leftover := errors.AsType[*LeftoverError](err)
	switch {
	case mixed && !gone:
		t.Errorf("%s: %v, but a single fault can be repaired", name(), err)
	case mixed: // and it says so
	case leftover && whole(t, dir, "two"):
	case !leftover && whole(t, dir, "one"):
	default:
		t.Errorf("%s: %v; the drive has neither the previous nor the new pair", name(), err)
	}
	mustPut(t, open(t, Computer{OS: "linux"}, dir), pair("two"))
	checkPair(t, dir, "two")
}

func whole(t *testing.T, dir, version string) bool {
	t.Helper()
	for _, file := range pair(version) {
		if content(t, dir, file.Name) != string(file.Data) {
			return false
		}
	}
	return true
}

// TestInterruptionLeavesOnePair cancels a push at each operation.
func TestInterruptionLeavesOnePair(t *testing.T) {
	for at := 1; ; at++ {
		dir := circuitPy(t)
		mustPut(t, open(t, Computer{OS: "linux"}, dir), pair("one"))
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		d := hooked(t, dir, func(string, string) error {
			if n++; n == at {
				cancel()
			}
			return nil
		})
		_, err := d.Put(ctx, pair("two"), Options{})
		want := "two"
		if errors.Is(err, context.Canceled) {
			want = "one"
		} else if err != nil {
			t.Fatal(err)
		}
		checkPair(t, dir, want)
		cancel()
		if n < at {
			return
		}
	}
}

func TestFullDrive(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EROFS} {
		dir := circuitPy(t)
		mustPut(t, open(t, Computer{OS: "linux"}, dir), pair("one"))
		d := hooked(t, dir, func(op, _ string) error {
			if op == "sync" {
				return err
			}
			return nil
		})
		_, got := d.Put(t.Context(), pair("two"), Options{})
		if !errors.Is(got, err) || fault.HintOf(got).IsZero() {
			t.Errorf("got %v, want %v with a hint", got, err)
		}
		checkPair(t, dir, "one")
	}
}

// damaging is a connection that reads back something else.
type damaging struct {
	*folder
	name string
}

func (d damaging) read(ctx context.Context, name string, most int) ([]byte, error) {
	data, err := d.folder.read(ctx, name, most)
	if name == d.name && len(data) > 0 {
		data[0] ^= 1
	}
	return data, err
}

func TestWhatReadsDifferentlyIsNotUsed(t *testing.T) {
	for _, name := range []string{"cert.der.new", "key.der.new"} {
		dir := circuitPy(t)
		d := open(t, Computer{OS: "linux"}, dir)
		mustPut(t, d, pair("one"))
		d.conn = damaging{d.conn.(*folder), name}
		_, err := d.Put(t.Context(), pair("two"), Options{})
		if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("%s: got %v, want a DamagedError", name, err)
		}
		checkPair(t, dir, "one")
	}
}

func TestSpaceIsCheckedFirst(t *testing.T) {
	dir := circuitPy(t)
	d := open(t, Computer{OS: "linux"}, dir)
	d.conn = small{d.conn.(*folder)}
	_, err := d.Put(t.Context(), pair("one"), Options{})
	if e, ok := errors.AsType[*SpaceError](err); !ok || e.Need != 2048 || e.Free != 1024 {
		t.Errorf("got %v, want a SpaceError of 2048 and 1024 bytes", err)
	}
	if got := content(t, dir, "cert.der.new"); got != "-" {
		t.Errorf("cert.der.new: got %q", got)
	}
}

type small struct{ *folder }

func (small) room(context.Context) (int64, int64, error) { return 1024, 1024, nil }

func TestForeignFilesNeedForce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "cert.der", "a bank's")
	d := open(t, Computer{OS: "linux"}, dir)
	files := pair("one")
	for i := range files {
		files[i].Ours = func(data []byte) bool { return strings.HasPrefix(string(data), "certificate") }
	}
	_, err := d.Put(t.Context(), files, Options{})
	if e, ok := errors.AsType[*ExistsError](err); !ok || len(e.Names) != 1 {
		t.Errorf("got %v, want an ExistsError with one name", err)
	}
	if got := content(t, dir, "cert.der"); got != "a bank's" {
		t.Errorf("cert.der: got %q", got)
	}
	if _, err := d.Put(t.Context(), files, Options{Force: true}); err != nil {
		t.Fatal(err)
	}
	checkPair(t, dir, "one")
}

// TestProjectKeepsWhatTheUserWrote: secrets stay, a changed program is copied.
func TestProjectKeepsWhatTheUserWrote(t *testing.T) {
	dir := circuitPy(t)
	for name, text := range map[string]string{"secrets.py": "my password", "main.py": "my program", "main.py.old": "my first"} {
		write(t, dir, name, text)
	}
	d := open(t, Computer{OS: "linux"}, dir)
	project := append(pair("one"),
		File{Name: "secrets.py", Data: []byte("..."), Keep: true},
		File{Name: "main.py", Data: []byte("program"), Copy: true, Ours: func(data []byte) bool { return string(data) == "program before" }})
	if _, err := d.Put(t.Context(), project, Options{}); err == nil {
		t.Error("a changed program was replaced without force")
	}
	done, err := d.Put(t.Context(), project, Options{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if done[2].State != Kept || done[3].Copy != "main.py.old2" {
		t.Errorf("got %+v, want secrets.py kept and main.py copied to main.py.old2", done)
	}
	for name, want := range map[string]string{"secrets.py": "my password", "main.py": "program", "main.py.old": "my first", "main.py.old2": "my program"} {
		if got := content(t, dir, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	write(t, dir, "main.py", "program before")
	mustPut(t, d, project)
	if got := content(t, dir, "main.py.old3") + content(t, dir, "main.py"); got != "-program" {
		t.Errorf("picoca's own program was kept: %q", got)
	}
}

func TestFolderThatWasFamiliar(t *testing.T) {
	d := open(t, Computer{OS: "linux"}, t.TempDir())
	_, err := d.Put(t.Context(), pair("one"), Options{Familiar: true})
	if _, ok := errors.AsType[*EmptyFolderError](err); !ok {
		t.Errorf("got %v, want an EmptyFolderError", err)
	}
	mustPut(t, d, pair("one"))
	if _, err := d.Put(t.Context(), pair("two"), Options{Familiar: true}); err != nil {
		t.Error(err)
	}
}

func TestFolderRefusesLinksAndFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, "cert.der", "elsewhere")
	if err := os.Symlink(filepath.Join(outside, "cert.der"), filepath.Join(dir, "cert.der")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, Computer{OS: "linux"}, dir).Put(t.Context(), pair("one"), Options{Force: true}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v, want it to name the link", err)
	}
	if got := content(t, outside, "cert.der"); got != "elsewhere" {
		t.Errorf("behind the link: got %q", got)
	}
}

// TestFolderKeepsModes: a server that reads its key as a group must go on doing
// so, and no one else.
func TestFolderKeepsModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes")
	}
	dir := t.TempDir()
	d := open(t, Computer{OS: "linux"}, dir)
	mustPut(t, d, pair("one"))
	checkMode(t, dir, "cert.der", 0o644)
	checkMode(t, dir, "key.der", 0o600)
	for name, mode := range map[string]os.FileMode{"cert.der": 0o664, "key.der": 0o644} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	mustPut(t, d, pair("two"))
	checkMode(t, dir, "cert.der", 0o664)
	checkMode(t, dir, "key.der", 0o640)
}

func checkMode(t *testing.T, dir, name string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || info.Mode() != want {
		t.Errorf("%s: got %v, %v; want %v", name, info.Mode(), err, want)
	}
}

// TestPulledOutDriveIsNotMistaken: the place is another folder by the time that
// the files are written.
func TestPulledOutDriveIsNotMistaken(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open folder cannot be moved")
	}
	dir := circuitPy(t)
	d := open(t, Computer{OS: "linux"}, dir)
	away := filepath.Join(t.TempDir(), "away")
	if err := errors.Join(os.Rename(dir, away), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	mustPut(t, d, pair("one"))
	checkPair(t, away, "one")
	if got := content(t, dir, "key.der"); got != "-" {
		t.Errorf("the folder in its place got a key")
	}
}

// TestDiskErrorsNameTheFile, and not what the system was asked for.
func TestDiskErrorsNameTheFile(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "openat", Path: "cert.der.new", Err: fs.ErrPermission}, `/drive: "cert.der.new": permission denied`},
		{&fs.PathError{Op: "open", Path: "/drive", Err: fs.ErrPermission}, "/drive: permission denied"},
		{&os.LinkError{Op: "renameat", Old: "key.der", New: "key.der.old", Err: fs.ErrPermission}, `/drive: "key.der": permission denied`},
		{errors.Join(&fs.PathError{Op: "write", Path: "key.der.new", Err: syscall.ENOSPC}, nil), `/drive: "key.der.new": no space left on device`},
		{errSilent, "/drive: no answer"},
	} {
		got := placeError("/drive", row.err)
		if got.Error() != row.want || !errors.Is(got, errors.Unwrap(row.err)) && errors.Unwrap(row.err) != nil {
			t.Errorf("%v: got %v, want %s", row.err, got, row.want)
		}
	}
}
