//go:build linux

package docs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// house is what a user has: a home, and a folder to work in, both empty at first.
type house struct {
	home, work string
	path       string // where programs are
	secret     bool   // a passphrase is typed even where none need be
}

// newHouse has picoca, and a sudo that runs its command: in the namespace the
// user is root.
func newHouse(t *testing.T) house {
	t.Helper()
	dir := t.TempDir()
	h := house{home: filepath.Join(dir, "home"), work: filepath.Join(dir, "work")}
	bin := filepath.Join(dir, "bin")
	for _, folder := range []string{h.home, h.work, bin} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(rig.Program(), filepath.Join(bin, "picoca")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.path = bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	return h
}

// needTools asks for what the pages' commands run beside picoca.
func needTools(t *testing.T) {
	t.Helper()
	rig.Need(t, "age", "age")
	rig.Need(t, "curl", "curl")
	rig.Need(t, "jq", "jq")
	rig.Need(t, "openssl", "openssl")
	rig.Need(t, "ssh-agent", "openssh-client")
}

// copyOf copies a house's home and folder.
func (h house) copyOf(t *testing.T) house {
	t.Helper()
	c := newHouse(t)
	for from, to := range map[string]string{h.home: c.home, h.work: c.work} {
		if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return c
}

// setUp is sourced before each script: a fixture can put variables there.
const setUp = ".before"

// bashPrelude ends a script at the first command that fails, and names it.
const bashPrelude = `set -eo pipefail
trap 'echo "failed: $BASH_COMMAND"' ERR
`

// run runs a script of bash on a terminal, answers what it asks for, and returns
// what the terminal shows.
func (h house) run(t *testing.T, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	user, terminal := rig.OpenTerminal(t)
	defer user.Close()
	_ = user.SetDeadline(time.Now().Add(rig.Patience)) // something may still hold the terminal when the script ends
	cmd := exec.CommandContext(ctx, "bash", "-c", bashPrelude+script)
	cmd.Dir = h.work
	cmd.Env = []string{
		"HOME=" + h.home, "PATH=" + h.path, "LANG=C.UTF-8", "TERM=dumb", "USER=ann", "EDITOR=true",
		"BASH_ENV=" + filepath.Join(h.home, setUp),
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	typed := make(chan string, 1)
	go func() { typed <- h.typist(user) }()
	err := cmd.Wait()
	terminal.Close() // the typist then reads the rest, and the end
	return <-typed, err
}

// passphrase is what the user types wherever one is needed.
const passphrase = "marble-ocean-tractor-violin"

// answers are what the user types at prompts, by their end.
var answers = []struct {
	prompt *regexp.Regexp
	answer string
}{
	{regexp.MustCompile(`(?i)empty for (none|no passphrase)\): $`), ""},
	{regexp.MustCompile(`(?i)^(enter|pass(word|phrase) of)[^\n]*: ?$`), passphrase},
	{regexp.MustCompile(`\[y/N\] $`), "y"},
}

// again asks for the last answer once more.
var again = regexp.MustCompile(`(?i)again: $`)

// typist reads all that a terminal shows, and types the answers.
func (h house) typist(terminal *os.File) string {
	var shown bytes.Buffer
	buffer, last, seen := make([]byte, 4096), "", 0
	for {
		n, err := terminal.Read(buffer)
		shown.Write(buffer[:n])
		if errors.Is(err, syscall.EIO) || (err != nil && n == 0) {
			return strings.ReplaceAll(shown.String(), "\r\n", "\n")
		}
		line := shown.Bytes()[max(seen, bytes.LastIndexByte(shown.Bytes(), '\n')+1):]
		if answer, asked := h.answerTo(line, last); asked {
			last, seen = answer, shown.Len()
			terminal.WriteString(answer + "\n")
		}
	}
}

func (h house) answerTo(line []byte, last string) (string, bool) {
	if again.Match(line) {
		return last, true
	}
	for _, a := range answers {
		if a.prompt.Match(line) && (a.answer != "" || !h.secret) {
			return a.answer, true
		}
	}
	return "", false
}
