package example

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// exampleFiles is the folder with the stand-ins for what a computer lacks of a
// board, a folder for each firmware.
const exampleFiles = rig.Root + "/testdata/example"

// An exampleFirmware is how an example runs on a computer: the real
// MicroPython, with a board's heap.
type exampleFirmware struct {
	id, program, heap string
	// modules are folders of MICROPYPATH, below the bench's folder if they
	// begin with bench.
	modules []string
	// front is the stack that does its TLS, if it is not MicroPython's own.
	front *rig.Stack
	// env are variables for the stand-ins.
	env []string
	// under is a program that runs it.
	under []string
}

// CircuitPython's language is MicroPython's; its own modules are stand-ins. It
// leaves a program on the Pico W less memory. Its TLS is either MicroPython's,
// in the same heap, or mbedTLS 2.28 as CircuitPython has it, in front.
var (
	exampleOnMicroPython = exampleFirmware{
		id: "micropython", program: "main.py", heap: "190k",
		modules: []string{exampleFiles + "/micropython", "bench/lib"},
	}
	exampleOnCircuitPython = exampleFirmware{
		id: "circuitpython", program: "code.py", heap: "128k",
		modules: []string{exampleFiles + "/circuitpython"},
	}
	exampleOnCircuitPythonTLS = exampleFirmware{
		id: "circuitpython", program: "code.py", heap: "96k",
		modules: []string{exampleFiles + "/circuitpython-2.28", exampleFiles + "/circuitpython"},
		front:   &rig.CircuitPython,
	}
	exampleFirmwares = []exampleFirmware{exampleOnMicroPython, exampleOnCircuitPython, exampleOnCircuitPythonTLS}
)

func (f exampleFirmware) String() string {
	if f.front != nil {
		return f.id + "-" + f.front.Program
	}
	return f.id
}

// eachExample runs f for each firmware, side by side: most of a test waits.
func eachExample(t *testing.T, f func(t *testing.T, firmware exampleFirmware)) {
	t.Parallel()
	eachOf(t, exampleFirmwares, f)
}

// eachProgram runs f for each program once, whatever its TLS.
func eachProgram(t *testing.T, f func(t *testing.T, firmware exampleFirmware)) {
	t.Parallel()
	eachOf(t, []exampleFirmware{exampleOnMicroPython, exampleOnCircuitPython}, f)
}

func eachOf(t *testing.T, firmwares []exampleFirmware, f func(t *testing.T, firmware exampleFirmware)) {
	for _, firmware := range firmwares {
		t.Run(firmware.String(), func(t *testing.T) {
			t.Parallel()
			f(t, firmware)
		})
	}
}

// An exampleBoard is an example that runs, unchanged, from the very files that
// picoca wrote.
type exampleBoard struct {
	t           testing.TB
	home        rig.Home
	cmd         *exec.Cmd
	log         *exampleLog
	https, http string // addresses
	updates     string // where it takes updates
	front       *exec.Cmd
	name        string // in the certificate, if not pico.local
}

// newExample makes an authority, issues pico.local, writes the example, and
// starts it.
func newExample(t testing.TB, firmware exampleFirmware, flags ...string) *exampleBoard {
	t.Helper()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run(append([]string{"example", "pico.local", "--for", "pico-w/" + firmware.id, "--out", "project"}, flags...)...)
	return startExample(t, h, firmware)
}

