package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// boardFiles is the folder with the bench's sources; its README.md explains
// the programs and the fields of what they print.
const boardFiles = "../testdata/boards"

// boardWait bounds everything that talks to a board's program.
const boardWait = 60 * time.Second

// A stack is the TLS of one line of firmware: a program of the bench, and the
// way in which that firmware calls mbedTLS.
type stack struct{ name, program, style string }

var (
	circuitPython  = stack{"circuitpython-9.0-10.2", "tls-circuitpython", "circuitpython"}
	microPython    = stack{"micropython-1.25-1.28", "tls-micropython", "micropython"}
	microPython129 = stack{"micropython-1.29", "tls-micropython-pem", "micropython"}
	stacks         = []stack{circuitPython, microPython, microPython129}
)

// Errors of mbedTLS, as Python shows them.
const (
	errVerification        = -9984  // X509_CERT_VERIFY_FAILED
	errInvalidKey          = -15616 // PK_KEY_INVALID_FORMAT
	errFatalAlert          = -30592 // SSL_FATAL_ALERT_MESSAGE
	errNoClientCertificate = -29824 // SSL_NO_CLIENT_CERTIFICATE
	errInvalidExtensions   = -9570  // X509_INVALID_EXTENSIONS with ASN1_UNEXPECTED_TAG
)

// picoBoot sets a board's clock to 2021-01-01, where a Pico W's starts.
const picoBoot = "PICOW_TIME=1609459200"

// readsPEM tells whether the stack takes a CA as PEM; the others take DER.
func (s stack) readsPEM() bool {
	return s == circuitPython || s == microPython129
}

// hungUp tells whether an error is what a board sees when a client refuses its
// certificate: the alert, or, where it was still writing, the closed socket
// (EPIPE, ECONNRESET).
func hungUp(code int) bool {
	return slices.Contains([]int{errFatalAlert, -32, -104}, code)
}

// A bench is the folder with the built programs.
type bench struct{ dir string }

var builtBench = sync.OnceValues(func() (bench, error) {
	out, err := exec.Command(filepath.Join(boardFiles, "build.sh"), "--print").Output()
	return bench{strings.TrimSpace(string(out))}, err
})

// boardBench returns the bench. Where it is not built, a run in CI fails;
// elsewhere the test is skipped.
func boardBench(t testing.TB) bench {
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

// A boardReport is what a program of the bench prints at its end.
type boardReport struct {
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
	Connections        []boardConnection
}

type boardConnection struct {
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

// first returns the only connection of a report.
func (r boardReport) first(t testing.TB) boardConnection {
	t.Helper()
	if len(r.Connections) != 1 {
		t.Fatalf("report has %d connections, want 1: %+v", len(r.Connections), r)
	}
	return r.Connections[0]
}

// A boardProgram is a running program of the bench that prints JSON lines.
type boardProgram struct {
	t      testing.TB
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	errors *bytes.Buffer
	port   int
}

func startProgram(t testing.TB, env []string, name string, args ...string) *boardProgram {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), boardWait)
	p := &boardProgram{t: t, cmd: exec.CommandContext(ctx, name, args...), errors: new(bytes.Buffer)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.errors
	p.cmd.WaitDelay = time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel() // ends it, if the test did not wait for its end
		p.cmd.Wait()
	})
	return p
}

// line decodes the next line into v; it reports io.EOF after the last.
func (p *boardProgram) line(v any) error {
	if !p.lines.Scan() {
		return errors.Join(io.EOF, p.lines.Err())
	}
	return json.Unmarshal(p.lines.Bytes(), v)
}

// report waits for the program's end and returns what it printed last.
func (p *boardProgram) report() boardReport {
	p.t.Helper()
	var r boardReport
	if err := p.line(&r); err != nil {
		p.t.Fatalf("%v: %v, %v\n%s", p.cmd.Args, err, p.cmd.Wait(), p.errors)
	}
	err := p.cmd.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%v: %v\n%s", p.cmd.Args, err, p.errors)
	}
	if (err == nil) != r.OK {
		p.t.Fatalf("%v: status %v, but ok is %v", p.cmd.Args, err, r.OK)
	}
	return r
}

// command returns the program and arguments of a stack's subcommand.
func (b bench) command(s stack, sub string, args ...string) []string {
	return append([]string{filepath.Join(b.dir, s.program), sub, "--style", s.style}, args...)
}

// parse loads files as the stack's firmware does.
func (b bench) parse(t testing.TB, s stack, args ...string) boardReport {
	t.Helper()
	c := b.command(s, "parse", args...)
	return startProgram(t, nil, c[0], c[1:]...).report()
}

// serve starts a board's server on a free port and waits until it listens.
func (b bench) serve(t testing.TB, s stack, args ...string) *boardProgram {
	t.Helper()
	return b.serveWith(t, nil, nil, s, args...)
}

// serveWith is serve under another program, such as valgrind, or with more in
// the environment.
func (b bench) serveWith(t testing.TB, env, under []string, s stack, args ...string) *boardProgram {
	t.Helper()
	c := append(under, b.command(s, "serve", args...)...)
	p := startProgram(t, env, c[0], c[1:]...)
	var listening struct{ Port int }
	if err := p.line(&listening); err != nil || listening.Port == 0 {
		t.Fatalf("%v does not listen: %v\n%s%s", c, err, p.lines.Text(), p.errors)
	}
	p.port = listening.Port
	return p
}

// connect runs the board as a client of a server on port.
func (b bench) connect(t testing.TB, env []string, s stack, port int, args ...string) boardReport {
	t.Helper()
	c := b.command(s, "connect", append([]string{"--port", strconv.Itoa(port)}, args...)...)
	return startProgram(t, env, c[0], c[1:]...).report()
}

// A pythonServer is the real MicroPython with a board's heap, serving HTTPS.
type pythonServer struct {
	*boardProgram
	HeapFree int `json:"heap_free"`
}

// boardHeap is the most that the examples may use of a Pico W's memory.
const boardHeap = "190k"

// microPython runs serve.py for count connections. Files that do not load end
// it: that is the error.
func (b bench) microPython(t testing.TB, env []string, cert, key string, count int, ca ...string) (*pythonServer, error) {
	t.Helper()
	port := freePort(t)
	args := []string{"-X", "heapsize=" + boardHeap, filepath.Join(boardFiles, "serve.py"), cert, key, port, strconv.Itoa(count)}
	env = append(env, "MICROPYPATH="+filepath.Join(b.dir, "lib"))
	p := &pythonServer{boardProgram: startProgram(t, env, filepath.Join(b.dir, "micropython"), append(args, ca...)...)}
	if err := p.line(p); err != nil {
		p.cmd.Wait()
		return nil, fmt.Errorf("%w\n%s", err, p.errors)
	}
	p.boardProgram.port, _ = strconv.Atoi(port)
	return p, nil
}

// wrapOutput runs a command; its error tells what the command printed.
func wrapOutput(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// freePort finds a port for MicroPython, whose sockets cannot tell which one
// they were given.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
