package phone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/testpki"
)

// phoneRun is a running server for phones, with what it has reported so far.
type phoneRun struct {
	t    testing.TB
	url  string
	root *x509.Certificate

	listeners onboard.Listeners
	mu        sync.Mutex
	events    []onboard.Event
}

// startPhone serves a fresh root on loopback until the test ends.
func startPhone(t testing.TB, change func(*onboard.Config)) *phoneRun {
	t.Helper()
	return startPhoneOf(t, "Home CA 7Q3F", change)
}

// startPhoneOf serves a root of that name.
func startPhoneOf(t testing.TB, name string, change func(*onboard.Config)) *phoneRun {
	t.Helper()
	pair := phoneRoot(t, name)
	root := pair.Cert
	run := &phoneRun{t: t, root: root}
	config := onboard.Config{
		Offer:     onboard.Offer{Roots: []*x509.Certificate{root}, Profile: phoneProfile(root)},
		Listeners: loopback(t),
		Check:     phoneLeaf(t, pair),
		Proof:     phoneLeaf(t, pair),
		Now:       time.Now,
		Notify:    run.note,
	}
	if change != nil {
		change(&config)
	}
	server, err := onboard.New(config)
	if err != nil {
		t.Fatal(err)
	}
	run.url, run.listeners = server.URL(), config.Listeners
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return run
}

func loopback(t testing.TB) onboard.Listeners {
	t.Helper()
	network, err := onboard.ReadNetwork()
	if err != nil {
		t.Fatal(err)
	}
	address, _, err := network.Choose(onboard.Filter{Address: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := onboard.Listen(address, 0)
	if err != nil {
		t.Fatal(err)
	}
	return listeners
}

func (r *phoneRun) note(e onboard.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// actions are the distinct things that happened so far, in order.
func (r *phoneRun) actions() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		if len(all) == 0 || all[len(all)-1] != string(e.Action) {
			all = append(all, string(e.Action))
		}
	}
	return strings.Join(all, " ")
}

// waitFor returns the first event with that action, which may be on its way.
func (r *phoneRun) waitFor(action onboard.Action) onboard.Event {
	r.t.Helper()
	for end := time.Now().Add(rig.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		for _, e := range r.events {
			if e.Action == action {
				r.mu.Unlock()
				return e
			}
		}
		r.mu.Unlock()
	}
	r.t.Fatalf("no event %q; got: %s", action, r.actions())
	return onboard.Event{}
}

// phoneRoot is a root as picoca makes it, but for its name.
func phoneRoot(t testing.TB, name string) testpki.Pair {
	t.Helper()
	return testpki.Home(t, time.Now()).Changed(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
}

func phoneLeaf(t testing.TB, root testpki.Pair) tls.Certificate {
	t.Helper()
	return root.Sign(t, &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"picoca phone"}}, // see TestPhoneLeafHoldsForEveryLibrary
		NotBefore:   time.Now().Add(-time.Minute),
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, testpki.NewKey(t, ca.P256)).TLS()
}

// phoneProfile holds the root as a profile would; what else a profile needs is
// tested where profiles are made.
func phoneProfile(root *x509.Certificate) []byte {
	return []byte("<plist><dict><key>PayloadContent</key><data>\n" +
		base64.StdEncoding.EncodeToString(root.Raw) + "\n</data></dict></plist>\n")
}
