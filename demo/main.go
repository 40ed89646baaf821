// Command demo shows picoca's main job in a throw-away folder: it makes a CA,
// issues pico.local, serves a page on loopback from the two files that a board
// would load, and fetches it back with the CA as the only trust. It is run by
// make demo, with the path of the picoca binary.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: demo PICOCA")
	}
	picoca, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "picoca-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := demo{picoca, dir}
	for _, command := range []string{
		"init --no-passphrase", "issue pico.local", "list", "export ca --format pem",
	} {
		if err := d.picocaRun(command); err != nil {
			return err
		}
	}
	return d.serveAndFetch()
}

type demo struct{ picoca, dir string }

func (d demo) picocaRun(command string) error {
	fmt.Printf("$ picoca %s\n", command)
	cmd := exec.Command(d.picoca, strings.Fields(command)...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+filepath.Join(d.dir, "ca"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	fmt.Println()
	return err
}

func (d demo) serveAndFetch() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pair, err := d.boardPair()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(page),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pair}},
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // one refusal is part of the show
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	defer server.Close()
	addr := listener.Addr().String()
	fmt.Printf("serving pico.local/cert.der and pico.local/key.der on %s\n", addr)

	trusted, err := d.fetch(addr, filepath.Join(d.dir, "picoca-root.pem"))
	if err != nil {
		return fmt.Errorf("with the CA as the only trust: %w", err)
	}
	fmt.Printf("GET https://pico.local/ with picoca-root.pem as the only trust: %s\n", trusted)
	if _, err := d.fetch(addr, os.DevNull); err == nil {
		return errors.New("the page opened without the CA")
	} else if !errors.As(err, new(x509.UnknownAuthorityError)) {
		return err
	}
	fmt.Println("GET https://pico.local/ without it: refused, as it must be")
	return nil
}

func page(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello from pico.local") }

// boardPair loads the two DER files as a board's firmware does.
func (d demo) boardPair() (tls.Certificate, error) {
	cert, err := os.ReadFile(filepath.Join(d.dir, "pico.local", "cert.der"))
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := os.ReadFile(filepath.Join(d.dir, "pico.local", "key.der"))
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := x509.ParseECPrivateKey(der)
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}, err
}

// fetch gets the page under its name, trusting only what is in caFile.
func (d demo) fetch(addr, caFile string) (string, error) {
	data, err := os.ReadFile(caFile)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	client := http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	response, err := client.Get("https://pico.local/")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
