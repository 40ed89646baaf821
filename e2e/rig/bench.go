package rig

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// BoardFiles is the folder with the bench's sources; its README.md explains
// the programs and the fields of what they print.
const BoardFiles = Root + "/testdata/boards"

// A Stack is the TLS of one line of firmware: a program of the bench, and the
// way in which that firmware calls mbedTLS.
type Stack struct{ Name, Program, Style string }

// The stacks of the firmware that picoca supports.
var (
	CircuitPython  = Stack{"circuitpython-9.0-10.2", "tls-circuitpython", "circuitpython"}
	MicroPython    = Stack{"micropython-1.25-1.28", "tls-micropython", "micropython"}
	MicroPython129 = Stack{"micropython-1.29", "tls-micropython-pem", "micropython"}
	Stacks         = []Stack{CircuitPython, MicroPython, MicroPython129}
)

// Errors of mbedTLS, as Python shows them.
const (
	ErrVerification        = -9984  // X509_CERT_VERIFY_FAILED
	ErrInvalidKey          = -15616 // PK_KEY_INVALID_FORMAT
	errFatalAlert          = -30592 // SSL_FATAL_ALERT_MESSAGE
	ErrNoClientCertificate = -29824 // SSL_NO_CLIENT_CERTIFICATE
	ErrInvalidExtensions   = -9570  // X509_INVALID_EXTENSIONS with ASN1_UNEXPECTED_TAG
)

// PicoBoot sets a board's clock to 2021-01-01, where a Pico W's starts.
const PicoBoot = "PICOW_TIME=1609459200"

// ReadsPEM reports whether the stack takes a CA as PEM; the others take DER.
func (s Stack) ReadsPEM() bool {
	return s == CircuitPython || s == MicroPython129
}

// HungUp reports whether an error is what a board sees when a client refuses its
// certificate: the alert, or, where it was still writing, the closed socket
// (EPIPE, ECONNRESET).
func HungUp(code int) bool {
	return slices.Contains([]int{errFatalAlert, -32, -104}, code)
}

// A Bench is the folder with the built programs.
type Bench struct{ Dir string }

var builtBench = sync.OnceValues(func() (Bench, error) {
	out, err := exec.Command(filepath.Join(BoardFiles, "build.sh"), "--print").Output()
	return Bench{strings.TrimSpace(string(out))}, err
})

// BoardBench returns the bench. Where it is not built, a run in CI fails;
// elsewhere the test is skipped.
func BoardBench(t testing.TB) Bench {
	t.Helper()
	b, err := builtBench()
	if err == nil {
		return b
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("the board bench is not built (run make boards): %v", err)
	}
	t.Skip("the board bench is not built: run make boards")
	return b
}

// A BoardReport is what a program of the bench prints at its end.
type BoardReport struct {
	Library            string
	OK                 bool `json:"ok"`
	Stage              string
	Error              int
	Message            string
	Python             string
	Verify             string
	HeapCredentials    int `json:"heap_credentials"`
	HeapListener       int `json:"heap_listener"`
	HeapEnd            int `json:"heap_end"`
	LargestBlock       int `json:"largest_block"`
	RefusedAllocations int `json:"refused_allocations"`
	ObjectBytes        int `json:"object_bytes"`
	Connections        []BoardConnection
}

// A BoardConnection is what the report says of one connection.
type BoardConnection struct {
	OK                      bool `json:"ok"`
	Error                   int
	Message, Python, Verify string
	HeapReady               int `json:"heap_ready"`
	HeapPeak                int `json:"heap_peak"`
	HeapHeld                int `json:"heap_held"`
	HeapClosed              int `json:"heap_closed"`
	CertificateMessageBytes int `json:"certificate_message_bytes"`
	Protocol, Curve         string
	CipherSuite             string `json:"cipher_suite"`
	Answered                bool
}

// First returns the only connection of a report.
func (r BoardReport) First(t testing.TB) BoardConnection {
	t.Helper()
	if len(r.Connections) != 1 {
		t.Fatalf("report has %d connections, want 1: %+v", len(r.Connections), r)
	}
	return r.Connections[0]
}

// A BoardProgram is a running program of the bench that prints JSON lines.
type BoardProgram struct {
	t      testing.TB
	Cmd    *exec.Cmd
	Lines  *bufio.Scanner // of standard output
	Errors *bytes.Buffer  // standard error
	Port   int            // where a server listens
}

// StartProgram starts a program, which ends with the test.
func StartProgram(t testing.TB, env []string, name string, args ...string) *BoardProgram {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	p := &BoardProgram{t: t, Cmd: exec.CommandContext(ctx, name, args...), Errors: new(bytes.Buffer)}
	p.Cmd.Env = append(os.Environ(), env...)
	p.Cmd.Stderr = p.Errors
	p.Cmd.WaitDelay = Patience
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Lines = bufio.NewScanner(out)
	if err := p.Cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel() // ends it, if the test did not wait for its end
		p.Cmd.Wait()
	})
	return p
}

// Line decodes the next line into v; it reports io.EOF after the last.
func (p *BoardProgram) Line(v any) error {
	if !p.Lines.Scan() {
		return errors.Join(io.EOF, p.Lines.Err())
	}
	return json.Unmarshal(p.Lines.Bytes(), v)
}

