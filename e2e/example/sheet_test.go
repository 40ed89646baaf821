package example

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
)

// TestSheetLeadsToTrust is the way of a phone that is new in the house, with only
// the board running: the printed code is scanned, what it says is opened, the
// root certificate downloaded from the board, and exactly that file trusted.
func TestSheetLeadsToTrust(t *testing.T) {
	t.Parallel()
	board := newExample(t, exampleOnMicroPython)
	board.home.Run("phone", "--sheet", "sheet.html")
	url := scanned(t, board.home, "A4")
	if url != "http://pico.local/trust" {
		t.Fatalf("the code says %q", url)
	}
	phone := newPhone(t, board, rig.NewTrust(t))
	phone.must(nil, "open", "url", url)
	root := board.home.RootFile("store", "cert.pem")
	if text := strings.ReplaceAll(phone.text(), "\n", ""); !strings.Contains(text, fingerprintOf(t, root)) {
		t.Errorf("the page does not show the root's fingerprint: %s", text)
	}
	phone.look("trust")
	phone.must(nil, "click", "text", "iPhone, iPad")
	phone.downloads("Download the profile", board.home.Path("project", "picoca-root.mobileconfig"))
	phone.look("trust-iphone")
	phone.must(nil, "click", "text", "Android")
	file := phone.downloads("Download the certificate", board.home.Path("project", "picoca-root.crt"))
	phone.look("trust-android")
	var violations []string
	if phone.must(&violations, "axe"); len(violations) > 0 {
		t.Errorf("accessibility: %q", violations)
	}
	if err := phone.try(nil, "click", "text", "Open pico.local"); err == nil && !strings.Contains(phone.text(), "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("before the root is trusted: %s", phone.text())
	}

	home := rig.NewTrust(t)
	rig.TrustFile(t, home, file)
	phone = newPhone(t, board, home)
	phone.must(nil, "open", "url", url)
	phone.must(nil, "click", "text", "Android")
	var at string
	phone.must(&at, "click", "text", "Open pico.local")
	if text := phone.text(); at != "https://pico.local/" || !strings.Contains(text, "This page came from the board, over HTTPS.") {
		t.Errorf("with the root trusted: %s says %s", at, text)
	}
}

// TestSheetOfTwoRootsIsOnePage on the shorter paper, and is scanned.
func TestSheetOfTwoRootsIsOnePage(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "living-room.home.arpa")
	h.Run("example", "living-room.home.arpa")
	h.Run("root", "rotate")
	h.Run("phone", "--sheet", "sheet.html")
	if url, want := scanned(t, h, "letter"), "http://living-room.home.arpa/trust"; url != want {
		t.Errorf("the code says %q, want %q", url, want)
	}
}

// scanned prints the sheet, which must be one page, and reads its only code as a
// camera does.
func scanned(t *testing.T, h rig.Home, paper string) string {
	t.Helper()
	sheets := rig.Print(t, h.Path("sheet.html"), paper, "100")
	if len(sheets) != 1 {
		t.Errorf("%s: got %d pages, want 1", paper, len(sheets))
	}
	url, isCode := strings.CutPrefix(rig.Scan(t, sheets), "QR-Code:")
	if !isCode {
		t.Fatalf("%s: no code is found", paper)
	}
	return strings.TrimSpace(url)
}

