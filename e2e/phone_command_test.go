//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPhoneCommandScansFromARealTerminal runs the program in a terminal of 80
// columns, and reads its QR code from what two themes make of it.
func TestPhoneCommandScansFromARealTerminal(t *testing.T) {
	h := newHome(t)
	term := newTerminal(t, h)
	term.send("clear; "+binary+" phone --address 127.0.0.1 --port 0 --for 1m", "Enter")
	screen := term.wait("Ctrl-C ends it")
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/\S+`).FindString(screen)
	shown := term.do("capture-pane", "-p", "-e", "-N", "-t", term.name)
	for _, theme := range []string{"light", "dark"} {
		picture := filepath.Join(pictures(t), "phone-"+theme+".png")
		drawTerminal(t, shown, theme, picture)
		if got := scan(t, picture); address == "" || got != address {
			t.Errorf("%s: scanned %q, want the address printed, %q", theme, got, address)
		}
	}
	term.send("C-c")
	term.send("echo code $?", "Enter")
	term.wait("code 130")

	narrow := newTerminal(t, h)
	narrow.do("resize-window", "-t", narrow.name, "-x", "30", "-y", "30")
	narrow.send("clear; "+binary+" phone --address 127.0.0.1 --port 0 --for 1m", "Enter")
	if screen := narrow.wait("Ctrl-C"); !strings.Contains(screen, "this terminal has 30") || strings.Contains(screen, "▀") {
		t.Errorf("a narrow terminal shows:\n%s", screen)
	}
}

// phoneCommand is a running picoca phone --json.
type phoneCommand struct {
	cmd    *exec.Cmd
	events *bufio.Scanner
	url    string
	sha256 string
	phrase string // of the identity
}

func startPhoneCommand(t *testing.T, h home, args ...string) *phoneCommand {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"phone", "--json", "--address", "127.0.0.1", "--port", "0"}, args...)...)
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.path("store"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p := &phoneCommand{cmd: cmd, events: bufio.NewScanner(out)}
	var first struct{ Event, URL, SHA256, Passphrase string }
	if p.events.Scan(); json.Unmarshal(p.events.Bytes(), &first) != nil || first.Event != "serving" {
		t.Fatalf("first line: %s", p.events.Bytes())
	}
	p.url, p.sha256, p.phrase = first.URL, first.SHA256, first.Passphrase
	return p
}

// end returns the names of the events until the program ends, and its exit code.
func (p *phoneCommand) end(t *testing.T) (events []string, code int) {
	t.Helper()
	for p.events.Scan() {
		var event struct{ Event string }
		if err := json.Unmarshal(p.events.Bytes(), &event); err != nil {
			t.Errorf("event %s: %v", p.events.Bytes(), err)
		}
		events = append(events, event.Event)
	}
	_ = p.cmd.Wait()
	return events, p.cmd.ProcessState.ExitCode()
}

// TestPhoneCommandEndsWithTheProof lets a phone-sized browser trust exactly the
// bytes that the command served; the command then ends by itself.
func TestPhoneCommandEndsWithTheProof(t *testing.T) {
	h := newHome(t)
	p := startPhoneCommand(t, h, "--until-trusted", "--for", "2m", "--device", "pico.local")
	rootPEM, err := os.ReadFile(h.path("store", "root", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	root, _ := pem.Decode(rootPEM)

	trust := newTrust(t)
	b := newBrowser(t, trust, iPhone)
	b.do(nil, "open", "url", p.url)
	if text := strings.ReplaceAll(b.text(), "\n", ""); !strings.Contains(text, p.sha256) {
		t.Errorf("the page does not show the fingerprint %s:\n%s", p.sha256, text)
	}
	served := filepath.Join(t.TempDir(), "picoca-root.mobileconfig")
	b.do(nil, "download", "text", "Download the profile", "file", served)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "ERR_CERT_AUTHORITY_INVALID") {
		t.Fatalf("without trust the check page opens: %s", text)
	}
	b.close()

	trustFile(t, trust, rootIn(t, served, root.Bytes))
	b = newBrowser(t, trust, iPhone)
	b.do(nil, "open", "url", p.url)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "Yes. It is done.") || !strings.Contains(text, "pico.local") {
		t.Errorf("with trust the check page says: %s", text)
	}
	events, code := p.end(t)
	if last := events[len(events)-1]; code != 0 || last != "trusted" {
		t.Errorf("ended with %d after %q, want 0 after trusted", code, events)
	}
	page, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.DialTimeout("tcp", page.Host, time.Second); err == nil {
		conn.Close()
		t.Errorf("%s is still open", page.Host)
	}
}

// TestPhoneCommandHandsOverAnIdentity in the form that the phone imports: OpenSSL
// opens it with the passphrase that the terminal shows, and finds the very key
// and certificate of the store.
func TestPhoneCommandHandsOverAnIdentity(t *testing.T) {
	for _, test := range []struct {
		screen screen
		file   string
	}{{iPhone, "kitchen-tablet.mobileconfig"}, {pixel, "kitchen-tablet.p12"}} {
		t.Run(test.screen.Name, func(t *testing.T) {
			h := newHome(t)
			h.run("issue", "--client", "kitchen-tablet", "--show-passphrase", "--out", h.path("identity"))
			p := startPhoneCommand(t, h, "--until-trusted", "--for", "2m", "--identity", "kitchen-tablet", "--show-passphrase")
			trust := newTrust(t)
			trustFile(t, trust, h.path("store", "root", "cert.pem"))
			b := newBrowser(t, trust, test.screen)
			b.do(nil, "open", "url", p.url)
			b.do(nil, "click", "text", "Check this")
			file := h.path(test.file)
			var name string
			b.do(&name, "download", "text", "kitchen-tablet", "file", file)
			if name != test.file {
				t.Errorf("the download is called %q, want %q", name, test.file)
			}
			if events, code := p.end(t); code != 0 || events[len(events)-1] != "delivered" {
				t.Errorf("ended with %d after %q, want 0 after delivered", code, events)
			}
			h.opensWith(p12In(t, file), p.phrase)
		})
	}
}

// p12In is a file with the PKCS#12 that a served file is, or holds.
func p12In(t *testing.T, file string) string {
	if filepath.Ext(file) == ".p12" {
		return file
	}
	profile, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, payload, found := bytes.Cut(profile, []byte("kitchen-tablet.p12"))
	held := regexp.MustCompile(`(?s)<data>(.*?)</data>`).FindSubmatch(payload)
	if !found || held == nil {
		t.Fatalf("no identity in the profile:\n%s", profile)
	}
	data, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(held[1]), nil)))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "held.p12")
	if err := os.WriteFile(out, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// opensWith holds what OpenSSL finds in a PKCS#12 file to the identity in the store.
func (h home) opensWith(p12, passphrase string) {
	h.t.Helper()
	phrase := h.path("phrase")
	if err := os.WriteFile(phrase, []byte(passphrase+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	out, err := exec.Command("openssl", "pkcs12", "-in", p12, "-passin", "file:"+phrase, "-nodes").Output()
	if err != nil {
		h.t.Fatalf("openssl does not open it: %v", err)
	}
	h.run("export", "kitchen-tablet", "--format", "pkcs8", "--out", h.path("pem"))
	for _, name := range []string{"cert.pem", "key.pem"} {
		want, err := os.ReadFile(h.path("pem", name))
		if err != nil {
			h.t.Fatal(err)
		}
		if block, _ := pem.Decode(want); !bytes.Contains(decoded(out), block.Bytes) {
			h.t.Errorf("%s is not in it", name)
		}
	}
}

// decoded joins the bytes of all PEM blocks in text.
func decoded(text []byte) (all []byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Bytes...)
	}
	return all
}

// TestPhoneCommandEndsOnTime: without a proof, the limit is what ends it.
func TestPhoneCommandEndsOnTime(t *testing.T) {
	h := newHome(t)
	if events, code := startPhoneCommand(t, h, "--until-trusted", "--for", "1s").end(t); code != 4 || len(events) != 0 {
		t.Errorf("ended with %d after %q, want 4", code, events)
	}
	if events, code := startPhoneCommand(t, h, "--for", "1s").end(t); code != 0 || len(events) != 0 {
		t.Errorf("ended with %d after %q, want 0", code, events)
	}
}
