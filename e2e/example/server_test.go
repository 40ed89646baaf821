package example

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// TestExampleServesItsPage wants every file of the page whole, and no other
// file of the board.
func TestExampleServesItsPage(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		client := b.visitor("127.0.0.1").client()
		for path, file := range map[string]string{"/": "index.html", "/app.webmanifest": "app.webmanifest", "/icon.png": "icon.png", "/sw.js": "sw.js", "/?from=home": "index.html"} {
			want, err := os.ReadFile(b.home.Path("project", file))
			if err != nil {
				t.Fatal(err)
			}
			if status, body, err := get(client, path); status != http.StatusOK || body != string(want) || err != nil {
				t.Errorf("%s: status %d, %d bytes of %d, %v", path, status, len(body), len(want), err)
			}
		}
		for _, path := range []string{"/key.der", "/cert.der", "/" + firmware.program, "/secrets.py", "/settings.toml", "/../key.der", "//key.der", "/index.html", "/nothing"} {
			if status, body, err := get(client, path); status != http.StatusNotFound || err != nil {
				t.Errorf("%s: status %d, %d bytes, %v, want 404", path, status, len(body), err)
			}
		}
	})
}

// TestExampleWaitsForItsRouter has the first tries to connect fail, as after a
// power cut: a board is up before its router.
func TestExampleWaitsForItsRouter(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		firmware.env = []string{"ROUTER_IS_LATE=1"}
		b := newExample(t, firmware)
		if !strings.Contains(b.log.String(), "no Wi-Fi: ") {
			t.Errorf("no try failed:\n%s", b.log)
		}
		b.visitor("127.0.0.1").mustServe("a late router")
	})
}

// TestExampleOfAnotherName runs the programs for names that the board does not
// announce.
func TestExampleOfAnotherName(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		for _, name := range []string{"pico.home.arpa", "192.168.1.20"} {
			h := rig.NewHome(t)
			h.Run("issue", name)
			h.Run("example", name, "--for", "pico-w/"+firmware.id, "--out", "project")
			b := startExample(t, h, firmware)
			v := b.visitor("127.0.0.1")
			config := v.tls()
			config.ServerName = name
			connection, err := tls.Dial("tcp", b.https, config)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			connection.Close()
			if strings.Contains(b.log.String(), "mdns") {
				t.Errorf("%s is announced:\n%s", name, b.log)
			}
		}
	})
}

// TestExampleRejectsStrangers is what makes the other tests mean something: a
// client of another authority gets no page.
func TestExampleRejectsStrangers(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		foreign := visitor{board: b, address: "127.0.0.1", roots: newExample(t, firmware).visitor("127.0.0.1").roots}
		if _, _, err := get(foreign.client(), "/"); err == nil || !strings.Contains(err.Error(), "unknown authority") {
			t.Errorf("client of another authority: %v", err)
		}
		b.visitor("127.0.0.1").mustServe("a client that did not trust it")
	})
}

// TestExampleKeepsConnections counts the connections of ten requests.
func TestExampleKeepsConnections(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		client := b.visitor("127.0.0.1").client()
		reused := 0
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused {
				reused++
			}
		}}
		for range 10 {
			request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", "https://pico.local/sw.js", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if reused != 9 {
			t.Errorf("%d of 10 requests used a connection again, want 9", reused)
		}
	})
}

// TestExampleSpeaksHTTP sends what HTTP/1.1 allows and browsers seldom do.
func TestExampleSpeaksHTTP(t *testing.T) {
	const small = "GET /status HTTP/1.1\r\nHost: pico.local\r\n\r\n"
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		for _, row := range []struct {
			name, request string
			answers       []int
			stays         bool // the connection stays open
		}{
			{"one request", small, []int{200}, true},
			{"two at once", small + small, []int{200, 200}, true},
			{"HEAD", strings.Replace(small, "GET", "HEAD", 1), []int{200}, true},
			{"the end announced", strings.Replace(small, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1), []int{200}, false},
			{"an old client", strings.Replace(small, "1.1", "1.0", 1), []int{200}, false},
			{"a method with a body", "POST /status HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", []int{405}, false},
			{"no HTTP at all", "\x00\xff\r\n\r\n", nil, false},
			{"a head without end", strings.Repeat("x", 6000), nil, false},
		} {
			request, want := row.request, row.answers
			if row.stays { // one more answer shows it
				request, want = request+small, append(want, 200)
			}
			answers, err := b.visitor("127.0.0.1").talk(request, len(want), !row.stays)
			if fmt.Sprint(answers) != fmt.Sprint(want) {
				t.Errorf("%s: answers %v, want %v (%v)", row.name, answers, want, err)
			}
			if timeout, _ := errors.AsType[net.Error](err); timeout != nil && timeout.Timeout() {
				t.Errorf("%s: the connection stays, want it closed", row.name)
			}
		}
		b.visitor("127.0.0.1").mustServe("all of these")
	})
}

