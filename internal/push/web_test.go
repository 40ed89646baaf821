package push

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

// workflow is CircuitPython's web workflow as its documentation has it, over the
// files of a folder.
type workflow struct {
	dir, password string
	// status is the answer to requests whose method is broken, "" for none.
	broken string
	status int
	free   string // what diskinfo.json says of the room, "" for a version without it
}

func (w *workflow) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	if in.URL.Path == "/cp/diskinfo.json" {
		if w.free == "" {
			http.NotFound(out, in)
			return
		}
		io.WriteString(out, w.free)
		return
	}
	user, password, _ := in.BasicAuth()
	name, isFile := strings.CutPrefix(in.URL.Path, "/fs/")
	switch {
	case w.password == "":
		out.WriteHeader(http.StatusForbidden)
	case user != "" || password != w.password:
		out.WriteHeader(http.StatusUnauthorized)
	case in.Method == w.broken:
		out.Header().Set("Location", "http://cpy-f57ce8.local/fs/x") // of redirections only
		out.WriteHeader(w.status)
	case !isFile || strings.Contains(name, ".."):
		out.WriteHeader(http.StatusNotFound)
	default:
		w.file(out, in, filepath.Join(w.dir, name))
	}
}

func (w *workflow) file(out http.ResponseWriter, in *http.Request, path string) {
	before, err := os.ReadFile(path)
	exists := err == nil
	switch {
	case in.Method == http.MethodPut:
		data, _ := io.ReadAll(in.Body)
		if os.WriteFile(path, data, 0o600) != nil {
			out.WriteHeader(http.StatusNotFound)
			return
		}
		out.WriteHeader(map[bool]int{false: http.StatusCreated, true: http.StatusNoContent}[exists])
	case !exists:
		out.WriteHeader(http.StatusNotFound)
	case in.Method == http.MethodGet:
		out.Write(before)
	case in.Method == http.MethodDelete:
		os.Remove(path)
		out.WriteHeader(http.StatusNoContent)
	case in.Method == "MOVE":
		to := filepath.Join(w.dir, strings.TrimPrefix(in.Header.Get("X-Destination"), "/fs/"))
		if _, err := os.Stat(to); err == nil {
			out.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		os.Rename(path, to)
		out.WriteHeader(http.StatusCreated)
	}
}

func serve(t *testing.T, w *workflow) string {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return server.URL
}

func insecure(password string) Access {
	return Access{true, func() ([]byte, error) { return []byte(password), nil }}
}

var webComputer = Computer{OS: "linux", Dial: (&net.Dialer{}).DialContext}

func TestWebReplacesThePair(t *testing.T) {
	for _, free := range []string{"", `[{"root":"/","free":100000,"block_size":512,"writable":true,"total":1000000}]`} {
		w := &workflow{dir: circuitPy(t), password: "passw0rd", free: free}
		d, err := webComputer.Open(t.Context(), serve(t, w), insecure("passw0rd"))
		if err != nil {
			t.Fatal(err)
		}
		if d.Kind != Web || d.Board.ID != boardIDText {
			t.Errorf("got %s, %+v", d.Kind, d.Board)
		}
		mustPut(t, d, pair("one"))
		checkPair(t, w.dir, "one")
		mustPut(t, d, pair("two"))
		checkPair(t, w.dir, "two")
	}
}

func TestWebNeedsConsent(t *testing.T) {
	asked := false
	access := Access{false, func() ([]byte, error) { asked = true; return nil, nil }}
	_, err := webComputer.Open(t.Context(), serve(t, &workflow{dir: circuitPy(t), password: "x"}), access)
	if !errors.Is(err, errPlain) || asked {
		t.Errorf("got %v, password asked for: %t", err, asked)
	}
}

// TestWebAnswers: each of the documented answers has its own message and hint,
// and leaves the board as it was.
func TestWebAnswers(t *testing.T) {
	messages := map[string]int{}
	for _, row := range []struct {
		name   string
		w      workflow
		want   string
		hinted string
	}{
		{"no password set", workflow{}, "has no password", "settings.toml"},
		{"wrong password", workflow{password: "other"}, "refuses the password", "CIRCUITPY_WEB_API_PASSWORD"},
		{"USB holds the drive", workflow{broken: "PUT", status: 409}, "over USB", "unplug"},
		{"USB, said beforehand", workflow{free: `[{"free":100000,"block_size":512,"writable":false}]`}, "over USB", "unplug"},
		{"USB, older version", workflow{broken: "PUT", status: 500}, "(500)", "unplug"},
		{"too large", workflow{broken: "PUT", status: 413}, "(413)", "delete files"},
		{"too large, expected", workflow{broken: "PUT", status: 417}, "(417)", "delete files"},
		{"no room, said beforehand", workflow{free: `[{"free":512,"block_size":512,"writable":true}]`}, "512 bytes free", "delete files"},
		{"no folder", workflow{broken: "PUT", status: 404}, "no folder for", "create it"},
		{"taken", workflow{broken: "MOVE", status: 412}, "(412)", "again"},
		{"moved", workflow{broken: "GET", status: 307}, "another address now, http://cpy-f57ce8.local", "--to http://cpy-f57ce8.local"},
		{"no such answer", workflow{broken: "PUT", status: 418}, "418", "check that the address"},
	} {
		w := row.w
		w.dir = circuitPy(t)
		if w.password == "" && row.name != "no password set" {
			w.password = "passw0rd"
		}
		write(t, w.dir, "key.der", "previous")
		err := webPush(t, serve(t, &w))
		hint := fault.HintOf(err).Text(func(fault.Command) string { return "" })
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(hint, row.hinted) {
			t.Errorf("%s: got %v (%s), want %q (%q)", row.name, err, hint, row.want, row.hinted)
			continue
		}
		messages[row.want]++
		if got := content(t, w.dir, "key.der") + content(t, w.dir, "cert.der"); got != "previous-" {
			t.Errorf("%s: the board has %q", row.name, got)
		}
		if strings.Contains(err.Error(), "passw0rd") {
			t.Errorf("%s: the password is in %q", row.name, err)
		}
	}
	if len(messages) < 10 {
		t.Errorf("%d different messages: %v", len(messages), messages)
	}
}

func webPush(t *testing.T, place string) error {
	t.Helper()
	d, err := webComputer.Open(t.Context(), place, insecure("passw0rd"))
	if err != nil {
		return err
	}
	_, err = d.Put(t.Context(), pair("two"), Options{})
	return err
}

func TestWebThatIsNoBoard(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if err := webPush(t, other.URL); err == nil || !strings.Contains(err.Error(), "not a board with CircuitPython") {
		t.Errorf("got %v", err)
	}
	other.Close()
	if err := webPush(t, other.URL); err == nil || fault.HintOf(err).IsZero() {
		t.Errorf("nobody listens: got %v", err)
	}
	for _, place := range []string{"http://", "http://x/fs", "http://:pw@x/", "http://[::1", "http://a b/"} {
		if err := webPush(t, place); err == nil || !strings.Contains(err.Error(), "is not the address of a board") {
			t.Errorf("%s: got %v", place, err)
		}
	}
}

// endless answers with a header that does not end. No client should take this much
// of it.
func endless(t *testing.T, out http.ResponseWriter) {
	conn, _, err := out.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	answer := "HTTP/1.1 200 OK\r\n"
	for range 64 {
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
		answer = "X-Noise: " + strings.Repeat("a", 1<<20) + "\r\n"
	}
	t.Error("the client read 64 MB of a header")
}

func TestWebWithoutEnd(t *testing.T) {
	board := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { endless(t, out) }))
	defer board.Close()
	if err := webPush(t, board.URL); err == nil || fault.HintOf(err).IsZero() {
		t.Errorf("got %v, want an error with a hint", err)
	}
}
