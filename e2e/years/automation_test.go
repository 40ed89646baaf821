package years

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// units are the systemd units in the page about timers, by their names.
func units(t *testing.T) map[string]string {
	t.Helper()
	page := string(rig.ReadFile(t, rig.Root, "docs", "automation.md"))
	all := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)\n```ini\n# (\\S+)\n(.*?)\n```\n").FindAllStringSubmatch(page, -1) {
		all[filepath.Base(block[1])] = block[2] + "\n"
	}
	return all
}

// installed writes the units as a user would, with the paths of this machine,
// and returns their folder.
func installed(t *testing.T, home string) string {
	t.Helper()
	dir := t.TempDir()
	replacer := strings.NewReplacer("/usr/local/bin/picoca", rig.Program(), "%h", home, "/usr/bin/secret-tool lookup picoca root", "/bin/cat "+home+"/.config/picoca/passphrase")
	for name, text := range units(t) {
		rig.WriteFile(t, filepath.Join(dir, name), replacer.Replace(text))
	}
	return dir
}

// TestUnitsAreValid asks systemd about the units of the page.
func TestUnitsAreValid(t *testing.T) {
	dir := installed(t, "/nonexistent")
	all := units(t)
	if len(all) != 3 {
		t.Errorf("got %d units, want 3", len(all))
	}
	for name := range all {
		// The manager's own units are none of ours: only what names the unit counts.
		out, err := rig.OutsideWith(t, []string{"XDG_RUNTIME_DIR=" + t.TempDir(), "SYSTEMD_UNIT_PATH=" + dir + ":"}, nil, "systemd", "systemd-analyze",
			"verify", "--user", "--man=no", filepath.Join(dir, name))
		lines := slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool { return !strings.Contains(line, "picoca") })
		if err != nil || len(lines) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestUnitWithAFaultIsNotValid: the test above can fail.
func TestUnitWithAFaultIsNotValid(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "picoca-bad.service")
	rig.WriteFile(t, name, strings.Replace(units(t)["picoca-renew.service"], "/usr/local/bin/picoca", "/nonexistent/picoca", 1))
	out, err := rig.OutsideWith(t, []string{"XDG_RUNTIME_DIR=" + t.TempDir()}, nil, "systemd", "systemd-analyze", "verify", "--user", "--man=no", name)
	if err == nil || !strings.Contains(out, "picoca-bad.service") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestUnitsRenew: their commands run as systemd runs them, in / and without an
// environment.
func TestUnitsRenew(t *testing.T) {
	for _, name := range []string{"picoca-renew.service", "picoca-keyring.service"} {
		t.Run(name, func(t *testing.T) {
			h := rig.EmptyHome(t)
			store, passphrase := h.Path(".local", "share", "picoca"), h.Path(".config", "picoca", "passphrase")
			for _, dir := range []string{filepath.Dir(store), filepath.Dir(passphrase)} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			rig.WriteFile(t, passphrase, "correct horse battery staple\n")
			h.Run("--home", store, "init", "--passphrase-file", passphrase)
			h.Run("--home", store, "issue", "nas.local", "--for", "computer", "--days", "1", "--out", h.Path("nas"), "--passphrase-file", passphrase)
			before := string(rig.ReadFile(t, h.Path("nas", "cert.pem")))
			text := string(rig.ReadFile(t, installed(t, h.Dir), name))
			// A day's certificate is due when 8 hours are left.
			line := strings.Replace(regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(text)[1], "renew --due", "renew --due --within 48h", 1)
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", line)
			cmd.Dir, cmd.Env = "/", []string{}
			out, err := cmd.CombinedOutput()
			if err != nil || string(rig.ReadFile(t, h.Path("nas", "cert.pem"))) == before {
				t.Errorf("%s: got %v, want a new certificate\n%s", line, err, out)
			}
		})
	}
}
