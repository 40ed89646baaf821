package ca_test

import (
	"crypto"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// noon is the time at which the tests' certificates are made.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

var keyTypes = []ca.KeyType{ca.P256, ca.P384, ca.RSA2048, ca.RSA3072, ca.RSA4096}

// newKey returns the one key of a type.
func newKey(t testing.TB, kt ca.KeyType) crypto.Signer {
	t.Helper()
	return testpki.Key(t, kt)
}

// newRoot makes a root at noon.
func newRoot(t testing.TB, req ca.RootRequest, kt ca.KeyType) *x509.Certificate {
	t.Helper()
	return testpki.Root(t, req, newKey(t, kt), noon).Cert
}

// newAuthority makes an authority with its key, at noon.
func newAuthority(t testing.TB, req ca.RootRequest, kt ca.KeyType) *ca.Authority {
	t.Helper()
	return testpki.Root(t, req, newKey(t, kt), noon).Authority(t, noon)
}

// open makes an authority of a root that has newKey's P-256 key, at noon.
func open(t testing.TB, root *x509.Certificate) *ca.Authority {
	t.Helper()
	return testpki.Pair{Cert: root, Key: newKey(t, ca.P256)}.Authority(t, noon)
}

// home is an authority as `picoca init` makes it by default.
func home(t testing.TB) *ca.Authority {
	t.Helper()
	return newAuthority(t, testpki.HomeRequest(), ca.P256)
}

func parse(t testing.TB, raw ...string) ca.Names {
	t.Helper()
	names, err := ca.ParseNames(raw)
	if err != nil {
		t.Fatalf("names %q: %v", raw, err)
	}
	return names
}

// profile is the one of `picoca issue` without flags.
func profile() ca.Profile { return testpki.Profile(ca.KindServer) }

// device is the holder with these names.
func device(names ca.Names) ca.Holder { return ca.Holder{Names: names} }

func prepare(t testing.TB, a *ca.Authority, p ca.Profile, names ca.Names) *ca.Prepared {
	t.Helper()
	prepared, err := a.Prepare(p, device(names), newKey(t, ca.P256).Public(), noon)
	if err != nil {
		t.Fatalf("prepare %q: %v", names.Strings(), err)
	}
	return prepared
}

func sign(t testing.TB, a *ca.Authority, p *ca.Prepared) *x509.Certificate {
	t.Helper()
	leaf, err := a.Sign(p)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return leaf
}

// issue prepares and signs a P-256 leaf with the usual profile.
func issue(t testing.TB, a *ca.Authority, raw ...string) *x509.Certificate {
	t.Helper()
	return sign(t, a, prepare(t, a, profile(), parse(t, raw...)))
}

// verifyAt asks crypto/x509, as a client would, whether leaf holds for host.
func verifyAt(root, leaf *x509.Certificate, host string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(root)
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // as in a URL
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, DNSName: host})
	return err
}

// faultsOf takes a joined error apart.
func faultsOf(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, faultsOf(e)...)
	}
	return all
}

// reasonsOf returns the reason of each name fault in err.
func reasonsOf(t testing.TB, err error) []ca.Reason {
	t.Helper()
	var reasons []ca.Reason
	for _, fault := range faultsOf(err) {
		if name, ok := errors.AsType[*ca.NameError](fault); ok {
			reasons = append(reasons, name.Reason)
		} else {
			t.Errorf("fault %v is a %T, want a *ca.NameError", fault, fault)
		}
	}
	return reasons
}

// sanOf returns the names in a certificate.
func sanOf(cert *x509.Certificate) []string {
	all := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		all = append(all, net.IP(ip).String())
	}
	return all
}
