package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/fault"
)

// place is a folder with a CA in it, and the runs of picoca there.
type place struct {
	t   *testing.T
	dir string
}

// run runs picoca in process, with what the plan lets go wrong.
func (p place) run(plan *faultdisk.Plan, args ...string) (code int, output string, killed bool) {
	p.t.Helper()
	var out, errs bytes.Buffer
	env := Env{
		Args: append([]string{"--home", p.path("ca")}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv:     func(string) string { return "" },
		Now:        func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) },
		ResolvConf: p.path("none"),
	}
	if plan != nil {
		env.Wrap = plan.Wrap
	} else {
		plan = &faultdisk.Plan{}
	}
	_, killed = plan.Run(func() error {
		code = Main(p.t.Context(), env)
		return nil
	})
	return code, out.String() + errs.String(), killed
}

func (p place) must(args ...string) {
	p.t.Helper()
	if code, output, _ := p.run(nil, args...); code != fault.Done {
		p.t.Fatalf("picoca %s: got exit code %d\n%s", strings.Join(args, " "), code, output)
	}
}

func (p place) path(elem ...string) string { return filepath.Join(append([]string{p.dir}, elem...)...) }

// copyTo copies the place with its modes.
func (p place) copyTo(dir string) place {
	p.t.Helper()
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		p.t.Fatal(err)
	}
	err := filepath.WalkDir(p.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == p.dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		copied := filepath.Join(dir, strings.TrimPrefix(name, p.dir))
		if entry.Name() == "about.json" {
			err = p.moveRecord(copied, dir)
		}
		return errors.Join(err, os.Chmod(copied, info.Mode().Perm()))
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return place{p.t, dir}
}

// moveRecord lets a copied record name the folder in the copy.
func (p place) moveRecord(name, dir string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, bytes.ReplaceAll(data, []byte(p.dir), []byte(dir)), 0o600)
}

// faultyCommand is a command that is interrupted at each of its steps.
type faultyCommand struct {
	name    string
	prepare [][]string
	files   map[string]string // that the user has in the place
	args    []string
	again   int // exit code that the same command may have after the interrupted one, beside 0
	// folder is where the files are, and pair the certificate and the key in it.
	folder, cert, key string
	// check wants the state before the command, or the one after it.
	check func(t *testing.T, p place, what string, done bool)
}

var faultyCommands = []faultyCommand{
	{name: "init", args: []string{"init", "--no-passphrase"}, again: fault.Failed},
	{
		name: "issue", prepare: [][]string{{"init", "--no-passphrase"}},
		args: []string{"issue", "nas.local", "--for", "computer", "--out", "{}/out"}, again: fault.Failed,
		folder: "out", cert: "cert.pem", key: "key.pem",
	},
	{
		name:    "renew",
		prepare: [][]string{{"init", "--no-passphrase"}, {"issue", "nas.local", "--for", "computer", "--out", "{}/out"}},
		files:   map[string]string{"out/notes.txt": "mine"},
		args:    []string{"renew", "nas.local", "--out", "{}/out"},
		folder:  "out", cert: "cert.pem", key: "key.pem",
	},
	{
		name: "issue --forget-key", prepare: [][]string{{"init", "--no-passphrase"}},
		args: []string{"issue", "nas.local", "--for", "computer", "--forget-key", "--out", "{}/out"}, again: fault.Failed,
		folder: "out", cert: "cert.pem", key: "key.pem",
		check: checkForgotten,
	},
	{
		name:    "renew a forgotten key",
		prepare: [][]string{{"init", "--no-passphrase"}, {"issue", "nas.local", "--for", "computer", "--forget-key", "--out", "{}/out"}},
		args:    []string{"renew", "nas.local"},
		folder:  "out", cert: "cert.pem", key: "key.pem",
		check: checkForgotten,
	},
	{
		name: "renew --due",
		prepare: [][]string{
			{"init", "--no-passphrase"}, {"issue", "nas.local", "--for", "computer", "--out", "{}/out", "--days", "2"},
			{"issue", "other.local", "--for", "computer", "--out", "{}/other", "--days", "2"},
		},
		files:  map[string]string{"out/notes.txt": "mine"},
		args:   []string{"renew", "--due", "--within", "48h", "--days", "30"},
		folder: "out", cert: "cert.pem", key: "key.pem",
		check: checkRenewed,
	},
	{
		name: "revoke",
		prepare: [][]string{
			{"init", "--no-passphrase"}, {"issue", "nas.local", "--for", "computer", "--out", "{}/out"}, {"renew", "nas.local"},
		},
		args: []string{"revoke", "nas.local"}, again: fault.Failed,
		folder: "out", cert: "cert.pem", key: "key.pem",
		check: checkRevoked,
	},
	{
		name: "export --force over the files of another key",
		prepare: [][]string{
			{"init", "--no-passphrase"}, {"issue", "nas.local", "--for", "computer", "--out", "{}/out"},
			{"renew", "nas.local", "--out", "{}/new"},
		},
		files:  map[string]string{"out/notes.txt": "mine"},
		args:   []string{"export", "nas.local", "--out", "{}/out", "--force"},
		folder: "out", cert: "cert.pem", key: "key.pem",
	},
	{
		name: "export ca", prepare: [][]string{{"init", "--no-passphrase"}},
		args: []string{"export", "ca", "--out", "{}/root.pem", "--force"},
	},
	{
		name:    "example in folders",
		prepare: [][]string{{"init", "--no-passphrase"}, {"issue", "esp.local", "--for", "esp32/esp-idf", "--out", "{}/files"}},
		args:    []string{"example", "esp.local", "--out", "{}/out"}, again: fault.Failed,
		folder: "out", cert: "main/servercert.pem", key: "main/prvtkey.pem",
	},
	{
		name: "example --force over a changed project",
		prepare: [][]string{
			{"init", "--no-passphrase"}, {"issue", "esp.local", "--for", "esp32/esp-idf", "--out", "{}/files"},
			{"example", "esp.local", "--out", "{}/out"}, {"renew", "esp.local", "--out", "{}/files2"},
		},
		files:  map[string]string{"out/main/main.c": "my program", "out/sdkconfig.defaults": "my Wi-Fi"},
		args:   []string{"example", "esp.local", "--out", "{}/out", "--force"},
		folder: "out", cert: "main/servercert.pem", key: "main/prvtkey.pem",
	},
}

