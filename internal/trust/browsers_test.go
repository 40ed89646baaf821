package trust

import (
	"crypto/x509"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestChromiumRule is which databases are filled: Chromium 146 and later use the
// legacy folder if it exists, be it empty.
func TestChromiumRule(t *testing.T) {
	const legacy, data = home + "/.pki/nssdb", home + "/.local/share/pki/nssdb"
	for _, row := range []struct {
		name     string
		dirs     []string
		dataHome string
		program  bool
		want     []string
	}{
		{"never started", nil, "", true, []string{data}},
		{"not installed", nil, "", false, nil},
		{"not installed, but its database is", []string{data}, "", false, []string{data}},
		{"empty .pki", []string{home + "/.pki"}, "", true, []string{data}},
		{"legacy", []string{legacy}, "", true, []string{legacy}},
		{"both", []string{legacy, data}, "", true, []string{legacy, data}},
		{"XDG_DATA_HOME", []string{data}, "/data", true, []string{"/data/pki/nssdb"}},
		{"snap", []string{home + "/snap/chromium/current/.pki/nssdb"}, "", false, []string{home + "/snap/chromium/current/.pki/nssdb"}},
		{"flatpak", []string{home + "/.var/app/com.google.Chrome"}, "", false, []string{home + "/.var/app/com.google.Chrome/data/pki/nssdb"}},
	} {
		f, c := newFake(t, "linux", "/usr/bin/certutil")
		if row.program {
			f.write("/usr/bin/chromium", "", 0o755)
		}
		f.mkdir(row.dirs...)
		c.DataHome = row.dataHome
		results, log := f.apply(c, request(newRoot(t), Chromium), false)
		var got []string
		for _, r := range results {
			got = append(got, r.Place)
			if r.After != Trusted || r.Err != nil {
				t.Errorf("%s: got %+v", row.name, r)
			}
		}
		if !slices.Equal(got, row.want) || strings.Contains(strings.Join(log, "\n"), sudo) {
			t.Errorf("%s: got %q, want %q, without sudo: %q", row.name, got, row.want, log)
		}
	}
}

func TestChromiumDatabaseCycle(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/certutil", "/usr/bin/chromium")
	const db = "sql:/home/ann/.local/share/pki/nssdb"
	f.cycle(c, request(newRoot(t), Chromium), []string{"mkdir -p -m 0700 /home/ann/.local/share/pki/nssdb", "certutil -N -d " + db + " --empty-password",
		"certutil -A -d " + db + " -f /dev/null -n NAME -t C,, -i NAME.pem"}, []string{"certutil -D -d " + db + " -f /dev/null -n NAME"})
}

func TestChromiumPolicyCycle(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/chromium", "/usr/bin/brave-browser", "/usr/bin/sudo")
	req := request(newRoot(t), Chromium)
	req.Scope = AllUsers
	var install, remove []string
	for _, row := range [][2]string{{"chromium", "/etc/chromium/policies/managed/picoca.json"}, {"brave", "/etc/brave/policies/managed/picoca.json"}} {
		install = append(install, "sudo install -D -m 0644 "+row[0]+"-picoca.json "+row[1]+".picoca-new", "sudo mv -f "+row[1]+".picoca-new "+row[1])
		remove = append(remove, "sudo rm -f "+row[1])
	}
	f.cycle(c, req, install, remove)
}

func TestChromiumPolicyKeepsOtherRoots(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/chromium", "/usr/bin/sudo")
	one, two := request(newRoot(t), Chromium), request(newRoot(t), Chromium)
	one.Scope, two.Scope = AllUsers, AllUsers
	f.apply(c, one, false)
	policy := f.read("/etc/chromium/policies/managed/picoca.json")
	f.apply(c, two, false)
	if all, _ := c.Status(t.Context(), one); len(all) != 1 || all[0].State != Trusted {
		t.Errorf("got %+v, want the first root trusted still", all)
	}
	f.apply(c, two, true)
	if got := f.read("/etc/chromium/policies/managed/picoca.json"); got != policy {
		t.Errorf("got %s, want %s", got, policy)
	}
	if all, _ := c.Status(t.Context(), two); len(all) != 1 || all[0].State != Absent && all[0].State != Other {
		t.Errorf("got %+v, want the second root gone", all)
	}
	for _, want := range []string{`"local"`, `"home.arpa"`, `"192.168.0.0/16"`} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy lacks the constraint %s: %s", want, policy)
		}
	}
}

