package years

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// verifier checks a server's certificate with a file of roots.
var verifiers = []struct {
	name string
	open func(t *testing.T, bundle, cert string) error
}{
	{"OpenSSL", func(t *testing.T, bundle, cert string) error {
		_, err := rig.Outside(t, "openssl", "openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", bundle, cert)
		return err
	}},
	{"GnuTLS", func(t *testing.T, bundle, cert string) error {
		_, err := rig.Outside(t, "gnutls-bin", "certtool", "--verify", "--load-ca-certificate", bundle, "--infile", cert)
		return err
	}},
}

// TestClientsFollowTheRoots: with two roots they accept certificates of both, with
// the file from before the rotation or after the retirement those of one only.
func TestClientsFollowTheRoots(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "localhost", "127.0.0.1", "--for", "nginx", "--out", "old")
	h.Run("export", "ca", "--out", "before.pem")
	h.Run("root", "rotate")
	h.Run("export", "ca", "--out", "both.pem")
	if out, err := h.Try("root", "status"); err == nil || exitCode(err) != 4 {
		t.Errorf("status: got %v, want exit code 4\n%s", err, out)
	}
	h.Run("renew", "localhost", "--out", "new")
	h.Run("root", "retire")
	h.Run("export", "ca", "--out", "after.pem")
	h.Run("export", "crl")
	ports := map[string]string{}
	for _, leaf := range []string{"old", "new"} {
		ports[leaf] = rig.FreePort(t)
		serve(t, ports[leaf], rig.Need(t, "nginx", "nginx"), "-p", t.TempDir(), "-c", nginxConfig(t, ports[leaf], h.Path(leaf)))
	}
	for _, row := range []struct {
		bundle   string
		old, new bool
	}{{"before.pem", true, false}, {"both.pem", true, true}, {"after.pem", false, true}} {
		for leaf, want := range map[string]bool{"old": row.old, "new": row.new} {
			for _, v := range verifiers {
				if err := v.open(t, h.Path(row.bundle), h.Path(leaf, "cert.pem")); (err == nil) != want {
					t.Errorf("%s, %s with %s: got %v, want accepted %t", v.name, leaf, row.bundle, err, want)
				}
			}
			out, err := rig.Outside(t, "curl", "curl", "-sS", "--noproxy", "*", "--cacert", h.Path(row.bundle), "https://localhost:"+ports[leaf]+"/")
			if (err == nil) != want || want && out != "hello" {
				t.Errorf("curl, %s with %s: got %v, want accepted %t\n%s", leaf, row.bundle, err, want, out)
			}
		}
	}
}

// nginxConfig serves with the files in a folder; more are lines of its server.
func nginxConfig(t *testing.T, port, dir string, more ...string) string {
	t.Helper()
	tmp := t.TempDir()
	return config(t, `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s/cert.pem; ssl_certificate_key %[3]s/key.pem;
		%[4]s
		location / { return 200 "hello"; }
	}
}`, tmp, port, dir, strings.Join(more, "\n"))
}

// exitCode is that of the picoca that failed.
func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
