package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"time"
)

// A leaf's life in days, counted from its notBefore, both ends included. Apple
// refuses leaves of more than 825 days, those of user-installed roots too.
const (
	DefaultLeafDays = 820
	MaxLeafDays     = 825
	minLeafLife     = time.Minute
)

// backdate is how far before its making a certificate begins to be valid, for
// clocks that run behind: a day, or less for a short life.
func backdate(life time.Duration) time.Duration { return min(24*time.Hour, life/24) }

// Days returns the life of n days, or of a hundred thousand if n is more.
func Days(n int) time.Duration {
	const most = 100_000 // a time.Duration overflows at 106,751
	return time.Duration(max(-most, min(n, most))) * 24 * time.Hour
}

// Profile is what kind of leaf is wanted.
type Profile struct {
	// Life is the leaf's life, from notBefore on: a minute to 825 days.
	Life time.Duration
	// Cut ends the leaf with its root when that ends first; otherwise such a
	// leaf is refused.
	Cut bool
	// Force allows what is unwise: RSA keys over 2048 bits.
	Force bool
	// BoardClock makes the leaf valid from 2021-01-01 on, where the clock of a
	// board that has not asked for the time stands. Its life is then longer
	// than Apple's 825 days: it is for boards that verify boards.
	BoardClock bool

	client Label // of PrepareClient
}

// Prepared is a leaf that passed every rule and that its authority may sign
// once.
type Prepared struct {
	authority *Authority
	names     Names
	template  *x509.Certificate
	pub       crypto.PublicKey
	now       time.Time
	size      int
	used      bool
}

// Prepare makes the leaf for names and pub that the authority would sign at
// now, and holds it against every rule. It needs no private key. The error
// joins one error for each rule that is broken: *NameError, RuleError,
// DaysError, UnknownKeyTypeError, ExpiredError (of the root).
func (a *Authority) Prepare(profile Profile, names Names, pub crypto.PublicKey, now time.Time) (*Prepared, error) {
	p := &Prepared{authority: a, names: names, pub: pub, now: now}
	p.template = a.template(profile, names, pub, now)
	if err := checkRules(draft{a, profile, names, pub, p.template, now}); err != nil {
		return nil, err
	}
	size, err := p.measure()
	if err != nil {
		return nil, err
	}
	p.size = size
	return p, nil
}

// Size returns the most bytes of DER that the certificate will have: all of
// them under an RSA root; the signature of an ECDSA root is mostly 0 to 2
// bytes shorter than its longest.
func (p *Prepared) Size() int { return p.size }

// NotBefore returns the first second at which the certificate is valid.
func (p *Prepared) NotBefore() time.Time { return p.template.NotBefore }

// NotAfter returns the last second at which the certificate is valid.
func (p *Prepared) NotAfter() time.Time { return p.template.NotAfter }

func (a *Authority) template(profile Profile, names Names, pub crypto.PublicKey, now time.Time) *x509.Certificate {
	usage := x509.KeyUsageDigitalSignature
	if kt, err := KeyTypeOf(pub); err == nil && kt.IsRSA() {
		usage |= x509.KeyUsageKeyEncipherment // TLS_RSA_* of old firmware
	}
	purpose, subject := x509.ExtKeyUsageServerAuth, commonName(names.First())
	if profile.client != (Label{}) {
		purpose, subject = x509.ExtKeyUsageClientAuth, pkix.Name{CommonName: profile.client.text}
		usage = x509.KeyUsageDigitalSignature // RFC 5280 section 4.2.1.12: a client signs, no more
	}
	t := &x509.Certificate{
		SerialNumber: newSerial(),
		Subject:      subject,
		KeyUsage:     usage,
		ExtKeyUsage:  []x509.ExtKeyUsage{purpose},
	}
	t.NotBefore, t.NotAfter = validity(profile, a.cert, now)
	for _, name := range names.list {
		if name.addr.IsValid() {
			t.IPAddresses = append(t.IPAddresses, net.IP(name.addr.AsSlice()))
		} else {
			t.DNSNames = append(t.DNSNames, name.dns)
		}
	}
	return t
}