func TestChromiumPolicyOfOthers(t *testing.T) {
	for _, row := range [][3]string{
		{"admin.json", `{"CACertificatesWithConstraints": []}`, "admin.json sets CACertificatesWithConstraints already"},
		{"picoca.json", `{"CACertificatesWithConstraints": [}`, "picoca.json is damaged"},
		{"picoca.json", `{"CACertificatesWithConstraints": [], "HomepageLocation": "x"}`, "picoca.json is damaged"},
	} {
		f, c := newFake(t, "linux", "/usr/bin/chromium", "/usr/bin/sudo")
		file, text, want := row[0], row[1], row[2]
		f.write("/etc/chromium/policies/managed/"+file, text, 0o644)
		req := request(newRoot(t), Chromium)
		req.Scope = AllUsers
		results, log := f.apply(c, req, false)
		if err := results[0].Err; err == nil || !strings.Contains(err.Error(), want) || hint(err) == "" || len(log) > 0 {
			t.Errorf("%s: got %v, ran %q", file, err, log)
		}
		if got := f.read("/etc/chromium/policies/managed/" + file); got != text {
			t.Errorf("%s changed: %s", file, got)
		}
	}
}

// profile makes a profile of Firefox with a database.
func (f *fake) profile(dir, ini string) map[string]*fakeEntry {
	f.write(path.Join(path.Dir(dir), "profiles.ini"), ini, 0o644)
	return f.database(dir)
}

func TestFirefoxProfilesAreFound(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/certutil", "/usr/bin/firefox")
	var want []string
	for _, place := range []string{".mozilla/firefox", ".config/mozilla/firefox", "snap/firefox/common/.mozilla/firefox",
		".var/app/org.mozilla.firefox/.mozilla/firefox", ".var/app/org.mozilla.firefox/config/mozilla/firefox"} {
		dir := path.Join(home, place, "x.default")
		f.profile(dir, "[Profile0]\nName=default\nIsRelative=1\nPath=x.default\n\n[Profile1]\nPath=gone\n")
		want = append(want, dir)
	}
	f.database("/data/profile")
	f.write(home+"/.mozilla/firefox/profiles.ini", "[Profile0]\r\nIsRelative=1\r\nPath=x.default\r\n[Profile1]\r\nIsRelative=0\r\nPath=/data/profile\r\n", 0o644)
	want = slices.Insert(want, 1, "/data/profile")
	results, log := f.apply(c, request(newRoot(t), Firefox), false) // without sudo: profiles
	var got []string
	for _, r := range results {
		got = append(got, r.Place)
	}
	if !slices.Equal(got, want) || len(log) != len(want) {
		t.Errorf("got %q, want %q; ran %q", got, want, log)
	}
}

func TestFirefoxPolicyCycle(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/firefox-esr", "/usr/bin/sudo")
	const policies = "/etc/firefox/policies/policies.json"
	req := request(newRoot(t), Firefox)
	install := []string{"sudo install -D -m 0644 NAME.pem /etc/firefox/policies/NAME.pem",
		"sudo install -D -m 0644 policies.json " + policies + ".picoca-new", "sudo mv -f " + policies + ".picoca-new " + policies}
	f.cycle(c, req, install, []string{"sudo rm -f " + policies + " /etc/firefox/policies/NAME.pem"})
	admin := "{\r\n\t\"policies\": { \"DisableTelemetry\": true }\r\n}"
	f.write(policies, admin, 0o644)
	f.cycle(c, req, install, append(slices.Clone(install[1:]), "sudo rm -f /etc/firefox/policies/NAME.pem"))
	if got := f.read(policies); got != admin {
		t.Errorf("got %q, want %q", got, admin)
	}
}

