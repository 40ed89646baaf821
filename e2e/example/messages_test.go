package example

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// A pushService is where a board leaves messages, as browsers' makers run them
// (RFC 8030). What it answers is in the subscription's path.
type pushService struct {
	*httptest.Server
	root     []byte // DER
	mutex    sync.Mutex
	messages []pushed
	hang     chan struct{}
	// arrival, unless nil, is called with each message.
	arrival func(pushed)
}

// pushed is a message that arrived.
type pushed struct {
	path   string
	header http.Header
	body   []byte
}

func newPushService(t *testing.T) *pushService {
	t.Helper()
	s := &pushService{hang: make(chan struct{})}
	s.Server = httptest.NewUnstartedServer(s)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{s.certificate(t)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(s.hang) })
	return s
}

// certificate makes the service's root and its certificate for localhost.
func (s *pushService) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	now := time.Now()
	rootKey, leafKey := key(), key()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Push Root"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "push"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	rootDER, rootErr := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	leafDER, leafErr := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if rootErr != nil || leafErr != nil {
		t.Fatal(rootErr, leafErr)
	}
	s.root = rootDER
	return tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
}

// host is the service's as the board knows it.
func (s *pushService) host() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return "localhost:" + port
}

// ServeHTTP answers /STATUS[/STATUS ...]/NAME with each status in turn, the last
// one for ever; "silence" is none.
func (s *pushService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mutex.Lock()
	before := len(slices.DeleteFunc(slices.Clone(s.messages), func(m pushed) bool { return m.path != r.URL.Path }))
	message := pushed{r.URL.Path, r.Header, body}
	s.messages = append(s.messages, message)
	s.mutex.Unlock()
	if s.arrival != nil {
		s.arrival(message)
	}
	steps := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	steps = steps[:len(steps)-1]
	step := steps[min(before, len(steps)-1)]
	if step == "silence" {
		<-s.hang
		return
	}
	var status int
	fmt.Sscan(step, &status)
	w.WriteHeader(status)
}

// of returns the messages that arrived at a path.
func (s *pushService) of(path string) (found []pushed) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, m := range s.messages {
		if m.path == path {
			found = append(found, m)
		}
	}
	return found
}

// A messageBoard is a board that sends messages, and knows a service of the
// test's.
type messageBoard struct {
	*exampleBoard
	service *pushService
	client  *http.Client
}

// newMessageBoard starts a board from the files that picoca wrote; the service is
// added to its list, and what takes it minutes is cut short.
func newMessageBoard(t *testing.T, service *pushService, flags ...string) *messageBoard {
	t.Helper()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run(append([]string{"example", "pico.local", "--for", "pico-w/micropython", "--push", "--contact", "ann@example.org", "--out", "project"}, flags...)...)
	addService(t, h.Path("project"), service)
	rig.WriteFile(t, h.Path("reading"), "21.5")
	board := startMessageBoard(t, h)
	return &messageBoard{board, service, board.visitor("127.0.0.1").client()}
}

func startMessageBoard(t *testing.T, h rig.Home) *exampleBoard {
	t.Helper()
	firmware := exampleOnMicroPython
	firmware.env = []string{"READING=" + h.Path("reading")}
	return startExample(t, h, firmware)
}

func addService(t *testing.T, project string, service *pushService) {
	t.Helper()
	replaceIn(t, filepath.Join(project, "webpush.py"),
		"SERVICES = {\n", fmt.Sprintf("SERVICES = {\n    %q: (\"test-root.der\",),\n", service.host()))
	replaceIn(t, filepath.Join(project, "messages.py"), "RETRY = 30000", "RETRY = 100", "EVERY = 300", "EVERY = 1")
	if err := os.WriteFile(filepath.Join(project, "test-root.der"), service.root, 0o644); err != nil {
		t.Fatal(err)
	}
}

