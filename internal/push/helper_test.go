package push

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const boardIDText = "E6614C311B4B5F2E"

// pythonBoard is a board's raw REPL in Python, whose files are in dir.
func pythonBoard(t *testing.T, dir string) io.ReadWriteCloser {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing: run make deps")
	}
	program, err := filepath.Abs("testdata/board.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, program, boardIDText)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return duplex{out, in}
}

// duplex is a port made of two pipes.
type duplex struct {
	io.Reader
	io.WriteCloser
}

// patient are times that no slow machine exceeds.
var patient = times{enter: time.Minute, quiet: 20 * time.Millisecond, run: time.Minute}

// circuitPy makes a folder that looks like a board's drive.
func circuitPy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, bootOut, "Adafruit CircuitPython 9.2.1 on 2024-11-20; Raspberry Pi Pico W with rp2040\r\nBoard ID:raspberry_pi_pico_w\r\nUID:"+boardIDText+"\r\n")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// content returns what a file has, "-" if there is none.
func content(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pair is a certificate and its key, as far as this package knows.
func pair(version string) []File {
	return []File{
		{Name: "cert.der", Data: []byte("certificate " + version)},
		{Name: "key.der", Data: []byte(strings.Repeat("key "+version+" ", 100)), Private: true},
	}
}

func open(t *testing.T, c Computer, place string) *Device {
	t.Helper()
	d, err := c.Open(t.Context(), place, Access{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func mustPut(t *testing.T, d *Device, files []File) []Done {
	t.Helper()
	done, err := d.Put(context.Background(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// checkPair wants one version of both files, and nothing beside them.
func checkPair(t *testing.T, dir, version string) {
	t.Helper()
	for _, file := range pair(version) {
		if got := content(t, dir, file.Name); got != string(file.Data) {
			t.Errorf("%s: got %.40q, want %.40q", file.Name, got, file.Data)
		}
	}
	for _, pattern := range []string{"*.new", "*.old"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	}
}
