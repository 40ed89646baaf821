package formats

import (
	"os"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

const jdk = "default-jdk-headless"

// compileVisit compiles testdata/java/Visit.java, and returns its class path.
func compileVisit(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := rig.Outside(t, jdk, "javac", "-d", dir, "testdata/java/Visit.java"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// javaStores are a trust store and, if there is one, a key store of a .p12.
type javaStores struct{ trust, key string }

// visitJava gets https://pico.local with an HttpsURLConnection.
func visitJava(t *testing.T, classes, port string, stores javaStores) (string, error) {
	t.Helper()
	hosts := classes + "/hosts"
	if err := os.WriteFile(hosts, []byte("127.0.0.1 pico.local\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"-Dfile.encoding=UTF-8", "-Djdk.net.hosts.file=" + hosts, "-Djavax.net.ssl.trustStore=" + stores.trust,
		"-Djavax.net.ssl.trustStoreType=PKCS12", "-Djavax.net.ssl.trustStorePassword=changeit",
	}
	if stores.key != "" {
		args = append(args, "-Djavax.net.ssl.keyStore="+stores.key, "-Djavax.net.ssl.keyStoreType=PKCS12", "-Djavax.net.ssl.keyStorePassword="+p12Passphrase)
	}
	return rig.Outside(t, jdk, "java", append(args, "-cp", classes, "Visit", "https://pico.local:"+port+"/")...)
}

// TestJavaTrustsTheTrustStore of its own authority, and not a stranger's.
func TestJavaTrustsTheTrustStore(t *testing.T) {
	classes, h, stranger := compileVisit(t), newDoor(t), newDoor(t)
	port := serve(t, h.Path("pico.local")).port
	for _, profile := range p12Profiles {
		trust := "trust-" + profile + ".p12"
		if out, err := visitJava(t, classes, port, javaStores{trust: h.Path(trust)}); err != nil || !strings.Contains(out, "hello from the board") {
			t.Errorf("%s: %v\n%s", profile, err, out)
		}
		out, err := visitJava(t, classes, port, javaStores{trust: stranger.Path(trust)})
		if err == nil || !strings.Contains(out, "unable to find valid certification path") {
			t.Errorf("%s: with a stranger's trust store: %v\n%s", profile, err, out)
		}
	}
}

// TestJavaShowsTheIdentity from a key store.
func TestJavaShowsTheIdentity(t *testing.T) {
	classes, h, stranger := compileVisit(t), newDoor(t), newDoor(t)
	port := mutualServer(h)
	trust := h.Path("trust-modern2023.p12")
	for _, profile := range p12Profiles {
		if out, err := visitJava(t, classes, port, javaStores{trust, p12(h, profile)}); err != nil || !strings.Contains(out, welcome(profile)) {
			t.Errorf("%s: %v\n%s", profile, err, out)
		}
		if out, err := visitJava(t, classes, port, javaStores{trust, p12(stranger, profile)}); err == nil || strings.Contains(out, "welcome") {
			t.Errorf("%s: a stranger's identity is let in\n%s", profile, out)
		}
	}
	if out, err := visitJava(t, classes, port, javaStores{trust: trust}); err == nil || strings.Contains(out, "welcome") {
		t.Errorf("no one is let in\n%s", out)
	}
}
