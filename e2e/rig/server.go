package rig

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// StartServer runs a server until the test ends, and returns once it accepts
// connections at port.
func StartServer(t testing.TB, port, pkg, tool string, args ...string) {
	t.Helper()
	lines := Start(t, pkg, tool, args...)
	var seen []string
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return
		}
		for more := true; more; {
			select {
			case line, running := <-lines:
				if seen = append(seen, line); !running {
					t.Fatalf("%s ended:\n%s", tool, strings.Join(seen, "\n"))
				}
			default:
				more = false
			}
		}
	}
	t.Fatalf("%s does not listen at port %s:\n%s", tool, port, strings.Join(seen, "\n"))
}

// Start runs a program until the test ends, and returns its lines as they come.
// They end when the program does.
func Start(t testing.TB, pkg, tool string, args ...string) <-chan string {
	t.Helper()
	path := Need(t, tool, pkg)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10_000)
	go func() {
		cmd.Wait()
		writer.Close()
	}()
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			default: // more than a test waits for
			}
		}
	}()
	t.Cleanup(func() {
		for line := range lines { // the test's context has ended, and the program ends
			if t.Failed() {
				t.Log(line)
			}
		}
	})
	return lines
}

// WaitFor returns once a program has printed a text, with the lines before it and
// that line.
func WaitFor(t testing.TB, lines <-chan string, text string) []string {
	t.Helper()
	var seen []string
	timeout := time.After(Patience)
	for {
		select {
		case line, running := <-lines:
			seen = append(seen, line)
			if strings.Contains(line, text) {
				return seen
			}
			if !running {
				t.Fatalf("ended without %q:\n%s", text, strings.Join(seen, "\n"))
			}
		case <-timeout:
			t.Fatalf("no %q in:\n%s", text, strings.Join(seen, "\n"))
			return nil
		}
	}
}
