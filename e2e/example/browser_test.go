package example

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestExampleInChromium is all that the project is for: an authority is made,
// a certificate issued, the example written; the real MicroPython serves it
// with a board's memory; a browser that trusts only this authority opens it,
// for one TLS handshake, keeps it, and opens it again with the board gone.
func TestExampleInChromium(t *testing.T) {
	for _, firmware := range exampleFirmwares {
		t.Run(firmware.String(), func(t *testing.T) {
			board := newExample(t, firmware)
			between := newCounter(t, board.https)
			app := openApp(t, trusting(t, board.home), between)

			first := app.next("first")
			if first.Title != "pico.local" || !first.Secure || !first.Controlled {
				t.Errorf("first visit: %+v, want a secure page under the service worker's control", first)
			}
			if !strings.Contains(first.State, "bytes of memory free") {
				t.Errorf("first visit: the page says %q", first.State)
			}
			if want := []string{"/", "/app.webmanifest", "/icon.png"}; !slices.Equal(first.Kept, want) {
				t.Errorf("first visit: the service worker keeps %q, want %q", first.Kept, want)
			}
			if len(first.Complaints) > 0 {
				t.Errorf("first visit: the browser complains: %q", first.Complaints)
			}
			if n := between.handshakes(); n != 1 {
				t.Errorf("the first visit took %d handshakes, want 1 (%v)", n, between)
			}
			t.Logf("first visit: %v", between)

			app.goOn()
			if reload := app.next("reload"); !reload.Controlled || !strings.Contains(reload.State, "bytes of memory free") {
				t.Errorf("reload: %+v", reload)
			}
			if app := app.next("app"); len(app.InstallabilityErrors)+len(app.ManifestErrors) > 0 || app.Manifest.Name != "pico.local" {
				t.Errorf("as an app: %+v", app)
			}
			if n := between.handshakes(); n != 1 {
				t.Errorf("with the reload %d handshakes, want 1 (%v)", n, between)
			}

			board.stop()
			app.goOn()
			for _, step := range []string{"gone", "opened"} {
				if gone := app.next(step); !gone.Secure || !gone.Controlled || !strings.Contains(gone.State, "does not answer") {
					t.Errorf("%s, without the board: %+v", step, gone)
				}
			}
		})
	}
}

// TestExampleNotTrustedInChromium shows that the other test's browser trusts
// only that one authority.
func TestExampleNotTrustedInChromium(t *testing.T) {
	board := newExample(t, exampleOnMicroPython)
	app := openApp(t, trusting(t, rig.NewHome(t)), newCounter(t, board.https))
	if said := app.next("error"); !strings.Contains(said.Error, "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("browser with another authority: %+v", said)
	}
}

// An app is the board's page in a browser.
type app struct {
	t     testing.TB
	in    io.Writer
	lines *bufio.Scanner
}

// appReport is what the driver says of a step; see testdata/clients/example.js.
type appReport struct {
	Step, Title, State, Error string
	Secure, Controlled        bool
	Kept, Complaints          []string
	InstallabilityErrors      []string
	ManifestErrors            []string
	Manifest                  struct{ Name string }
	Now, Age, Result          string // of an app with messages
	Notifications             []struct{ Title, Body, URL string }
}

// openApp starts Chromium, with a home that says what it trusts, on
// https://pico.local at the counter's port.
func openApp(t testing.TB, home string, between *counter) *app {
	t.Helper()
	return drive(t, "example.js", map[string]string{
		"chromium": rig.Need(t, "chromium", "chromium"), "home": home,
		"url": "https://pico.local:" + portOf(between.address) + "/", "resolve": "MAP pico.local 127.0.0.1",
		"screenshot": os.Getenv("EXAMPLE_SCREENSHOT"),
	})
}

// drive starts a driver of testdata/clients.
func drive(t testing.TB, driver string, options any) *app {
	t.Helper()
	rig.NeedDrivers(t)
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	// The test's own context ends before the driver has closed its browser, and Firefox
	// outlives a driver that is killed: that ends it when it is asked to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), rig.Patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, rig.Need(t, "node", "nodejs"), driver, string(text))
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = rig.ClientDrivers, os.Stderr, rig.Patience
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
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
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &app{t, in, bufio.NewScanner(out)}
}

// next waits for a step's report.
func (a *app) next(step string) appReport {
	a.t.Helper()
	var r appReport
	if !a.lines.Scan() {
		a.t.Fatalf("browser: nothing more, want step %q", step)
	}
	if err := json.Unmarshal(a.lines.Bytes(), &r); err != nil {
		a.t.Fatal(err)
	}
	if r.Step != step {
		a.t.Fatalf("browser: %s, want step %q", a.lines.Text(), step)
	}
	return r
}

// goOn lets the driver take its next step.
func (a *app) goOn() { io.WriteString(a.in, "\n") }

// trusting makes a HOME whose browser trusts the authority of h.
func trusting(t testing.TB, h rig.Home) string {
	t.Helper()
	dir := rig.NewTrust(t)
	rig.TrustFile(t, dir, h.RootFile("store", "cert.pem"))
	return dir
}