func fingerprintOf(t *testing.T, file string) string {
	t.Helper()
	cert, err := ca.ParseCertificatePEM(rig.ReadFile(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return ca.Fingerprint(cert)
}

// A phone is a Chromium for which a board's name leads to its ports.
type phone struct{ *app }

func newPhone(t *testing.T, b *exampleBoard, home string) phone {
	t.Helper()
	return phone{drive(t, "browser.js", map[string]any{
		"chromium": rig.Need(t, "chromium", "chromium"), "home": home, "width": 390, "height": 844, "mobile": true, "scripts": true,
		"userAgent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
		"resolve":   fmt.Sprintf("MAP pico.local:80 %s, MAP pico.local:443 %s", b.http, b.https),
	})}
}

// try carries out a command, and fills value with its answer.
func (p phone) try(value any, do string, arguments ...string) error {
	p.t.Helper()
	command := map[string]string{"do": do}
	for i := 0; i < len(arguments); i += 2 {
		command[arguments[i]] = arguments[i+1]
	}
	line, err := json.Marshal(command)
	if err != nil {
		return err
	}
	p.in.Write(append(line, '\n'))
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if !p.lines.Scan() {
		p.t.Fatalf("browser: no answer to %s", line)
	}
	if err := json.Unmarshal(p.lines.Bytes(), &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

func (p phone) must(value any, do string, arguments ...string) {
	p.t.Helper()
	if err := p.try(value, do, arguments...); err != nil {
		p.t.Fatalf("browser %s %q: %v", do, arguments, err)
	}
}

func (p phone) text() (text string) {
	p.t.Helper()
	p.must(&text, "text")
	return text
}

// downloads taps a button, and wants the file as the project has it.
func (p phone) downloads(button, want string) string {
	p.t.Helper()
	file, name := filepath.Join(p.t.TempDir(), filepath.Base(want)), ""
	p.must(&name, "download", "text", button, "file", file)
	if got := rig.ReadFile(p.t, file); name != filepath.Base(want) || !bytes.Equal(got, rig.ReadFile(p.t, want)) {
		p.t.Errorf("%s: got %s with %d bytes, which is not %s", button, name, len(got), want)
	}
	return file
}

// look takes pictures for people, if EXAMPLE_SCREENSHOTS names a folder.
func (p phone) look(name string) {
	dir := os.Getenv("EXAMPLE_SCREENSHOTS")
	for _, scheme := range []string{"dark", "light"} {
		if dir != "" {
			p.must(nil, "scheme", "scheme", scheme)
			p.must(nil, "screenshot", "file", filepath.Join(dir, name+"-"+scheme+".png"))
		}
	}
}

// TestExampleServesTheCAOverPlainHTTP: each file of /trust whole and with its type,
// and nothing else of the board, whatever is asked for and however.
func TestExampleServesTheCAOverPlainHTTP(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		h := rig.NewHome(t)
		h.Run("issue", "pico.local")
		h.Run("root", "rotate") // so that there are two roots
		h.Run("example", "pico.local", "--for", "pico-w/"+firmware.id, "--out", "project")
		b := startExample(t, h, firmware)
		for path, row := range map[string]struct{ file, kind string }{
			"/trust":                          {"trust.html", "text/html; charset=utf-8"},
			"/trust?fridge":                   {"trust.html", "text/html; charset=utf-8"},
			"/trust/picoca-root.mobileconfig": {"picoca-root.mobileconfig", "application/x-apple-aspen-config"},
			"/trust/picoca-root.crt":          {"picoca-root.crt", "application/x-x509-ca-cert"},
			"/trust/picoca-root-2.crt":        {"picoca-root-2.crt", "application/x-x509-ca-cert"},
		} {
			want := string(rig.ReadFile(t, h.Path("project", row.file)))
			head := "GET " + path + " HTTP/1.1\r\nHost: pico.local\r\n"
			for name, request := range map[string]string{"short": head + "\r\n", "as long as browsers send": head + "Cookie: " + strings.Repeat("x", 3000) + "\r\n\r\n"} {
				status, kind, body := b.plain(t, request)
				if status != http.StatusOK || kind != row.kind || body != want {
					t.Errorf("%s, %s: status %d, %s, %d bytes of %d", path, name, status, kind, len(body), len(want))
				}
			}
		}
		for _, request := range []string{"GET /", "GET /status", "GET /index.html", "GET /trust/", "GET /trust/key.der", "GET /trust/../key.der", "GET /trust.html", "GET /key.der", "GET /secrets.py", "GET /settings.toml", "GET /picoca-root.crt", "POST /status"} {
			if status, _, body := b.plain(t, request+" HTTP/1.1\r\nHost: pico.local\r\n\r\n"); status != http.StatusMovedPermanently || body != "" {
				t.Errorf("%s: status %d, %q, want 301 and nothing", request, status, body)
			}
		}
		if status, _, body := b.plain(t, "POST /trust HTTP/1.1\r\nContent-Length: 0\r\n\r\n"); status != http.StatusMethodNotAllowed {
			t.Errorf("POST /trust: status %d, %q, want 405", status, body)
		}
		if status, _, body := b.plain(t, "HEAD /trust HTTP/1.1\r\n\r\n"); status != http.StatusOK || body != "" {
			t.Errorf("HEAD /trust: status %d, %d bytes, want none", status, len(body))
		}
	})
}

// plain sends a request to port 80, and returns the answer.
func (b *exampleBoard) plain(t *testing.T, request string) (status int, kind, body string) {
	t.Helper()
	connection, err := net.Dial("tcp", b.http)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(rig.Patience))
	io.WriteString(connection, request)
	all, err := io.ReadAll(connection)
	if err != nil {
		t.Errorf("%.40q: %v after %d bytes", request, err, len(all))
	}
	head, body, _ := strings.Cut(string(all), "\r\n\r\n")
	fmt.Sscanf(head, "HTTP/1.1 %d", &status)
	_, kind, _ = strings.Cut(head, "Content-Type: ")
	kind, _, _ = strings.Cut(kind, "\r\n")
	return status, kind, body
}

// TestExampleServesTheCAWhileItIsBusy: eight phones at once ask for the page and
// leave it half read, others say nothing or half a request, and meanwhile the one
// with a connection over HTTPS gets its answers, and the next one a place.
func TestExampleServesTheCAWhileItIsBusy(t *testing.T) {
	eachProgram(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware)
		client := b.visitor("127.0.0.1").client()
		if _, _, err := get(client, "/status"); err != nil {
			t.Fatal(err)
		}
		for _, request := range []string{"GET /trust HTTP/1.1\r\n\r\n", "GET /trust HTTP/1.1\r\n", "GET", "", "\x00\xff \xff \r\n\r\n", strings.Repeat("x", 5000)} {
			for range 8 {
				connection, err := net.Dial("tcp", b.http)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(connection, request)
				connection.(*net.TCPConn).CloseWrite()
				defer connection.Close()
			}
		}
		if status, _, err := get(client, "/"); status != http.StatusOK || err != nil {
			t.Errorf("meanwhile, over HTTPS: status %d, %v", status, err)
		}
		client.CloseIdleConnections()
		b.visitor("127.0.0.2").mustServe("many on port 80")
		if status, _, body := b.plain(t, "GET /trust HTTP/1.1\r\n\r\n"); status != http.StatusOK || !strings.HasSuffix(body, "</html>\n") {
			t.Errorf("afterwards: status %d, %d bytes", status, len(body))
		}
	})
}
