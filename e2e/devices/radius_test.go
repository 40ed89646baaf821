package devices

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// TestFreeRADIUSServesItsFiles: EAP-TLS with the .p12 that Android's Wi-Fi gets,
// as the client of its own server and of another CA's.
func TestFreeRADIUSServesItsFiles(t *testing.T) {
	rig.Need(t, "eapol_test", "eapoltest")
	b, stranger := bundle(t, "p256", "p256"), bundle(t, "p256", "rsa-2048")
	for _, version := range []string{"1.2", "1.3"} {
		t.Run(version, func(t *testing.T) {
			port, dir := freeUDPPort(t), t.TempDir()
			files := install(t, "freeradius", device.UseServer, b)
			rig.RADIUSConfig(t, dir, port, files, "ca_file = "+filepath.Join(files, "picoca-root.pem"), fmt.Sprintf("tls_max_version = %q", version))
			rig.WaitFor(t, rig.Start(t, "freeradius", "freeradius", "-f", "-l", "stdout", "-x", "-d", dir, "-n", "radiusd"), "Ready to process requests")
			for _, row := range []struct {
				name          string
				identity, its export.Bundle
				want          bool
			}{
				{"own", b, b, true}, {"foreign identity", stranger, b, false}, {"foreign server", b, stranger, false},
			} {
				out, ok := join(t, port, row.identity, row.its)
				if ok != row.want || ok && !strings.Contains(out, "Using TLS version TLSv"+version) {
					t.Errorf("%s: %v, want %v by TLS %s\n%s", row.name, ok, row.want, version, out)
				}
			}
		})
	}
}

// join runs a Wi-Fi client with an identity, who trusts the root of its.
func join(t *testing.T, port string, identity, its export.Bundle) (string, bool) {
	t.Helper()
	config := writeConfig(t, `network={
	key_mgmt=WPA-EAP
	eap=TLS
	identity="tablet"
	ca_cert="%s/picoca-root.pem"
	domain_match="nas.local"
	private_key="%s/nas.local.p12"
	private_key_passwd="%s"
	phase1="tls_disable_tlsv1_3=0"
}
`, install(t, "computer", device.UseTrust, its), install(t, "android/wifi", device.UseClient, identity), passphrase)
	out, err := exec.CommandContext(t.Context(), rig.Need(t, "eapol_test", "eapoltest"), "-c", config, "-a", "127.0.0.1", "-p", port, "-s", "testing123", "-t", fmt.Sprint(int(rig.Patience.Seconds()))).CombinedOutput()
	return string(out), err == nil && strings.HasSuffix(strings.TrimSpace(string(out)), "SUCCESS")
}

func freeUDPPort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
