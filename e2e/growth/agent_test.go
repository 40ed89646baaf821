package growth

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// startAgent runs OpenSSH's agent until the test ends.
func startAgent(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // a socket's path has room for 100 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "ssh-agent", "openssh-client"), "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() }) // the test's context has ended, and so does the agent
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("ssh-agent makes no socket")
		}
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
}

func sshAdd(t *testing.T, args ...string) {
	t.Helper()
	if out, err := rig.Outside(t, "openssh-client", "ssh-add", args...); err != nil {
		t.Fatalf("ssh-add %q: %v\n%s", args, err, out)
	}
}

// useAll makes a CA with the key in the agent, and does what needs the key.
func useAll(t *testing.T, h rig.Home, key string) {
	t.Helper()
	h.Run("init", "--key-in", "agent:"+key)
	if got := h.Run("show", "ca"); !strings.Contains(got, "which holds it now") {
		t.Errorf("show ca: got\n%s", got)
	}
	h.Run("issue", "nas.local", "--for", "nginx")
	h.Run("renew", "nas.local")
	h.Run("identity", "Lost phone", "--show-passphrase")
	h.Run("revoke", "Lost phone")
	h.Run("export", "crl", "--out", "crl.pem")
	h.Run("export", "ca", "--out", "root.pem")
	h.Run("export", "nas.local", "--format", "pem", "--out", "nas")
	out, err := rig.Outside(t, "openssl", "openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", h.Path("crl.pem"),
		"-purpose", "sslserver", "-verify_hostname", "nas.local", "-CAfile", h.Path("root.pem"), h.Path("nas", "cert.pem"))
	if err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

func TestRootKeyInOpenSSHsAgent(t *testing.T) {
	startAgent(t)
	for _, kind := range [][]string{{"ecdsa", "256"}, {"ecdsa", "384"}, {"rsa", "2048"}} {
		comment := strings.Join(kind, "-")
		h := rig.EmptyHome(t)
		key := h.Path("id")
		if out, err := rig.Outside(t, "openssh-client", "ssh-keygen", "-q", "-t", kind[0], "-b", kind[1], "-N", "", "-C", comment, "-f", key); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
		sshAdd(t, "-q", key)
		useAll(t, h, comment)
	}
	h := rig.EmptyHome(t)
	sshAdd(t, "-D")
	if _, err := h.Try("init", "--key-in", "agent"); err == nil || !strings.Contains(err.Error(), "SSH agent holds no key") {
		t.Errorf("got error %v, want that the agent holds no key", err)
	}
}

// TestRootKeyInAToken reaches a PKCS#11 token, as a YubiKey is one, through the
// agent. Its PIN is asked for by a program.
func TestRootKeyInAToken(t *testing.T) {
	h := rig.EmptyHome(t)
	const module = "/usr/lib/softhsm/libsofthsm2.so"
	if _, err := os.Stat(module); err != nil {
		rig.Missing(t, module, "softhsm2")
	}
	tokens := h.Path("tokens")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, h.Path("softhsm.conf"), "directories.tokendir = "+tokens+"\n")
	t.Setenv("SOFTHSM2_CONF", h.Path("softhsm.conf"))
	softHSM := func(args ...string) {
		t.Helper()
		if out, err := rig.Outside(t, "softhsm2", "softhsm2-util", args...); err != nil {
			t.Fatalf("softhsm2-util %q: %v\n%s", args, err, out)
		}
	}
	softHSM("--init-token", "--free", "--label", "home", "--pin", "1234", "--so-pin", "5678")
	if out, err := rig.Outside(t, "openssl", "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", h.Path("key.pem")); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	softHSM("--import", h.Path("key.pem"), "--token", "home", "--label", "root", "--id", "01", "--pin", "1234")
	rig.Remove(t, h.Path("key.pem"))
	rig.WriteFile(t, h.Path("pin"), "#!/bin/sh\necho 1234\n")
	if err := os.Chmod(h.Path("pin"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_ASKPASS", h.Path("pin"))
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	startAgent(t)
	sshAdd(t, "-s", module)
	out, err := rig.Outside(t, "openssh-client", "ssh-add", "-l")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(out) // 256 SHA256:... COMMENT (ECDSA)
	if len(fields) < 2 {
		t.Fatalf("ssh-add -l: got %q", out)
	}
	useAll(t, h, fields[1])
}
