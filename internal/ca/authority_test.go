package ca_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// brokenSigner is a hardware key that was pulled out.
type brokenSigner struct{ pub crypto.PublicKey }

var errPulledOut = errors.New("key was pulled out")

func (s brokenSigner) Public() crypto.PublicKey { return s.pub }

func (s brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errPulledOut
}

// custom signs a template by itself, as something that picoca did not make.
func custom(t testing.TB, kt ca.KeyType, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Custom"},
		NotBefore:             noon.Add(-day),
		NotAfter:              noon.Add(day),
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	change(template)
	return testpki.SelfSigned(t, template, newKey(t, kt)).Cert
}

func TestAuthorityTakesARoot(t *testing.T) {
	for _, kt := range keyTypes {
		root := newRoot(t, testpki.HomeRequest(), kt)
		a, err := ca.NewAuthority(root, noon)
		if err != nil {
			t.Errorf("%s: %v", kt, err)
			continue
		}
		if a.Certificate() != root || a.KeyType() != kt {
			t.Errorf("%s: got %q with a %s key", kt, a.Certificate().Subject, a.KeyType())
		}
	}
	if _, err := ca.NewAuthority(custom(t, ca.P256, func(*x509.Certificate) {}), noon); err != nil {
		t.Errorf("another program's root: %v", err)
	}
}

func TestAuthorityTakesNothingButARoot(t *testing.T) {
	a := home(t)
	forged := *a.Certificate()
	forged.Signature = append([]byte{}, forged.Signature...)
	forged.Signature[len(forged.Signature)-1] ^= 1
	for name, cert := range map[string]*x509.Certificate{
		"leaf":      issue(t, a, "pico.local"),
		"no CA":     custom(t, ca.P256, func(c *x509.Certificate) { c.IsCA = false }),
		"no usage":  custom(t, ca.P256, func(c *x509.Certificate) { c.KeyUsage = 0 }),
		"only CRLs": custom(t, ca.P256, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }),
		"forged":    &forged,
	} {
		if _, err := ca.NewAuthority(cert, noon); !errors.Is(err, ca.ErrNotRoot) {
			t.Errorf("%s: got %v, want %v", name, err, ca.ErrNotRoot)
		}
	}
}

func TestAuthorityRefusesARootOfAWeakKey(t *testing.T) {
	for name, pub := range weakKeys(t) {
		cert := *newRoot(t, testpki.HomeRequest(), ca.P256)
		cert.PublicKey = pub
		if _, err := ca.NewAuthority(&cert, noon); err == nil {
			t.Errorf("root with key %s is accepted", name)
		} else if _, ok := errors.AsType[ca.UnknownKeyError](err); !ok {
			t.Errorf("root with key %s: got %v", name, err)
		}
	}
}

func TestAuthorityHoldsFromTheFirstSecondToTheLast(t *testing.T) {
	root := newRoot(t, testpki.HomeRequest(), ca.P256)
	for _, row := range []struct {
		at   time.Time
		text string // of the error, "" for none
	}{
		{root.NotBefore.Add(-time.Second), "root certificate is valid from 2021-01-01 on, but this computer's clock says 2020-12-31"},
		{root.NotBefore, ""},
		{noon, ""},
		{root.NotAfter, ""},
		{root.NotAfter.Add(time.Second), "root certificate expired on 2036-11-18"},
	} {
		_, err := ca.NewAuthority(root, row.at)
		switch {
		case row.text == "":
			if err != nil {
				t.Errorf("at %s: %v", row.at, err)
			}
		case err == nil || err.Error() != row.text:
			t.Errorf("at %s: got %v, want %q", row.at, err, row.text)
		default:
			if e, ok := errors.AsType[ca.ExpiredError](err); !ok || !e.Now.Equal(row.at) {
				t.Errorf("at %s: got %T of %s", row.at, err, e.Now)
			}
		}
	}
}

func TestAuthorityOpensWithItsOwnKeyAlone(t *testing.T) {
	other, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	a, err := ca.NewAuthority(newRoot(t, testpki.HomeRequest(), ca.P256), noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{
		"other":      other,
		"other type": newKey(t, ca.RSA2048),
		"no public":  brokenSigner{},
		"odd public": brokenSigner{pub: "public"},
	} {
		if err := a.Unlock(key); !errors.Is(err, ca.ErrOtherKey) {
			t.Errorf("%s: got %v, want %v", name, err, ca.ErrOtherKey)
		}
	}
	p := prepare(t, a, profile(), parse(t, "pico.local"))
	if _, err := a.Sign(p); !errors.Is(err, ca.ErrLocked) {
		t.Errorf("sign after a wrong key: got %v, want %v", err, ca.ErrLocked)
	}
	if err := a.Unlock(newKey(t, ca.P256)); err != nil {
		t.Errorf("its own key: %v", err)
	}
	sign(t, a, p) // being locked has not used it up
}