// TestCommandsInterruptedAtEveryStep ends each command, or lets the disk fail,
// at every operation in turn, and runs it once more. Afterwards everything is
// there, nothing that the user had is lost, and certificate and key match.
func TestCommandsInterruptedAtEveryStep(t *testing.T) {
	for _, command := range faultyCommands {
		t.Run(command.name, func(t *testing.T) {
			t.Parallel()
			start := place{t, quickDir(t)}
			for _, args := range command.prepare {
				start.must(start.fill(args)...)
			}
			for name, text := range command.files {
				if err := os.WriteFile(start.path(name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, row := range []struct {
				name string
				plan faultdisk.Plan
			}{
				{"killed", faultdisk.Plan{}},
				{"EIO once", faultdisk.Plan{Err: syscall.EIO}},
				{"ENOSPC for good", faultdisk.Plan{Err: syscall.ENOSPC, ForGood: true}},
			} {
				steps := 0
				for reached := true; reached; steps++ {
					plan := row.plan
					plan.At, plan.NoSync = steps+1, true
					reached = command.interrupt(start, row.name, &plan)
				}
				if steps < 10 {
					t.Errorf("%s: got %d steps, want at least 10: the plan is not carried out", row.name, steps)
				}
			}
		})
	}
}

// quickDir is a temporary folder in memory, if the system has one: a thousand
// copies are made.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "picoca-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fill puts the place's folder into arguments.
func (p place) fill(args []string) []string {
	all := make([]string, len(args))
	for i, arg := range args {
		all[i] = strings.ReplaceAll(arg, "{}", p.dir)
	}
	return all
}

// interrupt runs the command in a copy of the place with the plan, and again
// without. It reports whether the plan's step was reached.
func (c faultyCommand) interrupt(start place, how string, plan *faultdisk.Plan) bool {
	t := start.t
	p := start.copyTo(filepath.Join(quickDir(t), "copy"))
	defer os.RemoveAll(p.dir)
	code, output, killed := p.run(plan, p.fill(c.args)...)
	what := fmt.Sprintf("%s at step %d", how, plan.At)
	if !plan.Reached() {
		return false
	}
	if !killed {
		c.checkReport(t, what, code, output)
	}
	if c.check != nil {
		c.check(t, p, what, false)
	}
	again, output, _ := p.run(nil, p.fill(c.args)...)
	if again != fault.Done && again != c.again {
		t.Errorf("%s: the same command again: got exit code %d\n%s", what, again, output)
	}
	c.checkPlace(p, what)
	if c.check != nil {
		c.check(t, p, what+", then again", true)
	}
	return true
}

// checkReport checks what a failed command says against what users need.
func (c faultyCommand) checkReport(t *testing.T, what string, code int, output string) {
	t.Helper()
	if code == fault.Done {
		return // what failed did not matter
	}
	if code != fault.Failed || !strings.Contains(output, "error: ") || !strings.Contains(output, "hint: ") {
		t.Errorf("%s: got exit code %d, want 1 with an error and a hint\n%s", what, code, output)
	}
	if strings.Contains(output, ".picoca-") || strings.Contains(output, "openat") || strings.Contains(output, "unlinkat") {
		t.Errorf("%s: the error speaks of what users do not know\n%s", what, output)
	}
}

// checkPlace checks the place against what must always be so.
func (c faultyCommand) checkPlace(p place, what string) {
	t := p.t
	t.Helper()
	if code, output, _ := p.run(nil, "list", "--all"); code != fault.Done {
		t.Errorf("%s: list: got exit code %d\n%s", what, code, output)
	}
	for name, text := range c.files {
		if !p.has(name, text) {
			t.Errorf("%s: %s of the user is lost", what, name)
		}
	}
	if c.folder == "" {
		return
	}
	if _, err := os.Stat(p.path(c.folder)); os.IsNotExist(err) && c.again != fault.Done {
		return // the first run stored the certificate; export writes its files
	}
	if _, err := tls.LoadX509KeyPair(p.path(c.folder, c.cert), p.path(c.folder, c.key)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	err := filepath.WalkDir(p.path(c.folder), func(name string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(name), ".picoca-") {
			t.Errorf("%s: %s is left", what, name)
		}
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// checkRenewed wants the folder of each name to have a whole set of files, and
// once the command was run again, those of the newest certificate in the store.
func checkRenewed(t *testing.T, p place, what string, done bool) {
	t.Helper()
	if !done {
		return // the folder is completed or swept by the next command
	}
	for name, dir := range map[string]string{"nas.local": "out", "other.local": "other"} {
		_, shown, _ := p.run(nil, "show", name, "--json")
		data, err := os.ReadFile(p.path(dir, "cert.pem"))
		block, _ := pem.Decode(data)
		if err != nil || block == nil {
			t.Errorf("%s: %s: got %q, %v", what, name, data, err)
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !strings.Contains(shown, ca.Fingerprint(cert)) {
			t.Errorf("%s: %s has another certificate than its folder, %v\n%s", what, name, err, shown)
		}
		entries, err := filepath.Glob(p.path("ca", "issued", name, "*"))
		if err != nil || len(entries) < 2 {
			t.Errorf("%s: %s was not renewed", what, name)
		}
	}
}

// checkForgotten wants no key of a device in the store, whatever happened, and
// the files of a renewal to have the key that the store does not.
func checkForgotten(t *testing.T, p place, what string, done bool) {
	t.Helper()
	keys, err := filepath.Glob(p.path("ca", "issued", "*", "*", "key.pem"))
	if err != nil || len(keys) > 0 {
		t.Errorf("%s: got %q in the store, %v", what, keys, err)
	}
	if !done {
		return
	}
	if code, output, _ := p.run(nil, "renew", "nas.local", "--out", p.path("out")); code != fault.Done {
		t.Errorf("%s: renew: got exit code %d\n%s", what, code, output)
	}
	if _, err := tls.LoadX509KeyPair(p.path("out", "cert.pem"), p.path("out", "key.pem")); err != nil {
		t.Errorf("%s: renewed: %v", what, err)
	}
}

// checkRevoked wants the list of the store to have what list marks: both
// certificates or none, and both once the command was run again.
func checkRevoked(t *testing.T, p place, what string, done bool) {
	t.Helper()
	// Taking the lock completes or sweeps what was interrupted.
	code, output, _ := p.run(nil, "export", "crl", "--out", p.path("crl.pem"), "--force")
	data, err := os.ReadFile(p.path("crl.pem"))
	if code != fault.Done || err != nil {
		t.Errorf("%s: export crl: got exit code %d, %v\n%s", what, code, err, output)
		return
	}
	block, _ := pem.Decode(data)
	crl, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	_, list, _ := p.run(nil, "list", "--all")
	marked, listed := strings.Count(list, "revoked "), len(crl.RevokedCertificateEntries)
	if marked != listed || listed != 2 && (done || listed != 0) {
		t.Errorf("%s: got %d certificates in the list and %d marked, want 2 of both%s", what, listed, marked, map[bool]string{false: ", or none"}[done])
	}
}

// has reports whether a text of the user is in its file, or in the copy that
// picoca keeps of a file it rewrites.
func (p place) has(name, text string) bool {
	for _, candidate := range []string{name, name + ".old"} {
		if data, err := os.ReadFile(p.path(candidate)); err == nil && string(data) == text {
			return true
		}
	}
	return false
}
