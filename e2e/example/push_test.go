package example

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/picoca/picoca/e2e/rig"
)

// firefoxService is what Firefox keeps a WebSocket to, and gets its messages from
// (Mozilla's autopush, "Push Service HTTP API" and its WebSocket protocol). A
// board leaves them with the pushService.
type firefoxService struct {
	*httptest.Server
	board *pushService
	mutex sync.Mutex
	ws    *websocket.Conn
	acks  []string
}

func newFirefoxService(t *testing.T, board *pushService) *firefoxService {
	t.Helper()
	s := &firefoxService{board: board}
	accept := func(config *websocket.Config, _ *http.Request) error {
		config.Protocol = nil // which the browser does not ask to be confirmed
		return nil
	}
	s.Server = httptest.NewServer(websocket.Server{Handshake: accept, Handler: s.talk})
	t.Cleanup(s.CloseClientConnections)
	board.arrival = s.deliver
	return s
}

func (s *firefoxService) url() string { return "ws" + strings.TrimPrefix(s.URL, "http") + "/" }

// request and reply have the fields of all messages that matter here.
type request struct {
	MessageType string `json:"messageType"`
	ChannelID   string `json:"channelID"`
	Updates     []struct {
		Code int `json:"code"`
	} `json:"updates"`
}

func (s *firefoxService) talk(ws *websocket.Conn) {
	s.mutex.Lock()
	s.ws = ws
	s.mutex.Unlock()
	for {
		var r request
		if websocket.JSON.Receive(ws, &r) != nil {
			return // the browser has gone
		}
		reply := map[string]any{"messageType": r.MessageType, "status": 200}
		switch r.MessageType {
		case "hello":
			reply["uaid"], reply["use_webpush"], reply["broadcasts"] = strings.Repeat("a", 32), true, map[string]string{}
		case "register":
			reply["channelID"], reply["pushEndpoint"] = r.ChannelID, "https://"+s.board.host()+"/201/"+r.ChannelID
		case "unregister":
			reply["channelID"] = r.ChannelID
		case "":
			reply = map[string]any{} // a ping
		default:
			s.mutex.Lock()
			s.acks = append(s.acks, fmt.Sprint(r.MessageType, r.Updates))
			s.mutex.Unlock()
			continue
		}
		if websocket.JSON.Send(ws, reply) != nil {
			return
		}
	}
}

// deliver passes on what a board left.
func (s *firefoxService) deliver(m pushed) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = websocket.JSON.Send(s.ws, map[string]any{
		"messageType": "notification", "channelID": filepath.Base(m.path), "version": base64.StdEncoding.EncodeToString(m.body[:16]), "ttl": 60,
		"data": base64.RawURLEncoding.EncodeToString(m.body), "headers": map[string]string{"encoding": "aes128gcm"},
	})
}

// firefoxProfile trusts the root of h. It is removed once Firefox has ended: its
// processes outlive the one that was started, and write until then.
func firefoxProfile(t *testing.T, h rig.Home) string {
	t.Helper()
	profile, err := os.MkdirTemp("", "picoca-firefox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end := time.Now().Add(rig.Patience)
		for err := os.RemoveAll(profile); err != nil; err = os.RemoveAll(profile) {
			if time.Now().After(end) {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	for _, args := range [][]string{
		{"-N", "-d", "sql:" + profile, "--empty-password"},
		{"-A", "-d", "sql:" + profile, "-n", "root", "-t", "C,,", "-i", h.RootFile("store", "cert.pem")},
	} {
		if out, err := rig.Outside(t, "libnss3-tools", "certutil", args...); err != nil {
			t.Fatalf("certutil: %v\n%s", err, out)
		}
	}
	return profile
}

// TestMessageInFirefox is all that messages are for: Firefox opens the board's
// page and subscribes, the board sends, and the service worker shows the text.
// Then the board goes, and the app still opens.
func TestMessageInFirefox(t *testing.T) {
	t.Parallel()
	service := newPushService(t)
	firefox := newFirefoxService(t, service)
	b := newMessageBoard(t, service)
	app := drive(t, "push-firefox.js", map[string]string{
		"firefox": rig.Need(t, "firefox-esr", "firefox-esr"), "profile": firefoxProfile(t, b.home),
		"url": "https://pico.local:" + portOf(b.https) + "/", "push": firefox.url(), "screenshot": os.Getenv("PUSH_SCREENSHOT"),
	})
	if open := app.next("open"); open.Now != "21.5 °C" {
		t.Errorf("the page says %q, want 21.5 °C", open.Now)
	}
	if subscribed := app.next("subscribed"); !strings.HasPrefix(subscribed.Result, "Messages will come") {
		t.Errorf("after subscribing the page says %q", subscribed.Result)
	}
	shown := app.next("message").Notifications
	if len(shown) != 1 || shown[0].Title != "pico.local" || shown[0].Body != "Messages work: 21.5 °C" || shown[0].URL != "https://pico.local/" {
		t.Errorf("got notifications %+v", shown)
	}
	b.stop()
	app.goOn()
	if gone := app.next("gone"); gone.Now != "21.5 °C" || !strings.Contains(gone.Age, "Measured") {
		t.Errorf("without the board the page says %q, %q", gone.Now, gone.Age)
	}
}

// TestMessageInChromium gives the same service worker its messages through the
// DevTools protocol: Chromium does not subscribe without Google's service.
func TestMessageInChromium(t *testing.T) {
	b := newMessageBoard(t, newPushService(t))
	between := newCounter(t, b.https)
	app := drive(t, "push-chromium.js", map[string]string{
		"chromium": rig.Need(t, "chromium", "chromium"), "home": trusting(t, b.home),
		"url": "https://pico.local:" + portOf(between.address) + "/", "resolve": "MAP pico.local 127.0.0.1",
		"message":    `{"web_push":8030,"notification":{"title":"pico.local","body":"47.5 °C","navigate":"https://pico.local/"}}`,
		"screenshot": os.Getenv("PUSH_SCREENSHOT"),
	})
	open := app.next("open")
	if open.Now != "21.5 °C" || len(open.Complaints) > 0 {
		t.Errorf("the page says %q, and the browser and axe-core complain: %q", open.Now, open.Complaints)
	}
	if n := between.handshakes(); n != 1 {
		t.Errorf("the first visit took %d handshakes, want 1 (%v)", n, between)
	}
	for _, want := range []string{"47.5 °C", "There is news.", "There is news."} {
		if shown := app.next("message").Notifications; len(shown) != 1 || shown[0].Title != "pico.local" || shown[0].Body != want {
			t.Errorf("got notifications %+v, want %q", shown, want)
		}
	}
	b.stop()
	app.goOn()
	if gone := app.next("gone"); gone.Now != "21.5 °C" {
		t.Errorf("without the board the page says %q, %q", gone.Now, gone.Age)
	}
}

// TestPageIsLight: all that a phone loads before it can subscribe.
func TestPageIsLight(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run("example", "pico.local", "--for", "pico-w/micropython", "--push", "--contact", "ann@example.org", "--out", "project")
	total := 0
	for _, name := range []string{"index.html", "sw.js", "icon.png", "app.webmanifest"} {
		total += len(rig.ReadFile(t, h.Path("project", name)))
	}
	if total > 30_000 {
		t.Errorf("the page has %d bytes, want at most 30,000", total)
	}
}
