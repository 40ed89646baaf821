package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"time"
	"unicode/utf8"
)

// A leaf's life in days, counted from its notBefore, both ends included. Apple
// refuses leaves of more than 825 days, those of user-installed roots too.
const (
	DefaultLeafDays = 820
	maxLeafDays     = 825
)

// backdate is how far before its making a certificate begins to be valid, for
// clocks that run behind.
const backdate = 24 * time.Hour

// Profile is what kind of leaf is wanted.
type Profile struct {
	// Days is the leaf's life, from notBefore on: 1 to 825.
	Days int
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
// joins one error for each rule that is broken: *NameError, RuleError.
func (a *Authority) Prepare(profile Profile, names Names, pub crypto.PublicKey, now time.Time) (*Prepared, error) {
	p := &Prepared{authority: a, names: names, pub: pub, now: now}
	p.template = a.template(profile, names, pub, now)
	if err := checkRules(draft{a, profile, names, pub, p.template}); err != nil {
		return nil, err
	}
	size, err := p.measure()
	if err != nil {
		return nil, err
	}
	p.size = size
	return p, nil
}

// Size returns the most bytes of DER that the certificate will have; the
// signature of an ECDSA root may make it up to 4 bytes shorter.
func (p *Prepared) Size() int { return p.size }

// NotBefore returns the first second at which the certificate is valid.
func (p *Prepared) NotBefore() time.Time { return p.template.NotBefore }

// NotAfter returns the last second at which the certificate is valid.
func (p *Prepared) NotAfter() time.Time { return p.template.NotAfter }

func (a *Authority) template(profile Profile, names Names, pub crypto.PublicKey, now time.Time) *x509.Certificate {
	purpose, subject := x509.ExtKeyUsageServerAuth, commonName(names.First())
	if profile.client != (Label{}) {
		purpose, subject = x509.ExtKeyUsageClientAuth, pkix.Name{CommonName: profile.client.text}
	}
	usage := x509.KeyUsageDigitalSignature
	if kt, err := KeyTypeOf(pub); err == nil && kt.IsRSA() {
		usage |= x509.KeyUsageKeyEncipherment // TLS_RSA_* of old firmware
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

// commonName is empty when the name is too long for it: clients read the
// subjectAltName alone, which Go then marks critical (RFC 5280 4.1.2.6).
func commonName(name Name) pkix.Name {
	if utf8.RuneCountInString(name.String()) > ubCommonName {
		return pkix.Name{}
	}
	return pkix.Name{CommonName: name.String()}
}

// validity returns the first and the last second. RFC 5280 section 4.1.2.5:
// both count as valid, so a life of n days ends one second before n days.
func validity(profile Profile, root *x509.Certificate, now time.Time) (first, last time.Time) {
	first = now.UTC().Truncate(time.Second).Add(-backdate)
	last = first.AddDate(0, 0, profile.Days).Add(-time.Second)
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
	return len(draft.RawTBSCertificate) + afterTBS(p.authority.keyType), nil
}

// afterTBS is how many bytes of a certificate stand around its TBSCertificate
// at most (RFC 5280 section 4.1): the outer SEQUENCE's header, the signature
// algorithm, and the BIT STRING. RSA's algorithm is 3 bytes longer than
// ECDSA's, for its NULL and longer OID, here and inside.
func afterTBS(root KeyType) int {
	const header, algorithm, bitString = 4, 12, 5
	size := header + algorithm + bitString + maxSignature(root)
	if root.IsRSA() {
		size += 3 + 3
	}
	return size
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
	return leaf, a.prove(leaf, p)
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
