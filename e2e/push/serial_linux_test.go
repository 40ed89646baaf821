package push

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// program counts its starts, and goes on until Ctrl-C.
const program = `import time
with open("starts", "a") as f:
    f.write("x")
while True:
    time.sleep(0.05)
`

// TestSerialPort pushes to the real MicroPython while its program runs, which
// runs again afterwards: certificate and key, a project of some 20 KB, and a new
// certificate that replaces the first.
func TestSerialPort(t *testing.T) {
	bench := rig.BoardBench(t)
	h := rig.NewHome(t)
	h.Issue("pico.local")
	dir := t.TempDir()
	rig.WriteFile(t, filepath.Join(dir, "main.py"), program)
	board := bench.NewSerialBoard(t, dir, "0xE6, 0x61, 0x1B")
	waitFor(t, "the board's program", func() bool { return starts(dir) == 1 })

	out := h.Run("push", "pico.local", "--to", board.Port)
	for _, want := range []string{"is on " + board.Port, "wrote cert.der", "the board's program starts again"} {
		if !strings.Contains(out, want) {
			t.Errorf("push: %q is not in %q", want, out)
		}
	}
	samePair(t, h, dir)
	waitFor(t, "the program's second start", func() bool { return starts(dir) == 2 })

	h.Issue("pico.local")
	if out := h.Run("list"); !strings.Contains(out, "not on the device") {
		t.Errorf("list: got %q, want it to say that the new one is not there", out)
	}
	if out := h.Run("renew", "--due", "--push", "--json"); !strings.Contains(out, `"board_id": "E6611B"`) {
		t.Errorf("renew --due --push: got %q", out)
	}
	samePair(t, h, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "*.old")); left != nil {
		t.Errorf("left over: %q", left)
	}

	pushProject(t, h, board)
}

// pushProject pushes the whole example, and resets the board.
func pushProject(t *testing.T, h rig.Home, board *rig.SerialBoard) {
	t.Helper()
	dir := board.Dir
	rig.Remove(t, filepath.Join(dir, "main.py"))
	out := h.Run("push", "pico.local", "--example", "--reset")
	if !strings.Contains(out, "put your Wi-Fi name and password into secrets.py") {
		t.Errorf("push --example: got %q", out)
	}
	h.Run("example", "pico.local", "--out", "project")
	files, err := os.ReadDir(h.Path("project"))
	if err != nil || len(files) < 6 {
		t.Fatalf("project: %d files, %v", len(files), err)
	}
	for _, file := range files {
		if got, want := rig.ReadFile(t, dir, file.Name()), rig.ReadFile(t, h.Path("project", file.Name())); !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want %d, the same ones", file.Name(), len(got), len(want))
		}
	}
	waitFor(t, "the reset", func() bool { return exists(dir, "was-reset") })
}

// TestSerialPortFaults: another board, a full one, one that is unplugged on the
// way, and something else.
func TestSerialPortFaults(t *testing.T) {
	bench := rig.BoardBench(t)
	h := rig.NewHome(t)
	h.Issue("pico.local")
	dir := t.TempDir()
	board := bench.NewSerialBoard(t, dir, "1, 2")
	h.Run("push", "pico.local", "--to", board.Port)
	h.Issue("pico.local")
	before := rig.ReadFile(t, dir, "key.der")

	other := bench.NewSerialBoard(t, t.TempDir(), "3, 4")
	refused(t, h, "is board 0304, and pico.local is on board 0102", "push", "pico.local", "--to", other.Port)
	if exists(other.Dir, "key.der") {
		t.Error("the other board has a key")
	}

	if os.Geteuid() != 0 { // root writes to any folder
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		refused(t, h, "the board says", "push", "pico.local")
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "cert.der.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, h, "the board says", "push", "pico.local")
	rig.Remove(t, filepath.Join(dir, "cert.der.new"))
	if got := rig.ReadFile(t, dir, "key.der"); !bytes.Equal(got, before) {
		t.Error("a refused push has replaced the key")
	}
	h.Run("push", "pico.local")
	samePair(t, h, dir)

	refused(t, h, "is neither a folder nor a serial port", "push", "pico.local", "--to", filepath.Join(dir, "cert.der"))
	refused(t, h, "/dev/null", "push", "pico.local", "--to", "/dev/null")
}

func samePair(t *testing.T, h rig.Home, dir string) {
	t.Helper()
	for _, name := range []string{"cert.der", "key.der"} {
		if got, want := rig.ReadFile(t, dir, name), rig.ReadFile(t, h.Path("pico.local", name)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", name, got, want)
		}
	}
}

func refused(t *testing.T, h rig.Home, want string, args ...string) {
	t.Helper()
	if _, err := h.Try(args...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("picoca %s: got %v, want %q", strings.Join(args, " "), err, want)
	}
}

func starts(dir string) int {
	data, _ := os.ReadFile(filepath.Join(dir, "starts")) // none yet
	return len(data)
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

// TestSerialPortOfABoardWithUpdates pushes a project with folders to the real
// MicroPython, and a certificate to a board that uses the other folder by now.
func TestSerialPortOfABoardWithUpdates(t *testing.T) {
	bench := rig.BoardBench(t)
	h := rig.NewHome(t)
	h.Issue("pico.local")
	h.Run("example", "pico.local", "--updates", "--out", "project")
	dir := t.TempDir()
	board := bench.NewSerialBoard(t, dir, "1, 2")
	h.Run("push", "pico.local", "--example", "--to", board.Port)
	for _, name := range []string{"updates.py", "a/key.der", "a/owner.der", "live"} {
		if got, want := rig.ReadFile(t, dir, name), rig.ReadFile(t, h.Path("project", name)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want %d, the same ones", name, len(got), len(want))
		}
	}
	rig.WriteFile(t, filepath.Join(dir, "live"), "b")
	h.Issue("pico.local")
	h.Run("push", "pico.local", "--to", board.Port)
	if got, want := rig.ReadFile(t, dir, "a/key.der"), rig.ReadFile(t, h.Path("project", "a/key.der")); !bytes.Equal(got, want) || string(rig.ReadFile(t, dir, "live")) != "a" {
		t.Error("the folder in use does not have the new pair")
	}
}
