package onboard

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

const (
	iPhoneSafari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	androidChrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
	macSafari     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15"
)

// slowest bounds every wait of these tests for something that must happen, on the
// busiest machine.
const slowest = 30 * time.Second

// home is a root with its key, as an authority would have them.
type home struct {
	t    testing.TB
	root *x509.Certificate
	pair testpki.Pair
}

// newHome makes a root as picoca does, but for its name and a change.
func newHome(t testing.TB, change func(*x509.Certificate)) home {
	t.Helper()
	root := testpki.Home(t, time.Now()).Changed(t, func(c *x509.Certificate) {
		c.Subject.CommonName = "Home CA 7Q3F"
		if change != nil {
			change(c)
		}
	})
	return home{t, root.Cert, root}
}

// leaf is a certificate for address, valid for an hour.
func (h home) leaf(address string) tls.Certificate {
	h.t.Helper()
	return h.issue(address, pkix.Name{Organization: []string{"picoca phone"}}, testpki.NewKey(h.t, ca.P256))
}

// named is such a certificate with a common name.
func (h home) named(address string) tls.Certificate {
	h.t.Helper()
	return h.issue(address, pkix.Name{CommonName: address}, testpki.NewKey(h.t, ca.P256))
}

// ownKey is a certificate for the key of the root itself.
func (h home) ownKey(address string) tls.Certificate {
	h.t.Helper()
	return h.issue(address, pkix.Name{Organization: []string{"picoca phone"}}, h.pair.Key)
}

func (h home) issue(address string, subject pkix.Name, key crypto.Signer) tls.Certificate {
	h.t.Helper()
	return h.pair.Sign(h.t, &x509.Certificate{
		Subject:     subject,
		NotBefore:   time.Now().Add(-time.Minute),
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key).TLS()
}

// profile is as little of a profile as New accepts, with the line breaks that
// property lists have.
func (h home) profile() []byte {
	text := base64.StdEncoding.EncodeToString(h.root.Raw)
	var out bytes.Buffer
	out.WriteString("<plist><dict><key>PayloadContent</key><data>\n")
	for len(text) > 68 {
		out.WriteString("\t" + text[:68] + "\n")
		text = text[68:]
	}
	out.WriteString("\t" + text + "\n</data></dict></plist>\n")
	return out.Bytes()
}

// makeConfig is a configuration on loopback that New accepts.
func (h home) makeConfig() Config {
	h.t.Helper()
	listeners, err := Listen(Address{netip.MustParseAddr("127.0.0.1"), "lo"}, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { listeners.Close() })
	return Config{
		Offer:     Offer{Roots: []*x509.Certificate{h.root}, Profile: h.profile()},
		Listeners: listeners,
		Check:     h.leaf("127.0.0.1"),
		Proof:     h.leaf("127.0.0.1"),
		Now:       time.Now,
		Notify:    func(Event) {},
		patience:  15 * time.Second, // below answerWithin; tests without a proof shorten it
	}
}

// impatient makes the check page give its verdict at once.
func impatient(c *Config) { c.patience = time.Millisecond }

// visit is a running server and what it has reported so far.
type visit struct {
	home
	*Server
	stop   context.CancelFunc
	ended  chan error
	mu     sync.Mutex
	events []Event
}

// serve runs a server until the test ends.
func serve(t testing.TB, change func(*Config)) *visit {
	t.Helper()
	h := newHome(t, nil)
	c := h.makeConfig()
	if change != nil {
		change(&c)
	}
	v := &visit{home: h, ended: make(chan error, 1)}
	c.Notify = v.note
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	v.Server = s
	var ctx context.Context
	ctx, v.stop = context.WithCancel(context.Background())
	go func() { v.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		v.stop()
		select {
		case <-s.over:
		case <-time.After(slowest):
			t.Error("Run goes on long after its context ended")
		}
	})
	return v
}

func (v *visit) note(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, e)
}

func (v *visit) reported() []Event {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Event(nil), v.events...)
}

// waitFor returns the first event with that action, which may be on its way.
func (v *visit) waitFor(action Action) Event {
	v.t.Helper()
	for end := time.Now().Add(slowest); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for _, e := range v.reported() {
			if e.Action == action {
				return e
			}
		}
	}
	v.t.Fatalf("no event %q; got: %v", action, v.reported())
	return Event{}
}

func (v *visit) count(action Action) int {
	n := 0
	for _, e := range v.reported() {
		if e.Action == action {
			n++
		}
	}
	return n
}

// client is a browser; trusting says whether it has the root.
func (v *visit) client(trusting bool) *http.Client {
	roots := x509.NewCertPool()
	if trusting {
		roots.AddCert(v.root)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	v.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: slowest}
}

// get fetches url as the browser with that user agent.
func (v *visit) get(client *http.Client, url, userAgent string) (*http.Response, string) {
	v.t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("User-Agent", userAgent)
	return v.do(client, request)
}

func (v *visit) do(client *http.Client, request *http.Request) (*http.Response, string) {
	v.t.Helper()
	response, err := client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response, string(body)
}

// raw sends bytes to the page's port as they are, and reads one answer.
func (v *visit) raw(request string) (*http.Response, string) {
	v.t.Helper()
	conn, err := net.Dial("tcp", v.config.Listeners.Page.Addr().String())
	if err != nil {
		v.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(slowest))
	if _, err := io.WriteString(conn, request); err != nil {
		v.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		v.t.Fatalf("%.60q: %v", request, err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

func (v *visit) checkURL() string { return "https://" + v.checkHost() + v.base() }

func (v *visit) proofURL() string { return "https://" + v.proofHost() + v.base() + "/proof.svg" }

// p12Path is where the identity is as PKCS#12.
func (v *visit) p12Path() string { return v.identityPath(v.config.Identity.p12()) }

// newIdentity is an identity whose files say what they are.
func newIdentity(name, stem string) *Identity {
	return &Identity{Name: name, Stem: stem, P12: []byte("p12-bytes"), Profile: []byte("profile-bytes"), PhoneProfile: []byte("phone-bytes")}
}

// hintOf is the hint of an error, with commands as picoca shows them.
func hintOf(err error) string {
	return fault.HintOf(err).Text(func(c fault.Command) string { return "picoca " + strings.Join(c, " ") })
}
