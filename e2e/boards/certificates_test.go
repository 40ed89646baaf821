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
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// The bench makes certificates of its own, in the shape of picoca's: also of
// the kinds that picoca refuses, to see that it refuses them for a reason.

var boardKeys = map[string]func() (crypto.Signer, error){
	"p256":    sync.OnceValues(ecKey(elliptic.P256())),
	"p384":    sync.OnceValues(ecKey(elliptic.P384())),
	"p521":    sync.OnceValues(ecKey(elliptic.P521())),
	"rsa2048": sync.OnceValues(rsaKey(2048)),
	"rsa4096": sync.OnceValues(rsaKey(4096)),
	"ed25519": sync.OnceValues(func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(nil)
		return key, err
	}),
}

func ecKey(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func rsaKey(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

// boardKey returns the run's one key of a kind.
func boardKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	key, err := boardKeys[kind]()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A boardRoot is an authority in memory, with its certificate in two files.
type boardRoot struct {
	cert         *x509.Certificate
	key          crypto.Signer
	pemName, der string
}

func newBoardRoot(t testing.TB, edits ...func(*x509.Certificate)) boardRoot {
	t.Helper()
	_, private, _ := net.ParseCIDR("192.168.0.0/16")
	_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
	_, local, _ := net.ParseCIDR("fc00::/7")
	template := &x509.Certificate{
		SerialNumber:          serial(t),
		Subject:               pkix.Name{CommonName: "Home CA 7Q3F"},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomains: []string{"local", "home.arpa", "internal", "lan"},
		PermittedIPRanges:   []*net.IPNet{private, loopback, local},
	}
	for _, edit := range edits {
		edit(template)
	}
	key, err := ecKey(elliptic.P256())()
	if err != nil {
		t.Fatal(err)
	}
	root := boardRoot{key: key}
	der := sign(t, template, template, key.Public(), key)
	if root.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	root.der = writeTemp(t, "root.der", der)
	root.pemName = writeTemp(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return root
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
		SerialNumber: serial(t),
		Subject:      pkix.Name{CommonName: "pico.local"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().AddDate(0, 0, 819),
		DNSNames:     []string{"pico.local"},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key := boardKey(t, kind)
	if _, ok := key.(*rsa.PrivateKey); ok {
		template.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	for _, edit := range edits {
		edit(template)
	}
	return boardLeaf{sign(t, template, r.cert, key.Public(), r.key), key}
}

// serial is positive and has 16 bytes in DER, whatever was drawn.
func serial(t testing.TB) *big.Int {
	t.Helper()
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b)
}

// sign signs until the signature has its greatest length, 72 bytes with a
// P-256 key: certificates of one kind are then all of one size, and figures
// are comparable and on the safe side.
func sign(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) []byte {
	t.Helper()
	for {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if len(cert.Signature) == 72 {
			return der
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
