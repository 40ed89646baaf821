package ca_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
)

func TestKeyTypeIsMadeAndKnownAgain(t *testing.T) {
	for kt, row := range map[ca.KeyType]struct {
		title string
		rsa   bool
		bits  int
	}{
		ca.P256:    {"ECDSA P-256", false, 256},
		ca.P384:    {"ECDSA P-384", false, 384},
		ca.RSA2048: {"RSA-2048", true, 2048},
		ca.RSA3072: {"RSA-3072", true, 3072},
		ca.RSA4096: {"RSA-4096", true, 4096},
	} {
		key := newKey(t, kt)
		if got, err := ca.KeyTypeOf(key.Public()); err != nil || got != kt {
			t.Errorf("key %s: its key is a %q, %v", kt, got, err)
		}
		bits := 0
		switch pub := key.Public().(type) {
		case *ecdsa.PublicKey:
			bits = pub.Curve.Params().BitSize
		case *rsa.PublicKey:
			bits = pub.N.BitLen()
		}
		if bits != row.bits || kt.IsRSA() != row.rsa || kt.String() != row.title {
			t.Errorf("key %s: got %d bits, RSA %v, title %q; want %+v", kt, bits, kt.IsRSA(), kt, row)
		}
	}
}

func TestKeysAreNotTheSame(t *testing.T) {
	one, errOne := ca.P256.Generate()
	two, errTwo := ca.P256.Generate()
	if err := errors.Join(errOne, errTwo); err != nil {
		t.Fatal(err)
	}
	if one.(*ecdsa.PrivateKey).Equal(two) {
		t.Error("two generated keys are equal")
	}
}

func TestKeyTypeIsParsed(t *testing.T) {
	for _, kt := range keyTypes {
		for _, input := range []string{string(kt), strings.ToUpper(string(kt))} {
			if got, err := ca.ParseKeyType(input); err != nil || got != kt {
				t.Errorf("key type %q: got %q, %v", input, got, err)
			}
		}
	}
}

func TestOtherKeyTypeIsRefused(t *testing.T) {
	for input, want := range map[string]string{
		"": "p256, p384, rsa-2048", "p-256": "p256", "p521": "p256", "p224": "p256", "ecdsa": "p256",
		"rsa": "rsa-2048", "rsa-2047": "rsa-2048", "rsa-8192": "rsa-4096", "rsa-4096 ": "rsa-4096", "dsa": "p256",
		"ed25519": "Chromium", "ED25519": "Chromium", "rsa-1024": "broken", "rsa1024": "broken", "rsa-512": "broken",
		"p256\n": `\n`,
	} {
		_, err := ca.ParseKeyType(input)
		unknown, ok := errors.AsType[ca.UnknownKeyTypeError](err)
		if !ok || unknown.Input != input || !strings.Contains(err.Error(), want) {
			t.Errorf("key type %q: got %v, want an error with %q", input, err, want)
		}
	}
	if _, err := ca.KeyType("p521").Generate(); err == nil {
		t.Error("a key of type p521 was made")
	}
	if got := ca.KeyType("p521").String(); got != "p521" {
		t.Errorf("title of an unknown type: got %q", got)
	}
}

// weakKeys are public keys that must stand in no certificate.
func weakKeys(t testing.TB) map[string]crypto.PublicKey {
	t.Helper()
	ed, _, errEd := ed25519.GenerateKey(rand.Reader)
	p224, err224 := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	p521, err521 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	x, errX := ecdh.X25519().GenerateKey(rand.Reader)
	if err := errors.Join(errEd, err224, err521, errX); err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.PublicKey{
		"ed25519":  ed,
		"p224":     p224.Public(),
		"p521":     p521.Public(),
		"rsa-1024": rsaOfBits(1024),
		"rsa-2047": rsaOfBits(2047),
		"rsa-8192": rsaOfBits(8192),
		"x25519":   x.PublicKey(),
		"nothing":  nil,
	}
}

// rsaOfBits returns a public key of a size that no rule may let pass: crypto/rsa
// itself no longer makes the small ones.
func rsaOfBits(bits int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits)-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

func TestTypeOfAnotherKeyIsAnError(t *testing.T) {
	for name, pub := range weakKeys(t) {
		if got, err := ca.KeyTypeOf(pub); err == nil {
			t.Errorf("key %s: got type %q", name, got)
		} else if _, ok := errors.AsType[ca.UnknownKeyError](err); !ok {
			t.Errorf("key %s: got %T %v", name, err, err)
		}
	}
}
