package trust

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSystemStoreOfEveryDistribution(t *testing.T) {
	for _, row := range []struct {
		name            string
		programs, dirs  []string
		install, remove []string
	}{
		{"fedora", []string{"/usr/bin/update-ca-trust"}, []string{"/etc/pki/ca-trust/source/anchors"},
			[]string{"sudo install -D -m 0644 NAME.pem /etc/pki/ca-trust/source/anchors/NAME.pem", "sudo /usr/bin/update-ca-trust"},
			[]string{"sudo rm -f /etc/pki/ca-trust/source/anchors/NAME.pem", "sudo /usr/bin/update-ca-trust"}},
		{"opensuse", []string{"/usr/sbin/update-ca-certificates"}, []string{"/etc/pki/trust/anchors", "/usr/share/pki/trust/anchors"},
			[]string{"sudo install -D -m 0644 NAME.pem /etc/pki/trust/anchors/NAME.pem", "sudo /usr/sbin/update-ca-certificates"},
			[]string{"sudo rm -f /etc/pki/trust/anchors/NAME.pem", "sudo /usr/sbin/update-ca-certificates"}},
		{"arch", []string{"/usr/bin/update-ca-trust", "/usr/bin/trust"}, []string{"/etc/ca-certificates/trust-source/anchors"},
			[]string{"sudo install -D -m 0644 NAME.pem /etc/ca-certificates/trust-source/anchors/NAME.crt", "sudo /usr/bin/update-ca-trust"},
			[]string{"sudo rm -f /etc/ca-certificates/trust-source/anchors/NAME.crt", "sudo /usr/bin/update-ca-trust"}},
		{"arch without update-ca-trust", []string{"/usr/bin/trust"}, []string{"/etc/ca-certificates/trust-source/anchors"},
			[]string{"sudo install -D -m 0644 NAME.pem /etc/ca-certificates/trust-source/anchors/NAME.crt", "sudo /usr/bin/trust extract-compat"},
			[]string{"sudo rm -f /etc/ca-certificates/trust-source/anchors/NAME.crt", "sudo /usr/bin/trust extract-compat"}},
		// Its trust has nowhere to store; /usr/sbin is not in a user's PATH.
		{"debian with p11-kit", []string{"/usr/sbin/update-ca-certificates", "/usr/bin/trust", "/etc/ca-certificates/update.d/jks-keystore"}, nil,
			[]string{"sudo install -D -m 0644 NAME.pem /usr/local/share/ca-certificates/NAME.crt", "sudo /usr/sbin/update-ca-certificates"},
			[]string{"sudo rm -f /usr/local/share/ca-certificates/NAME.crt", "sudo /usr/sbin/update-ca-certificates",
				`sudo sh -c 'printf '\''%s\n'\'' -/etc/ssl/certs/NAME.pem | /etc/ca-certificates/update.d/jks-keystore'`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, c := newFake(t, "linux", append(row.programs, "/usr/bin/sudo")...)
			f.mkdir(row.dirs...)
			f.cycle(c, request(newRoot(t), System), row.install, row.remove)
		})
	}
}

func TestRootNeedsNoSudo(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates")
	c.UID = 0
	_, log := f.apply(c, request(newRoot(t), System), false)
	if len(log) != 2 || strings.Contains(strings.Join(log, " "), "sudo") {
		t.Errorf("got %q, want two commands without sudo", log)
	}
}

