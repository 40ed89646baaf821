package trust

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/testpki"
)

// A site is an HTTPS server for pico.local with a CA of its own.
type site struct {
	root *x509.Certificate
	url  string

	mu     sync.Mutex
	served map[string]bool
	events chan string // a page that was asked for, or refused
}

// refused is the event of a client that closes the handshake with an alert.
const refused = "refused"

const greeting = "hello from the board"

// newSite is a site whose CA was made for it.
func newSite(t *testing.T) *site {
	t.Helper()
	now := time.Now()
	root := testpki.Home(t, now)
	return serve(t, root.Cert, root.Server(t, now, "pico.local").TLS(root.Cert))
}

func serve(t *testing.T, root *x509.Certificate, cert tls.Certificate) *site {
	t.Helper()
	s := &site{root: root, served: map[string]bool{}, events: make(chan string, 1000)}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(s, "", 0)
	// With the root: settings for trust that outlive the root in a store show.
	cert.Certificate = [][]byte{cert.Certificate[0], root.Raw}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.url = "https://pico.local:" + port
	return s
}

// ServeHTTP answers, and notes which page was asked for: a client that refuses
// the certificate never asks.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.served[r.URL.Path] = true
	s.mu.Unlock()
	s.events <- r.URL.Path
	fmt.Fprintln(w, greeting)
}

// Write takes the server's log: "http: TLS handshake error from 127.0.0.1:1234:
// remote error: tls: unknown certificate authority".
func (s *site) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("remote error: tls: ")) {
		s.events <- refused
	}
	return len(line), nil
}

// await returns when the page was asked for or the certificate refused, or with
// the context.
func (s *site) await(ctx context.Context, page string) {
	for {
		select {
		case event := <-s.events:
			if event == page || event == refused {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// forget drops the events of earlier visits.
func (s *site) forget() {
	for len(s.events) > 0 {
		<-s.events
	}
}

func (s *site) wasAsked(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[path]
}
