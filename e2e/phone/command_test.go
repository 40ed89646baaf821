//go:build unix

package phone

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// phoneScreen runs picoca phone in a terminal of that size, and returns the
// address that it prints.
func phoneScreen(term rig.Terminal, size string, args ...string) string {
	term.T.Helper()
	columns, rows, _ := strings.Cut(size, "x")
	term.Do("resize-window", "-t", term.Name, "-x", columns, "-y", rows)
	term.Send("clear; "+rig.Program()+" phone --address 127.0.0.1 --port 0 --limit 50m "+strings.Join(args, " "), "Enter")
	return regexp.MustCompile(`http://127\.0\.0\.1:\d+/[a-z2-7]{13}`).FindString(term.Wait("Ctrl-C ends it"))
}

// scans reads the QR code from what two themes make of the screen as it is.
func scans(term rig.Terminal, want, name string) {
	term.T.Helper()
	shown := term.Do("capture-pane", "-p", "-e", "-N", "-t", term.Name)
	for _, theme := range []string{"light", "dark"} {
		picture := filepath.Join(pictures(term.T), name+"-"+theme+".png")
		drawTerminal(term.T, shown, emulator{132, 32, theme, 1, false}, picture)
		if got := scan(term.T, picture); want == "" || got != want {
			term.T.Errorf("%s, %s: scanned %q, want the address printed, %q", name, theme, got, want)
		}
	}
}

