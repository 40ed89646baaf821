package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/onboard"
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
	root, key := phoneRoot(t, name)
	run := &phoneRun{t: t, root: root}
	config := onboard.Config{
		Offer:     onboard.Offer{Roots: []*x509.Certificate{root}, Profile: phoneProfile(root)},
		Listeners: loopback(t),
		Check:     phoneLeaf(t, root, key),
		Proof:     phoneLeaf(t, root, key),
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

// phoneRoot is a root as picoca makes it.
func phoneRoot(t testing.TB, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	_, loopback4, _ := net.ParseCIDR("127.0.0.0/8")
	_, private4, _ := net.ParseCIDR("192.168.0.0/16")
	_, private6, _ := net.ParseCIDR("fc00::/7")
	return phoneSign(t, &x509.Certificate{
		Subject:                 pkix.Name{CommonName: name},
		NotAfter:                time.Now().AddDate(10, 0, 0),
		IsCA:                    true,
		BasicConstraintsValid:   true,
		MaxPathLenZero:          true,
		KeyUsage:                x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomains:     []string{"local", "home.arpa", "internal", "lan"},
		PermittedIPRanges:       []*net.IPNet{loopback4, private4, private6},
		PermittedEmailAddresses: []string{"home.arpa"},
	}, nil, nil)
}

func phoneLeaf(t testing.TB, root *x509.Certificate, key *ecdsa.PrivateKey) tls.Certificate {
	t.Helper()
	leaf, leafKey := phoneSign(t, &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"picoca phone"}}, // see TestPhoneLeafHoldsForEveryLibrary
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, root, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}
}

// phoneSign makes a key and its certificate, signed by parent or by itself.
func phoneSign(t testing.TB, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	template.NotBefore = time.Now().Add(-time.Minute)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// phoneProfile holds the root as a profile would; what else a profile needs is
// tested where profiles are made.
func phoneProfile(root *x509.Certificate) []byte {
	return []byte("<plist><dict><key>PayloadContent</key><data>\n" +
		base64.StdEncoding.EncodeToString(root.Raw) + "\n</data></dict></plist>\n")
}