// replaceIn replaces texts that must be in a file.
func replaceIn(t *testing.T, name string, pairs ...string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(pairs, 2) {
		if !bytes.Contains(data, []byte(pair[0])) {
			t.Fatalf("%s has no %q", name, pair[0])
		}
		data = bytes.Replace(data, []byte(pair[0]), []byte(pair[1]), 1)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// post sends JSON as the page does.
func (b *messageBoard) post(path string, value any) (int, error) {
	b.t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := b.client.Post("https://pico.local"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// subscribe makes the board know a new subscriber, whose messages the service
// answers as the path says.
func (b *messageBoard) subscribe(path string) subscriber {
	b.t.Helper()
	s := newSubscriber(b.t)
	if status, err := b.post("/subscribe", s.subscription("https://"+b.service.host()+path)); err != nil || status != http.StatusOK {
		b.t.Fatalf("/subscribe: %d (%v)", status, err)
	}
	return s
}

func (b *messageBoard) test(path string) {
	b.t.Helper()
	if status, err := b.post("/test", map[string]string{"endpoint": "https://" + b.service.host() + path}); err != nil || status != http.StatusOK {
		b.t.Fatalf("/test: %d (%v)", status, err)
	}
	b.client.CloseIdleConnections() // its place is free for the board's own connection
}

// arrived waits until n messages came to a path.
func (b *messageBoard) arrived(path string, n int) []pushed {
	b.t.Helper()
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(10 * time.Millisecond) {
		if got := b.service.of(path); len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: got %d messages, want %d", path, len(b.service.of(path)), n)
		}
	}
}

// kept returns the endpoints that the board has on its flash.
func (b *messageBoard) kept() string {
	b.t.Helper()
	return string(rig.ReadFile(b.t, b.home.Path("project", "subscriptions.json")))
}

// keeps waits until a text is in the board's file.
func (b *messageBoard) keeps(text string) {
	b.t.Helper()
	for deadline := time.Now().Add(rig.Patience); !strings.Contains(b.kept(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("the board keeps %s, want %s", b.kept(), text)
		}
	}
}

// message is what the page's service worker gets.
type message struct {
	WebPush      int `json:"web_push"`
	Notification struct{ Title, Body, Navigate string }
}

func TestBoardSendsMessages(t *testing.T) {
	t.Parallel()
	b := newMessageBoard(t, newPushService(t))
	s := b.subscribe("/201/ann")
	b.test("/201/ann")
	got := b.arrived("/201/ann", 1)[0]
	text, err := s.decrypt(got.body)
	var m message
	if err != nil || json.Unmarshal(text, &m) != nil || m.WebPush != 8030 || m.Notification.Title != "pico.local" || m.Notification.Navigate != "https://pico.local/" {
		t.Errorf("got message %s (%v)", text, err)
	}
	if want := "Messages work: 21.5 °C"; m.Notification.Body != want {
		t.Errorf("got text %q, want %q", m.Notification.Body, want)
	}
	public, claims, err := checkToken(got.header.Get("Authorization"))
	if err != nil || claims["sub"] != "mailto:ann@example.org" || claims["aud"] != "https://"+b.service.host() {
		t.Errorf("got claims %v (%v)", claims, err)
	}
	if until := time.Unix(int64(claims["exp"].(float64)), 0); until.Before(time.Now()) || until.After(time.Now().Add(24*time.Hour)) {
		t.Errorf("token ends %v", until)
	}
	if page := string(rig.ReadFile(t, b.home.Path("project", "index.html"))); !strings.Contains(page, base64url.EncodeToString(public)) {
		t.Error("the page subscribes with another key")
	}
	for name, want := range map[string]string{"TTL": "86400", "Urgency": "high", "Topic": "test", "Content-Encoding": "aes128gcm"} {
		if got := got.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}

	// A reading above the limit is a message, once, to all.
	b.subscribe("/201/bob")
	rig.WriteFile(t, b.home.Path("reading"), "60")
	b.arrived("/201/bob", 1)
	second := b.arrived("/201/ann", 2)[1]
	if text, err := s.decrypt(second.body); err != nil || !strings.Contains(string(text), `60.0 °C`) {
		t.Errorf("got message %s (%v)", text, err)
	}
	if first, second := got.header.Get("Authorization"), second.header.Get("Authorization"); first != second {
		t.Error("the token was made twice")
	}
	if bytes.Equal(got.body[:86], second.body[:86]) {
		t.Error("two messages have the same salt and key")
	}

	// What subscribed survives a power cut; a phone that was taken off the list does not.
	if status, err := b.post("/forget", map[string]string{"endpoint": "https://" + b.service.host() + "/201/bob"}); err != nil || status != http.StatusOK {
		t.Errorf("/forget: %d (%v)", status, err)
	}
	b.stop()
	again := &messageBoard{startMessageBoard(t, b.home), b.service, nil}
	again.client = again.visitor("127.0.0.1").client()
	again.arrived("/201/ann", 3) // the reading is above the limit still
	if got := len(b.service.of("/201/bob")); got != 1 {
		t.Errorf("bob got %d messages, want 1", got)
	}
}

func TestServiceThatFails(t *testing.T) {
	t.Parallel()
	b := newMessageBoard(t, newPushService(t))
	for _, path := range []string{"/404/a", "/410/a", "/401/a", "/403/a", "/413/a", "/429/201/a", "/500/503/201/a"} {
		b.subscribe(path)
		b.test(path)
		tries := max(1, strings.Count(path, "/")-1)
		b.arrived(path, tries)
		gone := path == "/404/a" || path == "/410/a"
		b.settled(path, gone)
		if !gone {
			if status, err := b.post("/forget", map[string]string{"endpoint": "https://" + b.service.host() + path}); err != nil || status != http.StatusOK {
				t.Errorf("/forget: %d (%v)", status, err)
			}
		}
		if got := len(b.service.of(path)); got != tries {
			t.Errorf("%s: got %d tries, want %d", path, got, tries)
		}
	}
	b.visitor("127.0.0.1").mustServe("all failures")
}

// TestServiceThatIsSilent: the board gives up, goes on serving, and tries again.
func TestServiceThatIsSilent(t *testing.T) {
	t.Parallel()
	b := newMessageBoard(t, newPushService(t))
	b.stop()
	replaceIn(t, b.home.Path("project", "webpush.py"), "PATIENCE = 60", "PATIENCE = 5")
	again := &messageBoard{startMessageBoard(t, b.home), b.service, nil}
	again.client = again.visitor("127.0.0.1").client()
	again.subscribe("/silence/201/a")
	again.test("/silence/201/a")
	again.arrived("/silence/201/a", 1)
	again.log.wait(t, "no answer within 5 s")
	again.visitor("127.0.0.2").mustServe("silence")
	again.arrived("/silence/201/a", 2)
}

// settled waits until the board has nothing more to send, and wants it to keep a
// subscription or not.
func (b *messageBoard) settled(path string, gone bool) {
	b.t.Helper()
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(b.kept(), path) != gone {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: kept is %s", path, b.kept())
		}
	}
}

// TestServiceOfAnotherCA: a stranger who answers for a push service gets nothing.
func TestServiceOfAnotherCA(t *testing.T) {
	t.Parallel()
	service, other := newPushService(t), newPushService(t)
	service.root = other.root
	b := newMessageBoard(t, service)
	b.subscribe("/201/a")
	b.test("/201/a")
	b.log.wait(t, "message not sent: "+service.host())
	if got := service.of("/201/a"); len(got) > 0 {
		t.Errorf("got %d messages, want none", len(got))
	}
}

// TestAbuse: anybody in the house can ask the board.
func TestAbuse(t *testing.T) {
	t.Parallel()
	b := newMessageBoard(t, newPushService(t))
	good := newSubscriber(t)
	subscription := good.subscription("https://" + b.service.host() + "/201/a")
	for _, bad := range []any{
		good.subscription("https://evil.example/x"), good.subscription("https://192.168.1.1/x"), map[string]any{}, 1, "x", nil,
	} {
		if status, err := b.post("/subscribe", bad); err != nil || status != http.StatusBadRequest {
			t.Errorf("%v: got %d (%v), want 400", bad, status, err)
		}
	}
	body, err := json.Marshal(subscription)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} { // what other sites' pages can send
		response, err := b.client.Post("https://pico.local/subscribe", kind, bytes.NewReader(body))
		if err == nil {
			response.Body.Close()
			t.Errorf("%q: got %d, want the connection closed", kind, response.StatusCode)
		}
	}
	subscription.Endpoint += strings.Repeat("x", 3000)
	if status, err := b.post("/subscribe", subscription); err == nil {
		t.Errorf("3,000 bytes: got %d, want the connection closed", status)
	}
	b.subscribe("/201/first")
	b.test("/201/first")
	b.arrived("/201/first", 1)
	b.keeps(`"reached": true`)
	for i := range 12 { // strangers push out each other, and nobody whom a message has reached
		b.subscribe(fmt.Sprintf("/201/%d", i))
	}
	if kept := b.kept(); strings.Count(kept, `"endpoint"`) != 8 || !strings.Contains(kept, "/201/first") || strings.Contains(kept, "/201/4\"") {
		t.Errorf("after 13 devices the board keeps %s", kept)
	}
	long := newSubscriber(t).subscription("https://" + b.service.host() + "/201/long")
	long.Keys["p256dh"] += strings.Repeat("!", 200)
	if status, err := b.post("/subscribe", long); err != nil || status != http.StatusBadRequest {
		t.Errorf("a long key: got %d (%v), want 400", status, err)
	}
	if status, err := b.post("/test", map[string]string{"endpoint": "https://other.example/"}); err != nil || status != http.StatusBadRequest {
		t.Errorf("/test of a stranger: got %d (%v), want 400", status, err)
	}
	b.subscribe("/201/first") // one that is known may subscribe anew
	if status, err := b.post("/other", 1); err != nil || status != http.StatusNotFound {
		t.Errorf("/other: got %d (%v), want 404", status, err)
	}
	for _, path := range []string{"/vapid.key", "/subscriptions.json", "/messages.py", "/key.der"} {
		if status, _, err := get(b.client, path); err != nil || status != http.StatusNotFound {
			t.Errorf("%s: got %d (%v), want 404", path, status, err)
		}
	}
}

// TestMessagesWithMutualTLS: only phones with an identity subscribe, and get their
// message; the board's memory is enough for both.
func TestMessagesWithMutualTLS(t *testing.T) {
	t.Parallel()
	b := newMessageBoard(t, newPushService(t), "--mutual-tls")
	if status, err := b.post("/subscribe", map[string]string{}); err == nil {
		t.Errorf("a phone without an identity gets %d", status)
	}
	v := b.visitor("127.0.0.1")
	v.identity = identity(b.home)
	b.client = v.client()
	s := b.subscribe("/201/ann")
	b.test("/201/ann")
	got := b.arrived("/201/ann", 1)[0]
	if text, err := s.decrypt(got.body); err != nil || !strings.Contains(string(text), "Messages work: 21.5") {
		t.Errorf("got message %s (%v)", text, err)
	}
	v.mustServe("a message")
}
