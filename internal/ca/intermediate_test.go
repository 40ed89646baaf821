package ca_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// intermediate is the profile of another CA under the root.
func intermediate() ca.Profile {
	return ca.Profile{Kind: ca.KindCA, Life: ca.Days(3000), Cut: true}
}

// issueCA makes an intermediate of a P-384 key: other than the roots'.
func issueCA(t testing.TB, a *ca.Authority, name string) *x509.Certificate {
	t.Helper()
	p := intermediate()
	p.Force = true
	prepared, err := a.PrepareCA(p, name, newKey(t, ca.P384).Public(), noon)
	if err != nil {
		t.Fatalf("intermediate %q: %v", name, err)
	}
	return sign(t, a, prepared)
}

func TestIntermediateSaysWhatItShould(t *testing.T) {
	a := home(t)
	root, cert := a.Certificate(), issueCA(t, a, "Step CA")
	checkExtensions(t, cert, map[int]bool{
		idSubjectKeyID: false, idKeyUsage: true, idBasicConstraints: true, idNameConstraints: false, idExtKeyUsage: false, idAuthorityKeyID: false,
	})
	checkSerial(t, cert)
	if !cert.IsCA || cert.MaxPathLen != 0 || !cert.MaxPathLenZero || cert.Subject.String() != "CN=Step CA" {
		t.Errorf("got CA %v, path length %d, subject %q", cert.IsCA, cert.MaxPathLen, cert.Subject)
	}
	if cert.KeyUsage != root.KeyUsage || !slices.Equal(cert.ExtKeyUsage, root.ExtKeyUsage) {
		t.Errorf("usage: got %v, %v", cert.KeyUsage, cert.ExtKeyUsage)
	}
	if got, want := ca.ConstraintsOf(cert).String(), ca.ConstraintsOf(root).String(); got != want {
		t.Errorf("constraints: got %s, want %s", got, want)
	}
	if !slices.Equal(cert.PermittedEmailAddresses, root.PermittedEmailAddresses) {
		t.Errorf("e-mail: got %q, want %q", cert.PermittedEmailAddresses, root.PermittedEmailAddresses)
	}
}

func TestIntermediateForServersOnlyVouchesForNoClient(t *testing.T) {
	a := home(t)
	p := intermediate()
	p.ServersOnly, p.Force = true, true
	key := newKey(t, ca.P384)
	prepared, err := a.PrepareCA(p, "Step CA", key.Public(), noon)
	if err != nil {
		t.Fatal(err)
	}
	cert := sign(t, a, prepared)
	if got, want := cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}; !slices.Equal(got, want) {
		t.Errorf("got purposes %v, want %v", got, want)
	}
}

// TestIntermediateOfAStrictRootIsNotStrict: critical constraints in an
// intermediate are what mbedTLS drops and BearSSL refuses.
func TestIntermediateOfAStrictRootIsNotStrict(t *testing.T) {
	req := testpki.HomeRequest()
	req.Strict = true
	cert := issueCA(t, newAuthority(t, req, ca.P256), "Step CA")
	if extensionsOf(t, cert)[idNameConstraints] {
		t.Error("name constraints are critical")
	}
}

// TestIntermediateRepeatsAllConstraints of a root that another program made.
func TestIntermediateRepeatsAllConstraints(t *testing.T) {
	root := custom(t, ca.P256, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.ExcludedDNSDomains = []string{"local"}, []string{"secret.local"}
		c.ExcludedIPRanges, c.ExcludedEmailAddresses = testpki.Ranges(t, "10.0.0.0/8"), []string{"example.com"}
		c.PermittedURIDomains, c.ExcludedURIDomains = []string{"local"}, []string{"secret.local"}
	})
	a := open(t, root)
	cert := issueCA(t, a, "Step CA")
	nameConstraints := func(c *x509.Certificate) []byte {
		i := slices.IndexFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id[3] == idNameConstraints })
		return c.Extensions[i].Value
	}
	if got, want := nameConstraints(cert), nameConstraints(root); !slices.Equal(got, want) {
		t.Errorf("constraints: got %x, want %x", got, want)
	}
}

// below signs a server's leaf with the intermediate's key.
func below(t testing.TB, issuer *x509.Certificate, key crypto.Signer, host string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), DNSNames: []string{host}, NotBefore: noon.Add(-day), NotAfter: noon.Add(day),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return testpki.Pair{Cert: issuer, Key: key}.Sign(t, template, newKey(t, ca.P256)).Cert
}

