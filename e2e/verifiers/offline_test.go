package verifiers

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// purpose is what a certificate is shown for.
type purpose string

const (
	server purpose = "server"
	client purpose = "client"
	signer purpose = "mail" // S/MIME
	code   purpose = "code"
)

// judge is a verifier that reads files: is the certificate, with the CAs
// between, good under this root for a purpose? host is of a server.
type judge struct {
	name  string
	judge func(t testing.TB, root *x509.Certificate, i identityOf, use purpose, host string) error
}

var (
	openSSL = judge{"OpenSSL", byOpenSSL}
	gnuTLS  = judge{"GnuTLS", byGnuTLS}
	nss     = judge{"NSS", byNSS}
	nssPKIX = judge{"NSS PKIX", byPKIX}
	golang  = judge{"Go", byGo}
	java    = judge{"Java", byJava}
	mbed    = judge{"mbedTLS", byMbedTLS}
	judges  = []judge{openSSL, gnuTLS, nss, nssPKIX, golang, java, mbed}
	// enforcing are those that enforce a root's name constraints.
	enforcing = []judge{openSSL, gnuTLS, nss, nssPKIX, golang}
)

func byOpenSSL(t testing.TB, root *x509.Certificate, i identityOf, use purpose, host string) error {
	args := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", pemFile(t, root)}
	args = append(args, "-purpose", map[purpose]string{server: "sslserver", client: "sslclient", signer: "smimesign", code: "any"}[use])
	if len(i.between) > 0 {
		args = append(args, "-untrusted", pemFile(t, i.between...))
	}
	if host != "" {
		args = append(args, "-verify_hostname", host)
	}
	return run(t, rig.Need(t, "openssl", "openssl"), append(args, pemFile(t, i.leaf))...)
}

