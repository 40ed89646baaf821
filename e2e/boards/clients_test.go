package boards

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// errUntrusted is what a client's refusal for want of a trusted issuer comes
// down to.
var errUntrusted = errors.New("the client does not trust the issuer")

// A visit is one HTTPS request to https://pico.local on a local port.
type visit struct {
	port     int
	root     boardRoot  // all that the client trusts
	identity *boardLeaf // shown if the server asks; nil: none
	curves   []tls.CurveID
}

// A boardClient makes a visit. It fails with errUntrusted for a foreign root.
type boardClient struct {
	name string
	get  func(t testing.TB, v visit) error
}

// maxTime is curl's patience, in seconds.
var maxTime = fmt.Sprint(rig.Patience.Seconds())

var boardClients = []boardClient{{"openssl", visitOpenSSL}, {"curl", visitCurl}, {"go", visitGo}}

func visitOpenSSL(t testing.TB, v visit) error {
	t.Helper()
	args := []string{"s_client", "-quiet", "-connect", net.JoinHostPort("127.0.0.1", strconv.Itoa(v.port)),
		"-servername", "pico.local", "-verify_hostname", "pico.local", "-verify_return_error",
		"-CAfile", v.root.pemName, "-no-CApath", "-no-CAstore"}
	if v.identity != nil {
		key, cert := v.identity.contain(t, "pkcs8-pem")
		args = append(args, "-cert", writeTemp(t, "id.pem", cert), "-key", writeTemp(t, "id.key", key))
	}
	return visitWith(t, "verify error:num=20:", exec.CommandContext(t.Context(), rig.Need(t, "openssl", "openssl"), args...))
}

func visitCurl(t testing.TB, v visit) error {
	t.Helper()
	host := "pico.local:" + strconv.Itoa(v.port)
	args := []string{"-sS", "--max-time", maxTime, "--noproxy", "*", "--cacert", v.root.pemName, "--capath", "/nonexistent",
		"--resolve", host + ":127.0.0.1"}
	if v.identity != nil {
		key, cert := v.identity.contain(t, "pkcs8-pem")
		args = append(args, "--cert", writeTemp(t, "id.pem", cert), "--key", writeTemp(t, "id.key", key))
	}
	return visitWith(t, "curl: (60) SSL certificate problem: unable to get local issuer certificate",
		exec.CommandContext(t.Context(), rig.Need(t, "curl", "curl"), append(args, "https://"+host+"/")...))
}

// visitWith runs a client program that prints the page, or says untrusted.
func visitWith(t testing.TB, untrusted string, cmd *exec.Cmd) error {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	switch {
	// The page counts, not the status: MicroPython closes without TLS's goodbye, and openssl calls that an error.
	case strings.Contains(out.String(), rig.BoardSays):
		return nil
	case strings.Contains(errs.String(), untrusted):
		return errUntrusted
	}
	return fmt.Errorf("%v: %w\n%s%s", cmd.Args, errors.Join(err, errors.New("no page")), out.String(), errs.String())
}

func visitGo(t testing.TB, v visit) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	pool := x509.NewCertPool()
	pool.AddCert(v.root.cert)
	config := &tls.Config{RootCAs: pool, ServerName: "pico.local", CurvePreferences: v.curves}
	if v.identity != nil {
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{v.identity.der}, PrivateKey: v.identity.key}}
	}
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(v.port)))
	if unknown := new(x509.UnknownAuthorityError); errors.As(err, unknown) {
		return errUntrusted
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(rig.Patience))
	return request(conn)
}

// request asks for the page over an open connection.
func request(conn net.Conn) error {
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return err
	}
	var page bytes.Buffer
	if _, err := page.ReadFrom(conn); err != nil {
		return err
	}
	if !strings.Contains(page.String(), rig.BoardSays) {
		return fmt.Errorf("page %q, want %q", page.String(), rig.BoardSays)
	}
	return nil
}

// A boardPeer is a TLS server that boards visit as clients.
type boardPeer struct{ port int }

// newBoardPeer serves leaf to any number of visitors, one after the other.
func newBoardPeer(t testing.TB, leaf boardLeaf) boardPeer {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.der}, PrivateKey: leaf.key}}}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answer(conn)
		}
	}()
	return boardPeer{l.Addr().(*net.TCPAddr).Port}
}

func answer(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(rig.Patience))
	if _, err := conn.Read(make([]byte, 1024)); err == nil || os.IsTimeout(err) {
		fmt.Fprintf(conn, "HTTP/1.0 200 OK\r\n\r\n%s\n", rig.BoardSays)
	}
}
