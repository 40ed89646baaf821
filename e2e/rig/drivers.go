package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ClientDrivers is where the drivers of real clients are.
const ClientDrivers = Root + "/testdata/clients"

// NeedDrivers asks for node and the packages of the drivers.
func NeedDrivers(t testing.TB) {
	t.Helper()
	Need(t, "node", "nodejs")
	if _, err := os.Stat(filepath.Join(ClientDrivers, "node_modules", "playwright-core")); err == nil {
		return
	}
	const missing = "the drivers' packages are missing: run make deps (npm ci in testdata/clients)"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// NewTrust is a HOME whose browser trusts nothing of ours yet.
func NewTrust(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	db := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(db, 0o700); err != nil {
		t.Fatal(err)
	}
	certutil(t, "-N", "-d", "sql:"+db, "--empty-password")
	return home
}

// TrustFile imports a certificate, as served, into the browser's store.
func TrustFile(t testing.TB, home, file string) {
	t.Helper()
	certutil(t, "-A", "-d", "sql:"+filepath.Join(home, ".pki", "nssdb"), "-n", "root", "-t", "C,,", "-i", file)
}

func certutil(t testing.TB, arguments ...string) {
	t.Helper()
	out, err := exec.Command(Need(t, "certutil", "libnss3-tools"), arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("certutil: %v\n%s", err, out)
	}
}
