package trust

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A user has a CA, made by picoca, and a site with its certificate.
type user struct {
	rig.Home
	env  []string
	site *site
}

func newUser(t *testing.T) user {
	t.Helper()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local", "--for", "computer")
	cert, err := tls.LoadX509KeyPair(h.Path("pico.local", "cert.pem"), h.Path("pico.local", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(h.RootFile("store", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return user{h, environment(newHome(t), "PICOCA_HOME="+h.Path("store")), serve(t, root, cert)}
}

// picoca runs it as this user, and wants an exit code and a line on standard
// output. It returns all of that.
func (u user) picoca(code int, want string, args ...string) string {
	u.T.Helper()
	cmd := exec.CommandContext(u.T.Context(), rig.Program(), args...)
	cmd.Dir, cmd.Env = u.Dir, u.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run() // judged by its exit code
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(out.String(), want) {
		u.T.Errorf("picoca %s: got exit code %d (%v), want %d with %q\n%s%s", strings.Join(args, " "), got, err, code, want, out.Bytes(), errs.Bytes())
	}
	return out.String()
}

// cycle goes through the stores that flags name once, with clients that accept
// the site only in between.
func (u user) cycle(t *testing.T, install func(), stores []string, clients ...client) {
	t.Helper()
	stranger := newSite(t)
	check := func(want bool) {
		t.Helper()
		for _, c := range clients {
			c.check(t, u.site, u.env, want)
		}
	}
	trust := func(code int, want string, words ...string) {
		t.Helper()
		u.picoca(code, want, slices.Concat([]string{"trust"}, words, stores)...)
	}
	trust(4, "absent", "status")
	check(false)
	install()
	trust(0, "trusted", "status")
	trust(0, "unchanged")
	check(true)
	for _, c := range clients {
		c.check(t, stranger, u.env, false)
	}
	trust(0, "removed", "remove")
	trust(4, "absent", "status")
	trust(0, "unchanged", "remove")
	check(false)
}

// TestCommandSystem is the system's store, which Java follows.
func TestCommandSystem(t *testing.T) {
	rebuildStore(t)
	before, u := machine(t), newUser(t)
	stores := []string{"--store", "system"}
	install := func() { u.picoca(0, "system  trusted  /usr/local/share/ca-certificates", "trust", "--store", "system") }
	u.cycle(t, install, stores, curl, java(t))
	wantMachine(t, before)
}

// TestCommandChromium pastes what a dry run prints.
func TestCommandChromium(t *testing.T) {
	u := newUser(t)
	stores := []string{"--store", "chromium"}
	u.cycle(t, func() {
		commands := u.picoca(0, "certutil -A", "trust", "--dry-run", "--store", "chromium")
		shell := exec.Command("sh", "-ec", commands)
		shell.Dir, shell.Env = u.Dir, append(u.env, "PATH="+filepath.Dir(rig.Program())+":/usr/bin:/bin")
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, commands, out)
		}
	}, stores, chromium)
}

// TestCommandFirefox is the profile of a user who asks for no root.
func TestCommandFirefox(t *testing.T) {
	u := newUser(t)
	newProfile(t, u.env)
	stores := []string{"--user", "--store", "firefox"}
	install := func() { u.picoca(0, "next: restart Firefox", "trust", "--user", "--store", "firefox") }
	u.cycle(t, install, stores, firefox)
}