// commonName is empty when the name is too long for it. Clients read the
// subjectAltName alone, which Go marks critical beside an empty subject (RFC
// 5280 section 4.1.2.6).
func commonName(name Name) pkix.Name {
	if len(name.dns) > ubCommonName {
		return pkix.Name{}
	}
	// None for an address: OpenSSL and GnuTLS hold a commonName against the
	// root's domains when the certificate has no dNSName.
	return pkix.Name{CommonName: name.dns}
}

// validity returns the first and the last second. RFC 5280 section 4.1.2.5:
// both count as valid, so a life of n days ends one second before them.
func validity(profile Profile, root *x509.Certificate, now time.Time) (first, last time.Time) {
	first = now.UTC().Add(-backdate(profile.Life)).Truncate(time.Second)
	last = first.Add(profile.Life - time.Second).Truncate(time.Second)
	if profile.BoardClock {
		first = earlier(boardEpoch, first)
	}
	if profile.Cut && last.After(root.NotAfter) {
		last = root.NotAfter
	}
	if first.Before(root.NotBefore) {
		first = root.NotBefore
	}
	return first, last
}

// measure signs with a throw-away key to learn the size of everything but the
// signature, and adds the largest signature of the root's key.
func (p *Prepared) measure() (int, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	issuer := *p.authority.cert
	issuer.PublicKey = nil // or x509 insists on the root's own key
	der, err := x509.CreateCertificate(rand.Reader, p.template, &issuer, p.pub, key)
	if err != nil {
		return 0, err
	}
	draft, err := x509.ParseCertificate(der)
	if err != nil {
		return 0, err
	}
	var tbs asn1.RawValue
	if _, err := asn1.Unmarshal(draft.RawTBSCertificate, &tbs); err != nil {
		return 0, err
	}
	return signedSize(len(tbs.Bytes), p.authority.keyType), nil
}

// signedSize returns the most bytes of a certificate (RFC 5280 section 4.1)
// whose TBSCertificate has that content under an ECDSA root. The algorithm of
// an RSA signature, which stands inside too, is 3 bytes longer for its NULL
// and its OID.
func signedSize(tbs int, root KeyType) int {
	algorithm := 12
	if root.IsRSA() {
		algorithm, tbs = algorithm+3, tbs+3
	}
	const unusedBits = 1
	return element(element(tbs) + algorithm + element(unusedBits+maxSignature(root)))
}

// element returns the size of a DER element with n bytes of content (X.690
// section 8.1.3).
func element(n int) int {
	if n < 128 {
		return n + 2
	}
	return n + 2 + (bits.Len(uint(n))+7)/8
}

// ErrUsed says that a prepared certificate was signed before, or by another
// authority than the one that prepared it.
var ErrUsed = errors.New("prepared certificate was used, or is another authority's")

// Sign signs p, once, and proves the result: it verifies against the root, for
// each of its names, at the time for which it was prepared. Before Unlock it
// fails with ErrLocked.
func (a *Authority) Sign(p *Prepared) (*x509.Certificate, error) {
	if a.signer == nil {
		return nil, ErrLocked
	}
	if p.used || p.authority != a {
		return nil, ErrUsed
	}
	p.used = true
	der, err := x509.CreateCertificate(rand.Reader, p.template, a.cert, p.pub, a.signer)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := a.prove(leaf, p); err != nil {
		return nil, err
	}
	return leaf, nil
}

func (a *Authority) prove(leaf *x509.Certificate, p *Prepared) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: p.now, KeyUsages: leaf.ExtKeyUsage}); err != nil {
		return fmt.Errorf("signed certificate does not verify: %w", err)
	}
	for _, name := range p.names.list {
		if err := leaf.VerifyHostname(probe(name)); err != nil {
			return fmt.Errorf("signed certificate does not hold for %q: %w", name, err)
		}
	}
	if !bytes.Equal(leaf.AuthorityKeyId, a.cert.SubjectKeyId) {
		return errors.New("signed certificate does not name its issuer's key")
	}
	return nil
}

// probe is a host that name covers.
func probe(name Name) string {
	if wild, ok := cutWildcard(name.dns); ok {
		return "x." + wild
	}
	return name.String()
}
