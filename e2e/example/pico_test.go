//go:build linux

package example

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// TestPicoSDKExample links the project for the Pico SDK with the real lwIP and
// mbedTLS, as SDK 2.0 and 2.1 have them and as 2.2 has them, and runs it.
func TestPicoSDKExample(t *testing.T) {
	t.Parallel()
	for _, sdk := range []string{"2.1", "2.2"} {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			objects := t.TempDir()
			t.Run("p256", func(t *testing.T) { visitPico(t, newPico(t, sdk, objects, "pico.local")) })
			t.Run("rsa-2048", func(t *testing.T) {
				b := newPico(t, sdk, objects, otherName[sdk], "--key", "rsa-2048")
				picoServesItsPage(t, b)
				picoStaysOnItsStack(t, b)
			})
		})
	}
}

// picoAddress is the board's in its network.
const picoAddress = "192.168.7.2"

// otherName has names that a board does not announce: the router has to know
// them.
var otherName = map[string]string{"2.1": "pico.home.arpa", "2.2": picoAddress}

func visitPico(t *testing.T, b *exampleBoard) {
	idle := b.keep(t) // from here on
	for _, row := range []struct {
		name string
		test func(*testing.T, *exampleBoard)
	}{
		{"page", picoServesItsPage},
		{"long heads", picoReadsLongHeads},
		{"strangers", picoRejectsStrangers},
		{"nothing else", picoServesNothingElse},
	} {
		t.Run(row.name, func(t *testing.T) { row.test(t, b) })
	}
	b.leap(t, 1) // httpd's own patience is 8 s
	if err := idle.ask(); err != nil {
		t.Errorf("a connection that was idle for 12 s: %v", err)
	}
	for _, row := range []struct {
		name string
		test func(*testing.T, *exampleBoard)
	}{
		{"three connections", picoKeepsThree},
		{"hang-ups", picoSurvivesHangUps},
		{"memory", picoKeepsItsMemory},
		{"idle", picoEndsIdleConnections},
		{"stack", picoStaysOnItsStack},
	} {
		t.Run(row.name, func(t *testing.T) { row.test(t, b) })
	}
}

// newPico issues a certificate, writes the project, links it and starts it, with
// a network of its own. A name in .local has to be found there by mDNS.
func newPico(t *testing.T, sdk, objects, name string, issueFlags ...string) *exampleBoard {
	t.Helper()
	h := rig.NewHome(t)
	h.Run(append([]string{"issue", name}, issueFlags...)...)
	h.Run("example", name, "--for", "pico-w/pico-sdk", "--out", "project")
	linkPico(t, h, sdk, objects)
	return startPico(t, h, objects, name)
}

// startPico starts the board at one end of the wire, the gateway at the other.
func startPico(t *testing.T, h rig.Home, objects, name string) *exampleBoard {
	t.Helper()
	wire, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &exampleBoard{t: t, home: h, log: newExampleLog(), name: name}
	asked := name
	if !strings.HasSuffix(name, ".local") {
		asked = picoAddress
	}
	var said, port *bufio.Reader
	b.cmd, said = b.atWire(t, wire[0], filepath.Join(objects, "app"))
	b.front, port = b.atWire(t, wire[1], filepath.Join(objects, "gateway"), asked)
	t.Cleanup(b.stop)
	go io.Copy(b.log, said)
	b.log.wait(t, "https://"+name+"/ at "+picoAddress)
	line, err := port.ReadString('\n')
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "port ")
	if !ok {
		t.Fatalf("the gateway says %q, %v", line, err)
	}
	b.https = "127.0.0.1:" + number
	return b
}

// picoEndsIdleConnections lets more time pass than lwipopts.h allows.
func picoEndsIdleConnections(t *testing.T, b *exampleBoard) {
	idle := b.keep(t)
	b.leap(t, 6)
	if err := idle.ask(); err == nil {
		t.Error("a connection that was idle for 72 s is still there")
	}
}

// leap lets 12 seconds pass on the board, so often.
func (b *exampleBoard) leap(t *testing.T, times int) {
	t.Helper()
	for range times {
		before := strings.Count(b.log.String(), "leapt\n")
		if err := b.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		b.log.waitUntil(t, "that it leapt", func(text string) bool { return strings.Count(text, "leapt\n") > before })
	}
}

