// Package onboard brings the roots of a certificate authority to a phone, and
// finds out whether the phone then trusts them. It chooses the address that a
// phone can reach (Network), draws it as a QR code (Code), and runs the
// short-lived server behind it (Server). It gets bytes and listeners; it knows
// no files and no commands, and has no clock of its own. No private key of a root
// reaches it, only two certificates for an hour with theirs.
//
// # Three ports
//
// Page speaks plain HTTP: a phone that does not trust the root yet can open
// nothing else without a warning. It serves public bytes only. Plain HTTP cannot
// be made safe, only checked: anyone who can change the traffic can replace root
// and page together. So the page sends the reader to the phone's own certificate
// viewer, to compare what that shows with the fingerprint in the terminal before
// trust is switched on.
//
// Check speaks HTTPS with a certificate of the first root. If it opens without a
// warning, the reader sees that trust works. It proves little to the server:
// a reader who taps past the warning arrives there just the same.
//
// Proof speaks HTTPS too, with a second certificate that nothing ever links to
// as a page. The check page embeds one image from it, under a name that is valid
// for this one visit. Browsers offer no way past a warning for an embedded
// image, and an exception made for the check page does not cover the image:
// WebKit and Chromium bind an exception to the certificate, Firefox to port and
// certificate. So if the image is fetched, that browser accepted a certificate of
// this root which no reader could have waved through. The event Trusted, and the
// words on the page, rest on this and on nothing less.
//
// What the proof does not show: that other apps or browsers on the phone trust
// the root as well, that the fingerprint was compared, that a second root is
// trusted, or that the browser checks certificates at all (one started with
// checks switched off, or curl -k, passes). A visitor who types the image's
// address by hand and taps past that warning too can fake the proof.
//
// # Without a computer
//
// A Board serves the first of these pages for good, as files, and a printed sheet
// leads to it. There is no proof then, and no terminal: the reader compares with
// the fingerprint on the sheet.
package onboard

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// Offer is what the server brings to a phone.
type Offer struct {
	// Roots are the certificates to trust: one, or more while a root is being
	// replaced or has a spare. The first one signed Check and Proof; the proof
	// of trust is for it only.
	Roots []*x509.Certificate
	// Profile is an Apple configuration profile (.mobileconfig) for iPhone and
	// iPad with all roots and nothing private.
	Profile []byte
	// Devices are pages to visit once the root is trusted, https only.
	Devices []Link
	// Identity is handed over once, over HTTPS, to a browser that has proved its
	// trust; nil for none.
	Identity *Identity
}

// Link is a named address, such as that of a board's page.
type Link struct{ Name, URL string }

// Config is all that a Server needs. Every field except UntilTrusted is required,
// apart from the optional ones of Offer.
type Config struct {
	Offer
	Listeners
	// Check and Proof are certificates of the first root for the listeners'
	// address, with their keys. They must differ: an exception made for the check
	// page must not cover the proof.
	Check, Proof tls.Certificate
	// UntilTrusted ends Run after the first browser that proves its trust and
	// has downloaded the identity, if there is one.
	UntilTrusted bool
	// Now is the clock for events and for the certificates' validity.
	Now func() time.Time
	// Notify is called for every event, one at a time, from the goroutine of Run.
	Notify func(Event)

	patience    time.Duration // of the check page for the proof; 0 means proofWithin
	repeatAfter time.Duration // until repeated events are reported; 0 means repeatAfter
}

// root is one of the roots, with the place that names its files.
type root struct {
	cert  *x509.Certificate
	place int
}

func (o Offer) roots() []root {
	var all []root
	for i, cert := range o.Roots {
		all = append(all, root{cert, i + 1})
	}
	return all
}

// Files of the page. Android's file picker greys out names that do not end in
// .crt; iOS knows a profile by its ending and its MIME type.
const profileFile = "picoca-root.mobileconfig"

func (r root) crtFile() string { return r.stem() + ".crt" }
func (r root) pemFile() string { return r.stem() + ".pem" }

