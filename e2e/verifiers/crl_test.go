package verifiers

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/testpki"
)

// reader is a program that checks a certificate against a revocation list.
type reader struct {
	name string
	read func(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error
}

var readers = []reader{
	{"OpenSSL", crlOpenSSL}, {"GnuTLS", crlGnuTLS}, {"NSS", crlNSS}, {"Java", crlJava}, {"mbedTLS", crlMbedTLS},
}

func crlOpenSSL(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error {
	return run(t, rig.Need(t, "openssl", "openssl"), "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-crl_check",
		"-CAfile", pemFile(t, root), "-CRLfile", write(t, "crl.pem", ca.CRLPEM(crl)), pemFile(t, i.leaf))
}

func crlGnuTLS(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error {
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{i.tls()}})
	_, err := output(t, []byte("hello\n"), rig.Need(t, "gnutls-cli", "gnutls-bin"), "--x509cafile", pemFile(t, root), "--x509crlfile",
		write(t, "crl.pem", ca.CRLPEM(crl)), "--verify-hostname=pico.local", "-p", port, "127.0.0.1")
	return err
}

// crlNSS imports the list; crlutil refuses one that the root did not sign.
func crlNSS(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error {
	dir := nssDatabase(t, root, i.leaf)
	if err := run(t, rig.Need(t, "crlutil", "libnss3-tools"), "-I", "-d", dir, "-t", "1", "-i", write(t, "crl.der", crl)); err != nil {
		return err
	}
	return run(t, rig.Need(t, "certutil", "libnss3-tools"), "-V", "-d", dir, "-n", "other0", "-u", "V")
}

func crlJava(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error {
	return verifyJava(t, "crl", pemFile(t, root), pemFile(t, i.leaf), write(t, "crl.der", crl))
}

// crlMbedTLS asks mbedTLS 2.28, that of CircuitPython and ESP32s.
func crlMbedTLS(t testing.TB, root *x509.Certificate, i identityOf, crl []byte) error {
	return runMbedTLS(t, "server", pemFile(t, root), pemFile(t, i.leaf), write(t, "crl.der", crl))
}

func signCRL(t testing.TB, a authority, revoked ...identityOf) []byte {
	t.Helper()
	var all []ca.Revocation
	for _, i := range revoked {
		all = append(all, ca.Revocation{Serial: i.leaf.SerialNumber, At: time.Now(), Reason: ca.KeyCompromise})
	}
	return must[[]byte](t)(a.Authority(t, time.Now()).SignCRL(all, big.NewInt(time.Now().Unix()), time.Now(), a.root.NotAfter))
}

// TestRevocationListIsRead: a revoked certificate is refused, another of the
// same root is accepted, and so are both before the revocation.
func TestRevocationListIsRead(t *testing.T) {
	a := home(t)
	good, bad := a.device(t, "pico.local"), a.device(t, "pico.local")
	empty, one := signCRL(t, a), signCRL(t, a, bad)
	for _, reader := range readers {
		t.Run(reader.name, func(t *testing.T) {
			for _, row := range []struct {
				what string
				leaf identityOf
				crl  []byte
				want bool
			}{
				{"good, empty list", good, empty, true},
				{"bad, empty list", bad, empty, true},
				{"good, list of one", good, one, true},
				{"bad, list of one", bad, one, false},
			} {
				if err := reader.read(t, a.root, row.leaf, row.crl); (err == nil) != row.want {
					t.Errorf("%s: got %v, want accepted %v", row.what, err, row.want)
				}
			}
		})
	}
}

// TestExportedListIsRead: what `picoca export crl` writes, of a CA with two roots.
func TestExportedListIsRead(t *testing.T) {
	dir := t.TempDir()
	req := pki.InitRequest{Key: ca.P256, Root: testpki.HomeRequest()}
	if _, err := pki.Create(t.Context(), dir+"/ca", req, nil, time.Now(), pki.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	c := must[*pki.CA](t)(pki.Open(dir+"/ca", pki.Options{}))
	defer c.Close()
	rotation := must[*pki.Rotation](t)(c.PlanRotation(pki.RotateRequest{}, time.Now()))
	must[pki.Rotated](t)(rotation.Rotate(t.Context(), time.Now(), pki.Passphrases{}, nil))
	good, bad := issued(t, c, dir+"/good"), issued(t, c, dir+"/bad")
	must[pki.Revoked](t)(c.Revoke(t.Context(), pki.RevokeRequest{Target: ca.Serial(bad.leaf)}, time.Now(), nil, nil))
	file, lists, err := c.CRLFile(t.Context(), pki.CRLRequest{Format: pki.CRLDER}, time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	root := lists[0].Root.Certificate
	for _, reader := range readers {
		t.Run(reader.name, func(t *testing.T) {
			for _, row := range []struct {
				what string
				leaf identityOf
				want bool
			}{{"good", good, true}, {"bad", bad, false}} {
				if err := reader.read(t, root, row.leaf, file.Data); (err == nil) != row.want {
					t.Errorf("%s: got %v, want accepted %v", row.what, err, row.want)
				}
			}
		})
	}
}

// issued issues a certificate for pico.local, again for each folder.
func issued(t testing.TB, c *pki.CA, folder string) identityOf {
	t.Helper()
	request := pki.Request{Names: must[ca.Names](t)(ca.ParseNames([]string{"pico.local"})), For: must[device.Target](t)(device.ParseTarget("computer")), Out: folder, Renew: strings.HasSuffix(folder, "bad")}
	plan := must[*pki.Plan](t)(c.Plan(request, time.Now()))
	defer plan.Close()
	session := must[*pki.Session](t)(c.Session(t.Context(), time.Now(), nil, nil))
	defer session.Close()
	result := must[pki.Result](t)(session.Issue(plan, time.Now()))
	pair := must[tls.Certificate](t)(tls.LoadX509KeyPair(folder+"/cert.pem", folder+"/key.pem"))
	return identityOf{leaf: result.Issued.Leaf, key: pair.PrivateKey.(crypto.Signer)}
}

// TestForgedRevocationListRevokesNothing: another CA's list must not pass
// for the root's. OpenSSL, NSS and Java then refuse, having no list; GnuTLS and
// mbedTLS ignore it.
func TestForgedRevocationListRevokesNothing(t *testing.T) {
	a := home(t)
	leaf := a.device(t, "pico.local")
	template := *a.root
	template.SerialNumber, template.PublicKey = big.NewInt(1), nil
	twin := testpki.SelfSigned(t, &template, testpki.NewKey(t, ca.P256)) // the root's name, another key
	if _, err := ca.VerifyCRL(a.root, signCRL(t, open(twin))); err == nil {
		t.Error("ca accepts a list that another key signed")
	}
	forged := signCRL(t, open(twin), leaf)
	for _, reader := range readers {
		t.Run(reader.name, func(t *testing.T) {
			err := reader.read(t, a.root, leaf, forged)
			if err != nil && strings.Contains(strings.ToLower(err.Error()), "revoked\n") {
				t.Errorf("got %v, want anything but revoked", err)
			}
		})
	}
}

// TestCertToolKnowsTheListsSigner: what `certtool --verify-crl` says.
func TestCertToolKnowsTheListsSigner(t *testing.T) {
	a, other := home(t), home(t)
	list := write(t, "crl.pem", ca.CRLPEM(signCRL(t, a, a.device(t, "pico.local"))))
	for _, row := range []struct {
		root *x509.Certificate
		want bool
	}{{a.root, true}, {other.root, false}} {
		err := run(t, rig.Need(t, "certtool", "gnutls-bin"), "--verify-crl", "--load-ca-certificate", pemFile(t, row.root), "--infile", list)
		if got := err == nil; got != row.want {
			t.Errorf("%s: got %v, want accepted %v", row.root.Subject, err, row.want)
		}
	}
}

// TestRevokedCAIsRefused with all that it signed.
func TestRevokedCAIsRefused(t *testing.T) {
	a := home(t)
	delegated := a.delegate(t, "Step CA")
	leaf := delegated.below(t, x509.ExtKeyUsageServerAuth, host("nas.local"))
	for what, crl := range map[string][]byte{"nothing": signCRL(t, a), "the CA": signCRL(t, a, delegated)} {
		dir := nssDatabase(t, a.root, leaf.leaf, delegated.leaf)
		if err := run(t, rig.Need(t, "crlutil", "libnss3-tools"), "-I", "-d", dir, "-t", "1", "-i", write(t, "crl.der", crl)); err != nil {
			t.Fatal(err)
		}
		err := run(t, rig.Need(t, "certutil", "libnss3-tools"), "-V", "-d", dir, "-n", "other0", "-u", "V")
		if got, want := err == nil, what == "nothing"; got != want {
			t.Errorf("%s is revoked: got %v, want accepted %v", what, err, want)
		}
	}
}
