//go:build unix

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// processPrng is what Go asks of Windows for random bytes, and Wine 8 lacks.
const processPrng = `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) { return SystemFunction036(p, (ULONG)n); }
`

// holder opens a file as many programs of Windows do, so that no one can replace
// or remove it, until its standard input ends.
const holder = `#include <windows.h>
#include <stdio.h>
int main(int argc, char **argv) {
	HANDLE h = CreateFileA(argv[1], GENERIC_READ, FILE_SHARE_READ, 0, OPEN_EXISTING, 0, 0);
	puts(h == INVALID_HANDLE_VALUE ? "failed" : "open");
	fflush(stdout);
	getchar();
	return 0;
}
`

// windows is picoca for Windows in a folder of its own under Wine.
type windows struct {
	t   *testing.T
	dir string
	env []string
}

func newWindows(t *testing.T) windows {
	t.Helper()
	wine, dir := rig.Need(t, "wine", "wine"), t.TempDir()
	w := windows{t, dir, []string{"WINEPREFIX=" + filepath.Join(dir, "prefix"), "WINEARCH=win64", "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=;bcryptprimitives=n"}}
	run(t, dir, w.env, wine, "wineboot", "--init")
	t.Cleanup(func() { _ = exec.Command("env", append(w.env, "wineserver", "--kill")...).Run() })
	w.compile("prefix/drive_c/windows/system32/bcryptprimitives.dll", processPrng, "-shared", "-ladvapi32")
	w.compile("holder.exe", holder)
	run(t, rig.Root, []string{"GOOS=windows", "GOARCH=amd64"}, "scripts/build.sh", filepath.Join(dir, "picoca.exe"))
	return w
}

func (w windows) compile(out, source string, flags ...string) {
	w.t.Helper()
	file := filepath.Join(w.dir, filepath.Base(out)+".c")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		w.t.Fatal(err)
	}
	gcc := rig.Need(w.t, "x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")
	run(w.t, w.dir, nil, append([]string{gcc, "-o", filepath.Join(w.dir, out), file}, flags...)...)
}

// try runs picoca and returns what it prints.
func (w windows) try(args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "wine", append([]string{"picoca.exe"}, args...)...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), w.env...)
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), "\r", ""), err
}

// ok wants a command to succeed, and to print each of some texts.
func (w windows) ok(command string, want ...string) {
	w.t.Helper()
	out, err := w.try(splitWords(command)...)
	if err != nil {
		w.t.Errorf("picoca %s: %v", command, err)
	}
	w.has(command, out, want)
}

// fails wants a command to fail, and to print each of some texts.
func (w windows) fails(command string, want ...string) {
	w.t.Helper()
	out, err := w.try(splitWords(command)...)
	if err == nil {
		w.t.Errorf("picoca %s succeeded", command)
	}
	w.has(command, out, want)
}

func (w windows) has(command, out string, want []string) {
	w.t.Helper()
	for _, text := range want {
		if !strings.Contains(out, text) {
			w.t.Errorf("picoca %s: got no %q in\n%s", command, text, out)
		}
	}
}

// splitWords splits a command at its blanks; an underscore stands for a blank.
func splitWords(command string) []string {
	words := strings.Fields(command)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "_", " ")
	}
	return words
}

// TestWindowsUnderWine goes through the main commands with what is particular to
// Windows: its paths, its reserved names, and files that are open.
func TestWindowsUnderWine(t *testing.T) {
	needAll(t)
	w := newWindows(t)
	w.fails("list", "error: no certificate authority in C:\\users\\")
	w.fails("init", "error: no terminal to ask for the passphrase")
	w.ok("init --no-passphrase", "stored in C:\\users\\", "next: picoca issue pico.local")
	w.ok("issue pico.local", "wrote pico.local\\cert.der")
	w.ok("list", "pico.local")
	w.ok("renew pico.local", "wrote pico.local\\key.der")
	w.ok("show pico.local", "issued\\pico.local\\000002-")
	w.ok("export pico.local --format pem --out with_blank", "wrote with blank\\key.pem")
	w.ok("example pico.local", "wrote pico.local-micropython\\main.py")
	w.ok("fit pico.local", "MicroPython")
	w.ok("trust status", "Root of the current user")
	w.ok("renew --due", "nothing is due")

	w.ok("issue aux.local", "wrote aux_.local\\cert.der")
	w.ok("renew aux.local")
	w.fails("issue a.local --out nul", "is a name that Windows reserves for a device")
	w.fails("issue a.local --out x?y", `error: output "x?y": Invalid name`)

	if err := os.WriteFile(filepath.Join(w.dir, "words"), []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := `--home C:\second_CA `
	w.ok(second+"init --passphrase-file words", `next: picoca --home "C:\second CA" issue pico.local`)
	w.fails(second+"issue nas.local --passphrase-file picoca.exe", "error: ")
	w.ok(second+"issue nas.local --for synology --passphrase-file words", "wrote nas.local\\cert.pem")
	w.ok(second+"identity Garden_sensor --p12-passphrase-file words --passphrase-file words", "garden-sensor\\garden-sensor.p12", `--identity "Garden sensor"`)
	w.ok(second+"revoke Garden_sensor --passphrase-file words", "1 certificate revoked")
	w.ok(second+"list", "Garden sensor  identity  p256  revoked")
	w.fileInUse()
	w.twoAtOnce()
}

// fileInUse: what cannot be replaced stays as it was, and the next run completes
// it.
func (w windows) fileInUse() {
	w.t.Helper()
	hold := exec.CommandContext(w.t.Context(), "wine", "holder.exe", "pico.local/cert.der")
	hold.Dir, hold.Env = w.dir, append(os.Environ(), w.env...)
	in, inErr := hold.StdinPipe()
	out, outErr := hold.StdoutPipe()
	if inErr != nil || outErr != nil || hold.Start() != nil {
		w.t.Fatal("holder does not start")
	}
	word := make([]byte, 4)
	if _, err := out.Read(word); err != nil || string(word) != "open" {
		w.t.Fatalf("got %q, %v", word, err)
	}
	before := w.files()
	w.fails("renew pico.local --out pico.local", "still old: pico.local\\cert.der, pico.local\\key.der", "hint: ")
	if w.files() != before {
		w.t.Error("a file that was in use, or the key beside it, was replaced")
	}
	if err := in.Close(); err != nil {
		w.t.Error(err)
	}
	_ = hold.Wait()
	w.ok("renew pico.local --out pico.local")
	if w.files() == before {
		w.t.Error("the files are still the old ones")
	}
}

func (w windows) files() string {
	return string(must(os.ReadFile(filepath.Join(w.dir, "pico.local/cert.der")))) + string(must(os.ReadFile(filepath.Join(w.dir, "pico.local/key.der"))))
}

// twoAtOnce: one of two runs for the same name waits for the other, and refuses.
func (w windows) twoAtOnce() {
	w.t.Helper()
	results := make(chan error)
	for range 2 {
		go func() {
			_, err := w.try("issue", "once.local")
			results <- err
		}()
	}
	if first, second := <-results, <-results; (first == nil) == (second == nil) {
		w.t.Errorf("got %v and %v, want one success", first, second)
	}
}
