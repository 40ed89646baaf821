package export

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// The fixed keys and their certificates: see testdata/keys/README.md.
const keysDir = "../../testdata/keys"

var (
	fixedTime  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	fixedLabel = "Küchen-Tablet"
)

// fixedBundle returns what formats draw from, with the leaf of a name.
func fixedBundle(t *testing.T, leaf string) Bundle {
	t.Helper()
	b := Bundle{Root: fixedCert(t, "root"), Stem: leaf, P12: P12{LegacyDES, "kqwzep-hrmnba-xvtcyj"}}
	if leaf != "" {
		b.Leaf, b.Key = fixedCert(t, leaf), fixedKey(t, leaf)
	}
	return b
}

func fixedCert(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(fixedPEM(t, name+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func fixedKey(t *testing.T, name string) crypto.Signer {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(fixedPEM(t, name+".key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return key.(crypto.Signer)
}

func fixedPEM(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(keysDir, file))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s holds no PEM", file)
	}
	return block.Bytes
}

// TestFixedKeys writes the fixed keys with -update. Without it, it holds them
// to each other: the goldens would prove nothing about a pair that is none.
func TestFixedKeys(t *testing.T) {
	if *update {
		makeFixedKeys(t)
	}
	roots := x509.NewCertPool()
	roots.AddCert(fixedCert(t, "root"))
	for _, name := range []string{"device", "device-rsa", "client"} {
		cert := fixedCert(t, name)
		usage := x509.VerifyOptions{Roots: roots, CurrentTime: fixedTime, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		if _, err := cert.Verify(usage); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(fixedKey(t, name).Public()) {
			t.Errorf("%s: key is not the certificate's", name)
		}
	}
}

func makeFixedKeys(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	root := fixedRoot(t, writeFixedKey(t, "root", ca.P256), fixedTime)
	writeFixed(t, "root.pem", "CERTIFICATE", root.Cert.Raw)
	names, namesErr := ca.ParseNames([]string{"pico.local", "192.168.1.20"})
	label, labelErr := ca.ParseClientName(fixedLabel)
	if namesErr != nil || labelErr != nil {
		t.Fatal(namesErr, labelErr)
	}
	for _, row := range []struct {
		name   string
		key    ca.KeyType
		kind   ca.Kind
		holder ca.Holder
	}{
		{"device", ca.P256, ca.KindServer, ca.Holder{Names: names}},
		{"device-rsa", ca.RSA2048, ca.KindServer, ca.Holder{Names: names}},
		{"client", ca.P256, ca.KindClient, ca.Holder{Client: label}},
	} {
		leaf := root.Issue(t, fixedTime, testpki.Profile(row.kind), row.holder, writeFixedKey(t, row.name, row.key))
		writeFixed(t, row.name+".pem", "CERTIFICATE", leaf.Cert.Raw)
	}
}

// fixedRoot makes a root for one of the fixed keys.
func fixedRoot(t *testing.T, key crypto.Signer, now time.Time) testpki.Pair {
	t.Helper()
	return testpki.Root(t, ca.RootRequest{Name: "Test Only", Days: 3650, Constraints: ca.HomeConstraints()}, key, now)
}

func writeFixedKey(t *testing.T, name string, keyType ca.KeyType) crypto.Signer {
	t.Helper()
	key := testpki.NewKey(t, keyType)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFixed(t, name+".key.pem", "PRIVATE KEY", der)
	return key
}

func writeFixed(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(keysDir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
}