func byGnuTLS(t testing.TB, root *x509.Certificate, i identityOf, use purpose, host string) error {
	oid := map[purpose]string{server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2", signer: "1.3.6.1.5.5.7.3.4", code: "1.3.6.1.5.5.7.3.3"}[use]
	args := []string{"--verify", "--load-ca-certificate", pemFile(t, root), "--verify-purpose", oid}
	if host != "" {
		args = append(args, "--verify-hostname", host)
	}
	chain := append([]*x509.Certificate{i.leaf}, i.between...)
	return run(t, rig.Need(t, "certtool", "gnutls-bin"), append(args, "--infile", pemFile(t, chain...))...)
}

// nssDatabase is a new database that trusts a root for everything, so that
// only the certificates themselves set limits.
func nssDatabase(t testing.TB, root *x509.Certificate, others ...*x509.Certificate) string {
	t.Helper()
	certutil, dir := rig.Need(t, "certutil", "libnss3-tools"), "sql:"+t.TempDir()
	steps := [][]string{
		{"-N", "-d", dir, "--empty-password"},
		{"-A", "-d", dir, "-n", "root", "-t", "CT,C,C", "-i", pemFile(t, root)},
	}
	for n, cert := range others {
		steps = append(steps, []string{"-A", "-d", dir, "-n", fmt.Sprint("other", n), "-t", ",,", "-i", pemFile(t, cert)})
	}
	for _, args := range steps {
		if err := run(t, certutil, args...); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// byNSS looks at no host: certutil asks only for the purpose.
func byNSS(t testing.TB, root *x509.Certificate, i identityOf, use purpose, _ string) error {
	usage := map[purpose]string{server: "V", client: "C", signer: "S", code: "J"}[use]
	dir := nssDatabase(t, root, append([]*x509.Certificate{i.leaf}, i.between...)...)
	out, err := output(t, nil, rig.Need(t, "certutil", "libnss3-tools"), "-V", "-d", dir, "-n", "other0", "-u", usage)
	if err == nil && !strings.Contains(out, "certificate is valid") {
		err = errors.New(out)
	}
	return err
}

// byPKIX asks NSS's other verifier, CERT_PKIXVerifyCert.
func byPKIX(t testing.TB, root *x509.Certificate, i identityOf, use purpose, _ string) error {
	usage := map[purpose]string{server: "1", client: "0", signer: "4", code: "6"}[use]
	dir := nssDatabase(t, root, i.between...)
	return run(t, rig.Need(t, "vfychain", "libnss3-tools"), "-d", dir, "-pp", "-u", usage, "-a", pemFile(t, i.leaf))
}

func byGo(t testing.TB, root *x509.Certificate, i identityOf, use purpose, host string) error {
	usage := map[purpose]x509.ExtKeyUsage{server: x509.ExtKeyUsageServerAuth, client: x509.ExtKeyUsageClientAuth,
		signer: x509.ExtKeyUsageEmailProtection, code: x509.ExtKeyUsageCodeSigning}[use]
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, cert := range i.between {
		between.AddCert(cert)
	}
	_, err := i.leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

// scratch is the folder of the programs compiled from testdata.
var scratch = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "picoca-verifiers-")
	return dir, err
})

func verifyJava(t testing.TB, args ...string) error {
	t.Helper()
	javac, jvm := rig.Need(t, "javac", "default-jdk-headless"), rig.Need(t, "java", "default-jdk-headless")
	dir := must[string](t)(scratch())
	if _, err := os.Stat(filepath.Join(dir, "Verify.class")); err != nil {
		if err := run(t, javac, "-d", dir, "testdata/Verify.java"); err != nil {
			t.Fatal(err)
		}
	}
	return run(t, jvm, append([]string{"-XX:TieredStopAtLevel=1", "-cp", dir, "Verify"}, args...)...)
}

// TestMain removes the scratch folder.
func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := scratch(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// byJava looks at no host: its trust manager asks only for the purpose.
func byJava(t testing.TB, root *x509.Certificate, i identityOf, use purpose, _ string) error {
	chain := append([]*x509.Certificate{i.leaf}, i.between...)
	return verifyJava(t, string(use), pemFile(t, root), pemFile(t, chain...))
}

// accepts and refuses check what each of the judges says.
func accepts(t *testing.T, judges []judge, a authority, i identityOf, use purpose, host string) {
	t.Helper()
	each(t, judges, func(t *testing.T, j judge) {
		if err := j.judge(t, a.root, i, use, host); err != nil {
			t.Errorf("%s for %s: got %v, want it accepted", i.leaf.Subject, use, err)
		}
	})
}

func refuses(t *testing.T, judges []judge, a authority, i identityOf, use purpose, host string) {
	t.Helper()
	each(t, judges, func(t *testing.T, j judge) {
		if err := j.judge(t, a.root, i, use, host); err == nil {
			t.Errorf("%s for %s: accepted, want it refused", i.leaf.Subject, use)
		}
	})
}

func each(t *testing.T, judges []judge, check func(*testing.T, judge)) {
	t.Helper()
	for _, j := range judges {
		t.Run(j.name, func(t *testing.T) { check(t, j) })
	}
}

func TestDevicesCertificateIsAcceptedForItsNameUnderItsRoot(t *testing.T) {
	a, other := home(t), home(t)
	leaf := a.device(t, "pico.local", "192.168.1.20")
	accepts(t, judges, a, leaf, server, "pico.local")
	refuses(t, judges, other, leaf, server, "pico.local")
	refuses(t, judges, a, leaf, client, "")
	// The others are asked for no host.
	refuses(t, []judge{openSSL, gnuTLS, golang}, a, leaf, server, "nas.local")
}

func TestIdentityIsAcceptedAsAClientOnly(t *testing.T) {
	for _, a := range []authority{home(t), earlier(t)} {
		for _, name := range []string{"kitchen-tablet", "Küche & Tablet"} {
			leaf := a.identity(t, name)
			accepts(t, judges, a, leaf, client, "")
			refuses(t, judges, a, leaf, server, "")
			refuses(t, judges, home(t), leaf, client, "")
		}
	}
}

func TestAnotherCAWorksUnderTheRoot(t *testing.T) {
	a := home(t)
	delegated := a.delegate(t, "Step CA")
	leaf := delegated.below(t, x509.ExtKeyUsageServerAuth, host("nas.local"))
	accepts(t, judges, a, leaf, server, "nas.local")
	refuses(t, judges, home(t), leaf, server, "nas.local")

	alone := leaf
	alone.between = nil
	refuses(t, judges, a, alone, server, "nas.local")

	// Path length 0 ends there.
	second := delegated.below(t, x509.ExtKeyUsageServerAuth, subCA)
	refuses(t, judges, a, second.below(t, x509.ExtKeyUsageServerAuth, host("nas.local")), server, "nas.local")
}

// TestEarlierRootHasNoCABelow: why new ones have path length 1. Java accepts it.
func TestEarlierRootHasNoCABelow(t *testing.T) {
	a := earlier(t)
	below := a.forged(t, x509.ExtKeyUsageServerAuth, subCA).below(t, x509.ExtKeyUsageServerAuth, host("nas.local"))
	refuses(t, enforcing, a, below, server, "nas.local")
	accepts(t, judges, a, a.device(t, "nas.local"), server, "nas.local")
}

func TestStolenKeyVouchesForNoBank(t *testing.T) {
	a := home(t)
	bank := a.forged(t, x509.ExtKeyUsageServerAuth, host("bank.example"))
	refuses(t, enforcing, a, bank, server, "bank.example")
	accepts(t, judges, a, a.forged(t, x509.ExtKeyUsageServerAuth, host("bank.local")), server, "bank.local")
}

// TestStolenKeySignsNoMail, and the same certificate under an earlier root is
// accepted: it is the root's own limits that refuse it.
func TestStolenKeySignsNoMail(t *testing.T) {
	a, before := home(t), earlier(t)
	refuses(t, enforcing, a, a.forged(t, x509.ExtKeyUsageEmailProtection, mail("boss@bank.example")), signer, "")
	accepts(t, enforcing, before, before.forged(t, x509.ExtKeyUsageEmailProtection, mail("boss@bank.example")), signer, "")
}

// TestMailConstraintHoldsByItself: also where a certificate is for clients, so
// that the purposes of the root cannot be what refuses it.
func TestMailConstraintHoldsByItself(t *testing.T) {
	a := home(t)
	refuses(t, enforcing, a, a.forged(t, x509.ExtKeyUsageClientAuth, mail("boss@bank.example")), client, "")
	accepts(t, enforcing, a, a.forged(t, x509.ExtKeyUsageClientAuth, mail("boss@home.arpa")), client, "")
}

// TestStolenKeySignsNoCode, where the purposes of a root are enforced. OpenSSL
// 3.0 has no such purpose; certutil, which asks NSS in the old way, and GnuTLS
// go by the trust that was given to the root.
func TestStolenKeySignsNoCode(t *testing.T) {
	enforcing := []judge{nssPKIX, golang} // of purposes
	a, before := home(t), earlier(t)
	program := func(*x509.Certificate) {}
	refuses(t, enforcing, a, a.forged(t, x509.ExtKeyUsageCodeSigning, program), code, "")
	accepts(t, enforcing, before, before.forged(t, x509.ExtKeyUsageCodeSigning, program), code, "")
}

func TestRootsOfAllKindsAreAccepted(t *testing.T) {
	wider := must[ca.Constraints](t)(ca.HomeConstraints().Permit([]string{"fritz.box", "100.64.0.0/10"}))
	for name, req := range map[string]ca.RootRequest{
		"strict":      {Name: "Strict", Days: 3650, Constraints: ca.HomeConstraints(), Strict: true},
		"any address": {Name: "Any", Days: 3650, Constraints: ca.HomeConstraints(), AnyAddress: true},
		"wider":       {Name: "Wider", Days: 36500, Constraints: wider},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t, req)
			names := []string{"pico.local", "localhost", "127.0.0.1"}
			if name == "wider" {
				names = append(names, "nas.fritz.box", "100.64.0.1")
			}
			leaf, judges := a.device(t, names...), judges
			if req.Strict {
				judges = append(enforcing, java) // see TestStrictRootIsNotLoadedByBoards
			}
			accepts(t, judges, a, leaf, server, "localhost")
			refuses(t, judges, home(t), leaf, server, "localhost")
		})
	}
}

