package onboard

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowdSize is the number of connections of the tests with slow clients.
const crowdSize = 500

// openMany opens crowdSize connections to address, sends each the same bytes,
// and closes them when the test ends. It returns once the server has accepted them
// all: it has then closed those that are too many.
func openMany(t *testing.T, address, send string) []net.Conn {
	t.Helper()
	var conns []net.Conn
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	for range crowdSize {
		c, err := net.DialTimeout("tcp", address, slowest)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		io.WriteString(c, send) // the server may have closed it already
	}
	closed := make(chan bool, crowdSize)
	for _, c := range conns {
		go func() {
			io.Copy(io.Discard, c)
			closed <- true
		}()
	}
	late := time.After(slowest)
	for n := range crowdSize - maxConnections {
		select {
		case <-closed:
		case <-late:
			t.Fatalf("the server closed %d of %d connections", n, crowdSize)
		}
	}
	return conns
}

func TestSlowConnectionsDoNotLockTheUserOut(t *testing.T) {
	tests := []struct {
		name, send string
		secure     bool
	}{
		{"silent", "", false},
		{"a request that never ends", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ", false},
		{"a body that never comes", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", false},
		{"a TLS handshake that never starts", "", true},
		{"a TLS record that never ends", "\x16\x03\x01\x02\x00\x01", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := serve(t, nil)
			address := v.pageHost()
			if test.secure {
				address = v.checkHost()
			}
			openMany(t, address, test.send)
			if got := v.limiter.open(); got > maxConnections {
				t.Errorf("%d connections are open, want at most %d", got, maxConnections)
			}
			if response, _ := v.get(v.client(false), v.URL(), iPhoneSafari); response.StatusCode != 200 {
				t.Errorf("the user got %s", response.Status)
			}
			if body := v.prove(v.client(true)); !strings.Contains(body, "Yes, it does") {
				t.Error("the user could not prove trust")
			}
			v.stop()
			v.ends()
			v.portsAreFree()
		})
	}
}

// An attacker at another address keeps coming back. A user on slow Wi-Fi, who
// needs a while to say what they want, keeps their connection all the same.
func TestAFloodFromElsewhereDoesNotPushTheUserOut(t *testing.T) {
	v := serve(t, nil)
	user, err := net.Dial("tcp", v.pageHost())
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	attacker := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: slowest}
	for range crowdSize {
		c, err := attacker.Dial("tcp", v.pageHost())
		if err != nil && runtime.GOOS != "linux" {
			t.Skipf("this system has no second loopback address: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	user.SetDeadline(time.Now().Add(slowest))
	fmt.Fprintf(user, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", v.base(), v.pageHost())
	response, err := http.ReadResponse(bufio.NewReader(user), nil)
	if err != nil {
		t.Fatalf("the user was pushed out: %v", err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("the user got %s", response.Status)
	}
	if got := v.limiter.open(); got > maxConnections {
		t.Errorf("%d connections are open, want at most %d", got, maxConnections)
	}
}

func TestSilentConnectionsAreClosedInTime(t *testing.T) {
	v := serve(t, nil)
	for name, send := range map[string]string{"silent": "", "a trickle": "GET / HTTP/1.1\r\n"} {
		for _, address := range []string{v.pageHost(), v.checkHost(), v.proofHost()} {
			t.Run(name+" "+address, func(t *testing.T) {
				t.Parallel()
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, send)
				c.SetReadDeadline(time.Now().Add(slowest))
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Errorf("still open after %v: %v", slowest, err)
				}
			})
		}
	}
}

// A client that reads nothing cannot hold a page for ever: the answer fits the
// system's buffers, and the connection goes when it is idle.
func TestAVisitThatNeverReadsIsLetGo(t *testing.T) {
	v := serve(t, nil)
	c, err := net.Dial("tcp", v.pageHost())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(1024)
	for range 200 {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", v.base(), v.pageHost()); err != nil {
			break
		}
	}
	if response, _ := v.get(v.client(false), v.URL(), ""); response.StatusCode != 200 {
		t.Errorf("the user got %s", response.Status)
	}
	v.stop()
	v.ends()
}

// storm sends n requests of every bad kind over a few connections, and returns
// how many answers came.
func storm(t testing.TB, host, path string, n int) int {
	t.Helper()
	var answered atomic.Int64
	var wait sync.WaitGroup
	const workers = 8
	for worker := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1}, Timeout: slowest}
			defer client.CloseIdleConnections()
			for range n / workers {
				if badRequest(client, random, host, path) == nil {
					answered.Add(1)
				}
			}
		})
	}
	wait.Wait()
	return int(answered.Load())
}

