package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/trust"
)

// trustDesk is a CA and a computer below a temporary folder, on which commands
// do nothing but what a test says.
type trustDesk struct {
	t        *testing.T
	computer trust.Computer
	ran      []string
	// on is called with each command that changes something.
	on     func(line string) error
	cancel context.CancelFunc
}

func newTrustDesk(t *testing.T, programs ...string) *trustDesk {
	t.Helper()
	d := &trustDesk{t: t, on: func(string) error { return nil }}
	base := t.TempDir()
	d.computer = trust.Computer{OS: "linux", Base: base, Home: "/home/ann", Path: []string{"/usr/bin"}, UID: 1000, Run: d.exec}
	for _, program := range programs {
		d.write(program)
	}
	if code, out := d.run("init", "--no-passphrase"); code != fault.Done {
		t.Fatal(out)
	}
	return d
}

func (d *trustDesk) write(path string) {
	d.t.Helper()
	full := filepath.Join(d.computer.Base, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, nil, 0o755)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *trustDesk) exec(_ context.Context, c trust.Command) (string, error) {
	if strings.HasSuffix(c.Args[0], "keytool") && c.Args[2] == "-list" {
		return "", nil
	}
	d.ran = append(d.ran, strings.Join(c.Args, " "))
	if err := d.on(strings.Join(c.Args, " ")); err != nil {
		return "", &trust.CommandError{Args: c.Args, Err: err}
	}
	return "", nil
}

// run runs picoca on the computer.
func (d *trustDesk) run(args ...string) (code int, output string) {
	d.t.Helper()
	var out bytes.Buffer
	code = Main(d.t.Context(), Env{
		Args: append([]string{"--home", filepath.Join(d.computer.Base, "ca")}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
		Getenv: func(string) string { return "" },
		Now:    func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) },
		Interrupts: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, d.cancel = context.WithCancel(ctx)
			return ctx, d.cancel
		},
		ResolvConf: filepath.Join(d.computer.Base, "none"), Computer: &d.computer,
	})
	return code, out.String()
}

func wantText(t *testing.T, output string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(output, text) {
			t.Errorf("got\n%s\nwant %q in it", output, text)
		}
	}
}

const caCertificates = "/usr/sbin/update-ca-certificates"

// TestInterruptedTrustIsUndone takes out what was installed, announces no
// command that it will not run, and says only that it was interrupted.
func TestInterruptedTrustIsUndone(t *testing.T) {
	d := newTrustDesk(t, caCertificates, "/usr/bin/sudo", "/usr/bin/firefox")
	d.on = func(line string) error {
		if !strings.HasSuffix(line, caCertificates) {
			return nil
		}
		d.cancel()
		return context.Canceled
	}
	code, out := d.run("trust")
	wantText(t, out, "running: sudo install -D", "running: sudo "+caCertificates, "running: sudo rm -f /usr/local/share/ca-certificates/picoca-", "system    failed", "firefox   failed")
	if code != fault.Interrupted || strings.Contains(out, "error:") || len(d.ran) != 3 || strings.Count(out, "running: ") != 3 {
		t.Errorf("got exit code %d, ran %q\n%s", code, d.ran, out)
	}
}

// TestTrustThatChangesNothingIsAFailure, although every command succeeded.
func TestTrustThatChangesNothingIsAFailure(t *testing.T) {
	d := newTrustDesk(t, caCertificates, "/usr/bin/sudo")
	code, out := d.run("trust")
	wantText(t, out, "system    failed  /usr/local/share/ca-certificates\n", "error: /usr/local/share/ca-certificates does not trust the root, although every command succeeded", "hint: picoca ")
	if code != fault.Failed {
		t.Errorf("got exit code %d", code)
	}
}

func TestTrustThroughSudoIsRefused(t *testing.T) {
	d := newTrustDesk(t, caCertificates)
	d.computer.UID, d.computer.SudoUser = 0, "ann"
	for _, action := range []string{"install", "remove", "status"} {
		code, out := d.run("trust", action)
		wantText(t, out, "error: trust was run through sudo, so it would fill the stores of root instead of those of ann", "hint: picoca ", " trust without sudo")
		if code != fault.Failed || len(d.ran) > 0 {
			t.Errorf("%s: got exit code %d, ran %q", action, code, d.ran)
		}
	}
}

