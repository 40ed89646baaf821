package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
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
}

const greeting = "hello from the board"

func newSite(t *testing.T) *site {
	t.Helper()
	now := time.Now()
	rootKey, key := newKey(t), newKey(t)
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}, rootKey, now)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{root: root, served: map[string]bool{}}
	leaf, err := issue(root, rootKey, key, now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}}
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
	fmt.Fprintln(w, greeting)
}

func (s *site) wasAsked(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[path]
}
