package trust

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// A Command is one run of a program of the system.
type Command struct {
	Args []string
	Dir  string        // where it runs
	Time time.Duration // how long it may take
}

// A Runner runs a command with nothing on its standard input, and returns what
// it printed. It fails with a *CommandError.
type Runner func(ctx context.Context, c Command) (string, error)

const (
	// lookTime is for commands that only read. NSS's certutil takes 10 ms; a busy
	// computer may be a hundred times slower.
	lookTime = 30 * time.Second
	// changeTime is for commands at which the user may be asked for a password,
	// and for update-ca-certificates, which took 8 s on a busy computer.
	changeTime = 10 * time.Minute
	// maxOutput ends certutil long before its time is up: asked for a password
	// that it cannot read, it repeats its question without end.
	maxOutput = 4 << 20
)

// CommandError is a command that failed.
type CommandError struct {
	Args   []string
	Output string
	Err    error
}

func (e *CommandError) Error() string {
	text := fmt.Sprintf("%s: %v", line(e.Args), e.Err)
	if said := lastLine(e.Output); said != "" {
		text += ": " + said
	}
	return text
}

// Unwrap returns the operating system's error.
func (e *CommandError) Unwrap() error { return e.Err }

// Hint explains how to get past a sudo that refused.
func (e *CommandError) Hint() fault.Hint {
	if !e.refused() {
		return fault.Hint{}
	}
	return fault.Hintf("%s for the stores that need no root, or as root run: %s", fault.Command{"trust", "--user"}, line(e.Args[1:]))
}

// refused reports whether sudo did not run the command.
func (e *CommandError) refused() bool {
	return e.Args[0] == sudo && (strings.Contains(e.Output, "sudo:") || strings.Contains(e.Output, "is not in the sudoers file"))
}

var (
	errTime   = errors.New("timed out")
	errOutput = errors.New("too much output")
)

// Exec is the Runner that runs programs.
func Exec(ctx context.Context, c Command) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, c.Time, errTime)
	defer cancel()
	out := &limited{full: func() { stop(errOutput) }}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = environment()
	cmd.WaitDelay = 5 * time.Second // for a child that keeps the output open
	err := cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return out.String(), &CommandError{c.Args, out.String(), err}
	}
	return out.String(), nil
}

// environment is ours, in English, and with root's programs: su(1) leaves PATH
// without them, and then Debian's hook for Java fails.
func environment() []string {
	path := filepath.SplitList(os.Getenv("PATH"))
	if runtime.GOOS != "windows" {
		path = append(path, admin...)
	}
	return append(os.Environ(), "LC_ALL=C", "PATH="+strings.Join(path, string(filepath.ListSeparator)))
}

// limited keeps the start of an output and reports when it is full.
type limited struct {
	strings.Builder
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		l.full()
		return len(p), nil
	}
	return l.Builder.Write(p)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	const long = 300
	last := strings.TrimSpace(lines[len(lines)-1])
	return last[:min(len(last), long)]
}

// line writes a command as a shell reads it.
func line(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = fault.Quote(arg)
	}
	return strings.Join(words, " ")
}