// talk sends text and reads count answers, and on to the connection's end if
// that must come. The error is what it ended with.
func (v visitor) talk(text string, count int, ends bool) (answers []int, end error) {
	plain, err := v.dial()
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	connection := tls.Client(plain, v.tls())
	plain.SetDeadline(time.Now().Add(rig.Patience))
	if _, err := io.WriteString(connection, text); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(connection)
	method, _, _ := strings.Cut(text, " ")
	for range count {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return answers, err
		}
		io.Copy(io.Discard, response.Body)
		answers = append(answers, response.StatusCode)
	}
	if ends {
		_, err = reader.ReadByte()
	}
	return answers, err
}

// TestExampleRedirectsPlainHTTP asks port 80.
func TestExampleRedirectsPlainHTTP(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		client := &http.Client{Timeout: rig.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		response, err := client.Get("http://" + b.http + "/any")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMovedPermanently || response.Header.Get("Location") != "https://pico.local/" {
			t.Errorf("status %d, location %q", response.StatusCode, response.Header.Get("Location"))
		}
		silent, err := net.Dial("tcp", b.http)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		b.visitor("127.0.0.1").mustServe("a client on port 80 that says nothing")
	})
}

// TestSilenceOnPort80EndsNoVisit: CircuitPython's board waits a second for what a
// client of port 80 has to say. What a visitor of the page asked for meanwhile is
// answered, although someone else waits.
func TestSilenceOnPort80EndsNoVisit(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run("example", "pico.local", "--for", "pico-w/circuitpython", "--out", "project")
	replaceIn(t, h.Path("project", "code.py"), "GIVE_WAY = 2", "GIVE_WAY = 0.5")
	b := startExample(t, h, exampleOnCircuitPython)
	conn, err := b.visit("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	silent, err := net.Dial("tcp", b.http)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := io.WriteString(conn, "GET /status HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	other, err := b.visitor("127.0.0.2").dial()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("got no answer: %v", err)
	}
}

// visit makes a connection with TLS.
func (b *exampleBoard) visit(address string) (*tls.Conn, error) {
	v := b.visitor(address)
	plain, err := v.dial()
	if err != nil {
		return nil, err
	}
	plain.SetDeadline(time.Now().Add(rig.Patience))
	conn := tls.Client(plain, v.tls())
	return conn, conn.Handshake()
}

// TestExampleSurvivesHangUps ends handshakes in every way that clients do.
func TestExampleSurvivesHangUps(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		v := b.visitor("127.0.0.1")
		hello := clientHello(t)
		for name, send := range map[string][]byte{
			"a connection and nothing more": nil,
			"half a ClientHello":            hello[:len(hello)/2],
			"a ClientHello":                 hello,
			"plain HTTP":                    []byte("GET / HTTP/1.1\r\n\r\n"),
			"noise":                         []byte(strings.Repeat("\x16\x03\x01\xff\xff noise ", 50)),
		} {
			for _, reset := range []bool{false, true} {
				connection, err := v.dial()
				if err != nil {
					t.Fatal(err)
				}
				connection.Write(send)
				if reset {
					connection.(*net.TCPConn).SetLinger(0)
				}
				connection.Close()
				v.mustServe(name)
			}
		}
		for i := 1; i <= 3; i++ { // a client that does not trust the board ends with an alert
			if _, err := (visitor{board: b, address: v.address}).talk("x", 0, true); err == nil {
				t.Error("a client that trusts no one got in")
			}
			v.mustServe("an alert")
		}
	})
}

// clientHello returns the first bytes of a TLS client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		tls.Client(client, &tls.Config{ServerName: "pico.local"}).Handshake()
	}()
	buffer := make([]byte, 4096)
	n, err := server.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// TestExampleGivesWay has one device hold a connection, and another come.
