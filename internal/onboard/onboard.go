// Package onboard brings the root certificate of a certificate authority to a
// phone, and finds out whether the phone trusts it afterwards. It chooses the
// address that a phone can reach (Network), draws it as a QR code (Code), and
// runs the short-lived server behind it (Server). It is handed bytes and
// listeners; it knows no files, no commands and no clock of its own.
//
// # Three ports
//
// Page speaks plain HTTP: a phone that does not trust the root yet can open
// nothing else without a warning. It gives out public bytes only. Plain HTTP
// cannot be made safe, only checked: whoever can change the traffic can swap
// root and page together. So the page sends the reader to the phone's own
// certificate viewer, to compare what that shows with the fingerprint in the
// terminal, before trust is switched on.
//
// Check speaks HTTPS with a certificate of the root. Opening it without a
// warning shows the reader that trust works. To the server it proves little:
// somebody who taps past the warning arrives there just the same.
//
// Seal speaks HTTPS too, with a second certificate that nothing ever links to
// as a page. The check page embeds one image from it, under a name good for
// this one visit. Browsers offer no way past a warning for an embedded image,
// and an exception that somebody made for the check page does not reach the
// seal: WebKit and Chromium bind an exception to the certificate, Firefox to
// port and certificate. So when the image is fetched, that browser accepted a
// certificate of this root that nobody could have waved through: the event
// Trusted, and the words on the page, rest on this and on nothing less.
//
// What the proof does not say: that other apps or browsers of the phone trust
// the root as well, that the fingerprint was compared, or that the browser
// checks certificates at all (one started with checks switched off, or curl -k,
// passes). Somebody who types the seal's address by hand and taps past that
// warning too can fool the seal.
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
	"strings"
	"time"
)

// File names that the page offers. Android's file picker greys out what does
// not end in .crt; iOS knows a profile by its ending and its MIME type.
const (
	certificateFile = "picoca-root.crt"
	profileFile     = "picoca-root.mobileconfig"
	pemFile         = "picoca-root.pem"
)

// Offer is what the server brings to a phone.
type Offer struct {
	// Root is the certificate to be trusted. Its common name and its name
	// constraints are what the page says about it.
	Root *x509.Certificate
	// Profile is an Apple configuration profile (.mobileconfig) that holds
	// Root and nothing private.
	Profile []byte
	// Devices are pages to visit once the root is trusted, https only.
	Devices []Link
	// Identity is handed out once, over HTTPS, to a browser that has proven its
	// trust; nil for none.
	Identity *Identity
}

// Link is a named address, such as that of a board's page.
type Link struct{ Name, URL string }

// Config is all that a Server needs. Every field but UntilTrusted is required,
// apart from the optional ones of Offer.
type Config struct {
	Offer
	Listeners
	// Check and Seal are certificates of Root for the listeners' address, two
	// different ones: the seal proves nothing with the certificate of the check.
	Check, Seal tls.Certificate
	// UntilTrusted ends Run after the first browser that proves its trust, and
	// has fetched the identity if there is one.
	UntilTrusted bool
	// Now is the clock for events and for the certificates' validity.
	Now func() time.Time
	// Notify is told every event, one at a time, from the goroutine of Run.
	Notify func(Event)

	patience time.Duration // of the check page for its seal; 0 means sealWithin
	quiet    time.Duration // between refusals of a kind that are told; 0 means quiet
}

// newToken is a random path element of 65 bits. 13 characters keep the QR code
// at 29 modules for every IPv4 address and port.
func newToken() string {
	return strings.ToLower(rand.Text()[:13])
}

// check finds every fault of c that would let the server lie, leak or fail.
func (c Config) check() error {
	if c.Root == nil || c.Now == nil || c.Notify == nil {
		return errors.New("onboard configuration lacks Root, Now or Notify")
	}
	host, err := c.Listeners.check()
	if err != nil {
		return err
	}
	return errors.Join(
		c.Offer.check(),
		c.checkLeaf("check", c.Check, host),
		c.checkLeaf("seal", c.Seal, host),
		c.checkDistinct(),
	)
}

