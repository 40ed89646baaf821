package years

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// life is a CA, its devices and those who use them, at a time that passes as the
// test wants: picoca is given the clock, and everything else runs under faketime.
type life struct {
	t       *testing.T
	h       rig.Home
	store   string // the folder of the CA in use
	files   string // the folder above those of the devices
	program string
	now     time.Time
	renewed map[string]int // by the timer, by name
}

// theStart is a Monday.
var theStart = time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)

func newLife(t *testing.T) *life {
	t.Helper()
	program := filepath.Join(t.TempDir(), "picoca")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/clocked").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l := &life{t: t, h: rig.EmptyHome(t), store: "store", program: program, now: theStart, renewed: map[string]int{}}
	rig.WriteFile(t, l.h.Path("pass"), "correct horse battery staple\n")
	rig.WriteFile(t, l.h.Path("paper"), "a passphrase only for the paper\n")
	return l
}

// try runs picoca at the life's time.
func (l *life) try(args ...string) (string, error) {
	cmd := exec.CommandContext(l.t.Context(), l.program, args...)
	cmd.Dir = l.h.Dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+l.h.Path(l.store), "PICOCA_TEST_NOW="+l.now.Format(time.RFC3339), "PICOCA_PASSPHRASE_FILE="+l.h.Path("pass"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return string(out), err
}

func (l *life) run(args ...string) string {
	l.t.Helper()
	out, err := l.try(args...)
	if err != nil {
		l.t.Fatalf("%s: picoca %s: %v\n%s", l.now.Format(time.DateOnly), strings.Join(args, " "), err, out)
	}
	return out
}

// until lets time pass until a number of days after the start; the timer runs
// every other week.
func (l *life) until(days int) {
	l.t.Helper()
	for end := theStart.AddDate(0, 0, days); l.now.Before(end); l.now = l.now.AddDate(0, 0, 14) {
		for line := range strings.Lines(l.run("renew", "--due")) {
			if name, rest, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(rest, "valid until") {
				l.renewed[name]++
			}
		}
	}
}

// env is everywhere, and becomes what it runs.
const env = "/usr/bin/env"

// faked returns a command line that runs at the life's time. The command faketime
// itself would stay between a server and its signals.
func (l *life) faked(pkg, tool string, args ...string) (string, []string) {
	l.t.Helper()
	library, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(library) != 1 {
		rig.Missing(l.t, "libfaketime", "faketime")
	}
	words := []string{"TZ=UTC", "LD_PRELOAD=" + library[0], "FAKETIME=@" + l.now.Format(time.DateTime), rig.Need(l.t, tool, pkg)}
	return env, append(words, args...)
}

func (l *life) outside(pkg, tool string, args ...string) (string, error) {
	l.t.Helper()
	_, words := l.faked(pkg, tool, args...)
	return rig.OutsideWith(l.t, words[:3], nil, pkg, tool, args...)
}

// visitor opens one of the two servers with what it trusts, and its identity if it
// has one.
type visitor struct {
	bundle   string // the file with the roots that it trusts
	identity string // its folder, "" for none
	want     bool
}

// check lets clients verify every device with the file of roots, and visitors open
// the servers, which have the files and the list of today.
func (l *life) check(stage, bundle string, devices []string, visitors ...visitor) {
	l.t.Helper()
	outer := l.t
	outer.Run(stage, func(t *testing.T) {
		l.t, l.h.T = t, t
		defer func() { l.t, l.h.T = outer, outer }()
		for _, device := range devices {
			l.verify(filepath.Join(l.files, device), bundle, true)
		}
		l.run("export", "crl", "--out", "crl.pem", "--force")
		l.run("export", "ca", "--out", "ca.pem", "--force")
		web, broker := l.serveWeb(), l.serveBroker()
		for _, v := range visitors {
			if err := l.visitWeb(web, v); (err == nil) != v.want {
				t.Errorf("nginx, %+v: got %v", v, err)
			}
			if err := l.visitBroker(broker, v); (err == nil) != v.want {
				t.Errorf("mosquitto, %+v: got %v", v, err)
			}
		}
	})
}

// verify asks OpenSSL and GnuTLS about the certificate in a device's folder.
func (l *life) verify(folder, bundle string, want bool) {
	l.t.Helper()
	cert := l.h.Path(folder, "cert.pem")
	if _, err := os.Stat(cert); errors.Is(err, os.ErrNotExist) { // a board's
		cert = filepath.Join(l.t.TempDir(), "cert.pem")
		if out, err := rig.Outside(l.t, "openssl", "openssl", "x509", "-inform", "der", "-in", l.h.Path(folder, "cert.der"), "-out", cert); err != nil {
			l.t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, args := range [][]string{
		{"openssl", "openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", l.h.Path(bundle), cert},
		{"gnutls-bin", "certtool", "--verify", "--load-ca-certificate", l.h.Path(bundle), "--infile", cert},
	} {
		if out, err := l.outside(args[0], args[1], args[2:]...); (err == nil) != want {
			l.t.Errorf("%s of %s with %s: got %v, want accepted %t\n%s", args[1], folder, bundle, err, want, out)
		}
	}
}

func (l *life) serveWeb() (port string) {
	l.t.Helper()
	port = rig.FreePort(l.t)
	name, args := l.faked("nginx", "nginx", "-p", l.t.TempDir(), "-c", nginxConfig(l.t, port, l.h.Path(l.files, "web.local"),
		"ssl_client_certificate "+l.h.Path("ca.pem")+"; ssl_verify_client on; ssl_crl "+l.h.Path("crl.pem")+";"))
	serve(l.t, port, name, args...)
	return port
}

func (l *life) serveBroker() (port string) {
	l.t.Helper()
	me, err := user.Current()
	if err != nil {
		l.t.Fatal(err)
	}
	port = rig.FreePort(l.t)
	name, args := l.faked("mosquitto", "mosquitto", "-c", config(l.t, `user %s
listener %s 127.0.0.1
cafile %[3]s/picoca-root.pem
certfile %[3]s/cert.pem
keyfile %[3]s/key.pem
crlfile %[4]s
require_certificate true
use_identity_as_username true
`, me.Username, port, l.h.Path(l.files, "broker.local"), l.h.Path("crl.pem")))
	serve(l.t, port, name, args...)
	return port
}

func (l *life) visitWeb(port string, v visitor) error {
	args := []string{"-sSf", "--noproxy", "*", "--resolve", "web.local:" + port + ":127.0.0.1", "--cacert", l.h.Path(v.bundle)}
	if v.identity != "" {
		args = append(args, "--cert", l.h.Path(v.identity, "cert.pem"), "--key", l.h.Path(v.identity, "key.pem"))
	}
	out, err := l.outside("curl", "curl", append(args, "https://web.local:"+port+"/")...)
	if err != nil || out != "hello" {
		return fmt.Errorf("%w\n%s", errors.Join(err, errRefused), out)
	}
	return nil
}

var errRefused = errors.New("refused")

func (l *life) visitBroker(port string, v visitor) error {
	args := []string{"-h", "127.0.0.1", "-p", port, "--cafile", l.h.Path(v.bundle), "-t", "test", "-m", "hello", "-q", "1"}
	if v.identity != "" {
		args = append(args, "--cert", l.h.Path(v.identity, "cert.pem"), "--key", l.h.Path(v.identity, "key.pem"))
	}
	if out, err := l.outside("mosquitto-clients", "mosquitto_pub", args...); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// copyOf keeps a folder as it is today, as a thief or a forgotten backup would.
func (l *life) copyOf(folder, kept string) {
	l.t.Helper()
	if err := os.CopyFS(l.h.Path(kept), os.DirFS(l.h.Path(folder))); err != nil {
		l.t.Fatal(err)
	}
}

// homeDevices are ten devices of four kinds.
const homeDevices = `name,ip,for,days
web.local,127.0.0.1,nginx,400
broker.local,127.0.0.1,mosquitto,400
pico-1.local,,pico-w,400
pico-2.local,,pico-w,400
pico-3.local,,pico-w,400
pico-4.local,,pico-w,400
nas-1.local,192.168.1.11,synology,400
nas-2.local,192.168.1.12,synology,400
nas-3.local,192.168.1.13,synology,400
nas-4.local,192.168.1.14,synology,400
`

// TestSixYears goes through the life of a CA: renewed by a timer, a phone lost, a
// domain added, the root replaced and retired, its key lost and replaced from the
// spare, and that restored from paper. At each stage real servers and clients accept and refuse as they should.
func TestSixYears(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("takes long: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
	l := newLife(t)
	devices := l.begin()
	on := func(bundle, identity string, want bool) visitor { return visitor{bundle, identity, want} }
	l.check("first day", "day-one.pem", devices, on("day-one.pem", "phone", true), on("day-one.pem", "tablet", true), on("day-one.pem", "", false))

	l.until(420) // the first renewal
	l.run("revoke", "phone", "--reason", "keyCompromise")
	l.check("phone lost", "day-one.pem", devices, on("day-one.pem", "phone", false), on("day-one.pem", "tablet", true))

	l.until(840) // the second
	l.copyOf("web.local", "web-old")
	l.run("root", "rotate", "--permit", "example.com")
	l.run("issue", "nas.example.com", "--for", "synology", "--out", "nas.example.com")
	l.run("export", "ca", "--out", "both.pem")
	l.verify("nas.example.com", "both.pem", true)
	l.verify("nas.example.com", "day-one.pem", false)
	l.run("export", "broker.local", "--force") // its CA file has all roots now
	l.check("rotated, nothing renewed", "both.pem", devices, on("both.pem", "tablet", true), on("day-one.pem", "tablet", true), on("both.pem", "phone", false))
	if out, err := l.try("root", "status"); exitCode(err) != 4 || strings.Count(out, ".local") != len(devices) {
		t.Errorf("status: got %v, want exit code 4 with %d devices\n%s", err, len(devices), out)
	}
	l.run("renew", "--all")
	l.run("root", "status")
	l.check("all renewed", "both.pem", devices, on("both.pem", "tablet", true), on("day-one.pem", "tablet", false), on("both.pem", "phone", false))

	l.run("root", "retire")
	l.run("export", "ca", "--out", "retired.pem")
	l.verify("web-old", "both.pem", true)
	l.verify("web-old", "retired.pem", false)
	l.until(1300) // the third
	l.run("export", "broker.local", "--force")
	l.check("old root retired", "retired.pem", devices, on("retired.pem", "tablet", true), on("retired.pem", "phone", false))

	l.loseKey()
	if _, err := l.try("renew", "web.local"); err == nil || !strings.Contains(err.Error(), "picoca root rotate --from-spare FILE") {
		t.Errorf("without its key: got %v, want the hint to use the spare", err)
	}
	l.run("root", "rotate", "--from-spare", "spare.html", "--spare-passphrase-file", "paper")
	l.run("root", "passphrase", "--passphrase-file", "paper", "--new-passphrase-file", "pass")
	if out, err := l.try("renew", "--all"); exitCode(err) != 1 || !strings.Contains(err.Error(), "nas.example.com") {
		t.Errorf("renew: got %v, want only the name that the spare cannot vouch for to fail\n%s", err, out)
	}
	l.check("spare", "day-one.pem", devices, on("day-one.pem", "tablet", true), on("retired.pem", "tablet", true), on("day-one.pem", "phone", false))
	l.run("root", "retire", "--force")
	l.run("revoke", "nas.example.com") // the timer must not try it for ever
	l.run("export", "ca", "--out", "spare.pem")

	l.until(2191) // the fourth and the fifth
	l.check("after six years", "spare.pem", devices, on("day-one.pem", "tablet", true), on("spare.pem", "tablet", true), on("spare.pem", "phone", false))
	l.restoreFromPaper(devices)
	for _, device := range []string{"web.local", "pico-1.local", "nas-4.local"} {
		if got := l.renewed[device]; got < 4 {
			t.Errorf("%s was renewed %d times by the timer, want at least 4", device, got)
		}
	}
}

// restoreFromPaper prints the root, and restores it into another folder. The list of
// devices is issued again there, for those who trusted the CA on the first day. What
// was issued before keeps working, also for the new CA's servers, but not the
// identity that was lost meanwhile, whose serial number is all that is left of it.
func (l *life) restoreFromPaper(devices []string) {
	l.t.Helper()
	l.run("identity", "guest", "--for", "mosquitto", "--out", "guest")
	l.run("backup", "--paper", "root.html")
	l.store, l.files = "restored", "again"
	l.run("restore", "--paper", "root.html")
	l.run("issue", "--from", "devices.csv", "--out", "again")
	l.run("identity", "laptop", "--for", "mosquitto", "--out", "laptop")
	on := func(bundle, identity string, want bool) visitor { return visitor{bundle, identity, want} }
	l.check("restored from paper", "day-one.pem", devices, on("day-one.pem", "tablet", true), on("spare.pem", "laptop", true), on("spare.pem", "guest", true),
		on("spare.pem", "phone", false), on("spare.pem", "", false))
	l.run("revoke", l.serial("guest"), "--unknown", "--reason", "keyCompromise")
	l.check("guest lost", "spare.pem", devices, on("spare.pem", "guest", false), on("spare.pem", "tablet", true), on("spare.pem", "laptop", true))
	l.run("export", "ca", "--out", "again.pem")
	for _, bundle := range []string{"day-one.pem", "spare.pem", "retired.pem", "again.pem"} { // the retired root had the spare, too
		l.verify("again/web.local", bundle, true)
	}
	l.verify("web-old", "again.pem", false)
}

// serial returns the serial number of an identity's certificate, as a server's log
// has it.
func (l *life) serial(identity string) string {
	l.t.Helper()
	out, err := rig.Outside(l.t, "openssl", "openssl", "x509", "-noout", "-serial", "-in", l.h.Path(identity, "cert.pem"))
	if err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimPrefix(strings.TrimSpace(out), "serial=")
}

// begin makes the CA with its devices and identities, and returns the folders of
// the devices.
func (l *life) begin() (folders []string) {
	l.t.Helper()
	l.run("init", "--spare", "spare.html", "--spare-passphrase-file", "paper")
	rig.WriteFile(l.t, l.h.Path("devices.csv"), homeDevices)
	l.run("issue", "--from", "devices.csv")
	for line := range strings.Lines(homeDevices) {
		if name, _, _ := strings.Cut(line, ","); name != "name" {
			folders = append(folders, name)
		}
	}
	for _, name := range []string{"phone", "tablet"} {
		l.run("identity", name, "--for", "mosquitto", "--days", "400", "--out", name)
	}
	l.run("export", "ca", "--out", "day-one.pem")
	return folders
}

// loseKey removes the only key that can sign.
func (l *life) loseKey() {
	l.t.Helper()
	keys, err := filepath.Glob(l.h.Path("store", "roots", "*", "key.pem"))
	if err != nil || len(keys) != 2 {
		l.t.Fatalf("got keys %q, %v, want those of the retired root and of the one that signs", keys, err)
	}
	if err := os.Remove(keys[1]); err != nil {
		l.t.Fatal(err)
	}
}
