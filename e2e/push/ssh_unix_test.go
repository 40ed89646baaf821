//go:build unix

package push

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// startSSHD starts an sshd on loopback, and returns the folder with an ssh that
// knows it as the host nas.
func startSSHD(t *testing.T) (bin string) {
	t.Helper()
	sshd, ssh := rig.Need(t, "sshd", "openssh-server"), rig.Need(t, "ssh", "openssh-client")
	dir, port := t.TempDir(), rig.FreePort(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "user"} {
		if out, err := rig.Outside(t, "openssh-client", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path(key)); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	rig.WriteFile(t, path("authorized"), string(rig.ReadFile(t, path("user.pub"))))
	rig.WriteFile(t, path("known"), "nas "+string(rig.ReadFile(t, path("host.pub"))))
	rig.WriteFile(t, path("sshd_config"), fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
		port, path("host"), path("authorized")))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, path("ssh_config"), fmt.Sprintf("Host nas\nHostName 127.0.0.1\nHostKeyAlias nas\nPort %s\nUser %s\nHost *\nIdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\nBatchMode yes\n",
		port, me.Username, path("user"), path("known")))
	bin = path("bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, filepath.Join(bin, "ssh"), fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", ssh, path("ssh_config")))
	if err := os.Chmod(filepath.Join(bin, "ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	runSSHD(t, sshd, path("sshd_config"))
	waitFor(t, "sshd", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return bin
}

// runSSHD starts sshd until the test ends. As root it needs the folder /run/sshd,
// which it gets in a name space of its own.
func runSSHD(t *testing.T, sshd, config string) {
	t.Helper()
	args := []string{sshd, "-D", "-e", "-f", config}
	if os.Geteuid() == 0 {
		args = append([]string{rig.Need(t, "unshare", "util-linux"), "--mount", "sh", "-c", `mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"`, "sh"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("sshd: %s", log.Bytes())
		}
	})
}

// TestSSH pushes through the system's ssh to an sshd, into a folder whose name a
// shell must not take apart.
func TestSSH(t *testing.T) {
	bin := startSSHD(t)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	h := rig.NewHome(t)
	h.Run("issue", "nas.local", "--for", "nginx")
	dir := h.Path("it's $HOME; a \"folder\"")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out := h.Run("push", "nas.local", "--to", "nas:"+dir)
	for _, want := range []string{"is on nas:", "wrote key.pem", "step 2: on nas, run sudo nginx -t && sudo systemctl reload nginx"} {
		if !strings.Contains(out, want) {
			t.Errorf("push: %q is not in %q", want, out)
		}
	}
	sameOnHost(t, h, dir)
	checkMode(t, filepath.Join(dir, "key.pem"), 0o600)
	checkMode(t, filepath.Join(dir, "cert.pem"), 0o644)

	// The server reads its key as a group: that stays so.
	if err := os.Chmod(filepath.Join(dir, "key.pem"), 0o640); err != nil {
		t.Fatal(err)
	}
	h.Run("renew", "nas.local", "--push")
	sameOnHost(t, h, dir)
	checkMode(t, filepath.Join(dir, "key.pem"), 0o640)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("folder: got %d files, %v; want 2", len(files), err)
	}

	refused(t, h, "nas:missing: ", "push", "nas.local", "--to", "nas:missing")
	rig.WriteFile(t, filepath.Join(bin, "../known"), "")
	refused(t, h, "Host key verification failed.", "push", "nas.local")
	refused(t, h, "hint: check that this works: ssh nas", "push", "nas.local")
}

func sameOnHost(t *testing.T, h rig.Home, dir string) {
	t.Helper()
	for _, name := range []string{"cert.pem", "key.pem"} {
		if got, want := rig.ReadFile(t, dir, name), rig.ReadFile(t, h.Path("nas.local", name)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode() != want {
		t.Errorf("%s: got %v, %v; want %v", filepath.Base(path), info.Mode(), err, want)
	}
}
