// Package testpki makes the keys and certificates of tests: what picoca would
// make, by the rules of package ca, and what it never would, by crypto/x509.
// Every function ends the test if it fails.
package testpki

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

// Pair is a certificate with its private key.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// NewKey returns a new key.
func NewKey(t testing.TB, kt ca.KeyType) crypto.Signer {
	t.Helper()
	return must(t, kt.Generate)
}

// keyOf makes the process's one key of each type: RSA keys take seconds.
var keyOf = map[ca.KeyType]func() (crypto.Signer, error){
	ca.P256:    sync.OnceValues(ca.P256.Generate),
	ca.P384:    sync.OnceValues(ca.P384.Generate),
	ca.RSA2048: sync.OnceValues(ca.RSA2048.Generate),
	ca.RSA3072: sync.OnceValues(ca.RSA3072.Generate),
	ca.RSA4096: sync.OnceValues(ca.RSA4096.Generate),
}

// Key returns the same key of a type on every call.
func Key(t testing.TB, kt ca.KeyType) crypto.Signer {
	t.Helper()
	return must(t, keyOf[kt])
}

// HomeRequest is what `picoca init` without flags asks for.
func HomeRequest() ca.RootRequest {
	return ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}
}

// Root makes a root for a key by the rules.
func Root(t testing.TB, req ca.RootRequest, key crypto.Signer, now time.Time) Pair {
	t.Helper()
	return Pair{must(t, func() (*x509.Certificate, error) { return ca.NewRoot(req, key, now) }), key}
}

// Home makes the root of `picoca init` without flags, with a new key.
func Home(t testing.TB, now time.Time) Pair {
	t.Helper()
	return Root(t, HomeRequest(), NewKey(t, ca.P256), now)
}

// Changed returns a root with the same key whose certificate was changed, and
// signed by itself again. It is not held against any rule.
func (p Pair) Changed(t testing.TB, change func(*x509.Certificate)) Pair {
	t.Helper()
	template := *p.Cert
	// CreateCertificate prefers the raw subject to the one that may be changed.
	template.RawSubject = nil
	change(&template)
	return SelfSigned(t, &template, p.Key)
}

// SelfSigned signs a template with its own key. A template without a serial
// number gets a random one; its dates stay as they are.
func SelfSigned(t testing.TB, template *x509.Certificate, key crypto.Signer) Pair {
	t.Helper()
	return Pair{template, key}.Sign(t, template, key)
}

// Sign signs a template for a key as a thief would: without any rule. A
// template without a serial number gets a random one; its dates stay as they
// are.
func (p Pair) Sign(t testing.TB, template *x509.Certificate, key crypto.Signer) Pair {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = serial()
	}
	der := must(t, func() ([]byte, error) {
		return x509.CreateCertificate(rand.Reader, template, p.Cert, key.Public(), p.Key)
	})
	return Pair{must(t, func() (*x509.Certificate, error) { return x509.ParseCertificate(der) }), key}
}

// serial is positive and has 16 bytes in DER, as picoca's are.
func serial() *big.Int {
	var raw [16]byte
	rand.Read(raw[:])
	raw[0] = raw[0]&0x3f | 0x40
	return new(big.Int).SetBytes(raw[:])
}

// Authority returns the root as an authority that has its key.
func (p Pair) Authority(t testing.TB, now time.Time) *ca.Authority {
	t.Helper()
	authority := must(t, func() (*ca.Authority, error) { return ca.NewAuthority(p.Cert, now) })
	if err := authority.Unlock(p.Key); err != nil {
		t.Fatal(err)
	}
	return authority
}

// Server issues a device's certificate for names, by the rules.
func (p Pair) Server(t testing.TB, now time.Time, names ...string) Pair {
	t.Helper()
	parsed := must(t, func() (ca.Names, error) { return ca.ParseNames(names) })
	return p.Issue(t, now, Profile(ca.KindServer), ca.Holder{Names: parsed}, NewKey(t, ca.P256))
}

// Identity issues an identity by the rules.
func (p Pair) Identity(t testing.TB, now time.Time, name string) Pair {
	t.Helper()
	parsed := must(t, func() (ca.ClientName, error) { return ca.ParseClientName(name) })
	return p.Issue(t, now, Profile(ca.KindClient), ca.Holder{Client: parsed}, NewKey(t, ca.P256))
}

// Profile is that of `picoca issue` without flags.
func Profile(kind ca.Kind) ca.Profile {
	return ca.Profile{Kind: kind, Life: ca.Days(ca.DefaultLeafDays), Cut: true}
}

// Issue issues a certificate for a key by the rules.
func (p Pair) Issue(t testing.TB, now time.Time, profile ca.Profile, holder ca.Holder, key crypto.Signer) Pair {
	t.Helper()
	authority := p.Authority(t, now)
	prepared := must(t, func() (*ca.Prepared, error) { return authority.Prepare(profile, holder, key.Public(), now) })
	return Pair{must(t, func() (*x509.Certificate, error) { return authority.Sign(prepared) }), key}
}

// Intermediate issues the certificate of another CA by the rules.
func (p Pair) Intermediate(t testing.TB, now time.Time, name string) Pair {
	t.Helper()
	authority, key := p.Authority(t, now), NewKey(t, ca.P256)
	prepared := must(t, func() (*ca.Prepared, error) {
		return authority.PrepareCA(Profile(ca.KindCA), name, key.Public(), now)
	})
	return Pair{must(t, func() (*x509.Certificate, error) { return authority.Sign(prepared) }), key}
}

// CRL signs a list of revoked certificates that holds for a year from now on.
func (p Pair) CRL(t testing.TB, number int64, now time.Time, serials ...*big.Int) *x509.RevocationList {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: now, NextUpdate: now.AddDate(1, 0, 0)}
	for _, serial := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now})
	}
	der := must(t, func() ([]byte, error) { return x509.CreateRevocationList(rand.Reader, template, p.Cert, p.Key) })
	return must(t, func() (*x509.RevocationList, error) { return x509.ParseRevocationList(der) })
}

// Ranges parses addresses in CIDR form, as a template has them.
func Ranges(t testing.TB, list ...string) []*net.IPNet {
	t.Helper()
	all := make([]*net.IPNet, len(list))
	for i, text := range list {
		all[i] = must(t, func() (*net.IPNet, error) {
			_, r, err := net.ParseCIDR(text)
			return r, err
		})
	}
	return all
}

// TLS returns the pair as crypto/tls takes it, with the certificates to send
// after its own.
func (p Pair) TLS(more ...*x509.Certificate) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{p.Cert.Raw}, PrivateKey: p.Key}
	for _, cert := range more {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c
}

// KeyPEM returns a key as PKCS#8 in PEM.
func KeyPEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der := must(t, func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(key) })
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// ParseKeyPEM returns the key of KeyPEM's text.
func ParseKeyPEM(t testing.TB, text []byte) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("no PEM in %d bytes", len(text))
	}
	return must(t, func() (any, error) { return x509.ParsePKCS8PrivateKey(block.Bytes) }).(crypto.Signer)
}

func must[T any](t testing.TB, make func() (T, error)) T {
	t.Helper()
	value, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return value
}