func (r root) stem() string {
	if r.place == 1 {
		return "picoca-root"
	}
	return fmt.Sprintf("picoca-root-%d", r.place)
}

// file returns what the button for a platform downloads. A Mac reads profiles
// too, but Apple documents trust by Keychain Access (support.apple.com/guide/keychain-access,
// "Change the trust settings of a certificate") and does not say whether the root of
// a profile installed by hand is trusted at once; what it says about that
// (support.apple.com/102390) is for iOS, iPadOS and visionOS. People who hand out
// such profiles for Macs rely on it (github.com/willswire/dod.mobileconfig). Then
// the comparison would come too late; with a certificate it comes first.
func (r root) file(p Platform) string {
	switch p {
	case IPhone, IPad:
		return profileFile
	case Linux:
		return r.pemFile()
	}
	return r.crtFile()
}

// newToken returns a random path element of 65 bits. 13 characters keep the QR
// code at 29 modules for every IPv4 address and port.
func newToken() string {
	return strings.ToLower(rand.Text()[:13])
}

// check finds every fault of c that would make the server lie, leak or fail.
func (c Config) check() error {
	if len(c.Roots) == 0 || slices.Contains(c.Roots, nil) || c.Now == nil || c.Notify == nil {
		return errors.New("onboard configuration lacks Roots, Now or Notify")
	}
	host, err := c.Listeners.check()
	if err != nil {
		return err
	}
	return errors.Join(
		c.Offer.check(),
		c.checkLeaf("check", c.Check, host),
		c.checkLeaf("proof", c.Proof, host),
		c.checkDistinct(),
	)
}

func (o Offer) check() error {
	var faults []error
	for i, cert := range o.Roots {
		if !cert.IsCA {
			faults = append(faults, fmt.Errorf("root %q is not a certificate authority", cert.Subject.CommonName))
		}
		if slices.ContainsFunc(o.Roots[:i], cert.Equal) {
			faults = append(faults, fmt.Errorf("root %q is offered twice", cert.Subject.CommonName))
		}
	}
	faults = append(faults, o.checkProfile())
	for _, link := range o.Devices {
		u, err := url.Parse(link.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			faults = append(faults, fmt.Errorf("device address %q is not an https address", link.URL))
		}
	}
	return errors.Join(append(faults, o.Identity.check())...)
}

// checkProfile reports a profile that lacks a root, or contains what must not be
// sent in clear.
func (o Offer) checkProfile() error {
	if bytes.Contains(o.Profile, []byte("com.apple.security.pkcs12")) {
		return errors.New("profile contains an identity, which cannot be sent over plain HTTP")
	}
	flat := bytes.Join(bytes.Fields(o.Profile), nil)
	for _, cert := range o.Roots {
		if !bytes.Contains(flat, []byte(base64.StdEncoding.EncodeToString(cert.Raw))) {
			return fmt.Errorf("profile lacks the root %q", cert.Subject.CommonName)
		}
	}
	return nil
}

func (c Config) checkLeaf(port string, cert tls.Certificate, host netip.Addr) error {
	if len(cert.Certificate) == 0 {
		return fmt.Errorf("%s certificate is missing", port)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return fmt.Errorf("%s certificate: %w", port, err)
	}
	if bytes.Equal(leaf.RawSubjectPublicKeyInfo, c.Roots[0].RawSubjectPublicKeyInfo) {
		return fmt.Errorf("%s certificate has the root's own key, which must not serve", port)
	}
	if name := leaf.Subject.CommonName; name != "" && len(leaf.DNSNames) == 0 {
		return fmt.Errorf("%s certificate has the common name %q: without a DNS name, OpenSSL and GnuTLS check that against the root's name constraints", port, name)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c.Roots[0])
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: host.String(), Roots: pool, CurrentTime: c.Now()})
	if err != nil {
		return fmt.Errorf("%s certificate: %w", port, err)
	}
	return nil
}

