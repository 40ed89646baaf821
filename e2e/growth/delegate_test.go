package growth

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// TestRevokedCA: those who read the list refuse the CA. What verifiers say of its
// certificates is in the family verifiers.
func TestRevokedCA(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("delegate", "caddy", "caddy")
	check := func() (string, error) {
		h.Run("export", "crl", "--out", "crl.pem", "--force")
		return rig.Outside(t, "openssl", "openssl", "verify", "-crl_check", "-CRLfile", h.Path("crl.pem"), "-CAfile", h.Path("caddy", "root.crt"), h.Path("caddy", "intermediate.crt"))
	}
	if out, err := check(); err != nil {
		t.Errorf("before: %v\n%s", err, out)
	}
	h.Run("revoke", "caddy")
	if out, err := check(); err == nil || !strings.Contains(out, "certificate revoked") {
		t.Errorf("after: got %v\n%s", err, out)
	}
}

// TestCaddysInternalCA runs Debian's Caddy from the very file that picoca wrote; only
// the site's port is another one, and without HTTP/3, whose UDP port is taken.
func TestCaddysInternalCA(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("delegate", "caddy", "caddy")
	port := rig.FreePort(t)
	text := string(rig.ReadFile(t, h.Path("caddy", "Caddyfile")))
	text = strings.Replace(text, "nas.home.arpa {", "https://nas.home.arpa:"+port+" {", 1)
	rig.WriteFile(t, h.Path("Caddyfile"), "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n"+strings.TrimPrefix(text, "{\n"))
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "caddy", "caddy"), "run", "--config", h.Path("Caddyfile"))
	cmd.Env = append(os.Environ(), "HOME="+h.Dir, "XDG_DATA_HOME="+h.Path("data"), "XDG_CONFIG_HOME="+h.Path("config"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		<-ended // the test's context has ended, and so does Caddy
		if t.Failed() {
			t.Log(said.String())
		}
	})
	url, resolve := "https://nas.home.arpa:"+port+"/", "nas.home.arpa:"+port+":127.0.0.1"
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(50 * time.Millisecond) {
		out, err := rig.Outside(t, "curl", "curl", "-sS", "--cacert", h.Path("caddy", "root.crt"), "--resolve", resolve, url)
		if err == nil && out == "It works." {
			return
		}
		select {
		case <-ended:
			t.Fatal("Caddy ended")
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("curl: %v\n%s", err, out)
		}
	}
}

// TestStepCA builds the real step-ca and Caddy, which takes minutes, and runs them
// from the files that picoca wrote.
func TestStepCA(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("PICOCA_TEST_ALL is not set")
	}
	if os.Geteuid() != 0 {
		t.Skip("makes a network namespace: run it as root")
	}
	bin := filepath.Join(t.TempDir(), "bin")
	for _, module := range []string{"github.com/smallstep/certificates/cmd/step-ca@v0.30.2", "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"} {
		cmd := exec.CommandContext(t.Context(), "go", "install", module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+bin, "GOFLAGS=")
		if err := rig.WrapOutput(cmd); err != nil {
			t.Fatal(err)
		}
	}
	h := rig.NewHome(t)
	h.Run("delegate", "step-ca", "acme")
	h.Run("delegate", "caddy", "internal")
	h.Run("issue", "door.home.arpa", "--for", "nginx", "--out", "door")
	h.Run("identity", "tablet", "--show-passphrase", "--out", "identity")
	h.Run("export", "tablet", "--format", "pem", "--out", "tablet")
	project, err := filepath.Abs(rig.Root)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Need(t, "unshare", "util-linux"), "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", filepath.Join(project, "testdata/growth/acme.sh"),
		rig.Program(), filepath.Join(bin, "step-ca"), filepath.Join(bin, "caddy"), project, h.Dir)
	if err := rig.WrapOutput(cmd); err != nil {
		t.Fatal(err)
	}
}