// TestAddressOutsideIsRefusedUnlessAnyIsPermitted.
func TestAddressOutsideIsRefusedUnlessAnyIsPermitted(t *testing.T) {
	req := ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: ca.HomeConstraints()}
	limited := newAuthority(t, req)
	req.AnyAddress = true
	free := newAuthority(t, req)
	address := func(c *x509.Certificate) {
		host("pico.local")(c)
		c.IPAddresses = append(c.IPAddresses, []byte{8, 8, 8, 8})
	}
	refuses(t, enforcing, limited, limited.forged(t, x509.ExtKeyUsageServerAuth, address), server, "pico.local")
	accepts(t, enforcing, free, free.forged(t, x509.ExtKeyUsageServerAuth, address), server, "pico.local")
	accepts(t, enforcing, free, free.device(t, "pico.local", "8.8.8.8"), server, "pico.local")
}

// TestRootForLocalNamesVouchesForNothingElse: the root of init --only .local. One
// for a home vouches for the rest.
func TestRootForLocalNamesVouchesForNothingElse(t *testing.T) {
	req := testpki.HomeRequest()
	req.Constraints = must[ca.Constraints](t)(ca.OnlyConstraints([]string{".local"}))
	only, all := newAuthority(t, req), home(t)
	accepts(t, judges, only, only.device(t, "pico.local"), server, "pico.local")
	accepts(t, judges, only, only.identity(t, "Kitchen tablet"), client, "")
	for _, name := range []string{"nas.home.arpa", "nas.internal", "localhost", "bank.example"} {
		refuses(t, enforcing, only, only.forged(t, x509.ExtKeyUsageServerAuth, host(name)), server, name)
	}
	accepts(t, enforcing, all, all.device(t, "nas.home.arpa"), server, "nas.home.arpa")
	for _, address := range []string{"192.168.1.20", "fd00::20", "8.8.8.8"} {
		withAddress := func(c *x509.Certificate) {
			host("pico.local")(c)
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(address))
		}
		refuses(t, enforcing, only, only.forged(t, x509.ExtKeyUsageServerAuth, withAddress), server, "pico.local")
	}
	accepts(t, enforcing, all, all.device(t, "pico.local", "192.168.1.20", "fd00::20"), server, "pico.local")
}

// TestCertificateOfAClockThatWasAheadIsNotValidYet, to anybody.
func TestCertificateOfAClockThatWasAheadIsNotValidYet(t *testing.T) {
	a := home(t)
	ahead := func(c *x509.Certificate) {
		host("pico.local")(c)
		c.NotBefore = time.Now().Add(48 * time.Hour)
	}
	leaf := a.forged(t, x509.ExtKeyUsageServerAuth, ahead)
	refuses(t, judges, a, leaf, server, "pico.local")
	if ca.ValidAt(leaf.leaf, time.Now()) || !slices.Contains(ca.NamesOf(leaf.leaf), "pico.local") {
		t.Error("ca counts the certificate as valid")
	}
}