// TestFirefoxPolicyNeedsBothFiles to take effect: the entry and the root.
func TestFirefoxPolicyNeedsBothFiles(t *testing.T) {
	root := newRoot(t)
	file := path.Join(path.Dir(firefoxPolicies), nameOf(root)+".pem")
	for _, listed := range []bool{false, true} {
		f, c := newFake(t, "linux", "/usr/bin/firefox", "/usr/bin/sudo")
		if listed {
			f.write(firefoxPolicies, `{"policies":{"Certificates":{"Install":["`+file+`"]}}}`, 0o644)
		} else {
			f.write(file, string(rootsOf(request(root).Roots)[0].file().Data), 0o644)
		}
		if all, err := c.Status(t.Context(), request(root, Firefox)); err != nil || len(all) != 1 || all[0].State != Absent {
			t.Errorf("listed %t: got %+v (%v), want absent", listed, all, err)
		}
		if results, _ := f.apply(c, request(root, Firefox), false); results[0].After != Trusted || results[0].Err != nil {
			t.Errorf("listed %t: got %+v, want trusted", listed, results[0])
		}
	}
}

// TestFirefoxProfilesBeforePolicy fills profiles first, or Firefox would copy
// the root into them in a form that certutil may not know.
func TestFirefoxProfilesBeforePolicy(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/firefox", "/usr/bin/sudo", "/usr/bin/certutil")
	dir := home + "/.config/mozilla/firefox/x.default"
	db := f.profile(dir, "[Profile0]\nPath=x.default\n")
	locked := home + "/.mozilla/firefox/y.default"
	f.profile(locked, "[Profile0]\nPath=y.default\n")
	f.passwords[locked] = true
	root := newRoot(t)
	results, log := f.apply(c, request(root, Firefox), false)
	if len(results) != 2 || len(log) != 4 || !strings.HasPrefix(log[0], "certutil -A -d sql:"+dir) {
		t.Errorf("got %+v, ran %q", results, log)
	}
	for _, r := range results {
		if r.Err != nil || r.After != Trusted {
			t.Errorf("got %+v", r)
		}
	}
	delete(db, nameOf(root))
	db[root.Subject.CommonName] = &fakeEntry{root.Raw, ",,"}
	results, log = f.apply(c, request(root, Firefox), true)
	for _, r := range results {
		if (r.Err != nil) != (r.Place == dir) || r.Err != nil && !strings.Contains(hint(r.Err), "in Firefox, at about:preferences") {
			t.Errorf("got %+v, hint %s", r, hint(r.Err))
		}
	}
	if len(log) != 1 || db[root.Subject.CommonName] == nil {
		t.Errorf("ran %q, want the copy left for Firefox", log)
	}
}

func TestDamagedPoliciesStay(t *testing.T) {
	for _, text := range []string{"{", `{"policies": []}`, `{"policies": {"Certificates": 1}}`, `{"policies": {"Certificates": {"Install": "x"}}}`, `{} {}`, "\xef\xbb\xbf{}"} {
		for _, remove := range []bool{false, true} {
			f, c := newFake(t, "linux", "/usr/bin/firefox", "/usr/bin/sudo")
			f.write(firefoxPolicies, text, 0o644)
			results, log := f.apply(c, request(newRoot(t), Firefox), remove)
			if len(results) != 1 || results[0].Err == nil || !strings.HasPrefix(hint(results[0].Err), "correct or delete "+firefoxPolicies) || len(log) > 0 || f.read(firefoxPolicies) != text {
				t.Errorf("%q: got %+v, ran %q", text, results, log)
			}
		}
	}
}