func TestTrustAdvisesOnJavaRuntimes(t *testing.T) {
	d := newTrustDesk(t, caCertificates, "/usr/bin/sudo", "/opt/jdk/bin/keytool", "/opt/jdk/lib/security/cacerts")
	d.computer.JavaHome = "/opt/jdk"
	_, out := d.run("trust")
	wantText(t, out, "next: a Java runtime here has a store of its own, which lacks the root: picoca --home ", "trust --store java\n",
		"or by hand:\n  picoca --home ", "export ca --out picoca-", "\n  /opt/jdk/bin/keytool -J-Duser.language=en -importcert ")
	if strings.Contains(strings.Join(d.ran, "\n"), "keytool") {
		t.Errorf("ran %q", d.ran)
	}
}

// TestRootWithoutSudoIsExplained with what root can run instead.
func TestRootWithoutSudoIsExplained(t *testing.T) {
	d := newTrustDesk(t, caCertificates)
	for _, flags := range [][]string{{"trust"}, {"trust", "--dry-run"}} {
		code, out := d.run(flags...)
		wantText(t, out, "error: /usr/local/share/ca-certificates needs root, and sudo is not installed\n", "then as root: install -D -m 0644 picoca-", " && "+caCertificates)
		if code != fault.Failed || len(d.ran) > 0 {
			t.Errorf("%q: got exit code %d, ran %q", flags, code, d.ran)
		}
	}
}

// TestFilesOfADryRunCanBePasted whatever is in them.
func TestFilesOfADryRunCanBePasted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are for a Unix shell")
	}
	d := newTrustDesk(t)
	roots, err := (&app{Env: Env{Getenv: func(string) string { return "" }, Now: time.Now}, homeFlag: filepath.Join(d.computer.Base, "ca")}).trustRoots(trustRemove)
	if err != nil {
		t.Fatal(err)
	}
	run := trustRun{request: trust.Request{Roots: roots}}
	for _, text := range []string{"{\n  \"a\": \"it's $HOME `x` \\\\ \"\n}\n", "END\nEND_\n", "\n"} {
		dir := t.TempDir()
		shell := exec.Command("sh")
		shell.Dir, shell.Stdin = dir, strings.NewReader(run.fileLines(trustFileJSON{"policies.json", text})+"\n")
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "policies.json")); err != nil || string(got) != text {
			t.Errorf("got %q (%v), want %q", got, err, text)
		}
	}
}

func TestMissingStoreIsAFaultOnlyWithoutOthers(t *testing.T) {
	missing, broken := errors.New("missing"), errors.New("broken")
	none := trustedJSON{State: noStore, fault: missing}
	for _, row := range []struct {
		name   string
		stores []trustedJSON
		want   []error
	}{
		{"one of two", []trustedJSON{{State: trust.Trusted}, none}, nil},
		{"all", []trustedJSON{none, none}, []error{missing, missing}},
		{"beside one that failed", []trustedJSON{{State: trust.Absent, fault: broken}, none}, []error{broken}},
	} {
		got := trustJSON{Stores: row.stores}.faults()
		if errors.Join(got...) != nil && errors.Join(got...).Error() != errors.Join(row.want...).Error() || len(got) != len(row.want) {
			t.Errorf("%s: got %v, want %v", row.name, got, row.want)
		}
	}
}

func TestTrustWords(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		action      string
		store       trustedJSON
		word, place string
	}{
		{trustInstall, trustedJSON{Place: "/s", State: trust.Trusted, Changed: true}, "trusted", "/s"},
		{trustInstall, trustedJSON{Place: "/s", State: trust.Trusted}, "unchanged", "/s"},
		{trustInstall, trustedJSON{Place: "/s", State: trust.Absent, Changed: true, fault: broken}, "failed", "/s"},
		{trustInstall, trustedJSON{State: noStore, fault: broken}, "none", "broken"},
		{trustRemove, trustedJSON{Place: "/s", State: trust.Absent, Changed: true}, "removed", "/s"},
		{trustRemove, trustedJSON{Place: "/s", State: trust.Other, Changed: true}, "removed", "/s"},
		{trustRemove, trustedJSON{Place: "/s", State: trust.Absent}, "unchanged", "/s"},
		{trustStatus, trustedJSON{Place: "/s", State: trust.Absent}, "absent", "/s"},
		{trustStatus, trustedJSON{Place: "/s", State: trust.Older}, "older", "/s (lacks a root of this CA)"},
		{trustStatus, trustedJSON{Place: "/s", State: trust.Other}, "other", "/s (trusts another CA of picoca)"},
		{trustStatus, trustedJSON{Place: "/s", State: trust.Unknown, fault: broken}, "unknown", "/s"},
	} {
		run := trustRun{options: trustOptions{action: row.action}}
		if word, place := run.word(row.store), run.place(row.store); word != row.word || place != row.place {
			t.Errorf("%s %+v: got %q, %q, want %q, %q", row.action, row.store, word, place, row.word, row.place)
		}
	}
}
