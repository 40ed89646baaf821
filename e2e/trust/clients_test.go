package trust

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// A client opens a page of a site without any option about trust.
type client struct {
	tool, pkg string
	args      []string // before the URL
	// lingers: it does not end by itself, so it is ended when the site knows.
	lingers bool
}

// The clients of the system's store.
var (
	curl    = client{"curl", "curl", []string{"--silent", "--show-error"}, false}
	wget    = client{"wget", "wget", []string{"--quiet", "--output-document=-", "--tries=1"}, false}
	python3 = client{"python3", "python3", []string{"-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"}, false}
)

// java is a Java program, compiled once.
func java(t *testing.T) client {
	t.Helper()
	classes := t.TempDir()
	if out, err := exec.Command(rig.Need(t, "javac", "default-jdk-headless"), "-d", classes, "testdata/Visit.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return client{"java", "default-jdk-headless", []string{"-XX:TieredStopAtLevel=1", "-cp", classes, "Visit"}, false}
}

// The browsers. Firefox loads the page of which it takes a picture; of a page
// with an error it never does.
var (
	chromium = client{"chromium", "chromium", []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--timeout=20000", "--dump-dom"}, false}
	firefox = client{"firefox-esr", "firefox-esr", []string{"--headless", "--screenshot", "/dev/null"}, true}
)

// environment is a user's: nothing in it points to certificates.
func environment(home string, more ...string) []string {
	return append([]string{"HOME=" + home, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}, more...)
}

// visit reports whether the site was asked for a new page.
func (c client) visit(t *testing.T, s *site, env []string) (accepted bool, output string) {
	t.Helper()
	page := "/" + c.tool + time.Now().Format("-150405.000000000")
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Need(t, c.tool, c.pkg), append(c.args, s.url+page)...)
	cmd.Env = env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	s.forget()
	if c.lingers {
		go func() {
			s.await(ctx, page)
			cancel()
		}()
	}
	out, _ := cmd.CombinedOutput() // a refusal is no error of every client
	if ctx.Err() == context.DeadlineExceeded {
		t.Errorf("%s: neither accepted nor refused\n%s", c.tool, out)
	}
	return s.wasAsked(page), string(out)
}

// check wants the client to accept or refuse the site.
func (c client) check(t *testing.T, s *site, env []string, want bool) {
	t.Helper()
	if got, out := c.visit(t, s, env); got != want {
		t.Errorf("%s: accepted: got %t, want %t\n%s", c.tool, got, want, out)
	}
}

// newHome is an empty home folder.
func newHome(t *testing.T) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return home
}
