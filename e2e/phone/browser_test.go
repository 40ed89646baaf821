package phone

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// screen is what a browser claims to be and to see.
type screen struct {
	Name      string `json:"-"`
	UserAgent string `json:"userAgent"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Mobile    bool   `json:"mobile"`
	Scripts   bool   `json:"scripts"`
}

var (
	iPhone = screen{"iphone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", 390, 844, true, true}
	pixel  = screen{"android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", 390, 844, true, true}
	laptop = screen{"mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", 1280, 900, false, true}
)

// browser is a running Chromium. Its home decides what it trusts.
type browser struct {
	t       testing.TB
	in      io.WriteCloser
	out     *bufio.Reader
	process *exec.Cmd
}

// newBrowser starts Chromium with home, which must have been made by newTrust.
func newBrowser(t testing.TB, home string, s screen) *browser {
	t.Helper()
	rig.NeedDrivers(t)
	options, err := json.Marshal(struct {
		screen
		Home     string `json:"home"`
		Chromium string `json:"chromium"`
	}{s, home, rig.Need(t, "chromium", "chromium")})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "browser.js", string(options))
	cmd.Dir = rig.ClientDrivers
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t, in, bufio.NewReaderSize(out, 1<<20), cmd}
	t.Cleanup(b.close)
	return b
}

// close ends the browser: its driver goes when its input does.
func (b *browser) close() {
	if b.process.ProcessState != nil {
		return
	}
	b.in.Close()
	late := time.AfterFunc(rig.Patience, func() { b.process.Process.Kill() })
	defer late.Stop()
	if err := b.process.Wait(); err != nil {
		b.t.Errorf("browser: %v", err)
	}
}

// try carries out one command and fills value, if not nil, with its answer.
func (b *browser) try(value any, do string, arguments ...string) error {
	b.t.Helper()
	command := map[string]string{"do": do}
	for i := 0; i < len(arguments); i += 2 {
		command[arguments[i]] = arguments[i+1]
	}
	line, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		b.t.Fatal(err)
	}
	answer, err := b.out.ReadBytes('\n')
	if err != nil {
		b.t.Fatalf("browser %s: %v", do, err)
	}
	var said struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		b.t.Fatal(err)
	}
	if said.Error != "" {
		return errors.New(said.Error)
	}
	if value == nil || len(said.Value) == 0 {
		return nil
	}
	return json.Unmarshal(said.Value, value)
}

// do carries out a command that must work.
func (b *browser) do(value any, do string, arguments ...string) {
	b.t.Helper()
	if err := b.try(value, do, arguments...); err != nil {
		b.t.Fatalf("browser %s %q: %v", do, arguments, err)
	}
}

func (b *browser) text() string {
	b.t.Helper()
	var text string
	b.do(&text, "text")
	return text
}

// look takes a picture of the page as it is, light and dark, for people to look
// at: only when PICOCA_SCREENSHOTS names a folder for them.
func (b *browser) look(name string) {
	b.t.Helper()
	if os.Getenv("PICOCA_SCREENSHOTS") == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		b.do(nil, "scheme", "scheme", scheme)
		b.do(nil, "screenshot", "file", filepath.Join(pictures(b.t), name+"-"+scheme+".png"))
	}
	b.do(nil, "scheme", "scheme", "light")
}

// pictures is the folder for pictures: PICOCA_SCREENSHOTS, or one that is gone
// after the test.
func pictures(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PICOCA_SCREENSHOTS")
	if dir == "" {
		return t.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