// Report waits for the program's end and returns what it printed last.
func (p *BoardProgram) Report() BoardReport {
	p.t.Helper()
	var r BoardReport
	if err := p.Line(&r); err != nil {
		p.t.Fatalf("%v: %v, %v\n%s", p.Cmd.Args, err, p.Cmd.Wait(), p.Errors)
	}
	err := p.Cmd.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%v: %v\n%s", p.Cmd.Args, err, p.Errors)
	}
	if (err == nil) != r.OK {
		p.t.Fatalf("%v: status %v, but ok is %v", p.Cmd.Args, err, r.OK)
	}
	return r
}

// Command returns the program and arguments of a stack's subcommand.
func (b Bench) Command(s Stack, sub string, args ...string) []string {
	return append([]string{filepath.Join(b.Dir, s.Program), sub, "--style", s.Style, "--timeout", fmt.Sprint(Patience.Seconds())}, args...)
}

// Parse loads files as the stack's firmware does.
func (b Bench) Parse(t testing.TB, s Stack, args ...string) BoardReport {
	t.Helper()
	c := b.Command(s, "parse", args...)
	return StartProgram(t, nil, c[0], c[1:]...).Report()
}

// Serve starts a board's server on a free port and waits until it listens.
func (b Bench) Serve(t testing.TB, s Stack, args ...string) *BoardProgram {
	t.Helper()
	return b.ServeWith(t, nil, nil, s, args...)
}

// ServeWith is Serve under another program, such as valgrind, or with more in
// the environment.
func (b Bench) ServeWith(t testing.TB, env, under []string, s Stack, args ...string) *BoardProgram {
	t.Helper()
	c := append(under, b.Command(s, "serve", args...)...)
	p := StartProgram(t, env, c[0], c[1:]...)
	var listening struct{ Port int }
	if err := p.Line(&listening); err != nil || listening.Port == 0 {
		t.Fatalf("%v does not listen: %v\n%s%s", c, err, p.Lines.Text(), p.Errors)
	}
	p.Port = listening.Port
	return p
}

// Connect runs the board as a client of a server on port.
func (b Bench) Connect(t testing.TB, env []string, s Stack, port int, args ...string) BoardReport {
	t.Helper()
	c := b.Command(s, "connect", append([]string{"--port", strconv.Itoa(port)}, args...)...)
	return StartProgram(t, env, c[0], c[1:]...).Report()
}

// A PythonServer is the real MicroPython with a board's heap, serving HTTPS.
type PythonServer struct {
	*BoardProgram `json:"-"`
	HeapFree      int `json:"heap_free"`
}

// BoardHeap is the most that the examples may use of a Pico W's memory.
const BoardHeap = "190k"

// MicroPython runs serve.py for count connections. Files that do not load end
// it: that is the error.
func (b Bench) MicroPython(t testing.TB, env []string, cert, key string, count int, ca ...string) (*PythonServer, error) {
	t.Helper()
	port := FreePort(t)
	args := []string{"-X", "heapsize=" + BoardHeap, filepath.Join(BoardFiles, "serve.py"), cert, key, port, strconv.Itoa(count)}
	env = append(env, "MICROPYPATH="+filepath.Join(b.Dir, "lib"))
	p := &PythonServer{BoardProgram: StartProgram(t, env, filepath.Join(b.Dir, "micropython"), append(args, ca...)...)}
	if err := p.Line(p); err != nil {
		p.Cmd.Wait()
		return nil, fmt.Errorf("%w\n%s", err, p.Errors)
	}
	p.BoardProgram.Port, _ = strconv.Atoi(port)
	return p, nil
}

// WrapOutput runs a command; its error has what the command printed.
func WrapOutput(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// FreePort finds a port for programs that cannot report which one they were
// given. It is free until the test ends: the range is below the one that Linux
// hands out, and a UDP socket on the same number marks it as taken for other
// tests, in this process or another.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		claim, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			claim.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { claim.Close() })
		return port
	}
	t.Fatal("no free port between 20000 and 29999")
	return ""
}

// BoardSays is in the page of every server of the bench.
const BoardSays = "hello from the board"

// CheckDoor wants two let in, then a foreign certificate and none refused.
func CheckDoor(t *testing.T, r BoardReport) {
	t.Helper()
	if len(r.Connections) != 4 {
		t.Fatalf("%d connections, want 4", len(r.Connections))
	}
	for _, c := range r.Connections[:2] {
		if !c.OK {
			t.Errorf("own certificate: %d (%s, %s)", c.Error, c.Message, c.Verify)
		}
	}
	if c := r.Connections[2]; c.Error != ErrVerification || !strings.Contains(c.Verify, "not correctly signed by the trusted CA") {
		t.Errorf("foreign certificate: %d (%s, %s), want %d", c.Error, c.Message, c.Verify, ErrVerification)
	}
	if c := r.Connections[3]; c.Error != ErrNoClientCertificate {
		t.Errorf("no certificate: %d (%s), want %d", c.Error, c.Message, ErrNoClientCertificate)
	}
}
