package devices

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
)

// withMbedTLS are devices that load their files with mbedTLS, the names of
// certificate and key, and how many certificates it should find.
var withMbedTLS = []struct {
	target, cert, key, want string
}{
	{"openwrt", "uhttpd.crt", "uhttpd.key", "1"},
	{"pihole", "tls.pem", "tls.pem", "1"},
	{"shelly", "cert.pem", "key.pem", "1"},
	{"esp32/esp-idf", "servercert.pem", "prvtkey.pem", "1"},
	{"esp32/circuitpython", "cert.pem", "key.pem", "1"},
	{"pico-w/micropython", "cert.der", "key.der", "1"},
}

// TestMbedTLSLoadsItsDevices builds a loader with Debian's mbedTLS, which stands
// for that of the devices.
func TestMbedTLSLoadsItsDevices(t *testing.T) {
	if _, err := os.Stat("/usr/include/mbedtls/pk.h"); err != nil {
		rig.Missing(t, "mbedtls/pk.h", "libmbedtls-dev")
	}
	loader := filepath.Join(t.TempDir(), "load")
	run(t, nil, "gcc", "cc", "-o", loader, "testdata/load.c", "-lmbedx509", "-lmbedcrypto")
	for _, row := range withMbedTLS {
		target, err := device.ParseTarget(row.target)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"p256", "rsa-2048"} {
			files, err := target.Files(key, device.UseServer)
			if err != nil {
				t.Fatal(err)
			}
			dir, b := t.TempDir(), bundle(t, key, "p256")
			for _, file := range files {
				if err := os.WriteFile(filepath.Join(dir, file.Name), render(t, target, b, file).Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.ContainsFunc(files, func(f device.File) bool { return f.Name == row.cert }) {
				t.Errorf("%s, %s: no file %s", row.target, key, row.cert)
				continue
			}
			got := strings.TrimSpace(string(run(t, nil, "gcc", loader, filepath.Join(dir, row.cert), filepath.Join(dir, row.key))))
			if got != row.want {
				t.Errorf("%s, %s: got %q, want %q", row.target, key, got, row.want)
			}
			checkPairs(t, loader, dir, row.key)
		}
	}
}

// checkPairs wants a key refused with the certificate of another.
func checkPairs(t *testing.T, loader, dir, key string) {
	t.Helper()
	other := filepath.Join(dir, "other.der")
	if err := os.WriteFile(other, bundle(t, "rsa-3072", "rsa-2048").Leaf.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), loader, other, filepath.Join(dir, key)).Output()
	if want := "pair: "; err == nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("another certificate: got %q, %v", out, err)
	}
}
