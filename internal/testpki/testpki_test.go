package testpki_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// TestRulesHoldForWhatIsIssued and for nothing that is signed without them.
func TestRulesHoldForWhatIsIssued(t *testing.T) {
	root := testpki.Home(t, noon)
	bank := root.Sign(t, &x509.Certificate{DNSNames: []string{"bank.example"}, NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}, testpki.Key(t, ca.P256))
	for _, row := range []struct {
		name string
		pair testpki.Pair
		kind ca.Kind
		want bool
	}{
		{"server", root.Server(t, noon, "pico.local", "192.168.1.20"), ca.KindServer, true},
		{"identity", root.Identity(t, noon, "kitchen-tablet"), ca.KindClient, true},
		{"intermediate", root.Intermediate(t, noon, "Step CA"), ca.KindCA, true},
		{"bank", bank, ca.KindServer, false},
	} {
		roots := x509.NewCertPool()
		roots.AddCert(root.Cert)
		_, err := row.pair.Cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if (err == nil) != row.want {
			t.Errorf("%s: got %v, want accepted %t", row.name, err, row.want)
		}
		if got := ca.KindOf(row.pair.Cert); row.want && got != row.kind {
			t.Errorf("%s: got kind %q, want %q", row.name, got, row.kind)
		}
		if !ca.KeyMatches(row.pair.Cert, row.pair.Key.Public()) {
			t.Errorf("%s: has another key", row.name)
		}
	}
}

func TestChangedRootKeepsItsKeyAndTheRest(t *testing.T) {
	root := testpki.Home(t, noon)
	changed := root.Changed(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.PermittedDNSDomains, c.SerialNumber = "Custom", []string{"example.org"}, nil
	})
	got := changed.Cert
	if got.Subject.CommonName != "Custom" || len(got.PermittedDNSDomains) != 1 || got.SerialNumber.Cmp(root.Cert.SerialNumber) == 0 {
		t.Errorf("got %q for %q with serial number %x, want the changes", got.Subject, got.PermittedDNSDomains, got.SerialNumber)
	}
	if len(got.PermittedIPRanges) != len(root.Cert.PermittedIPRanges) || !got.NotAfter.Equal(root.Cert.NotAfter) || !ca.KeyMatches(got, root.Key.Public()) {
		t.Error("more than the changes differs")
	}
	if err := got.CheckSignatureFrom(got); err != nil {
		t.Error(err)
	}
	if bits := got.SerialNumber.BitLen(); bits != 127 {
		t.Errorf("serial number: got %d bits, want 127", bits)
	}
}

func TestPairIsLoadedByTLS(t *testing.T) {
	root := testpki.Home(t, noon)
	leaf := root.Server(t, noon, "pico.local")
	text := testpki.KeyPEM(t, leaf.Key)
	loaded, err := tls.X509KeyPair(ca.CertificatePEM(leaf.Cert), text)
	if err != nil {
		t.Fatal(err)
	}
	if got := leaf.TLS(root.Cert); len(got.Certificate) != 2 || string(got.Certificate[0]) != string(loaded.Certificate[0]) {
		t.Errorf("got %d certificates, want the leaf and its root", len(got.Certificate))
	}
	if !testpki.ParseKeyPEM(t, text).(interface{ Equal(crypto.PrivateKey) bool }).Equal(leaf.Key) {
		t.Error("key came back as another")
	}
}

func TestRevocationListNamesItsSerials(t *testing.T) {
	root := testpki.Home(t, noon)
	serial := root.Server(t, noon, "pico.local").Cert.SerialNumber
	list, err := ca.VerifyCRL(root.Cert, root.CRL(t, 7, noon, serial).Raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := list.RevokedCertificateEntries; len(got) != 1 || got[0].SerialNumber.Cmp(serial) != 0 || list.Number.Int64() != 7 {
		t.Errorf("list %v: got %v, want %x", list.Number, got, serial)
	}
}
