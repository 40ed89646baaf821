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
	key := writeFixedKey(t, "root", ca.P256)
	root, err := ca.NewRoot(ca.RootRequest{Name: "Test Only", Days: 3650, Constraints: ca.HomeConstraints()}, key, fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	writeFixed(t, "root.pem", "CERTIFICATE", root.Raw)
	authority, err := ca.NewAuthority(root, fixedTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Unlock(key); err != nil {
		t.Fatal(err)
	}
	names, namesErr := ca.ParseNames([]string{"pico.local", "192.168.1.20"})
	label, labelErr := ca.ParseClientName(fixedLabel)
	if namesErr != nil || labelErr != nil {
		t.Fatal(namesErr, labelErr)
	}
	profile := ca.Profile{Kind: ca.KindServer, Life: ca.Days(820)}
	sign := func(name string, p *ca.Prepared, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := authority.Sign(p)
		if err != nil {
			t.Fatal(err)
		}
		writeFixed(t, name+".pem", "CERTIFICATE", leaf.Raw)
	}
	for _, row := range []struct {
		name string
		key  ca.KeyType
	}{{"device", ca.P256}, {"device-rsa", ca.RSA2048}} {
		p, err := authority.Prepare(profile, ca.Holder{Names: names}, writeFixedKey(t, row.name, row.key).Public(), fixedTime)
		sign(row.name, p, err)
	}
	profile.Kind = ca.KindClient
	p, err := authority.Prepare(profile, ca.Holder{Client: label}, writeFixedKey(t, "client", ca.P256).Public(), fixedTime)
	sign("client", p, err)
}

func writeFixedKey(t *testing.T, name string, keyType ca.KeyType) crypto.Signer {
	t.Helper()
	key, err := keyType.Generate()
	if err != nil {
		t.Fatal(err)
	}
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
