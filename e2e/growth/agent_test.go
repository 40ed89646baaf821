package growth

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// useAll makes a CA with the key in the agent, does what needs the key, and goes
// over to the next one.
func useAll(t *testing.T, h rig.Home, key, next string) {
	t.Helper()
	h.Run("init", "--key-in", "agent:"+key)
	if got := h.Run("show", "ca"); !strings.Contains(got, "which holds it now") {
		t.Errorf("show ca: got\n%s", got)
	}
	h.Run("issue", "nas.local", "--for", "nginx")
	h.Run("renew", "nas.local")
	h.Run("identity", "Lost phone", "--show-passphrase")
	h.Run("revoke", "Lost phone")
	verifyNAS(t, h, "before")
	h.Run("root", "rotate", "--key-in", "agent:"+next)
	h.Run("renew", "nas.local")
	verifyNAS(t, h, "after")
}

// verifyNAS exports what is needed to a folder, and has OpenSSL verify it.
func verifyNAS(t *testing.T, h rig.Home, folder string) {
	t.Helper()
	h.Run("export", "nas.local", "--format", "pem", "--out", folder)
	h.Run("export", "crl", "--out", folder+"/crl.pem")
	h.Run("export", "ca", "--out", folder+"/root.pem")
	out, err := rig.Outside(t, "openssl", "openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", h.Path(folder, "crl.pem"),
		"-purpose", "sslserver", "-verify_hostname", "nas.local", "-CAfile", h.Path(folder, "root.pem"), h.Path(folder, "cert.pem"))
	if err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}

// newKey makes a key file, and returns its path.
func newKey(t *testing.T, kind, bits, comment string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "id")
	sshKeygen(t, "-t", kind, "-b", bits, "-N", "", "-C", comment, "-f", file)
	return file
}

func sshKeygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := rig.Outside(t, "openssh-client", "ssh-keygen", append([]string{"-q"}, args...)...); err != nil {
		t.Fatalf("ssh-keygen %q: %v\n%s", args, err, out)
	}
}

func TestRootKeyInOpenSSHsAgent(t *testing.T) {
	startAgent(t)
	kinds := [][2]string{{"ecdsa", "256"}, {"ecdsa", "384"}, {"rsa", "2048"}}
	comment := func(i int) string { return "root " + kinds[i][0] + kinds[i][1] }
	for i, kind := range kinds {
		sshAdd(t, "-q", newKey(t, kind[0], kind[1], comment(i)))
	}
	for i := range kinds {
		useAll(t, rig.EmptyHome(t), comment(i), comment((i+1)%len(kinds)))
	}
}

// TestOpenSSHsAgentDoesNotSign: each reason has its own words, and nothing is
// written.
func TestOpenSSHsAgentDoesNotSign(t *testing.T) {
	h := rig.EmptyHome(t)
	askpass := func(script string) {
		t.Helper()
		rig.WriteFile(t, h.Path("askpass"), "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(h.Path("askpass"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SSH_ASKPASS", h.Path("askpass"))
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	startAgent(t)
	key := newKey(t, "ecdsa", "256", "home root")
	sshKeygen(t, "-s", key, "-I", "me", key+".pub") // ssh-add loads that certificate too
	sshAdd(t, "-q", key)
	h.Run("init", "--key-in", "agent")
	for _, row := range []struct {
		what string
		do   func()
		want string
	}{
		{"the user declines", func() { askpass("exit 1"); sshAdd(t, "-q", "-c", key) }, "SSH agent refused to sign"},
		{"another key", func() { sshAdd(t, "-D"); sshAdd(t, "-q", newKey(t, "ecdsa", "256", "root")) }, `SSH agent does not hold the key "home root"`},
		{"an Ed25519 key", func() { sshAdd(t, "-D"); sshAdd(t, "-q", newKey(t, "ed25519", "256", "root")) }, `SSH agent does not hold the key "home root"`},
		{"no key", func() { sshAdd(t, "-D") }, "SSH agent holds no key, or is locked"},
		{"locked", func() { askpass("echo secret"); sshAdd(t, "-q", key); sshAdd(t, "-x") }, "SSH agent holds no key, or is locked"},
	} {
		row.do()
		for _, command := range [][]string{{"issue", "nas.local"}, {"delegate", "caddy", "nas.local"}, {"--home", "other", "init", "--key-in", "agent:home root"}} {
			_, err := h.Try(command...)
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "\nhint: ") {
				t.Errorf("%s, %q: got error %v, want one with %q and a hint", row.what, command, err, row.want)
			}
		}
		for _, name := range []string{"nas.local", "other"} {
			if _, err := os.Stat(h.Path(name)); err == nil {
				t.Errorf("%s: %s exists", row.what, name)
			}
		}
	}
	sshAdd(t, "-X")
	h.Run("issue", "nas.local")
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
	for _, id := range []string{"01", "02"} {
		if out, err := rig.Outside(t, "openssl", "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", h.Path("key.pem")); err != nil {
			t.Fatalf("openssl: %v\n%s", err, out)
		}
		softHSM("--import", h.Path("key.pem"), "--token", "home", "--label", "root"+id, "--id", id, "--pin", "1234")
		rig.Remove(t, h.Path("key.pem"))
	}
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
	keys := regexp.MustCompile(`SHA256:\S+`).FindAllString(out, -1)
	if len(keys) != 2 {
		t.Fatalf("ssh-add -l: got %q", out)
	}
	useAll(t, h, keys[0], keys[1])
}