// startExample runs the project in h. The clock of the board is in 2021,
// as after a reset.
func startExample(t testing.TB, h rig.Home, firmware exampleFirmware) *exampleBoard {
	t.Helper()
	bench := rig.BoardBench(t).Dir
	b := &exampleBoard{t: t, home: h, log: newExampleLog()}
	for _, address := range []*string{&b.https, &b.http, &b.updates} {
		*address = "127.0.0.1:" + rig.FreePort(t)
	}
	var path []string
	for _, module := range firmware.modules {
		if below, ok := strings.CutPrefix(module, "bench/"); ok {
			module = filepath.Join(bench, below)
		}
		absolute, err := filepath.Abs(module)
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, absolute)
	}
	command := slices.Concat(firmware.under, []string{filepath.Join(bench, "micropython"), "-X", "heapsize=" + firmware.heap, firmware.program})
	b.cmd = exec.Command(command[0], command[1:]...)
	b.cmd.Dir = h.Path("project")
	b.cmd.Env = append(os.Environ(), "MICROPYPATH="+strings.Join(path, ":"),
		"PORT_443="+portOf(b.https), "PORT_80="+portOf(b.http), "PORT_8443="+portOf(b.updates), "CIRCUITPY_WIFI_SSID=your network")
	if firmware.id == "micropython" { // CircuitPython looks at no dates, but its stand-in does
		b.cmd.Env = append(b.cmd.Env, "PICOW_TIME=1609459200", "TZ=UTC")
	}
	b.cmd.Env = append(b.cmd.Env, firmware.env...)
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stop)
	b.log.wait(t, "/ at 127.0.0.1")
	if firmware.front != nil {
		b.startFront(*firmware.front)
	}
	return b
}

// startFront puts a stack's TLS before the board.
func (b *exampleBoard) startFront(s rig.Stack) {
	b.t.Helper()
	command := rig.BoardBench(b.t).Command(s, "front", "--to", portOf(b.https), "--connections", "1000", "--timeout", "300")
	b.front = exec.Command(command[0], command[1:]...)
	b.front.Dir = b.cmd.Dir
	b.front.Stderr, b.front.WaitDelay = b.log, rig.Patience
	out, err := b.front.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.front.Start(); err != nil {
		b.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var listening struct{ Port int }
	if line, err := lines.ReadBytes('\n'); err != nil || json.Unmarshal(line, &listening) != nil {
		b.t.Fatalf("%v says %q, %v", command, line, err)
	}
	b.https = fmt.Sprintf("127.0.0.1:%d", listening.Port)
	go io.Copy(b.log, lines) // a line for each connection
}

// stop takes the board away.
func (b *exampleBoard) stop() {
	if b.cmd.ProcessState != nil {
		return
	}
	b.cmd.Process.Kill()
	b.cmd.Wait()
	if b.front != nil { // its connections end with the board's
		b.front.Process.Kill()
		b.front.Wait()
	}
	if b.t.Failed() {
		b.t.Logf("the board said:\n%s", b.log)
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// An exampleLog keeps what a board prints.
type exampleLog struct {
	mutex sync.Mutex
	more  *sync.Cond // it printed more
	text  bytes.Buffer
}

func newExampleLog() *exampleLog {
	l := new(exampleLog)
	l.more = sync.NewCond(&l.mutex)
	return l
}

func (l *exampleLog) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	defer l.more.Broadcast()
	return l.text.Write(p)
}

func (l *exampleLog) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// wait waits until the board has printed one of some texts.
func (l *exampleLog) wait(t testing.TB, texts ...string) {
	t.Helper()
	l.waitUntil(t, fmt.Sprintf("one of %q", texts), func(all string) bool {
		return len(texts) == 0 || slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(all, text) })
	})
}

// waitUntil waits until what the board has printed is as wanted.
func (l *exampleLog) waitUntil(t testing.TB, what string, wanted func(all string) bool) {
	t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	late := time.AfterFunc(rig.Patience, func() { l.more.Broadcast() })
	defer late.Stop()
	for end := time.Now().Add(rig.Patience); !wanted(l.text.String()); l.more.Wait() {
		if !time.Now().Before(end) {
			t.Fatalf("the board never printed %s, but:\n%s", what, l.text.String())
		}
	}
}

// A visitor is a device that trusts the board's root, or not.
type visitor struct {
	board    *exampleBoard
	address  string // its own
	roots    *x509.CertPool
	identity *tls.Certificate
}