func (c Config) checkDistinct() error {
	if len(c.Check.Certificate) > 0 && len(c.Proof.Certificate) > 0 && bytes.Equal(c.Check.Certificate[0], c.Proof.Certificate[0]) {
		return errors.New("check and proof have the same certificate: an exception for one would cover the other")
	}
	return nil
}

// Listeners are the server's three ports on one address.
type Listeners struct{ Page, Check, Proof net.Listener }

// maxPort is the last first port: two more follow it.
const maxPort = 65533

// Listen opens three ports in a row from port on, or any three for port 0. On
// failure none is left open; the error is a *PortError if a port could not be
// opened.
func Listen(at Address, port uint16) (Listeners, error) {
	if !at.ip.IsValid() {
		return Listeners{}, errors.New("address is not chosen")
	}
	if port > maxPort {
		return Listeners{}, fault.With(fmt.Errorf("port %d leaves no room for three ports in a row; expected at most %d", port, maxPort),
			fault.Run("phone", "--port", "8440"))
	}
	var open [3]net.Listener
	for i := range open {
		next := netip.AddrPortFrom(at.ip, port)
		if port != 0 {
			next = netip.AddrPortFrom(at.ip, port+uint16(i))
		}
		l, err := net.Listen("tcp", next.String())
		if err != nil {
			for _, l := range open[:i] {
				l.Close()
			}
			return Listeners{}, &PortError{next, err}
		}
		open[i] = l
	}
	return Listeners{Page: open[0], Check: open[1], Proof: open[2]}, nil
}

// Place is where a Server can run.
type Place struct {
	Address Address
	Others  []Address // other usable addresses of this computer, best first
	Listeners
}

// Open chooses an address, as Choose does for what the user typed, and listens
// there, as Listen does.
func Open(name, address string, port uint16) (Place, error) {
	filter, err := ParseFilter(name, address)
	if err != nil {
		return Place{}, err
	}
	network, err := ReadNetwork()
	if err != nil {
		return Place{}, err
	}
	chosen, others, err := network.Choose(filter)
	if err != nil {
		return Place{}, err
	}
	listeners, err := Listen(chosen, port)
	return Place{chosen, others, listeners}, err
}

// PortError says why a port could not be opened.
type PortError struct {
	At  netip.AddrPort
	Err error // wraps the system's, such as syscall.EADDRINUSE
}

func (e *PortError) Error() string {
	reason := e.Err
	if system, ok := errors.AsType[syscall.Errno](e.Err); ok {
		reason = system
	}
	return fmt.Sprintf("port %d on %s cannot be used: %v", e.At.Port(), e.At.Addr(), reason)
}

// Unwrap returns the system's error.
func (e *PortError) Unwrap() error { return e.Err }

// Hint names ports that are likelier to work.
func (e *PortError) Hint() fault.Hint {
	if errno.Is(e.Err, syscall.EACCES) {
		return fault.Hintf("choose a port of at least 1024: %s", fault.Command{"phone", "--port", "8440"})
	}
	return fault.Hintf("choose other ports: %s, or --port 0 for any three that are free", fault.Command{"phone", "--port", "8450"})
}

// Close frees the ports. A running Server does it itself.
func (l Listeners) Close() error {
	return errors.Join(l.Page.Close(), l.Check.Close(), l.Proof.Close())
}

// check returns the one address of all three, which must be private.
func (l Listeners) check() (netip.Addr, error) {
	if l.Page == nil || l.Check == nil || l.Proof == nil {
		return netip.Addr{}, errors.New("page, check and proof need a listener each")
	}
	host := hostPort(l.Page).Addr()
	for _, other := range []net.Listener{l.Check, l.Proof} {
		if got := hostPort(other).Addr(); got != host {
			return netip.Addr{}, fmt.Errorf("listeners are on %s and %s, expected one address", host, got)
		}
	}
	return host, checkAddress(host)
}

// hostPort returns where l listens; the zero value if that is not TCP.
func hostPort(l net.Listener) netip.AddrPort {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
