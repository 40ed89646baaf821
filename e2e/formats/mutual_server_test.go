package formats

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// p12Passphrase opens every .p12 of these tests; its file is "pass".
const p12Passphrase = "kqwzep-hrmnba-xvtcyj"

var p12Profiles = []string{"legacy-des", "modern2023"}

// newDoor makes an authority with a device, the CA's files, and one identity
// for each profile of a .p12, in folders of the profiles' names.
func newDoor(t testing.TB) rig.Home {
	t.Helper()
	h := rig.NewHome(t)
	if err := os.WriteFile(h.Path("pass"), []byte(p12Passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Run("issue", "pico.local", "--for", "computer")
	h.Run("export", "ca", "--format", "pem", "--out", "root.pem")
	for _, profile := range p12Profiles {
		h.Run("export", "ca", "--format", "p12", "--p12-profile", profile, "--out", "trust-"+profile+".p12")
		h.Run("identity", clientName(profile), "--out", profile, "--p12-profile", profile, "--p12-passphrase-file", "pass")
	}
	return h
}

func clientName(profile string) string { return "Küchen/Tablet " + profile }

// p12 is the identity of a profile.
func p12(h rig.Home, profile string) string { return h.Path(profile, "kuchen-tablet-"+profile+".p12") }

// mutualServer is a server on loopback that lets only clients of h's authority
// in, and greets them by name.
func mutualServer(h rig.Home) (port string) {
	h.T.Helper()
	pair, err := tls.LoadX509KeyPair(h.Path("pico.local", "cert.pem"), h.Path("pico.local", "key.pem"))
	if err != nil {
		h.T.Fatal(err)
	}
	root, err := os.ReadFile(h.Path("root.pem"))
	if err != nil {
		h.T.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "welcome, %s\n", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // strangers are sent away here
	server.StartTLS()
	h.T.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		h.T.Fatal(err)
	}
	return port
}

// welcome is what the server says to an identity.
func welcome(profile string) string { return "welcome, " + clientName(profile) }