// atWire starts a program that has one end of the wire as file descriptor 3.
func (b *exampleBoard) atWire(t *testing.T, end int, program string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	wire := os.NewFile(uintptr(end), "wire")
	defer wire.Close()
	cmd := exec.Command(program, args...)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{wire}, b.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func linkPico(t *testing.T, h rig.Home, sdk, objects string) {
	t.Helper()
	makefile := filepath.Join(rig.BoardFiles, "pico-sdk", "Makefile")
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "make", "make"), "-s", "-j"+strconv.Itoa(runtime.NumCPU()), "-f", makefile,
		"PROJECT="+h.Path("project"), "SOURCES="+filepath.Join(rig.BoardBench(t).Dir, "sources"), "SDK="+sdk, "OUT="+objects)
	if err := rig.WrapOutput(cmd); err != nil {
		t.Fatal(err)
	}
}

// A keptConnection is one TLS connection that asks again and again, as a
// browser does: httpd keeps only those whose requests say keep-alive.
type keptConnection struct {
	*tls.Conn
	reader *bufio.Reader
}

// keep opens a connection and asks once.
func (b *exampleBoard) keep(t *testing.T) keptConnection {
	t.Helper()
	plain, err := b.visitor("127.0.0.1").dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	connection := tls.Client(plain, b.visitor("127.0.0.1").tls())
	k := keptConnection{connection, bufio.NewReader(connection)}
	if err := k.ask(); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k keptConnection) get(path string) (*http.Response, string, error) {
	return k.getWith(path, "")
}

// getWith sends more lines of header, each with its end.
func (k keptConnection) getWith(path, lines string) (*http.Response, string, error) {
	k.SetDeadline(time.Now().Add(rig.Patience))
	if _, err := io.WriteString(k, "GET "+path+" HTTP/1.1\r\nHost: pico.local\r\nConnection: keep-alive\r\n"+lines+"\r\n"); err != nil {
		return nil, "", err
	}
	response, err := http.ReadResponse(k.reader, nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func (k keptConnection) ask() error {
	response, _, err := k.get("/status")
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	return err
}

// free returns the memory that the board says is free.
func (k keptConnection) free(t *testing.T) int {
	t.Helper()
	_, body, err := k.get("/status")
	var status struct{ Seconds, Free int }
	if err == nil {
		err = json.Unmarshal([]byte(body), &status)
	}
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return status.Free
}

// picoServesItsPage wants every file whole, twice, on one connection.
func picoServesItsPage(t *testing.T, b *exampleBoard) {
	k := b.keep(t)
	defer k.Close()
	for range 2 {
		for _, row := range []struct{ path, file, kind string }{
			{"/", "index.html", "text/html"},
			{"/app.webmanifest", "app.webmanifest", "application/manifest+json"},
			{"/icon.png", "icon.png", "image/png"},
			{"/sw.js", "sw.js", "application/javascript"},
			{"/sw.js?again", "sw.js", "application/javascript"},
		} {
			want, err := os.ReadFile(b.home.Path("project", row.file))
			if err != nil {
				t.Fatal(err)
			}
			response, body, err := k.get(row.path)
			if err != nil {
				t.Fatalf("%s: %v", row.path, err)
			}
			if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || body != string(want) || kind != row.kind {
				t.Errorf("%s: status %d, %d bytes of %d, %q, want %q", row.path, response.StatusCode, len(body), len(want), kind, row.kind)
			}
		}
	}
}

// picoReadsLongHeads sends as much as a browser may, and then more than fits.
func picoReadsLongHeads(t *testing.T, b *exampleBoard) {
	k := b.keep(t)
	defer k.Close()
	for range 2 {
		if response, _, err := k.getWith("/status", "Cookie: "+strings.Repeat("x", 3900)+"\r\n"); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("a head of 4 KB: %+v, %v", response, err)
		}
	}
	if response, _, err := k.getWith("/status", "Cookie: "+strings.Repeat("x", 9000)+"\r\n"); err == nil {
		t.Errorf("a head of 9 KB: status %d", response.StatusCode)
	}
}

func picoRejectsStrangers(t *testing.T, b *exampleBoard) {
	stranger := visitor{board: b, address: "127.0.0.1"}
	if _, _, err := get(stranger.client(), "/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a client that does not trust the root: %v", err)
	}
}

