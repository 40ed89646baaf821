//go:build unix

package release

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	t    *testing.T
	dir  string
	wine string // the program
	env  []string
}

// wines are the installations of Wine, and the scripts that do not pass with one
// beside those of notOnWindows.
var wines = []struct {
	name string
	find func(t *testing.T) (wine, server string)
	more exceptions
}{
	{"debian12", olderWine, nil},
	{"debian13", newerWine, exceptions{
		"disk":  "the small disk is mounted outside the namespace that Wine runs in",
		"phone": "Wine 10 does not list the network's interfaces as Go asks: GetAdaptersAddresses answers ERROR_INVALID_DATA",
	}},
}

// olderWine is this computer's.
func olderWine(t *testing.T) (wine, server string) {
	t.Helper()
	return rig.Need(t, "wine", "wine"), rig.Need(t, "wineserver", "wine")
}

// newerWine puts Debian 13 with its Wine into a folder. Each of its programs runs
// there, and finds the files of tests where they are.
func newerWine(t *testing.T) (wine, server string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("makes a root file system: run it as root")
	}
	rig.Need(t, "mmdebstrap", "mmdebstrap")
	dir := t.TempDir()
	root := filepath.Join(dir, "debian")
	run(t, rig.Root, nil, "bash", "-euc", `die() { echo "$@" >&2; exit 1; }; . scripts/debian.sh; bare_debian "$@"`,
		"bash", root, dir, "trixie", "--include=wine64")
	program := func(name, path string) string {
		file := filepath.Join(dir, name)
		text := fmt.Sprintf(enterDebian, root, os.TempDir(), must(filepath.Abs(rig.Root)), path)
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return program("wine", "/usr/lib/wine/wine64"), program("wineserver", "/usr/lib/wine/wineserver64")
}

// enterDebian runs a program in a root file system, and in the folder where it is
// started.
const enterDebian = `#!/bin/sh
exec unshare --mount --propagation private sh -euc '
root=$1 dir=$2 temp=$3 project=$4
shift 4
for place in /proc /dev /sys "$temp" "$project"; do
	mkdir -p "$root$place"
	mount --rbind "$place" "$root$place"
done
exec unshare --root "$root" --wd "$dir" "$@"' sh '%s' "$PWD" '%s' '%s' %s "$@"
`

