package trust

import (
	"crypto/x509"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/trust"
)

// A desk is a user's computer, with the stores that a test is about.
type desk struct {
	t    *testing.T
	env  []string
	this trust.Computer
	req  trust.Request
}

func newDesk(t *testing.T, s *site, env []string, scope trust.Scope, stores ...trust.Store) *desk {
	t.Helper()
	getenv := func(name string) string {
		for _, pair := range env {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
	computer := trust.ThisComputer(getenv)
	computer.Home = getenv("HOME")
	return &desk{t, env, computer, trust.Request{Roots: []*x509.Certificate{s.root}, Stores: stores, Scope: scope}}
}

// run installs or removes, and wants every store changed, or none.
func (d *desk) run(remove, changed bool) {
	d.t.Helper()
	make := d.this.Install
	if remove {
		make = d.this.Remove
	}
	plan, err := make(d.t.Context(), d.req)
	if err != nil {
		d.t.Fatal(err)
	}
	results, err := plan.Run(d.t.Context(), func(step trust.Step) { d.t.Log(step) })
	if err != nil || len(results) == 0 && changed {
		d.t.Fatalf("%d results: %v", len(results), err)
	}
	some := false
	for _, r := range results {
		some = some || r.Changed
		if r.Err != nil {
			hint := fault.HintOf(r.Err)
			d.t.Errorf("%s: %v\n%s", r.Place, r.Err, hint.Text(func(c fault.Command) string { return strings.Join(c, " ") }))
		}
		if want := map[bool]trust.State{false: trust.Trusted, true: trust.Absent}[remove]; r.After != want {
			d.t.Errorf("%s: got %s, want %s", r.Place, r.After, want)
		}
	}
	if some != changed {
		d.t.Errorf("changed: got %t, want %t: %+v", some, changed, results)
	}
}

// wantState wants all stores that exist in one state.
func (d *desk) wantState(want trust.State) {
	d.t.Helper()
	all, err := d.this.Status(d.t.Context(), d.req)
	if err != nil || len(all) == 0 {
		d.t.Fatalf("%d stores: %v", len(all), err)
	}
	for _, s := range all {
		if s.State != want || s.Err != nil {
			d.t.Errorf("%s: got %s (%v), want %s", s.Place, s.State, s.Err, want)
		}
	}
}

// long skips a test of the layouts, which together take minutes, unless all are
// asked for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("takes long: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
}

// cycle installs and removes twice. The clients refuse at first, accept
// between the two, and refuse again; what they never accept is a stranger's site,
// whose refusal shows that they check. Each change is asked for twice, and the
// second time nothing changes.
func (d *desk) cycle(s, stranger *site, clients ...client) {
	d.t.Helper()
	check := func(want bool) {
		d.t.Helper()
		for _, c := range clients {
			c.check(d.t, s, d.env, want)
			if want {
				c.check(d.t, stranger, d.env, false)
			}
		}
	}
	check(false)
	for range 2 {
		d.wantState(trust.Absent)
		d.run(false, true)
		d.run(false, false)
		d.wantState(trust.Trusted)
		check(true)
		d.run(true, true)
		d.run(true, false)
		d.wantState(trust.Absent)
		check(false)
	}
}

// machine is what system-wide stores hold: files and links, and Java's keystore
// by its entries, since its own bytes hold times.
func machine(t *testing.T) map[string]string {
	t.Helper()
	all := snapshot("/etc", "/usr/local/share")
	const keystore = "/etc/ssl/certs/java/cacerts"
	cmd := exec.Command(rig.Need(t, "keytool", "default-jdk-headless"), "-J-Duser.language=en", "-list", "-keystore", keystore, "-storepass", "changeit")
	cmd.Env = environment("/nonexistent")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
	lines := strings.Split(string(out), "\n")
	for i, text := range lines {
		// debian:name.pem, 25 Nov 2026, trustedCertEntry,
		if fields := strings.Split(text, ", "); len(fields) > 2 {
			lines[i] = fields[0]
		}
	}
	slices.Sort(lines)
	all[keystore] = strings.Join(lines, "\n")
	return all
}

// wantMachine wants everything system-wide as it was.
func wantMachine(t *testing.T, before map[string]string) {
	t.Helper()
	after := machine(t)
	if maps.Equal(before, after) {
		return
	}
	for path, want := range before {
		if got := after[path]; got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			t.Errorf("%s is left", path)
		}
	}
}

// rebuildStore takes into the system's store what is new on this computer: that
// is no change of ours.
func rebuildStore(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("update-ca-certificates").CombinedOutput(); err != nil {
		t.Fatalf("update-ca-certificates: %v\n%s", err, out)
	}
}

func TestSystemStore(t *testing.T) {
	long(t)
	rebuildStore(t)
	s, stranger, before := newSite(t), newSite(t), machine(t)
	newDesk(t, s, environment(newHome(t)), trust.Default, trust.System, trust.Java).cycle(s, stranger, curl, wget, python3, java(t))
	wantMachine(t, before)
}

