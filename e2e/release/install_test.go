//go:build unix

package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestGoInstall installs the README's way, from a module proxy with what the Go
// tool packs of a tagged repository: it leaves out what no proxy has, and refuses
// what none may have.
func TestGoInstall(t *testing.T) {
	dir := t.TempDir()
	proxy, bin := filepath.Join(dir, "proxy"), filepath.Join(dir, "bin")
	env := []string{"GOWORK=off", "GOSUMDB=off", "GOVCS=*:git", "GOFLAGS=-modcacherw -trimpath", "GOMODCACHE=" + proxy, "GOPROXY=direct",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url." + committed(t) + ".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/picoca/picoca"}
	run(t, dir, env, "go", "mod", "download", "github.com/picoca/picoca@"+version)
	files := filepath.Join(proxy, "cache", "download")
	if err := os.WriteFile(filepath.Join(files, "github.com/picoca/picoca/@v/list"), []byte(version+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cached := strings.TrimSpace(run(t, "", nil, "go", "env", "GOMODCACHE"))
	others := strings.TrimSpace(run(t, "", nil, "go", "env", "GOPROXY"))
	env = append(env, "GOMODCACHE="+filepath.Join(dir, "modules"), "GOBIN="+bin,
		"GOPROXY=file://"+files+",file://"+filepath.Join(cached, "cache", "download")+","+others)
	run(t, dir, env, "go", "install", "github.com/picoca/picoca/cmd/picoca@latest")

	picoca := filepath.Join(bin, "picoca")
	if got, want := run(t, dir, nil, picoca, "--version"), "picoca version "+version+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	home := []string{"PICOCA_HOME=" + filepath.Join(dir, "store")}
	run(t, dir, home, picoca, "init", "--no-passphrase")
	run(t, dir, home, picoca, "issue", "pico.local")
	if got := run(t, dir, nil, rig.Need(t, "openssl", "openssl"), "x509", "-in", "pico.local/cert.der", "-noout", "-subject"); !strings.Contains(got, "pico.local") {
		t.Errorf("got %q, want a certificate for pico.local", got)
	}
}