func newWindows(t *testing.T, wine, server string) windows {
	t.Helper()
	dir := t.TempDir()
	w := windows{t, dir, wine, []string{
		"WINEPREFIX=" + filepath.Join(dir, "prefix"), "WINEARCH=win64", "WINEDEBUG=-all", "XDG_RUNTIME_DIR=" + dir, "LC_ALL=C.UTF-8",
		"WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n,b",
	}}
	t.Cleanup(func() { _, _ = w.run(server, "--kill") })
	if err := os.Mkdir(filepath.Join(dir, "prefix"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{server, "--persistent"}, {wine, "wineboot", "--init"}} { // one server for all
		if out, err := w.run(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if library := "prefix/drive_c/windows/system32/bcryptprimitives.dll"; !exists(filepath.Join(dir, library)) {
		w.compile(library, processPrng, "-shared", "-ladvapi32")
	}
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

// within are the arguments of env to run a program of Wine's. Scripts have a TMPDIR
// of their own, and Wine would start a server for each; that of Debian 13 ends if
// there is any.
func (w windows) within(args ...string) []string {
	return slices.Concat([]string{"-u", "TMPDIR"}, w.env, args)
}

// run runs a program of Wine's and returns what it prints: to a file, as Wine's
// services, which it starts, would keep a pipe open.
func (w windows) run(args ...string) (string, error) {
	out, err := os.CreateTemp(w.dir, "out")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	cmd := exec.Command("env", w.within(args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, out, out
	err = cmd.Run()
	printed, readErr := os.ReadFile(out.Name())
	return string(printed), errors.Join(err, readErr, out.Close())
}

// try runs picoca and returns what it prints.
func (w windows) try(args ...string) (string, error) {
	return w.run(append([]string{w.wine, "picoca.exe"}, args...)...)
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
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
	for _, of := range wines {
		t.Run(of.name, func(t *testing.T) {
			wine, server := of.find(t)
			w := newWindows(t, wine, server)
			t.Run("commands", w.with(func(w windows) {
				w.commands()
				w.secondCA()
				w.fileInUse()
				w.twoAtOnce()
				w.terminal()
			}))
			if of.name != "debian12" { // Go cannot clean up after itself under Wine 8
				t.Run("units", w.with(windows.units))
			}
			t.Run("scripts", w.with(func(w windows) {
				all := maps.Clone(notOnWindows)
				maps.Copy(all, of.more)
				all.check(w.t, w.scripts())
			}))
		})
	}
}

// with is a part of the test, with a t of its own.
func (w windows) with(part func(windows)) func(*testing.T) {
	return func(t *testing.T) {
		w.t = t
		part(w)
	}
}

// notOnWindows are the scripts that do not run with picoca for Windows. Others have
// single lines for POSIX.
var notOnWindows = exceptions{
	"agent":  "the agent is on a Unix socket, which neither Wine nor an agent of Windows has",
	"prompt": "the terminal is POSIX's; see terminal below",
	"push":   "the drives are those of Linux",
	"sudo":   "Windows has no sudo that keeps the user's files",
	"trust":  "the programs that picoca runs are shell scripts",
}

// units runs the tests of what changes files, among them those that interrupt a
// change at each operation.
func (w windows) units() {
	w.t.Helper()
	for _, name := range []string{"errno", "fault", "durable", "durable/osdisk", "output"} {
		program := filepath.Join(w.dir, filepath.Base(name)+".test.exe")
		run(w.t, rig.Root, []string{"GOOS=windows", "GOARCH=amd64"}, "go", "test", "-vet=off", "-c", "-o", program, "./internal/"+name)
		if out, err := w.run(w.wine, program); err != nil {
			w.t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// scripts is the environment in which the scripts run with this picoca.
func (w windows) scripts() []string {
	program := crossTest(w.t, "picoca.exe", "GOOS=windows", "GOARCH=amd64")
	return []string{"PICOCA_TEST_SYSTEM=windows", "PICOCA_TEST_RUNNER=env " + strings.Join(w.within(w.wine, program), " ")}
}

func (w windows) commands() {
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
	w.fails("issue a.local --out a.", `error: output "a.": ends in a dot or a space, which Windows drops`)
	w.fails(`issue a.local --out no\such\folder`, `error: output "no\such": file does not exist`)
	w.fails("issue a.local --out x?y", `error: output "x?y": Invalid name`)

}

func (w windows) secondCA() {
	if err := os.WriteFile(filepath.Join(w.dir, "words"), []byte("correct horse battery\r\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	second := `--home C:\second_CA `
	w.ok(second+"init --passphrase-file words", `next: picoca --home "C:\second CA" issue pico.local`)
	w.pastes(`picoca --home "C:\second CA" show ca`, `C:\second CA\roots`)
	w.fails(second+"issue nas.local --passphrase-file picoca.exe", "error: ")
	w.ok(second+"issue nas.local --for synology --passphrase-file words", "wrote nas.local\\cert.pem")
	w.ok(second+"identity Garden_sensor --p12-passphrase-file words --passphrase-file words", "garden-sensor\\garden-sensor.p12", `--identity "Garden sensor"`)
	w.ok(second+"revoke Garden_sensor --passphrase-file words", "1 certificate revoked")
	w.ok(second+"list", "Garden sensor  identity  p256  revoked")
}

// pastes has cmd run a command as it was printed.
func (w windows) pastes(command string, want ...string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "paste.bat"), []byte("@"+command+"\r\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	out, err := w.run(w.wine, "cmd", "/c", "paste.bat")
	if err != nil {
		w.t.Errorf("%s: %v", command, err)
	}
	w.has(command, out, want)
}

// fileInUse: what cannot be replaced stays as it was, and the next run completes
// it.
func (w windows) fileInUse() {
	w.t.Helper()
	hold := exec.CommandContext(w.t.Context(), "env", w.within(w.wine, "holder.exe", "pico.local/cert.der")...)
	hold.Dir = w.dir
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

// terminal types a passphrase on a console, which does not show it, and interrupts
// the question for it.
func (w windows) terminal() {
	w.t.Helper()
	text := fmt.Sprintf("exec env '%s' --home typed \"$@\"\n", strings.Join(w.within(w.wine, "picoca.exe"), "' '"))
	if err := os.WriteFile(filepath.Join(w.dir, "typed.sh"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	term := rig.NewTerminal(w.t, rig.Home{T: w.t, Dir: w.dir})
	term.Send("sh typed.sh init", "Enter")
	term.Wait("Enter a passphrase for the root key (empty for none):")
	term.Send("hunter2 hunter3", "Enter")
	term.Wait("Enter the same passphrase again:")
	term.Send("hunter2 hunter3", "Enter")
	if screen := term.Wait("next: picoca --home typed issue pico.local"); strings.Contains(screen, "hunter") {
		w.t.Errorf("the passphrase is shown:\n%s", screen)
	}
	term.Send("sh typed.sh issue pico.local --out unwritten; echo code $?", "Enter")
	term.Wait("Passphrase of the root key:")
	term.Send("C-c")
	term.Wait("code 130")
	if exists(filepath.Join(w.dir, "unwritten")) {
		w.t.Error("an interrupted command has written files")
	}
}