// TestPhoneCommandScansFromARealTerminal runs the program in a terminal of the
// smallest usual size, where the code must stay while the first visits are reported.
func TestPhoneCommandScansFromARealTerminal(t *testing.T) {
	h := rig.NewHome(t)
	term := rig.NewTerminal(t, h)
	address := phoneScreen(term, "80x24")
	scans(term, address, "phone")
	screen := term.Wait("Ctrl-C ends it")
	for _, whole := range []string{regexp.QuoteMeta(address) + `$`, `([0-9A-F]{2}:){8}$`, `([0-9A-F]{2}:){7}[0-9A-F]{2}$`} {
		if !regexp.MustCompile(`(?m)(▀|▄|█| )` + whole).MatchString(screen) {
			t.Errorf("%s is not whole on a line of its own:\n%s", whole, screen)
		}
	}
	for range 4 {
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	term.Wait("opened the page (3 more times)")
	scans(term, address, "phone-visited")
	term.Send("C-c")
	term.WaitPrompt()
	term.Send("echo code $?", "Enter")
	if screen := term.Wait("code 130"); !strings.Contains(screen, "\nstopped: no phone trusts the CA yet\n") {
		t.Errorf("the end is silent:\n%s", screen)
	}
}

// TestPhoneCommandScansWithoutColours where the user or the terminal wants none:
// on a dark background as on paper, on a light one inverted.
func TestPhoneCommandScansWithoutColours(t *testing.T) {
	h := rig.NewHome(t)
	var address, shown string
	for _, variable := range []string{"TERM=dumb", "NO_COLOR=1"} {
		term := rig.NewTerminal(t, h) // a new one: nothing of the run before is on its screen
		term.Send("export TERM=tmux "+variable, "Enter")
		address = phoneScreen(term, "80x24")
		if shown = term.Do("capture-pane", "-p", "-e", "-N", "-t", term.Name); strings.Contains(shown, "\x1b") {
			t.Errorf("%s: the screen has colours: %q", variable, shown)
		}
		term.Send("C-c")
		term.WaitPrompt()
	}
	for theme, options := range map[string][]string{"dark": nil, "light": {"-Stest-inverted"}} {
		picture := filepath.Join(pictures(t), "phone-blocks-"+theme+".png")
		drawTerminal(t, shown, emulator{80, 24, theme, 1, false}, picture)
		if got := scan(t, picture, options...); got != address {
			t.Errorf("%s: scanned %q, want %q", theme, got, address)
		}
	}
}

// TestPhoneCommandComparesTwoRoots in the same terminal, and on the page.
func TestPhoneCommandComparesTwoRoots(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("root", "rotate")
	term := rig.NewTerminal(t, h)
	address := phoneScreen(term, "80x24")
	scans(term, address, "phone-two-roots")
	screen := term.Wait("Ctrl-C ends it")
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var roots []struct{ Name, SHA256 string }
	if err := json.Unmarshal([]byte(h.Run("root", "list", "--json")), &roots); err != nil || len(roots) != 2 {
		t.Fatalf("got %d roots, %v", len(roots), err)
	}
	for _, root := range roots {
		for quarter := range slices.Chunk([]byte(root.SHA256+":"), 8*len("AB:")) {
			if text := strings.TrimSuffix(string(quarter), ":"); !strings.Contains(screen, text) {
				t.Errorf("%s of %s is not on the screen:\n%s", text, root.Name, screen)
			}
		}
		if !bytes.Contains(page, []byte(root.Name)) {
			t.Errorf("%s is not on the page", root.Name)
		}
	}
	term.Send("C-c")
	term.WaitPrompt()
}

// TestPhoneCommandShowsTheCodeWhereItFits: above the words that do not fit beside
// it the code may stand, but never in part.
func TestPhoneCommandShowsTheCodeWhereItFits(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("identity", "kitchen-tablet", "--show-passphrase", "--out", h.Path("identity"))
	for _, test := range []struct {
		size  string
		args  []string
		scans bool
		note  string
	}{
		{size: "80x20", scans: true},
		{size: "60x24", scans: true},
		{size: "37x20", scans: true},
		{size: "132x32", scans: true},
		{size: "80x24", args: []string{"--identity", "kitchen-tablet"}, scans: true},
		{size: "80x19", note: "needs 20 lines, and this terminal has 19"},
		{size: "80x22", args: []string{"--identity", "kitchen-tablet"}, note: "needs 23 lines, and this terminal has 22"},
		{size: "36x24", note: "needs 37 columns, and this terminal has 36"},
	} {
		t.Run(strings.Join(append([]string{test.size}, test.args...), " "), func(t *testing.T) {
			term := rig.NewTerminal(t, h)
			address := phoneScreen(term, test.size, test.args...)
			if test.scans {
				scans(term, address, "phone-"+test.size+strings.Join(test.args, ""))
			}
			all := strings.Join(strings.Fields(term.Do("capture-pane", "-p", "-J", "-S", "-50", "-t", term.Name)), " ")
			if !strings.Contains(all, test.note) || strings.Contains(all, "▀") != test.scans {
				t.Errorf("%s shows, in want of %q:\n%s", test.size, test.note, all)
			}
		})
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

func startPhoneCommand(t *testing.T, h rig.Home, args ...string) *phoneCommand {
	t.Helper()
	cmd := exec.Command(rig.Program(), append([]string{"phone", "--json", "--address", "127.0.0.1", "--port", "0"}, args...)...)
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
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
// The last event is the end itself, and is left out; so are repeats, which are
// counted and reported later, some at the end.
func (p *phoneCommand) end(t *testing.T) (events []string, code int) {
	t.Helper()
	for p.events.Scan() {
		var event struct {
			Event        string
			Count, Total int
		}
		if err := json.Unmarshal(p.events.Bytes(), &event); err != nil {
			t.Errorf("event %s: %v", p.events.Bytes(), err)
		}
		if event.Total == event.Count {
			events = append(events, event.Event)
		}
	}
	_ = p.cmd.Wait()
	if len(events) == 0 || events[len(events)-1] != "ended" {
		t.Fatalf("the events are %q, without an end", events)
	}
	return events[:len(events)-1], p.cmd.ProcessState.ExitCode()
}

// TestPhoneCommandEndsWithTheProof lets a phone-sized browser trust exactly the
// bytes that the command served; the command then ends by itself.
func TestPhoneCommandEndsWithTheProof(t *testing.T) {
	h := rig.NewHome(t)
	p := startPhoneCommand(t, h, "--until-trusted", "--limit", "2m", "--device", "pico.local")
	rootPEM, err := os.ReadFile(h.RootFile("store", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	root, _ := pem.Decode(rootPEM)

	trust := rig.NewTrust(t)
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

	rig.TrustFile(t, trust, rootIn(t, served, root.Bytes))
	b = newBrowser(t, trust, iPhone)
	b.do(nil, "open", "url", p.url)
	b.do(nil, "click", "text", "Check this")
	if text := b.text(); !strings.Contains(text, "Yes, it does.") || !strings.Contains(text, "pico.local") {
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
			h := rig.NewHome(t)
			h.Run("identity", "kitchen-tablet", "--show-passphrase", "--out", h.Path("identity"))
			p := startPhoneCommand(t, h, "--until-trusted", "--limit", "2m", "--identity", "kitchen-tablet", "--show-passphrase")
			trust := rig.NewTrust(t)
			rig.TrustFile(t, trust, h.RootFile("store", "cert.pem"))
			b := newBrowser(t, trust, test.screen)
			b.do(nil, "open", "url", p.url)
			b.do(nil, "click", "text", "Check this")
			file := h.Path(test.file)
			var name string
			b.do(&name, "download", "text", "Download kitchen-tablet", "file", file)
			if name != test.file {
				t.Errorf("the download is called %q, want %q", name, test.file)
			}
			if events, code := p.end(t); code != 0 || events[len(events)-1] != "delivered" {
				t.Errorf("ended with %d after %q, want 0 after delivered", code, events)
			}
			opensWith(h, p12In(t, file), p.phrase)
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
func opensWith(h rig.Home, p12, passphrase string) {
	h.T.Helper()
	phrase := h.Path("phrase")
	if err := os.WriteFile(phrase, []byte(passphrase+"\n"), 0o600); err != nil {
		h.T.Fatal(err)
	}
	out, err := exec.Command("openssl", "pkcs12", "-in", p12, "-passin", "file:"+phrase, "-nodes").Output()
	if err != nil {
		h.T.Fatalf("openssl does not open it: %v", err)
	}
	h.Run("export", "kitchen-tablet", "--format", "pkcs8", "--out", h.Path("pem"))
	for _, name := range []string{"cert.pem", "key.pem"} {
		want, err := os.ReadFile(h.Path("pem", name))
		if err != nil {
			h.T.Fatal(err)
		}
		if block, _ := pem.Decode(want); !bytes.Contains(decoded(out), block.Bytes) {
			h.T.Errorf("%s is not in it", name)
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
	h := rig.NewHome(t)
	if events, code := startPhoneCommand(t, h, "--until-trusted", "--limit", "1s").end(t); code != 4 || len(events) != 0 {
		t.Errorf("ended with %d after %q, want 4", code, events)
	}
	if events, code := startPhoneCommand(t, h, "--limit", "1s").end(t); code != 0 || len(events) != 0 {
		t.Errorf("ended with %d after %q, want 0", code, events)
	}
}

// TestPhoneCommandWithoutTheRightToAPort serves as a user without privileges.
func TestPhoneCommandWithoutTheRightToAPort(t *testing.T) {
	const first = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
	if data, err := os.ReadFile(first); err == nil {
		if port, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && port <= 80 {
			t.Skipf("everybody may have port 80 here: %s is %d", first, port)
		}
	}
	h := rig.NewHome(t)
	args := []string{rig.Program(), "phone", "--address", "127.0.0.1", "--port", "80", "--limit", "1s"}
	if os.Geteuid() == 0 {
		args = append([]string{rig.Need(t, "setpriv", "util-linux"), "--bounding-set", "-net_bind_service"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	out, err := cmd.CombinedOutput()
	const want = "error: port 80 on 127.0.0.1 cannot be used: permission denied\nhint: choose a port of at least 1024: picoca phone --port 8440\n"
	if cmd.ProcessState.ExitCode() != 1 || string(out) != want {
		t.Errorf("%v, got %q, want %q", err, out, want)
	}
}
