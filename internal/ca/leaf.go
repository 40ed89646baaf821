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
	"slices"
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

// Holder is who a certificate is for: a device by its names, or an identity.
type Holder struct {
	Names  Names
	Client ClientName
}

// Profile is what kind of certificate is wanted.
type Profile struct {
	Kind Kind
	// Life is the leaf's life, from notBefore on: a minute to 825 days.
	Life time.Duration
	// Cut ends the leaf with its root when that ends first; otherwise such a
	// leaf is refused.
	Cut bool
	// Force allows what is not recommended: P-384, and RSA keys over 2048 bits.
	Force bool
	// BoardClock makes the leaf valid from 2021-01-01 on, where the clock of a
	// board that has not asked for the time stands. Its life is then longer
	// than Apple's 825 days: it is for boards that verify boards.
	BoardClock bool
	// ClockStart is where that clock stands, if it is elsewhere. The leaf then may
	// begin before its root: it is for boards that keep no dates of a root.
	ClockStart time.Time
	// ServersOnly is for KindCA: what it issues is no client identity, to clients
	// that hold each purpose against the whole chain (OpenSSL, NSS, Go).
	ServersOnly bool
}

// Prepared is a leaf that passed every rule and that its authority may sign
// once.
type Prepared struct {
	authority *Authority
	holder    Holder
	template  *x509.Certificate
	pub       crypto.PublicKey
	now       time.Time
	used      bool
}

// Prepare makes the leaf for holder and pub that the authority would sign at
// now, and checks it against every rule. It needs no private key. The error
// joins one RuleError for each rule and name that is broken.
func (a *Authority) Prepare(profile Profile, holder Holder, pub crypto.PublicKey, now time.Time) (*Prepared, error) {
	return a.prepare(draft{authority: a, profile: profile, holder: holder, pub: pub, now: now})
}

func (a *Authority) prepare(d draft) (*Prepared, error) {
	d.template = d.fill()
	if err := checkRules(d); err != nil {
		return nil, err
	}
	return &Prepared{authority: a, holder: d.holder, template: d.template, pub: d.pub, now: d.now}, nil
}

// NotBefore returns the first second at which the certificate is valid.
func (p *Prepared) NotBefore() time.Time { return p.template.NotBefore }

// NotAfter returns the last second at which the certificate is valid.
func (p *Prepared) NotAfter() time.Time { return p.template.NotAfter }

// fill makes the certificate that the draft asks for.
func (d draft) fill() *x509.Certificate {
	t := &x509.Certificate{SerialNumber: newSerial()}
	t.NotBefore, t.NotAfter = validity(d.profile, d.authority.cert, d.now)
	switch d.profile.Kind {
	case KindCA:
		d.fillCA(t)
	case KindClient:
		d.fillClient(t)
	default:
		d.fillDevice(t)
	}
	return t
}

// fillClient makes an identity: only for clientAuth, without a name that a
// server could use. RFC 5280 section 4.2.1.12: a client signs, no more.
func (d draft) fillClient(t *x509.Certificate) {
	t.Subject = pkix.Name{CommonName: d.holder.Client.text}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if permitsMail(d.authority.cert) {
		t.EmailAddresses = []string{d.holder.Client.mail()}
	}
}

func (d draft) fillDevice(t *x509.Certificate) {
	t.Subject = commonName(d.holder.Names.First())
	t.KeyUsage = x509.KeyUsageDigitalSignature
	if kt, err := KeyTypeOf(d.pub); err == nil && kt.IsRSA() {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment // TLS_RSA_* of old firmware
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if d.profile.Kind == KindBoth {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	for _, name := range d.holder.Names.list {
		if name.addr.IsValid() {
			t.IPAddresses = append(t.IPAddresses, net.IP(name.addr.AsSlice()))
		} else {
			t.DNSNames = append(t.DNSNames, name.dns)
		}
	}
}

// commonName is empty when the name is too long for it. Clients read
// only the subjectAltName, which Go marks critical beside an empty subject (RFC
// 5280 section 4.1.2.6).
func commonName(name Name) pkix.Name {
	if len(name.dns) > ubCommonName {
		return pkix.Name{}
	}
	// None for an address: OpenSSL and GnuTLS check a commonName against the
	// root's domains when the certificate has no dNSName.
	return pkix.Name{CommonName: name.dns}
}

// validity returns the first and the last second. RFC 5280 section 4.1.2.5:
// both count as valid, so a life of n days ends one second before them.
func validity(profile Profile, root *x509.Certificate, now time.Time) (first, last time.Time) {
	first = now.UTC().Add(-backdate(profile.Life)).Truncate(time.Second)
	last = first.Add(profile.Life - time.Second).Truncate(time.Second)
	if profile.BoardClock {
		first = boardEpoch
	}
	if profile.Cut && last.After(root.NotAfter) {
		last = root.NotAfter
	}
	if first.Before(root.NotBefore) {
		first = root.NotBefore
	}
	if profile.BoardClock && !profile.ClockStart.IsZero() {
		first = profile.ClockStart.UTC()
	}
	return first, last
}

// Exceeds reports whether the certificate may have more than limit bytes of DER. It
// measures only if a rough sum of its parts does not answer that.
func (p *Prepared) Exceeds(limit int) (bool, error) {
	if !p.template.IsCA && p.rough() <= limit {
		return false, nil
	}
	size, err := p.Size()
	return size > limit, err
}

// rough is more than a leaf will have: RSA-4096's key and signature take 526 and 512
// bytes, the root's name and the rest of what all leaves have less than 512, and a
// name or its subject at most 8 beside its text.
func (p *Prepared) rough() int {
	const fixed = 526 + 512 + 512
	sum := fixed + 2*(len(p.template.Subject.CommonName)+8)
	for _, name := range slices.Concat(p.template.DNSNames, p.template.EmailAddresses) {
		sum += len(name) + 8
	}
	return sum + len(p.template.IPAddresses)*(net.IPv6len+8)
}

// Size returns the most bytes of DER that the certificate will have: all of
// them under an RSA root; the signature of an ECDSA root is mostly 0 to 2
// bytes shorter than its longest. It signs with a throw-away key to find the size
// of everything but the signature, and adds the largest signature of the root's key.
func (p *Prepared) Size() (int, error) {
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
// an RSA signature, which is inside too, is 3 bytes longer for its NULL
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

// ErrUsed is returned for a prepared certificate that was signed before, or
// that another authority prepared.
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
	for _, usage := range leaf.ExtKeyUsage {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: p.now, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return fmt.Errorf("signed certificate does not verify: %w", err)
		}
	}
	for _, name := range p.holder.Names.list {
		if err := leaf.VerifyHostname(probe(name)); err != nil {
			return fmt.Errorf("signed certificate is not valid for %q: %w", name, err)
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