// visitor returns a device at a loopback address.
func (b *exampleBoard) visitor(address string) visitor {
	b.t.Helper()
	roots, err := filepath.Glob(b.home.Path("store", "roots", "*", "cert.pem"))
	if err != nil || len(roots) == 0 {
		b.t.Fatalf("roots %q, %v", roots, err)
	}
	v := visitor{board: b, address: address, roots: x509.NewCertPool()}
	for _, root := range roots {
		if !v.roots.AppendCertsFromPEM(rig.ReadFile(b.t, root)) {
			b.t.Fatal("the root is no certificate")
		}
	}
	return v
}

// dial opens a plain connection to the board's HTTPS port.
func (v visitor) dial() (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(v.address)}, Timeout: rig.Patience}
	return dialer.Dial("tcp", v.board.https)
}

func (v visitor) tls() *tls.Config {
	config := &tls.Config{ServerName: cmp.Or(v.board.name, "pico.local"), RootCAs: v.roots}
	if v.identity != nil { // shown even where the board asks for another authority's
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return v.identity, nil }
	}
	return config
}

// client returns an HTTP client that keeps one connection.
func (v visitor) client() *http.Client {
	transport := &http.Transport{
		DialContext:     func(context.Context, string, string) (net.Conn, error) { return v.dial() },
		TLSClientConfig: v.tls(),
	}
	v.board.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: rig.Patience}
}

// get returns the status and body of one request.
func get(client *http.Client, path string) (int, string, error) {
	response, err := client.Get("https://pico.local" + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// mustServe wants the board to answer a device on a connection of its own.
func (v visitor) mustServe(after string) {
	v.board.t.Helper()
	client := v.client()
	defer client.CloseIdleConnections()
	status, _, err := get(client, "/status")
	if err != nil || status != http.StatusOK {
		v.board.t.Fatalf("after %s: status %d, %v", after, status, err)
	}
}

// A counter stands between clients and a board and counts what the board pays
// for: connections, and the TLS handshakes that it answered.
type counter struct {
	address  string
	listener net.Listener
	mutex    sync.Mutex
	opened   int
	shaken   []time.Time
}

func newCounter(t testing.TB, board string) *counter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &counter{address: listener.Addr().String(), listener: listener}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.relay(client, board)
		}
	}()
	return c
}

func (c *counter) relay(client net.Conn, address string) {
	defer client.Close()
	c.mutex.Lock()
	c.opened++
	c.mutex.Unlock()
	board, err := net.Dial("tcp", address)
	if err != nil {
		return // the client sees a closed connection, as from a board that is gone
	}
	defer board.Close()
	go func() {
		defer board.Close()
		io.Copy(board, client)
	}()
	io.Copy(client, io.TeeReader(board, &helloWatch{counter: c}))
}

// helloWatch sees the first bytes that a board sends on a connection.
type helloWatch struct {
	counter *counter
	begin   []byte
}

func (w *helloWatch) Write(p []byte) (int, error) {
	const size, handshake, serverHello = 6, 22, 2 // RFC 5246 sections 6.2.1 and 7.4
	if len(w.begin) < size {
		w.begin = append(w.begin, p[:min(len(p), size-len(w.begin))]...)
		if len(w.begin) == size && w.begin[0] == handshake && w.begin[5] == serverHello {
			w.counter.mutex.Lock()
			w.counter.shaken = append(w.counter.shaken, time.Now())
			w.counter.mutex.Unlock()
		}
	}
	return len(p), nil
}

// spare is SPARE of main.py and code.py: for so long a board keeps an idle
// connection when another one of the same device waits.
const spare = 10 * time.Second

// handshakes counts those that the board's programs ask for. One that comes
// later than spare after the one before can be a slow machine's: the browser was
// busy for so long that the board gave its connection up, as it should.
func (c *counter) handshakes() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	n := 0
	for i, at := range c.shaken {
		if i == 0 || at.Sub(c.shaken[i-1]) < spare {
			n++
		}
	}
	return n
}

func (c *counter) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return fmt.Sprintf("%d connections, %d handshakes", c.opened, len(c.shaken))
}
