package boards

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// The bench makes certificates of its own, in the shape of picoca's: also of
// the kinds that picoca refuses, to see that it refuses them for a reason.

var boardKeys = map[string]func(testing.TB) crypto.Signer{
	"p256":    sharedKey(ca.P256),
	"p384":    sharedKey(ca.P384),
	"p521":    once(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }),
	"rsa2048": sharedKey(ca.RSA2048),
	"rsa4096": sharedKey(ca.RSA4096),
	"ed25519": once(func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(nil)
		return key, err
	}),
}

func sharedKey(kt ca.KeyType) func(testing.TB) crypto.Signer {
	return func(t testing.TB) crypto.Signer { return testpki.Key(t, kt) }
}

// once makes a key that picoca has no type for.
func once(generate func() (crypto.Signer, error)) func(testing.TB) crypto.Signer {
	generate = sync.OnceValues(generate)
	return func(t testing.TB) crypto.Signer {
		key, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
}

// boardKey returns the run's one key of a kind.
func boardKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	return boardKeys[kind](t)
}

// A boardRoot is an authority in memory, with its certificate in two files.
type boardRoot struct {
	cert         *x509.Certificate
	key          crypto.Signer
	pemName, der string
}

func newBoardRoot(t testing.TB, edits ...func(*x509.Certificate)) boardRoot {
	t.Helper()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Home CA 7Q3F"},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomains: []string{"local", "home.arpa", "internal", "lan"},
		PermittedIPRanges:   testpki.Ranges(t, "192.168.0.0/16", "127.0.0.0/8", "fc00::/7"),
	}
	for _, edit := range edits {
		edit(template)
	}
	key := testpki.NewKey(t, ca.P256)
	cert := sign(t, template, testpki.Pair{Cert: template, Key: key}, key)
	return boardRoot{cert, key, writeTemp(t, "root.pem", ca.CertificatePEM(cert)), writeTemp(t, "root.der", cert.Raw)}
}

// file names the root's certificate in the form that the stack reads.
func (r boardRoot) file(s rig.Stack) string {
	if s.ReadsPEM() {
		return r.pemName
	}
	return r.der
}

// A boardLeaf is a certificate with its key.
type boardLeaf struct {
	der []byte
	key crypto.Signer
}

// issue signs a leaf for pico.local as picoca would.
func (r boardRoot) issue(t testing.TB, kind string, edits ...func(*x509.Certificate)) boardLeaf {
	t.Helper()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "pico.local"},
		NotBefore:   time.Now().Add(-24 * time.Hour),
		NotAfter:    time.Now().AddDate(0, 0, 819),
		DNSNames:    []string{"pico.local"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key := boardKey(t, kind)
	if _, ok := key.(*rsa.PrivateKey); ok {
		template.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	for _, edit := range edits {
		edit(template)
	}
	return boardLeaf{sign(t, template, testpki.Pair{Cert: r.cert, Key: r.key}, key).Raw, key}
}

// sign signs until the signature has its greatest length, 72 bytes with a
// P-256 key: certificates of one kind are then all of one size, and figures
// are comparable and on the safe side.
func sign(t testing.TB, template *x509.Certificate, parent testpki.Pair, key crypto.Signer) *x509.Certificate {
	t.Helper()
	for {
		if cert := parent.Sign(t, template, key).Cert; len(cert.Signature) == 72 {
			return cert
		}
	}
}

// forClients makes a template one for a client's identity.
func forClients(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// sinceBoot dates a template back to where a Pico W's clock starts.
func sinceBoot(c *x509.Certificate) {
	c.NotBefore = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
}

// files writes certificate and key in a container, and returns the arguments
// that name them.
func (l boardLeaf) files(t testing.TB, container string) []string {
	t.Helper()
	key, cert := l.contain(t, container)
	return []string{"--cert", writeTemp(t, "cert", cert), "--key", writeTemp(t, "key", key)}
}

// contain renders key and certificate. A PEM key goes with a PEM certificate.
func (l boardLeaf) contain(t testing.TB, container string) (key, cert []byte) {
	t.Helper()
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.der})
	switch container {
	case "der":
		_, der := l.traditional(t)
		return der, l.der
	case "pem":
		name, der := l.traditional(t)
		return pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}), certPEM
	case "pkcs8-der":
		return l.pkcs8(t), l.der
	case "pkcs8-pem":
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: l.pkcs8(t)}), certPEM
	case "encrypted-pkcs8-der":
		return encrypt(t, l.pkcs8(t), "DER"), l.der
	case "encrypted-pkcs8-pem":
		return encrypt(t, l.pkcs8(t), "PEM"), certPEM
	}
	t.Fatalf("container %q: unknown", container)
	return nil, nil
}

// traditional is SEC1 for EC keys and PKCS#1 for RSA, with its PEM type.
func (l boardLeaf) traditional(t testing.TB) (pemType string, der []byte) {
	t.Helper()
	switch key := l.key.(type) {
	case *rsa.PrivateKey:
		return "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return "EC PRIVATE KEY", der
	}
	t.Fatalf("key of type %T has no container but PKCS#8", l.key)
	return "", nil
}

func (l boardLeaf) pkcs8(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(l.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// encrypt makes PBES2 with AES-256, as openssl does by default.
func encrypt(t testing.TB, key []byte, form string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "openssl", "openssl"),
		"pkcs8", "-topk8", "-inform", "DER", "-outform", form, "-passout", "file:"+writeTemp(t, "pass", []byte("of a test\n")))
	cmd.Stdin = bytes.NewReader(key)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func writeTemp(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBoardLeafIsShapedLikePicocas holds the certificates of the bench to what
// the design promises of a P-256 leaf, so that its figures are those of one.
func TestBoardLeafIsShapedLikePicocas(t *testing.T) {
	root := newBoardRoot(t)
	leaf := root.issue(t, "p256")
	cert, err := x509.ParseCertificate(leaf.der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: "pico.local"}); err != nil {
		t.Error(err)
	}
	if cert.Subject.CommonName != "pico.local" || len(cert.AuthorityKeyId) == 0 || len(cert.SubjectKeyId) != 0 {
		t.Errorf("leaf has CN %q, AKI %x, SKI %x", cert.Subject.CommonName, cert.AuthorityKeyId, cert.SubjectKeyId)
	}
	if got := fmt.Sprint(len(cert.SerialNumber.Bytes()), len(leaf.der) <= 420); got != "16 true" {
		t.Errorf("serial's bytes, size below 420: %s (size %d)", got, len(leaf.der))
	}
}
