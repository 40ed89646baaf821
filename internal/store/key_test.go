package store

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/youmark/pkcs8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// keys are one of each type that picoca issues.
func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	return map[string]crypto.Signer{"p256": testpki.Key(t, ca.P256), "p384": testpki.Key(t, ca.P384), "rsa-2048": testpki.Key(t, ca.RSA2048)}
}

func TestKeyIsDecryptedAsItWasEncrypted(t *testing.T) {
	for name, key := range keys(t) {
		plain, err := EncryptKey(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecryptKey(plain, []byte("needs none")); err != nil || !equalKeys(key, got) {
			t.Errorf("%s, no passphrase: got %v", name, err)
		}
		for _, passphrase := range []string{"x", "correct horse battery staple", "пароль\x00\xff"} {
			checkEncrypted(t, key, encryptQuickly(t, key, passphrase, quickPBKDF2), passphrase)
			checkEncrypted(t, key, encryptQuickly(t, key, passphrase, quickScrypt), passphrase) // by another tool
		}
	}
	encrypted, err := EncryptKey(keys(t)["p256"], []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	checkEncrypted(t, keys(t)["p256"], encrypted, "correct horse")
}

func checkEncrypted(t testing.TB, key crypto.Signer, encrypted []byte, passphrase string) {
	t.Helper()
	if got, err := DecryptKey(encrypted, []byte(passphrase)); err != nil || !equalKeys(key, got) {
		t.Errorf("passphrase %q: got %v", passphrase, err)
	}
	for _, wrong := range []string{"", passphrase + "x", passphrase[1:] + "y"} {
		if got, err := DecryptKey(encrypted, []byte(wrong)); !errors.Is(err, ErrPassphrase) || got != nil {
			t.Errorf("passphrase %q for %q: got %v, want %v", wrong, passphrase, err, ErrPassphrase)
		}
	}
}

func TestUnencryptedKeyIsPlainPKCS8(t *testing.T) {
	for name, key := range keys(t) {
		data, err := EncryptKey(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(data)
		if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 || len(block.Headers) != 0 {
			t.Errorf("%s: got %q", name, data)
			continue
		}
		if got, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil || !equalKeys(key, got.(crypto.Signer)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncryptedKeyHidesTheKey(t *testing.T) {
	key := keys(t)["p256"].(*ecdsa.PrivateKey)
	plain, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := EncryptKey(key, []byte("passphrase"))
	two, err2 := EncryptKey(key, []byte("passphrase"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(one)
	if block.Type != "ENCRYPTED PRIVATE KEY" || bytes.Contains(block.Bytes, plain) || bytes.Contains(block.Bytes, []byte("passphrase")) {
		t.Errorf("got %s with the key or the passphrase in it", block.Type)
	}
	if bytes.Equal(one, two) {
		t.Error("encrypted twice: the same bytes, so the same salt")
	}
	// OWASP's figure for PBKDF2-HMAC-SHA-256.
	if got := encryption(0).KDFOpts.(pkcs8.PBKDF2Opts); got.IterationCount != 600_000 || got.SaltSize != 16 || got.HMACHash != crypto.SHA256 {
		t.Errorf("sealing: got %+v", got)
	}
	// 600,000 as a DER INTEGER.
	if !bytes.Contains(block.Bytes, []byte{0x02, 0x03, 0x09, 0x27, 0xc0}) {
		t.Error("the iterations are not in the file")
	}
}

func TestWhatIsNoKeyFileIsRefused(t *testing.T) {
	key := keys(t)["p256"]
	plain, err := EncryptKey(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(plain)
	sec1, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	as := func(label string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}) }
	for name, data := range map[string][]byte{
		"empty": nil, "garbage": []byte("garbage"), "DER": block.Bytes, "zeros": make([]byte, 4096),
		"SEC1":           as("EC PRIVATE KEY", sec1),
		"SEC1 in PKCS#8": as("PRIVATE KEY", sec1),
		"certificate":    as("CERTIFICATE", newRoot(t).Cert.Raw),
		"public":         as("PUBLIC KEY", block.Bytes),
		"no bytes":       as("PRIVATE KEY", nil),
		"cut":            plain[:len(plain)/2],
		"cut DER":        as("PRIVATE KEY", block.Bytes[:len(block.Bytes)-1]),
	} {
		for _, passphrase := range [][]byte{nil, []byte("x")} {
			if got, err := DecryptKey(data, passphrase); !errors.Is(err, ErrNoKey) || got != nil {
				t.Errorf("%s: got %T, %v; want %v", name, got, err, ErrNoKey)
			}
		}
	}
	for name, data := range map[string][]byte{
		"nothing": as("ENCRYPTED PRIVATE KEY", nil), "garbage": as("ENCRYPTED PRIVATE KEY", []byte("garbage")),
		"plain": as("ENCRYPTED PRIVATE KEY", block.Bytes),
	} {
		for _, passphrase := range [][]byte{nil, []byte("x")} {
			if got, err := DecryptKey(data, passphrase); !errors.Is(err, ErrNoKey) || got != nil {
				t.Errorf("encrypted %s: got %T, %v; want %v", name, got, err, ErrNoKey)
			}
		}
	}
}

// TestKeyThatCostsTooMuchIsNotOpened proves that only the file is judged: to
// derive one of these keys would take minutes, or more memory than there is.
func TestKeyThatCostsTooMuchIsNotOpened(t *testing.T) {
	for name, kdf := range map[string]kdfParams{
		"PBKDF2, one too many":   {oidPBKDF2, pbkdf2Params{make([]byte, 8), maxIterations + 1}},
		"PBKDF2, 2^62":           {oidPBKDF2, pbkdf2Params{make([]byte, 8), 1 << 62}},
		"scrypt, N":              {oidScrypt, scryptParams{make([]byte, 8), 1 << 40, 8, 1}},
		"scrypt, r":              {oidScrypt, scryptParams{make([]byte, 8), 2, 1 << 30, 1}},
		"scrypt, p":              {oidScrypt, scryptParams{make([]byte, 8), 2, 1, 1 << 29}},
		"scrypt, all":            {oidScrypt, scryptParams{make([]byte, 8), 1 << 62, 1 << 62, 1 << 62}},
		"scrypt, none":           {oidScrypt, scryptParams{make([]byte, 8), 1 << 10, 0, 1}},
		"scrypt, less than none": {oidScrypt, scryptParams{make([]byte, 8), 1 << 10, -8, -1}},
	} {
		for _, passphrase := range [][]byte{nil, []byte("x")} {
			if got, err := DecryptKey(encryptedAs(t, kdf), passphrase); err != ErrCost || got != nil {
				t.Errorf("%s: got %T, %v; want %v", name, got, err, ErrCost)
			}
		}
	}
	for name, kdf := range map[string]kdfParams{
		"PBKDF2": {oidPBKDF2, pbkdf2Params{make([]byte, 8), maxIterations}},
		"scrypt": {oidScrypt, scryptParams{make([]byte, 8), 1 << 17, 8, 1}},
	} {
		if _, err := DecryptKey(encryptedAs(t, kdf), []byte("x")); err != ErrPassphrase {
			t.Errorf("%s, as much as is allowed: got %v, want %v", name, err, ErrPassphrase)
		}
	}
}

type kdfParams struct {
	oid    asn1.ObjectIdentifier
	params any
}

// encryptedAs is an encrypted key file whose bytes no passphrase opens.
func encryptedAs(t *testing.T, kdf kdfParams) []byte {
	t.Helper()
	type algorithm struct {
		OID    asn1.ObjectIdentifier
		Params any
	}
	der, err := asn1.Marshal(struct {
		Algorithm algorithm
		Data      []byte
	}{algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, struct{ KDF, Cipher algorithm }{
		algorithm{kdf.oid, kdf.params},
		algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, make([]byte, 16)}, // AES-256-CBC
	}}, make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}

// encryptQuickly encrypts a key with so few iterations that it can be opened
// thousands of times.
func encryptQuickly(t testing.TB, key crypto.Signer, passphrase string, kdf pkcs8.KDFOpts) []byte {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(key, []byte(passphrase), &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: kdf})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}

var (
	quickPBKDF2 = pkcs8.PBKDF2Opts{SaltSize: 8, IterationCount: 1, HMACHash: crypto.SHA256}
	quickScrypt = pkcs8.ScryptOpts{SaltSize: 8, CostParameter: 2, BlockSize: 1, ParallelizationParameter: 1}
)

// TestDamagedEncryptedKeyIsRefusedOrUnmistakable flips each bit of a encrypted key.
// CBC detects no change: what opens all the same is a key, and
// ca.Authority.Unlock reports whether it is the root's.
func TestDamagedEncryptedKeyIsRefusedOrUnmistakable(t *testing.T) {
	for _, kdf := range []pkcs8.KDFOpts{quickPBKDF2, quickScrypt} {
		key := keys(t)["p256"]
		block, _ := pem.Decode(encryptQuickly(t, key, "x", kdf))
		refused := 0
		for bit := range len(block.Bytes) * 8 {
			block.Bytes[bit/8] ^= 1 << (bit % 8)
			got, err := DecryptKey(pem.EncodeToMemory(block), []byte("x"))
			block.Bytes[bit/8] ^= 1 << (bit % 8)
			switch {
			case err == nil && got == nil, err != nil && (got != nil || !errors.Is(err, ErrPassphrase) && !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrCost)):
				t.Errorf("bit %d: got %T, %v", bit, got, err)
			case err != nil:
				refused++
			}
		}
		if refused < len(block.Bytes)*8/2 {
			t.Errorf("refused %d of %d", refused, len(block.Bytes)*8)
		}
	}
}

// FuzzDecryptKey checks whatever is opened against the promise: it is a key that
// can be encrypted and opened again, and what is refused is refused by one of three
// reasons, without a panic and soon.
func FuzzDecryptKey(f *testing.F) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []crypto.Signer{keys(f)["p256"], keys(f)["p384"], keys(f)["rsa-2048"], ed} {
		plain, err := EncryptKey(key, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain, []byte(nil))
		f.Add(plain[:len(plain)/2], []byte(nil))
		f.Add(encryptQuickly(f, key, "x", quickPBKDF2), []byte("x"))
		f.Add(encryptQuickly(f, key, "x", quickScrypt), []byte("x"))
		f.Add(encryptQuickly(f, key, "x", quickPBKDF2), []byte("wrong"))
	}
	f.Add([]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), []byte("x"))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, data, passphrase []byte) {
		key, err := DecryptKey(data, passphrase)
		if err != nil {
			if key != nil || err != ErrNoKey && err != ErrCost && err != ErrPassphrase {
				t.Errorf("got %T, %v", key, err)
			}
			return
		}
		encrypted, err := EncryptKey(key, nil)
		if err != nil {
			t.Fatalf("%T: %v", key, err)
		}
		again, err := DecryptKey(encrypted, nil)
		if err != nil || !equalKeys(key, again) {
			t.Errorf("%T: opened, encrypted, and %v", key, err)
		}
	})
}