// TestPoliciesBesideFirefoxAreNotHidden by a new file in /etc, which Firefox
// would read instead.
func TestPoliciesBesideFirefoxAreNotHidden(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/firefox", "/usr/bin/sudo", "/usr/bin/certutil")
	f.write("/usr/lib/firefox/distribution/policies.json", "{}", 0o644)
	f.profile(home+"/.mozilla/firefox/x.default", "[Profile0]\nPath=x.default\n")
	req := request(newRoot(t), Firefox)
	if results, _ := f.apply(c, req, false); len(results) != 1 || results[0].Err != nil || results[0].Place == firefoxPolicies {
		t.Errorf("got %+v, want the profile", results)
	}
	req.Scope = AllUsers
	results, log := f.apply(c, req, false)
	if last := results[len(results)-1]; last.Err == nil || !strings.Contains(last.Err.Error(), "would hide /usr/lib/firefox/distribution") || len(log) > 0 {
		t.Errorf("got %+v, ran %q", results, log)
	}
}

func TestPrimaryPasswordIsRefused(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/certutil")
	dir := home + "/.mozilla/firefox/x.default"
	f.profile(dir, "[Profile0]\nPath=x.default\n")
	f.passwords[dir] = true
	results, log := f.apply(c, request(newRoot(t), Firefox), false)
	if err := results[0].Err; err == nil || !strings.Contains(err.Error(), "has a primary password") || !strings.Contains(hint(err), "about:preferences") || len(log) > 0 {
		t.Errorf("got %v, ran %q", err, log)
	}
}

func TestMissingCertutilNamesThePackage(t *testing.T) {
	for manager, want := range map[string]string{"apt": "apt install libnss3-tools", "dnf": "dnf install nss-tools", "pacman": "pacman -S nss",
		"zypper": "zypper install mozilla-nss-tools", "apk": "apk add nss-tools", "none": "install NSS's tools"} {
		f, c := newFake(t, "linux", "/usr/bin/chromium", "/usr/bin/"+manager)
		results, log := f.apply(c, request(newRoot(t), Chromium), false)
		if err := results[0].Err; err == nil || !strings.HasPrefix(hint(err), want+"; or picoca export ca") || !strings.HasSuffix(hint(err), chromiumManual) || len(log) > 0 {
			t.Errorf("%s: got %v, hint %s, ran %q", manager, err, hint(err), log)
		}
	}
}

// TestOneStoreThatFailsLeavesTheOthers to be filled.
func TestOneStoreThatFailsLeavesTheOthers(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo", "/usr/bin/chromium", "/usr/bin/certutil")
	f.failing["update-ca-certificates"] = "read-only"
	results, _ := f.apply(c, request(newRoot(t), System, Chromium), false)
	if len(results) != 2 || results[0].Err == nil || results[1].Err != nil || results[1].After != Trusted {
		t.Errorf("got %+v", results)
	}
}

func TestTwoRootsAreInstalledAndRemoved(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/sbin/update-ca-certificates", "/usr/bin/sudo", "/usr/bin/chromium", "/usr/bin/certutil", "/usr/bin/firefox")
	old, current := newRoot(t), newRoot(t)
	req := Request{Roots: []*x509.Certificate{old}, Stores: usual}
	f.apply(c, req, false)
	req.Roots = []*x509.Certificate{current, old}
	results, _ := f.apply(c, req, false)
	for _, r := range results {
		if r.Before != Older || r.After != Trusted || !r.Changed {
			t.Errorf("got %+v, want older, then trusted", r)
		}
	}
	results, _ = f.apply(c, req, true)
	for _, r := range results {
		if r.Before != Trusted || r.After != Absent || r.Err != nil {
			t.Errorf("got %+v, want trusted, then absent", r)
		}
	}
	if files := c.glob("/usr/local/share/ca-certificates/*"); len(files) > 0 || len(results) != 3 {
		t.Errorf("%d results, left: %q", len(results), files)
	}
}