// database makes an empty folder, or an NSS database in it.
func database(t *testing.T, dir string, filled bool) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !filled {
		return
	}
	out, err := exec.Command(rig.Need(t, "certutil", "libnss3-tools"), "-N", "-d", "sql:"+dir, "--empty-password").CombinedOutput()
	if err != nil {
		t.Fatalf("certutil: %v\n%s", err, out)
	}
}

// TestChromiumDatabases in the places where Chromium looks for its database.
func TestChromiumDatabases(t *testing.T) {
	long(t)
	before := machine(t)
	t.Run("all", chromiumDatabases) // returns after its parallel tests
	wantMachine(t, before)
}

func chromiumDatabases(t *testing.T) {
	for _, layout := range []struct {
		name          string
		legacy, data  bool // which folders exist
		filled, moved bool // with a database; XDG_DATA_HOME is elsewhere
	}{
		{name: "fresh"},
		{name: "empty legacy folder hides the new one", legacy: true, data: true},
		{name: "legacy", legacy: true, filled: true},
		{name: "both filled", legacy: true, data: true, filled: true},
		{name: "XDG_DATA_HOME", data: true, filled: true, moved: true},
	} {
		t.Run(layout.name, func(t *testing.T) {
			t.Parallel()
			s, stranger, home := newSite(t), newSite(t), newHome(t)
			env, data := environment(home), filepath.Join(home, ".local/share")
			if layout.moved {
				data = filepath.Join(home, "elsewhere")
				env = append(env, "XDG_DATA_HOME="+data)
			}
			if layout.legacy {
				database(t, filepath.Join(home, ".pki/nssdb"), layout.filled)
			}
			if layout.data {
				database(t, filepath.Join(data, "pki/nssdb"), true)
			}
			newDesk(t, s, env, trust.Default, trust.Chromium).cycle(s, stranger, chromium)
			if _, err := os.Stat(filepath.Join(home, ".pki/nssdb")); (err == nil) != layout.legacy {
				t.Errorf("legacy folder: %v, want it to exist: %t", err, layout.legacy)
			}
		})
	}
}

// TestChromiumPolicy trusts for all users, also those whose home is new.
func TestChromiumPolicy(t *testing.T) {
	long(t)
	s, stranger, before := newSite(t), newSite(t), machine(t)
	env := environment(newHome(t))
	newDesk(t, s, env, trust.AllUsers, trust.Chromium).cycle(s, stranger, chromium)
	wantMachine(t, before)
}

// newProfile makes a profile where this Firefox does by itself.
func newProfile(t *testing.T, env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), rig.Need(t, firefox.tool, firefox.pkg), "--headless", "-CreateProfile", "test")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("firefox-esr: %v\n%s", err, out)
	}
}

// TestFirefoxProfiles in both places where Firefox keeps them.
func TestFirefoxProfiles(t *testing.T) {
	long(t)
	before := machine(t)
	t.Run("all", firefoxProfiles)
	wantMachine(t, before)
}

func firefoxProfiles(t *testing.T) {
	for _, place := range []string{".config/mozilla/firefox", ".mozilla/firefox"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			s, stranger, home := newSite(t), newSite(t), newHome(t)
			if err := os.MkdirAll(filepath.Join(home, place), 0o700); err != nil {
				t.Fatal(err)
			}
			env := environment(home)
			newProfile(t, env)
			if _, err := os.Stat(filepath.Join(home, place, "profiles.ini")); err != nil {
				t.Fatal(err)
			}
			newDesk(t, s, env, trust.ThisUser, trust.Firefox).cycle(s, stranger, firefox)
		})
	}
}

// TestFirefoxPolicy trusts for all profiles.
func TestFirefoxPolicy(t *testing.T) {
	long(t)
	s, stranger, before := newSite(t), newSite(t), machine(t)
	env := environment(newHome(t))
	newProfile(t, env)
	newDesk(t, s, env, trust.Default, trust.Firefox).cycle(s, stranger, firefox)
	wantMachine(t, before)
}

// TestFirefoxCopy is a profile made later: it trusts by the policy only, from
// which Firefox copies the root. Where certutil cannot remove that, trust says
// so, and leaves the root where the user can find it.
func TestFirefoxCopy(t *testing.T) {
	long(t)
	s, stranger, before := newSite(t), newSite(t), machine(t)
	env := environment(newHome(t))
	d := newDesk(t, s, env, trust.AllUsers, trust.Firefox)
	d.run(false, true)
	newProfile(t, env)
	firefox.check(t, s, env, true)
	firefox.check(t, stranger, env, false)
	plan, err := d.this.Remove(t.Context(), d.req)
	if err != nil {
		t.Fatal(err)
	}
	results, err := plan.Run(t.Context(), func(trust.Step) {})
	if err != nil {
		t.Fatal(err)
	}
	refused := slices.ContainsFunc(results, func(r trust.Result) bool {
		return r.Err != nil && strings.Contains(r.Err.Error(), "only Firefox can remove")
	})
	accepted, _ := firefox.visit(t, s, env)
	if accepted != refused {
		t.Errorf("after remove: accepted: got %t, want %t, as reported", accepted, refused)
	}
	newcomer := environment(newHome(t))
	newProfile(t, newcomer)
	firefox.check(t, s, newcomer, false)
	wantMachine(t, before)
}