func picoServesNothingElse(t *testing.T, b *exampleBoard) {
	client := b.visitor("127.0.0.1").client()
	for _, path := range []string{"/picoca_cert.h", "/secrets.h", "/main.c", "/../secrets.h", "//secrets.h", "/nothing"} {
		if status, body, err := get(client, path); status != http.StatusNotFound || err != nil {
			t.Errorf("%s: status %d, %d bytes, %v, want 404", path, status, len(body), err)
		}
	}
}

// picoKeepsThree opens four connections: the one that was used least recently
// ends, and no other.
func picoKeepsThree(t *testing.T, b *exampleBoard) {
	first, second, third := b.keep(t), b.keep(t), b.keep(t)
	if err := first.ask(); err != nil {
		t.Fatalf("the first of three: %v", err)
	}
	fourth := b.keep(t)
	for name, k := range map[string]keptConnection{"first": first, "third": third, "fourth": fourth} {
		if err := k.ask(); err != nil {
			t.Errorf("the %s of four: %v", name, err)
		}
	}
	if err := second.ask(); err == nil {
		t.Error("the second of four is still there")
	}
	for _, k := range []keptConnection{first, third, fourth} {
		k.Close()
	}
}

// picoSurvivesHangUps ends handshakes in every way that clients do, and leaves
// more open than the board has places for.
func picoSurvivesHangUps(t *testing.T, b *exampleBoard) {
	v, hello := b.visitor("127.0.0.1"), clientHello(t)
	for name, text := range map[string][]byte{
		"a connection and nothing more": nil,
		"half a ClientHello":            hello[:len(hello)/2],
		"a ClientHello":                 hello,
		"plain HTTP":                    []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		for _, end := range []string{"stays", "ends", "is reset"} {
			for range 6 { // as many as a browser opens
				connection, err := v.dial()
				if err != nil {
					t.Fatal(err)
				}
				connection.Write(text)
				switch end {
				case "stays":
					defer connection.Close()
				case "is reset":
					connection.(interface{ SetLinger(int) error }).SetLinger(0)
					connection.Close()
				default:
					connection.Close()
				}
			}
			v.mustServe(name + " that " + end)
		}
	}
}

// picoKeepsItsMemory wants each connection to hold what main.c says, and to
// give it back.
func picoKeepsItsMemory(t *testing.T, b *exampleBoard) {
	v := b.visitor("127.0.0.1")
	first := b.keep(t)
	before := first.free(t)
	second := b.keep(t)
	each := before - first.free(t)
	second.Close()
	t.Logf("%d bytes are free, an open connection holds %d", before, each)
	if each < 21*1024 || each > 23*1024 {
		t.Errorf("a connection holds %d bytes, main.c says 22 KB", each)
	}
	for i := range 20 {
		if i%4 == 0 {
			(visitor{board: b, address: v.address}).talk("x", 0, true)
			continue
		}
		v.mustServe("many others")
	}
	first.Close()
	again := 0
	for try := 0; try < 10 && again != before; try++ { // what just ended may not be given back yet; what is lost is never
		k := b.keep(t)
		again = k.free(t)
		k.Close()
	}
	if again != before {
		t.Errorf("%d bytes free after 20 connections, %d before", again, before)
	}
}

// picoStaysOnItsStack looks at what the network's work took: about 5 KB, main.c
// says. Core 0 and core 1 have 4 KB each.
func picoStaysOnItsStack(t *testing.T, b *exampleBoard) {
	most := 0
	for _, match := range regexp.MustCompile(`stack (\d+)`).FindAllStringSubmatch(b.log.String(), -1) {
		most, _ = strconv.Atoi(match[1])
	}
	t.Logf("%d bytes of stack", most)
	if most < 4096 || most > 6*1024 {
		t.Errorf("the network took %d bytes of stack, want about 5 KB", most)
	}
}
