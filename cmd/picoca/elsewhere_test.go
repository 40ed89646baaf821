package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// The scripts can run with a picoca that is built for another system, by an
// emulator. These variables name the emulator with its arguments, and the system
// if it is not this one.
const (
	runnerVariable = "PICOCA_TEST_RUNNER"
	systemVariable = "PICOCA_TEST_SYSTEM"
)

// system is that of the picoca under test.
func system() string {
	if name := os.Getenv(systemVariable); name != "" {
		return name
	}
	return runtime.GOOS
}

// runElsewhere runs the emulator in this process's place.
func runElsewhere(runner []string) {
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, runnerVariable+"=") })
	if system() == "windows" {
		os.Exit(runWindows(runner, environment))
	}
	os.Exit(notRun(syscall.Exec(runner[0], append(runner, os.Args[1:]...), environment)))
}

// runWindows runs a program of Windows, and passes what it prints as the same
// program would print it here.
func runWindows(runner, environment []string) int {
	for i, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "PICOCA_") {
			environment[i] = name + "=" + toWindows(value)
		}
	}
	cmd := exec.Command(runner[0], runner[1:]...)
	for _, arg := range os.Args[1:] {
		cmd.Args = append(cmd.Args, toWindows(arg))
	}
	// In files: the emulator's own services keep a pipe open.
	stdout, outErr := os.CreateTemp("", "stdout")
	stderr, errErr := os.CreateTemp("", "stderr")
	if err := errors.Join(outErr, errErr); err != nil {
		return notRun(err)
	}
	defer os.Remove(stdout.Name())
	defer os.Remove(stderr.Name())
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environment, os.Stdin, stdout, stderr
	err := cmd.Run()
	if _, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
		return notRun(err)
	}
	if err := errors.Join(pass(stdout, os.Stdout), pass(stderr, os.Stderr)); err != nil {
		return notRun(err)
	}
	return cmd.ProcessState.ExitCode()
}

func notRun(err error) int {
	fmt.Fprintln(os.Stderr, "the program cannot be run elsewhere:", err)
	return 126
}

// pass writes what a program of Windows printed to a file.
func pass(printed, to *os.File) error {
	data, err := os.ReadFile(printed.Name())
	if err == nil {
		_, err = to.Write(fromWindows(data))
	}
	return errors.Join(err, printed.Close())
}

var hostPath = regexp.MustCompile(`^(--[a-z0-9-]+=)?(/.*)$`)

// toWindows returns an argument as a user of Windows would type it: Wine has this
// computer's files in drive Z.
func toWindows(arg string) string {
	part := hostPath.FindStringSubmatch(arg)
	if part == nil {
		return arg
	}
	return part[1] + "Z:" + strings.ReplaceAll(part[2], "/", `\`)
}

var (
	hostDrive = regexp.MustCompile(`\bZ:(\\+)`)
	// separator is a backslash in a path, but not one with which Go writes a
	// character that cannot be seen, nor one in a name.
	separator = regexp.MustCompile(`(?m)^error: name ".*"|\\(u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|"|[nrt](?:[^\w.\\-]|$))|\\{1,2}`)
)

var (
	// commandLine is a line with a command to paste, whose words are quoted as on
	// Windows. In an error, quotes are Go's.
	commandLine = regexp.MustCompile(`(?m)^(?:error: .*|.*\bpicoca .*)$`)
	quotedWord  = regexp.MustCompile(`"([^"]*)"`)
	windowsHome = regexp.MustCompile(`[Cc]:/users/\w+`)
	// systemMessages are Wine's words for errors that scripts look for.
	systemMessages = strings.NewReplacer("File not found.", "no such file or directory", "Path not found.", "no such file or directory",
		"Disk full.", "no space left on device", "Access denied.", "permission denied", "winapi error #10048", "address already in use")
)

// fromWindows returns what a program of Windows printed with paths as they are
// here. What is not text stays.
func fromWindows(printed []byte) []byte {
	if !utf8.Valid(printed) || bytes.ContainsRune(printed, 0) {
		return printed
	}
	printed = hostDrive.ReplaceAll([]byte(systemMessages.Replace(string(printed))), []byte("/"))
	if bytes.HasPrefix(printed, []byte("{")) || bytes.HasPrefix(printed, []byte("[")) {
		return bytes.ReplaceAll(printed, []byte(`\\`), []byte("/")) // JSON quotes each
	}
	printed = commandLine.ReplaceAllFunc(printed, func(line []byte) []byte {
		if bytes.HasPrefix(line, []byte("error: ")) {
			return line
		}
		return quotedWord.ReplaceAll(line, []byte("'$1'"))
	})
	return separator.ReplaceAllFunc(printed, func(found []byte) []byte {
		if strings.Trim(string(found), `\`) == "" {
			return []byte("/")
		}
		return found
	})
}

func TestPathsFromWindows(t *testing.T) {
	for _, test := range []struct{ printed, want string }{
		{`wrote pico.local\cert.der`, `wrote pico.local/cert.der`},
		{`stored in Z:\tmp\x\ca; next`, `stored in /tmp/x/ca; next`},
		{`error: output "Z:\\tmp\\new\\x" exists`, `error: output "/tmp/new/x" exists`},
		{`{"path": "Z:\\tmp\\new", "text": "one\ntwo \"three\" \u200b \x00"`, `{"path": "/tmp/new", "text": "one\ntwo \"three\" \u200b \x00"`},
		{`in pico.local\names.txt`, `in pico.local/names.txt`},
		{`next: picoca --home "C:\my ca" list`, `next: picoca --home 'C:/my ca' list`},
		{`error: name "\t\x" has a tab`, `error: name "\t\x" has a tab`},
		{`error: list "x" cannot be read: File not found.`, `error: list "x" cannot be read: no such file or directory`},
		{"\x30\x82\\a", "\x30\x82\\a"},
	} {
		if got := string(fromWindows([]byte(test.printed))); got != test.want {
			t.Errorf("%s: got %s, want %s", test.printed, got, test.want)
		}
	}
	if got, want := toWindows("--out=/tmp/x"), `--out=Z:\tmp\x`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