func TestExampleGivesWay(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		first := b.visitor("127.0.0.1").client()
		if _, _, err := get(first, "/status"); err != nil {
			t.Fatal(err)
		}
		// The same device opens a spare connection: it waits.
		spare, err := b.visitor("127.0.0.1").dial()
		if err != nil {
			t.Fatal(err)
		}
		defer spare.Close()
		spare.Write(clientHello(t))
		for range 3 { // the board has time to see it
			if _, _, err := get(first, "/status"); err != nil {
				t.Fatal(err)
			}
		}
		spare.SetReadDeadline(time.Now().Add(time.Millisecond))
		if n, err := spare.Read(make([]byte, 1)); n != 0 {
			t.Errorf("a spare connection of the same device got a handshake, %v", err)
		}
		spare.Close()
		// Another device comes: the idle one goes.
		began := time.Now()
		b.visitor("127.0.0.2").mustServe("an idle connection of another device")
		// Otherwise after a minute: KEEP in the program.
		if waited := time.Since(began); waited > 50*time.Second {
			t.Errorf("another device waited for %v", waited)
		}
	})
}

// TestExampleTakesTurns has one device ask without a pause, and another come,
// which would wait for ever without turns.
func TestExampleTakesTurns(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		busy, done := b.visitor("127.0.0.1").client(), make(chan error)
		stop := make(chan struct{})
		if _, _, err := get(busy, "/status"); err != nil {
			t.Fatal(err)
		}
		pause := time.Duration(0) // the busy device's longest
		go func() {
			for {
				asked := time.Now()
				if _, _, err := get(busy, "/status"); err != nil {
					done <- err
					return
				}
				select {
				case <-stop:
					done <- nil
					return
				case <-time.After(100 * time.Millisecond):
				}
				pause = max(pause, time.Since(asked))
			}
		}()
		began := time.Now()
		b.visitor("127.0.0.2").mustServe("a busy connection of another device")
		waited := time.Since(began)
		close(stop)
		if err := <-done; err != nil {
			t.Errorf("the busy device: %v", err)
		}
		// A turn is 15 s, but who pauses for 2 s gives way: so may a slow machine.
		if waited < 5*time.Second && pause < time.Second {
			t.Errorf("another device waited for %v, want about 15 s", waited)
		}
	})
}

// TestExampleLetsFewWait has one device open more connections than the board's
// memory is for, and another come.
func TestExampleLetsFewWait(t *testing.T) {
	t.Parallel()
	b := newExample(t, exampleOnMicroPython)
	if _, _, err := get(b.visitor("127.0.0.1").client(), "/status"); err != nil { // and keeps its turn
		t.Fatal(err)
	}
	var crowd []net.Conn
	for range 12 {
		c, err := b.visitor("127.0.0.1").dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		crowd = append(crowd, c)
	}
	for _, c := range crowd[8:] {
		c.SetReadDeadline(time.Now().Add(rig.Patience))
		if n, err := c.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the ninth connection and later ones: got %d bytes, %v, want the end", n, err)
		}
	}
	for _, c := range crowd {
		c.Close()
	}
	b.visitor("127.0.0.2").mustServe("a crowd of another device")
}

// TestExampleHeapDoesNotGrow takes 20 connections in a row, some of them broken
// off, and compares the memory that is free.
func TestExampleHeapDoesNotGrow(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		v := b.visitor("127.0.0.1")
		free := func() int {
			client := v.client()
			defer client.CloseIdleConnections()
			_, body, err := get(client, "/status")
			if err != nil {
				t.Fatal(err)
			}
			var status struct{ Seconds, Free int }
			if err := json.Unmarshal([]byte(body), &status); err != nil {
				t.Fatal(err)
			}
			return status.Free
		}
		for range 3 { // modules are loaded, tables have grown
			free()
		}
		before := free()
		for i := range 20 {
			if i%4 == 0 {
				(visitor{board: b, address: v.address}).talk("x", 0, true)
				continue
			}
			client := v.client()
			if _, _, err := get(client, "/"); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			client.CloseIdleConnections()
		}
		after := free()
		const little = 256
		for end := time.Now().Add(rig.Patience); before-after > little && time.Now().Before(end); {
			after = max(after, free()) // what just ended may not be given back yet; what is lost is never
		}
		t.Logf("free with a connection open: %d bytes of %s before, %d after 20 more", before, firmware.heap, after)
		if before-after > little {
			t.Errorf("%d bytes are gone after 20 connections", before-after)
		}
	})
}