// TestDebianLinksAreFound that update-ca-certificates and openssl rehash made,
// even when they dangle.
func TestDebianLinksAreFound(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	root := newRoot(t)
	name := nameOf(root)
	f.mkdir("/etc/ssl/certs")
	links := map[string]string{name + ".pem": "/usr/local/share/ca-certificates/" + name + ".crt", "0a1b2c3d.0": name + ".pem", "other.pem": "/elsewhere.crt"}
	for link, target := range links {
		if err := os.Symlink(target, filepath.Join(f.base, "/etc/ssl/certs", link)); err != nil {
			t.Fatal(err)
		}
	}
	_, log := f.apply(c, request(root, System), true)
	want := "sudo rm -f /usr/local/share/ca-certificates/NAME.crt /etc/ssl/certs/NAME.pem /etc/ssl/certs/0a1b2c3d.0"
	if got := strings.ReplaceAll(log[0], name, "NAME"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFailedUpdateIsUndone(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	f.failing["update-ca-certificates"] = "mv: cannot create: Read-only file system"
	results, log := f.apply(c, request(newRoot(t), System), false)
	if r := results[0]; r.Err == nil || !strings.Contains(r.Err.Error(), "Read-only file system") || r.After != Absent || r.Changed {
		t.Errorf("got %+v, want an error and nothing changed", r)
	}
	if len(log) != 3 || !strings.HasPrefix(log[2], "sudo rm -f /usr/local/share/ca-certificates/picoca-") {
		t.Errorf("got %q, want the file removed again", log)
	}
}

func TestRefusedSudoChangesNothing(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	f.failing[sudo] = "sudo: a password is required"
	plan, err := c.Install(t.Context(), request(newRoot(t), System))
	if err != nil {
		t.Fatal(err)
	}
	var log []string // nothing needs to be undone
	results, err := plan.Run(t.Context(), func(step Step) { log = append(log, step.String()) })
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; r.Err == nil || len(log) != 1 || !strings.Contains(hint(r.Err), "picoca trust --user for the stores that need no root, or as root run: install -D") {
		t.Errorf("got %v, hint %s, ran %q", r.Err, hint(r.Err), log)
	}
}

func TestWithoutSudoTheHintIsForRoot(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates")
	results, log := f.apply(c, request(newRoot(t), System), false)
	want := "picoca export ca --out picoca-"
	if r := results[0]; r.Err == nil || r.Err.Error() != r.Place+" needs root, and sudo is not installed" || len(log) > 0 || !strings.HasPrefix(hint(r.Err), want) || !strings.HasSuffix(hint(r.Err), ".crt && /usr/sbin/update-ca-certificates") {
		t.Errorf("got %v, hint %s, ran %q", r.Err, hint(r.Err), log)
	}
}

func TestUnderSudoNothingRuns(t *testing.T) {
	_, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates")
	c.UID, c.SudoUser = 0, "ann"
	if _, err := c.Install(t.Context(), request(newRoot(t), System)); err == nil || !strings.Contains(err.Error(), "instead of those of ann") {
		t.Errorf("got %v", err)
	}
}

// TestForeignFileIsNamed when a root is left because the user installed it by
// hand.
func TestForeignFileIsNamed(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	root := newRoot(t)
	f.write("/usr/local/share/ca-certificates/home.crt", string(rootsOf(request(root).Roots)[0].file().Data), 0o644)
	f.rebuild("", nil)
	if results, _ := f.apply(c, request(root, System), false); results[0].After != Trusted || results[0].Changed {
		t.Errorf("got %+v, want trusted already", results[0])
	}
	results, _ := f.apply(c, request(root, System), true)
	if err := results[0].Err; err == nil || !strings.HasPrefix(err.Error(), "/usr/local/share/ca-certificates/home.crt is the same root") {
		t.Errorf("got %v", err)
	}
}

func TestJavaKeystoreLeftBehindIsNamed(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	root := newRoot(t)
	f.write(debianJava, "JKS"+string(root.Raw), 0o644)
	results, _ := f.apply(c, request(root, System), true)
	if err := results[0].Err; err == nil || !strings.Contains(hint(err), "keytool -delete -keystore /etc/ssl/certs/java/cacerts") {
		t.Errorf("got %v, hint %s", err, hint(err))
	}
}

func TestStatesOfAStore(t *testing.T) {
	first, second, stranger := newRoot(t), newRoot(t), newRoot(t)
	for _, row := range []struct {
		installed *Request
		want      State
	}{
		{nil, Absent},
		{&Request{Roots: request(stranger).Roots, Stores: []Store{System}}, Other},
		{&Request{Roots: request(first).Roots, Stores: []Store{System}}, Older},
		{&Request{Roots: append(request(first).Roots, second), Stores: []Store{System}}, Trusted},
	} {
		f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
		if row.installed != nil {
			f.apply(c, *row.installed, false)
		}
		all, err := c.Status(t.Context(), Request{Roots: append(request(second).Roots, first), Stores: []Store{System}})
		if err != nil || len(all) != 1 || all[0].State != row.want {
			t.Errorf("got %+v (%v), want %s", all, err, row.want)
		}
	}
}

// TestProgramsOfThisFolderAreNotRun although PATH names it.
func TestProgramsOfThisFolderAreNotRun(t *testing.T) {
	_, c := newFake(t, "linux", "relative/certutil")
	if got := c.program(certutil); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestNoSystemStore(t *testing.T) {
	_, c := newFake(t, "linux")
	all, err := c.Status(t.Context(), request(newRoot(t), System, Chromium, Firefox, Java))
	if err != nil || len(all) > 0 {
		t.Errorf("got %+v (%v), want no store", all, err)
	}
	for _, store := range []Store{System, Chromium, Firefox, Java} {
		if err := c.NotFound(store, Default); err == nil || hint(err) == "" {
			t.Errorf("%s: no explanation", store)
		}
	}
}

func TestMacAndWindows(t *testing.T) {
	const chain = "/home/ann/Library/Keychains/login.keychain-db"
	f, c := newFake(t, "darwin")
	f.cycle(c, request(newRoot(t), System, Chromium, Firefox),
		[]string{"security add-trusted-cert -r trustRoot -p ssl -k " + chain + " NAME.pem"},
		[]string{"security delete-certificate -Z SHA1 -t " + chain})
	f, c = newFake(t, "windows")
	f.cycle(c, request(newRoot(t), System, Chromium, Firefox),
		[]string{"certutil.exe -user -addstore Root NAME.pem"}, []string{"certutil.exe -user -delstore Root SHA1"})
}

// TestThisUserNeedsNoRoot is why stores for all users are left out, which is
// explained. A Mac's and Windows' system store is the user's own.
func TestThisUserNeedsNoRoot(t *testing.T) {
	f, c := newFake(t, "linux", "/opt/jdk/bin/keytool", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	c.JavaHome = "/opt/jdk"
	f.mkdir("/opt/jdk/lib/security/cacerts") // a folder: not even root can write to it as a file
	req := request(newRoot(t), System, Java)
	req.Scope = ThisUser
	if results, log := f.apply(c, req, false); len(results) > 0 || len(log) > 0 {
		t.Errorf("got %+v, ran %q", results, log)
	}
	for _, store := range req.Stores {
		if err := c.NotFound(store, ThisUser); !strings.HasSuffix(err.Error(), "is for all users") || !strings.Contains(hint(err), "picoca trust --store "+string(store)) {
			t.Errorf("got %v, hint %s", err, hint(err))
		}
	}
	for _, system := range []string{"darwin", "windows"} {
		f, c = newFake(t, system)
		if results, _ := f.apply(c, req, false); len(results) != 1 || results[0].After != Trusted {
			t.Errorf("%s: got %+v", system, results)
		}
	}
}

func TestJavaRuntimes(t *testing.T) {
	f, c := newFake(t, "linux", "/opt/jdk/bin/keytool", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo")
	c.JavaHome = "/opt/jdk"
	f.write("/opt/jdk/lib/security/cacerts", "", 0o644)
	root := newRoot(t)
	plan, err := c.Install(t.Context(), request(root, System))
	if err != nil || len(plan.Advice) != 1 || len(plan.Parts) != 1 {
		t.Fatalf("got %+v (%v), want advice for the runtime", plan, err)
	}
	keytool := "/opt/jdk/bin/keytool -J-Duser.language=en "
	const store = "-keystore /opt/jdk/lib/security/cacerts -storepass changeit "
	f.cycle(c, request(root, Java), []string{keytool + "-importcert " + store + "-noprompt -alias NAME -file NAME.pem"},
		[]string{keytool + "-delete " + store + "-alias NAME"})
}

// TestJavaOfTheSystem follows the system's store and is left to it.
func TestJavaOfTheSystem(t *testing.T) {
	f, c := newFake(t, "linux", "/jdk/bin/keytool")
	c.JavaHome = "/jdk"
	f.mkdir("/jdk/lib/security")
	f.write(debianJava, "", 0o644)
	if err := os.Symlink(filepath.Join(f.base, debianJava), filepath.Join(f.base, "/jdk/lib/security/cacerts")); err != nil {
		t.Fatal(err)
	}
	root := newRoot(t)
	// A dry run shows it too: there is nothing else to see.
	if plan, err := c.Install(t.Context(), request(root, Java)); err != nil || plan.Parts[0].Err == nil {
		t.Errorf("plan: got %+v (%v), want an error", plan, err)
	}
	results, log := f.apply(c, request(root, Java), false)
	if err := results[0].Err; err == nil || hint(err) != "picoca trust --store system" || len(log) > 0 {
		t.Errorf("got %v, hint %s, ran %q", err, hint(err), log)
	}
	f.databases[debianJava] = map[string]*fakeEntry{"x": {der: root.Raw}}
	results, log = f.apply(c, request(root, Java), true)
	if err := results[0].Err; err == nil || hint(err) != "picoca trust remove --store system" || len(log) > 0 {
		t.Errorf("remove: got %v, hint %s, ran %q", err, hint(err), log)
	}
}

func TestParseStores(t *testing.T) {
	for word, want := range map[string][]Store{"": {System, Chromium, Firefox}, "all": {System, Chromium, Firefox, Java}, "java": {Java}} {
		if got, err := ParseStores(word); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v (%v), want %v", word, got, err, want)
		}
	}
	if _, err := ParseStores("safari"); err == nil || !strings.Contains(err.Error(), `"safari"`) {
		t.Errorf("got %v", err)
	}
}
