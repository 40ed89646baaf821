package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// p12Passphrase opens every .p12 of these tests; its file is "pass".
const p12Passphrase = "kqwzep-hrmnba-xvtcyj"

var p12Profiles = []string{"legacy-des", "modern2023"}

// newDoor makes an authority with a device, the CA's files, and one identity
// for each profile of a .p12, in folders of the profiles' names.
func newDoor(t testing.TB) home {
	t.Helper()
	h := newHome(t)
	if err := os.WriteFile(h.path("pass"), []byte(p12Passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.run("issue", "pico.local", "--board", "computer")
	h.run("export", "ca", "--format", "pem", "--out", "root.pem")
	for _, profile := range p12Profiles {
		h.run("export", "ca", "--format", "p12", "--p12-profile", profile, "--out", "trust-"+profile+".p12")
		h.run("issue", "--client", clientLabel(profile), "--out", profile, "--p12-profile", profile, "--p12-passphrase-file", "pass")
	}
	return h
}

func clientLabel(profile string) string { return "Küchen/Tablet " + profile }

// p12 is the identity of a profile.
func (h home) p12(profile string) string { return h.path(profile, "kuchen-tablet-"+profile+".p12") }

// outside runs a tool of Debian's package pkg, with a time limit, and returns
// all that it prints.
func outside(t testing.TB, pkg, tool string, args ...string) (string, error) {
	t.Helper()
	return outsideWith(t, nil, nil, pkg, tool, args...)
}

func outsideWith(t testing.TB, env []string, stdin []byte, pkg, tool string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, need(t, tool, pkg), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// door is a server on loopback that lets only clients of h's authority in, and
// tells them their names.
func (h home) door() (port string) {
	h.t.Helper()
	pair, err := tls.LoadX509KeyPair(h.path("pico.local", "cert.pem"), h.path("pico.local", "key.pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	root, err := os.ReadFile(h.path("root.pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "welcome, %s\n", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // strangers are sent away here
	server.StartTLS()
	h.t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	return port
}

// welcome is what the door says to an identity.
func welcome(profile string) string { return "welcome, " + clientLabel(profile) }

func readFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
