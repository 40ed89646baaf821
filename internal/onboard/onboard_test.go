package onboard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNewRefusesWhatWouldLieOrLeak(t *testing.T) {
	h := newHome(t, nil)
	stranger := newHome(t, nil)
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no root", func(c *Config) { c.Roots = nil }, "lacks Roots"},
		{"half a root", func(c *Config) { c.Roots = append(c.Roots, nil) }, "lacks Roots"},
		{"the same root twice", func(c *Config) { c.Roots = append(c.Roots, c.Roots[0]) }, `root "Home CA 7Q3F" is offered twice`},
		{"a second root that the profile lacks", func(c *Config) { c.Roots = append(c.Roots, stranger.root) }, `profile lacks the root "Home CA 7Q3F"`},
		{"certificates of the second root", func(c *Config) {
			c.Roots = []*x509.Certificate{stranger.root, h.root}
			c.Profile = append(h.profile(), stranger.profile()...)
		}, "certificate signed by unknown authority"},
		{"the root's own key", func(c *Config) { c.Check = h.ownKey("127.0.0.1") }, "check certificate has the root's own key"},
		{"no clock", func(c *Config) { c.Now = nil }, "lacks Roots, Now"},
		{"nothing to notify", func(c *Config) { c.Notify = nil }, "Notify"},
		{"a leaf as root", func(c *Config) { c.Roots[0], _ = x509.ParseCertificate(c.Check.Certificate[0]) }, "is not a certificate authority"},
		{"no profile", func(c *Config) { c.Profile = nil }, `profile lacks the root "Home CA 7Q3F"`},
		{"another root's profile", func(c *Config) { c.Profile = stranger.profile() }, "profile lacks the root"},
		{"a profile with a key", func(c *Config) {
			c.Profile = append(c.Profile, "<string>com.apple.security.pkcs12</string>"...)
		}, "cannot be sent over plain HTTP"},
		{"no check certificate", func(c *Config) { c.Check = tls.Certificate{} }, "check certificate is missing"},
		{"a check certificate that is none", func(c *Config) { c.Check.Certificate = [][]byte{{1, 2, 3}} }, "check certificate: "},
		{"a foreign check certificate", func(c *Config) { c.Check = stranger.leaf("127.0.0.1") }, "check certificate: x509: certificate signed by unknown authority"},
		{"a foreign proof certificate", func(c *Config) { c.Proof = stranger.leaf("127.0.0.1") }, "proof certificate: x509: certificate signed by unknown authority"},
		{"a proof certificate for another address", func(c *Config) { c.Proof = h.leaf("127.0.0.2") }, "proof certificate: x509: certificate is valid for 127.0.0.2, not 127.0.0.1"},
		{"a check certificate with a common name", func(c *Config) { c.Check = h.named("127.0.0.1") }, `check certificate has the common name "127.0.0.1"`},
		{"expired certificates", func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		}, "has expired"},
		{"one certificate for both", func(c *Config) { c.Proof = c.Check }, "the same certificate"},
		{"a device without https", func(c *Config) { c.Devices = []Link{{"clock", "http://pico.local/"}} }, `"http://pico.local/" is not an https address`},
		{"a device that is a script", func(c *Config) { c.Devices = []Link{{"clock", "javascript:alert(1)"}} }, "is not an https address"},
		{"an identity with a path", func(c *Config) {
			c.Identity = newIdentity("x", "../x")
		}, `identity "x" has the file name "../x"`},
		{"an identity without bytes", func(c *Config) { c.Identity = newIdentity("x", "x"); c.Identity.PhoneProfile = nil }, `identity "x" lacks the bytes`},
		{"no proof listener", func(c *Config) { c.Listeners.Proof = nil }, "need a listener each"},
		{"two addresses", func(c *Config) { c.Listeners.Proof = fakeListener("127.0.0.2:9") }, "127.0.0.1 and 127.0.0.2, expected one address"},
		{"a public address", func(c *Config) { c.Listeners = fakeListeners("203.0.113.7") }, "address 203.0.113.7 is not private"},
		{"every address", func(c *Config) { c.Listeners = fakeListeners("0.0.0.0") }, "0.0.0.0 means every interface"},
		{"every IPv6 address", func(c *Config) { c.Listeners = fakeListeners("[::]") }, ":: means every interface"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := h.makeConfig()
			test.change(&c)
			_, err := New(c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestNewNamesAllFaultsAtOnce(t *testing.T) {
	c := newHome(t, nil).makeConfig()
	c.Profile = nil
	c.Devices = []Link{{"a", "ftp://a"}, {"b", "https://"}}
	c.Proof = tls.Certificate{}
	_, err := New(c)
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("got %d faults, want 4:\n%v", got, err)
	}
}

func TestTokensAre65RandomBits(t *testing.T) {
	// Base32: five bits a character.
	form := regexp.MustCompile(`^[a-z2-7]{13}$`)
	seen := map[string]bool{}
	for range 1000 {
		token := newToken()
		if !form.MatchString(token) || seen[token] {
			t.Fatalf("token %q: want 13 new characters of base32", token)
		}
		seen[token] = true
	}
}

// freePorts is the first of three free ports in a row on loopback.
func freePorts(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		one, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first := hostPort(one).Port()
		one.Close()
		if three, err := Listen(Address{netip.MustParseAddr("127.0.0.1"), "lo"}, first); err == nil {
			three.Close()
			return first
		}
	}
	t.Fatal("100 times no three ports in a row were free")
	return 0
}