func TestLeafBelowAnIntermediateVerifies(t *testing.T) {
	a := home(t)
	cert := issueCA(t, a, "Step CA")
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Certificate())
	between.AddCert(cert)
	for host, want := range map[string]bool{"nas.local": true, "bank.example": false} {
		leaf := below(t, cert, newKey(t, ca.P384), host)
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: noon, DNSName: host})
		if got := err == nil; got != want {
			t.Errorf("%q: got %v, want %v", host, err, want)
		}
		// A client that trusts only the intermediate is limited too.
		_, err = leaf.Verify(x509.VerifyOptions{Roots: between, CurrentTime: noon, DNSName: host})
		if got := err == nil; got != want {
			t.Errorf("%q under the intermediate: got %v, want %v", host, err, want)
		}
	}
}

func TestIntermediateLivesAsLongAsItsRoot(t *testing.T) {
	a := home(t)
	p := intermediate()
	p.Life = ca.Days(36500)
	prepared, err := a.PrepareCA(p, "Step CA", newKey(t, ca.P256).Public(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sign(t, a, prepared).NotAfter, a.Certificate().NotAfter; !got.Equal(want) {
		t.Errorf("got %s, want the root's end %s", got, want)
	}
	p.Cut = false
	_, err = a.PrepareCA(p, "Step CA", newKey(t, ca.P256).Public(), noon)
	checkRule(t, err, "root-end")
	for _, life := range []time.Duration{0, ca.Days(36501)} {
		p.Life = life
		_, err = a.PrepareCA(p, "Step CA", newKey(t, ca.P256).Public(), noon)
		checkRule(t, err, "days")
	}
}

func TestIntermediateNeedsANameOfItsOwn(t *testing.T) {
	a := home(t)
	for name, want := range map[string]string{
		"":                                 "is empty",
		"Step\x1bCA":                       "U+001B",
		strings.Repeat("n", 65):            "65 characters",
		a.Certificate().Subject.CommonName: "is the name of the root",
	} {
		_, err := a.PrepareCA(intermediate(), name, newKey(t, ca.P256).Public(), noon)
		checkRule(t, err, "holder")
		if e, ok := errors.AsType[ca.RootNameError](err); !ok || !strings.Contains(e.Text, want) {
			t.Errorf("name %q: got %v, want %q", name, err, want)
		}
	}
}

// TestOldRootHasNoCABelow: clients refuse one under path length 0.
func TestOldRootHasNoCABelow(t *testing.T) {
	old := custom(t, ca.P256, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	unlimited := custom(t, ca.P256, func(*x509.Certificate) {})
	for root, want := range map[*x509.Certificate]bool{old: false, unlimited: true} {
		a, err := ca.NewAuthority(root, noon)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.PrepareCA(intermediate(), "Step CA", newKey(t, ca.P256).Public(), noon)
		if want && err != nil {
			t.Errorf("path length %d: %v", root.MaxPathLen, err)
		} else if !want {
			checkRule(t, err, "path-length")
		}
		prepare(t, a, ca.Profile{Kind: ca.KindServer, Life: ca.Days(2), Cut: true}, parse(t, "pico.local"))
	}
}

func TestKindThatARootDoesNotIssueIsRefused(t *testing.T) {
	a := home(t)
	for _, kind := range []ca.Kind{"", ca.KindRoot, "router"} {
		p := profile()
		p.Kind = kind
		_, err := a.Prepare(p, device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon)
		checkRule(t, err, "holder")
	}
	// Prepare has no name for a CA, and PrepareCA none for a device.
	_, err := a.Prepare(intermediate(), device(parse(t, "pico.local")), newKey(t, ca.P256).Public(), noon)
	checkRule(t, err, "holder")
	_, err = a.PrepareCA(profile(), "Step CA", newKey(t, ca.P256).Public(), noon)
	checkRule(t, err, "holder")
}

func TestDeviceOfBothKindsServesAndIsAClient(t *testing.T) {
	a := home(t)
	p := profile()
	p.Kind = ca.KindBoth
	leaf := sign(t, a, prepare(t, a, p, parse(t, "pico.local")))
	checkUsages(t, a.Certificate(), leaf, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	checkUsages(t, a.Certificate(), issue(t, a, "pico.local"), x509.ExtKeyUsageServerAuth)
	if got := sanOf(leaf); !slices.Equal(got, []string{"pico.local"}) || len(leaf.EmailAddresses) != 0 {
		t.Errorf("names: got %q, %q", got, leaf.EmailAddresses)
	}
}

// TestEachPurposeIsProved: under a root for servers only, a device that is a
// client too would be refused as one.
func TestEachPurposeIsProved(t *testing.T) {
	root := custom(t, ca.P256, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	a := open(t, root)
	for kind, want := range map[ca.Kind]bool{ca.KindServer: true, ca.KindBoth: false} {
		leaf, err := a.Sign(prepare(t, a, ca.Profile{Kind: kind, Life: ca.Days(2), Cut: true}, parse(t, "pico.local")))
		if got := err == nil && leaf != nil; got != want {
			t.Errorf("kind %q: got %v, want signed %v", kind, err, want)
		}
	}
}
