package trust

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

	"github.com/picoca/picoca/internal/ca"
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
	rootKey, key := newKey(t), newKey(t)
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}, rootKey, now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := issue(root, rootKey, key, now)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, root, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key})
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

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issue(root *x509.Certificate, rootKey, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	authority, err := ca.NewAuthority(root, now)
	if err != nil {
		return nil, err
	}
	if err := authority.Unlock(rootKey); err != nil {
		return nil, err
	}
	names, err := ca.ParseNames([]string{"pico.local"})
	if err != nil {
		return nil, err
	}
	prepared, err := authority.Prepare(ca.Profile{Kind: ca.KindServer, Life: ca.Days(90)}, ca.Holder{Names: names}, key.Public(), now)
	if err != nil {
		return nil, err
	}
	return authority.Sign(prepared)
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
