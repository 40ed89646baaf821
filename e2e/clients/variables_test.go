package clients

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// programs open a page with nothing but their own trust store, and with what the
// document has them set to trust the CA as well. ROOT and URL stand for theirs.
var programs = []struct {
	name, pkg, set string
	command        []string
}{
	{"Node", "nodejs", "NODE_EXTRA_CA_CERTS=ROOT", []string{"node", "-e", `require("https").get("URL", (r) => r.pipe(process.stdout))`}},
	{"Bun", "npm", "NODE_EXTRA_CA_CERTS=ROOT", []string{"bun", "-e", `console.log(await (await fetch("URL")).text())`}},
	{"Python's `ssl`, urllib", "python3", "SSL_CERT_FILE=ROOT", []string{"python3", "-c", `import urllib.request; print(urllib.request.urlopen("URL").read().decode())`}},
	{"git", "git", "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.URL.sslCAInfo GIT_CONFIG_VALUE_0=ROOT", []string{"git", "ls-remote", "URL"}},
}

// TestVariablesOfPrograms: each refuses the page without, and opens it with.
func TestVariablesOfPrograms(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "localhost", "--for", "computer") // a name that every computer knows
	h.Run("export", "ca", "--out", "root.pem")
	url := servePages(t, h.Path("localhost"))
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			fill := strings.NewReplacer("ROOT", h.Path("root.pem"), "URL", url)
			program := p.command[0]
			if program == "bun" {
				program = needBun(t)
			}
			command := []string{rig.Need(t, program, p.pkg)}
			for _, word := range p.command[1:] {
				command = append(command, fill.Replace(word))
			}
			alone := []string{"-u", "NODE_EXTRA_CA_CERTS", "-u", "SSL_CERT_FILE", "-u", "GIT_SSL_CAINFO", "HOME=" + t.TempDir()}
			if out, err := rig.Outside(t, "coreutils", "env", slices.Concat(alone, command)...); err == nil || strings.Contains(out, "hello") {
				t.Errorf("without: %v\n%s", err, out)
			}
			set := strings.Fields(fill.Replace(p.set))
			if out, err := rig.Outside(t, "coreutils", "env", slices.Concat(alone, set, command)...); err != nil || !strings.Contains(out, "hello") {
				t.Errorf("with: %v\n%s", err, out)
			}
		})
	}
}

// TestVariablesAreTheDocuments: the programs here are those that it calls tried.
func TestVariablesAreTheDocuments(t *testing.T) {
	text := string(rig.ReadFile(t, rig.Root, "docs", "troubleshooting.md"))
	_, part, _ := strings.Cut(text, "\n## One program does not trust the CA\n")
	if got := strings.Count(part, "| yes |"); got != len(programs) {
		t.Errorf("%d programs are called tried, want %d", got, len(programs))
	}
	for _, p := range programs {
		if !regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(p.name) + ` \| .* \| yes \|$`).MatchString(part) {
			t.Errorf("%s is not called tried", p.name)
		}
	}
}

// servePages says hello, also to git, which asks for the names of branches.
func servePages(t *testing.T, folder string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			w.Write([]byte(strings.Repeat("0", 40) + "\trefs/heads/hello\n")) // the dumb protocol
			return
		}
		w.Write([]byte("hello"))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // those that refuse it are expected
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return "https://localhost" + server.URL[strings.LastIndex(server.URL, ":"):] + "/"
}