func badRequest(client *http.Client, random *rand.Rand, host, path string) error {
	targets := []string{"/", "/" + randomWord(random), path + "/" + randomWord(random), path + "/../root/key.pem", path + "/root/key.pem",
		path + "/issued/pico.local/key.pem", path + "/" + url.PathEscape("..\\root\\key.pem"), "/" + strings.Repeat("a", 3000), path, path + "/picoca-root.crt"}
	methods := []string{"GET", "HEAD", "POST", "DELETE", "BREW"}
	request, err := http.NewRequest(methods[random.IntN(len(methods))], "http://"+host+targets[random.IntN(len(targets))], nil)
	if err != nil {
		return err
	}
	if random.IntN(4) == 0 {
		request.Host = "evil.example"
	}
	request.Header.Set("X-Padding", strings.Repeat("x", random.IntN(3000)))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func randomWord(random *rand.Rand) string {
	letters := make([]byte, 13)
	for i := range letters {
		letters[i] = "abcdefghijklmnopqrstuvwxyz234567"[random.IntN(32)]
	}
	return string(letters)
}

func TestTenThousandRequestsAndTheUserIsStillServed(t *testing.T) {
	v := serve(t, nil)
	start := time.Now()
	answered := storm(t, v.pageHost(), v.base(), 10_000)
	t.Logf("%d of 10000 requests answered in %v", answered, time.Since(start).Round(time.Millisecond))
	if answered < 9_900 {
		t.Errorf("%d of 10000 requests were answered", answered)
	}
	if body := v.prove(v.client(true)); !strings.Contains(body, "Yes, it does") {
		t.Error("the user could not prove trust")
	}
	v.stop()
	v.ends()
	if got := len(v.reported()); got > maxLines+2*len(actions) {
		t.Errorf("%d lines for one visitor, want at most %d and a summary", got, maxLines)
	}
}

// Whatever is asked for, on whatever port, no byte of a private key comes back.
func TestNoAnswerHoldsPrivateBytes(t *testing.T) {
	secret := "p12-bytes-that-must-not-leak"
	var checkKey, proofKey tls.Certificate
	v := serve(t, func(c *Config) {
		c.Identity = &Identity{"tablet", "tablet", []byte(secret), []byte(secret), []byte(secret)}
		checkKey, proofKey = c.Check, c.Proof
		impatient(c)
	})
	needles := map[string][]byte{"identity": []byte(secret), "the identity's place": []byte(v.identityToken)}
	for name, key := range map[string]any{"root": v.pair.Key, "check": checkKey.PrivateKey, "proof": proofKey.PrivateKey} {
		raw, err := key.(interface{ Bytes() ([]byte, error) }).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		needles[name+" key"] = raw
		needles[name+" key in hex"] = []byte(hex.EncodeToString(raw))
		needles[name+" key in capital hex"] = []byte(strings.ToUpper(hex.EncodeToString(raw)))
	}
	needles["a key in PEM"] = []byte("PRIVATE KEY")
	paths := append([]string{"/proof.svg", "/tablet.p12", "/root/key.pem", "/root/cert.pem", "/layout", "/lock", "/issued/", "/key.der", "/texts/en.json", "/page.html", "/debug/pprof/", "/../root/key.pem"}, everyPath...)
	looked := 0
	for _, origin := range []string{"http://" + v.pageHost(), "https://" + v.checkHost(), "https://" + v.proofHost()} {
		client := v.client(true)
		for _, path := range paths {
			for _, prefix := range []string{v.base(), ""} {
				request, err := http.NewRequest(http.MethodGet, origin+prefix+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, body := v.do(client, request)
				whole := []byte(fmt.Sprint(response.Header) + body)
				looked += len(whole)
				for name, needle := range needles {
					if bytes.Contains(whole, needle) {
						t.Errorf("%s%s gives away: %s", origin, path, name)
					}
				}
			}
		}
	}
	t.Logf("looked through %d bytes", looked)
	if looked < 100_000 {
		t.Errorf("looked through only %d bytes", looked)
	}
}

// FuzzOnlyKnownPathsAnswer sends whole request heads. Whatever they hold, an
// answer with our content comes only for the exact paths under the exact Host.
func FuzzOnlyKnownPathsAnswer(f *testing.F) {
	v := serve(f, nil)
	st := v.pageHandler()
	f.Add("GET", "/TOKEN", "HOST")
	f.Add("GET", "/TOKEN/picoca-root.crt", "HOST")
	f.Add("GET", "/TOKEN/../TOKEN", "HOST")
	f.Add("GET", "/%54OKEN/", "HOST")
	f.Add("HEAD", "http://evil.example/TOKEN", "HOST")
	f.Add("GET", "/TOKEN", "evil.example")
	f.Add("GET", "/TOKEN#x", "HOST\t")
	f.Add("HEAD", "http:/TOKEN", "HOST")
	f.Add("GET", "http://HOST/TOKEN", "HOST")
	f.Add("POST", "/TOKEN?x=/..", "HOST.")
	f.Fuzz(func(t *testing.T, method, target, host string) {
		names := strings.NewReplacer("TOKEN", v.token, "HOST", v.pageHost())
		target, host = names.Replace(target), names.Replace(host)
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")))
		if err != nil {
			return
		}
		reason, _ := st.fault(request)
		path, _, _ := strings.Cut(target, "?")
		_, known := st.paths[path]
		asked := known && request.Host == v.pageHost() && (request.Method == "GET" || request.Method == "HEAD")
		if (reason == "") && !asked {
			t.Errorf("%q %q with Host %q is answered", method, target, host)
		}
	})
}