func (o Offer) check() error {
	var faults []error
	if !o.Root.IsCA {
		faults = append(faults, fmt.Errorf("root %q is not a certificate authority", o.Root.Subject.CommonName))
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

// checkProfile holds the profile to the root, and to what may be sent in clear.
func (o Offer) checkProfile() error {
	if bytes.Contains(o.Profile, []byte("com.apple.security.pkcs12")) {
		return errors.New("profile holds an identity: it cannot be sent over plain HTTP")
	}
	encoded := []byte(base64.StdEncoding.EncodeToString(o.Root.Raw))
	if !bytes.Contains(bytes.Join(bytes.Fields(o.Profile), nil), encoded) {
		return fmt.Errorf("profile does not hold the root %q", o.Root.Subject.CommonName)
	}
	return nil
}

func (c Config) checkLeaf(stage string, cert tls.Certificate, host netip.Addr) error {
	if len(cert.Certificate) == 0 {
		return fmt.Errorf("%s certificate is missing", stage)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return fmt.Errorf("%s certificate: %w", stage, err)
	}
	if name := leaf.Subject.CommonName; name != "" && len(leaf.DNSNames) == 0 {
		// With no DNS name in it, they take the common name for one.
		return fmt.Errorf("%s certificate has the common name %q: OpenSSL and GnuTLS hold it to the root's name constraints", stage, name)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.Root)
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: host.String(), Roots: roots, CurrentTime: c.Now()})
	if err != nil {
		return fmt.Errorf("%s certificate: %w", stage, err)
	}
	return nil
}

func (c Config) checkDistinct() error {
	if len(c.Check.Certificate) > 0 && len(c.Seal.Certificate) > 0 && bytes.Equal(c.Check.Certificate[0], c.Seal.Certificate[0]) {
		return errors.New("check and seal have the same certificate: an exception for one would cover the other")
	}
	return nil
}

// Listeners are the server's three ports on one address.
type Listeners struct{ Page, Check, Seal net.Listener }

// Listen opens three ports in a row from port on, or any three for port 0.
// On a taken port it fails with an error that wraps syscall.EADDRINUSE, and
// leaves none open.
func Listen(at Address, port uint16) (Listeners, error) {
	if !at.ip.IsValid() {
		return Listeners{}, errors.New("address is not chosen")
	}
	if port > 65533 {
		return Listeners{}, fmt.Errorf("port %d leaves no room for three ports: want at most 65533", port)
	}
	var open [3]net.Listener
	for i := range open {
		next := port
		if port != 0 {
			next += uint16(i)
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(at.ip, next).String())
		if err != nil {
			for _, l := range open[:i] {
				l.Close()
			}
			return Listeners{}, err
		}
		open[i] = l
	}
	return Listeners{Page: open[0], Check: open[1], Seal: open[2]}, nil
}

// Close frees the ports. A running Server does it itself.
func (l Listeners) Close() error {
	return errors.Join(l.Page.Close(), l.Check.Close(), l.Seal.Close())
}

// check returns the one address of all three, which must be inside a home.
func (l Listeners) check() (netip.Addr, error) {
	if l.Page == nil || l.Check == nil || l.Seal == nil {
		return netip.Addr{}, errors.New("page, check and seal want a listener each")
	}
	host := hostPort(l.Page).Addr()
	for _, other := range []net.Listener{l.Check, l.Seal} {
		if got := hostPort(other).Addr(); got != host {
			return netip.Addr{}, fmt.Errorf("listeners are on %s and %s: want one address", host, got)
		}
	}
	return host, refusal(host)
}

// hostPort is where l listens; the zero value when that is not TCP.
func hostPort(l net.Listener) netip.AddrPort {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