// TestStatusAsksForWhatInstallingFills: a store that it would leave alone could never
// become trusted.
func TestStatusAsksForWhatInstallingFills(t *testing.T) {
	root := newRoot(t)
	for _, row := range []struct {
		programs []string
		scope    Scope
		want     []string
	}{
		{[]string{"/usr/bin/sudo"}, Default, []string{firefoxPolicies}},
		{[]string{"/usr/bin/sudo"}, ThisUser, nil},
		{nil, Default, nil},
		{nil, AllUsers, []string{firefoxPolicies}},
		{[]string{"/usr/bin/sudo", "/usr/bin/chromium"}, Default, []string{home + "/.local/share/pki/nssdb", firefoxPolicies}},
		{[]string{"/usr/bin/sudo", "/usr/bin/chromium"}, AllUsers, []string{"/etc/chromium/policies/managed/picoca.json", firefoxPolicies}},
	} {
		_, c := newFake(t, "linux", append(row.programs, "/usr/bin/firefox")...)
		req := request(root, Chromium, Firefox)
		req.Scope = row.scope
		all, err := c.Status(t.Context(), req)
		var got []string
		for _, s := range all {
			got = append(got, s.Place)
		}
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%q, scope %d: got %q (%v), want %q", row.programs, row.scope, got, err, row.want)
		}
	}
}

// TestUnknownHomeHasNoStores: a path below "" is one of the current folder.
func TestUnknownHomeHasNoStores(t *testing.T) {
	for _, dir := range []string{"", "relative"} {
		t.Setenv("HOME", dir)
		got := ThisComputer(func(string) string { return "relative" })
		if got.Home+got.ConfigHome+got.DataHome != "" {
			t.Errorf("%q: got %q, %q, %q, want none", dir, got.Home, got.ConfigHome, got.DataHome)
		}
	}
	f, c := newFake(t, "linux", "/usr/bin/certutil", "/usr/bin/chromium", "/usr/bin/firefox")
	c.Home = ""
	if results, log := f.apply(c, request(newRoot(t), Chromium, Firefox), false); len(results) > 0 || len(log) > 0 {
		t.Errorf("got %+v, ran %q", results, log)
	}
	for _, store := range []Store{Chromium, Firefox} {
		if err := c.NotFound(store, Default); !strings.Contains(hint(err), "HOME") {
			t.Errorf("got %v, hint %s", err, hint(err))
		}
	}
}

func TestDamagedDatabaseHasAFix(t *testing.T) {
	f, c := newFake(t, "linux", "/usr/bin/certutil", "/usr/bin/chromium")
	dir := home + "/.local/share/pki/nssdb"
	f.database(dir)
	f.failing[certutil] = "SEC_ERROR_BAD_DATABASE"
	results, _ := f.apply(c, request(newRoot(t), Chromium), false)
	if err := results[0].Err; err == nil || !strings.Contains(hint(err), dir+"/cert9.db away, then run picoca trust --store chromium") {
		t.Errorf("got %v, hint %s", err, hint(err))
	}
}

// TestPoliciesThatAreNoFileEndNoRun: a pipe would be waited for, a huge file fill the
// memory.
func TestPoliciesThatAreNoFileEndNoRun(t *testing.T) {
	for _, script := range []string{"mkfifo policies.json", "mkdir policies.json", "truncate -s 1G policies.json"} {
		f, c := newFake(t, "linux", "/usr/bin/firefox-esr", "/usr/bin/sudo")
		f.mkdir("/etc/firefox/policies")
		prepare := exec.Command("sh", "-c", script)
		prepare.Dir = path.Join(f.base, "etc/firefox/policies")
		if out, err := prepare.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", script, out)
		}
		results, log := f.apply(c, request(newRoot(t), Firefox), false)
		if err := results[0].Err; err == nil || hint(err) == "" || len(log) > 0 {
			t.Errorf("%s: got %v, ran %q", script, err, log)
		}
	}
}