func TestListenTakesThreePortsInARow(t *testing.T) {
	first := freePorts(t)
	got, err := Listen(Address{netip.MustParseAddr("127.0.0.1"), "lo"}, first)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	page, check, proof := hostPort(got.Page).Port(), hostPort(got.Check).Port(), hostPort(got.Proof).Port()
	if page != first || check != first+1 || proof != first+2 {
		t.Errorf("got ports %d, %d, %d: want %d and the next two", page, check, proof, first)
	}
}

func TestListenLeavesNothingOpenOnATakenPort(t *testing.T) {
	first := freePorts(t)
	third := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), first+2).String()
	taken, err := net.Listen("tcp", third)
	if err != nil {
		t.Fatal(err)
	}
	at := Address{netip.MustParseAddr("127.0.0.1"), "lo"}
	want := fmt.Sprintf("port %d on 127.0.0.1 cannot be used: address already in use", first+2)
	_, err = Listen(at, first)
	if !errors.Is(err, syscall.EADDRINUSE) || err.Error() != want {
		t.Fatalf("got %v, want EADDRINUSE and %q", err, want)
	}
	if got := hintOf(err); got != "choose other ports: picoca phone --port 8450, or --port 0 for any three that are free" {
		t.Errorf("got hint %q", got)
	}
	taken.Close()
	again, err := Listen(at, first)
	if err != nil {
		t.Fatalf("a port before the taken one is still open: %v", err)
	}
	again.Close()
}

func TestListenWantsAChosenAddressAndRoom(t *testing.T) {
	if _, err := Listen(Address{}, 0); err == nil {
		t.Error("listened on an address that was not chosen")
	}
	if _, err := Listen(Address{netip.MustParseAddr("127.0.0.1"), "lo"}, 65534); err == nil {
		t.Error("listened on 65534 and two ports past the last")
	}
}

func TestURLLeavesOutTheUsualPort(t *testing.T) {
	for _, test := range []struct {
		at   string
		want string
	}{
		{"192.168.1.20:8123", "192.168.1.20:8123"},
		{"192.168.1.20:80", "192.168.1.20"},
		{"192.168.1.20:8080", "192.168.1.20:8080"},
		{"[fd00::5]:80", "[fd00::5]"},
		{"[fd00::5]:8123", "[fd00::5]:8123"},
	} {
		if got := authority(fakeListener(test.at), 80); got != test.want {
			t.Errorf("%s: got %s, want %s", test.at, got, test.want)
		}
	}
}

// fakeListener claims to be somewhere without being there.
type fakeListener string

func (f fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (f fakeListener) Close() error              { return nil }
func (f fakeListener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(string(f)))
}

func fakeListeners(host string) Listeners {
	return Listeners{fakeListener(host + ":8123"), fakeListener(host + ":8124"), fakeListener(host + ":8125")}
}
