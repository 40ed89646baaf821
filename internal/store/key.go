package store

import (
	"cmp"
	"crypto"
	"encoding/asn1"
	"encoding/pem"
	"errors"

	"github.com/youmark/pkcs8"
)

// The faults of a key file.
var (
	// ErrNoKey means that a file holds no PKCS#8 private key in PEM.
	ErrNoKey = errors.New("file is empty, cut short, or not a private key in PEM (PKCS#8)")
	// ErrPassphrase means that a passphrase does not open a key.
	ErrPassphrase = errors.New("passphrase is wrong")
	// ErrCost means that opening a key would take more time or memory than any
	// key that picoca writes: it is damaged, or made to hang its reader.
	ErrCost = errors.New("encryption needs more work than picoca does to open a key (too many rounds)")
	// ErrOtherKey means that a key is not its certificate's.
	ErrOtherKey = errors.New("key does not belong to the certificate")
)

// iterations is OWASP's figure for PBKDF2-HMAC-SHA-256.
const iterations = 600_000

const encryptedLabel = "ENCRYPTED PRIVATE KEY"

// encryption is how a key file is encrypted: PBES2 (RFC 8018 section 6.2) with
// AES-256-CBC and PBKDF2-HMAC-SHA-256, which every OpenSSL since 1.1 reads.
func encryption(n int) *pkcs8.Opts {
	return &pkcs8.Opts{
		Cipher:  pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: cmp.Or(n, iterations), HMACHash: crypto.SHA256},
	}
}

// EncryptKey writes a private key as PKCS#8 in PEM, encrypted under passphrase
// unless that is empty.
func EncryptKey(key crypto.Signer, passphrase []byte) ([]byte, error) {
	return encryptKey(key, passphrase, 0)
}

func encryptKey(key crypto.Signer, passphrase []byte, n int) ([]byte, error) {
	label := encryptedLabel
	if len(passphrase) == 0 {
		label, passphrase = "PRIVATE KEY", nil
	}
	der, err := pkcs8.MarshalPrivateKey(key, passphrase, encryption(n))
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}), nil
}

// DecryptKey reads a key file that EncryptKey wrote. It fails with ErrNoKey,
// ErrCost or ErrPassphrase.
func DecryptKey(keyPEM, passphrase []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(keyPEM)
	switch {
	case block != nil && block.Type == encryptedLabel:
		if err := checkCost(block.Bytes); err != nil {
			return nil, err
		}
		if len(passphrase) == 0 {
			return nil, ErrPassphrase // the library would read it as unencrypted
		}
		return parseKey(block.Bytes, passphrase, ErrPassphrase)
	case block != nil && block.Type == "PRIVATE KEY":
		return parseKey(block.Bytes, nil, ErrNoKey)
	}
	return nil, ErrNoKey
}

// The most that picoca does to open a key. PBKDF2's is three times what it
// writes; scrypt's work, N times r times p, is eight times OpenSSL's default
// and takes 128 bytes of memory for each.
const (
	maxIterations = 2_000_000
	maxScryptWork = 1 << 20
)

var (
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}    // RFC 8018 appendix A.2
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11} // RFC 7914 section 7
)

// The parts of an encrypted key (RFC 5958 section 3, PBES2 in RFC 8018 appendix
// A.4) that show how its key is derived from the passphrase.
type (
	encryptedKey struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params struct{ KDF kdf }
		}
		Data []byte
	}
	kdf struct {
		OID    asn1.ObjectIdentifier
		Params asn1.RawValue
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
	}
	scryptParams struct {
		Salt    []byte
		N, R, P int
	}
)

// checkCost reads what it takes to open a key, because the library does whatever
// work a file names. It fails with ErrNoKey or ErrCost.
func checkCost(der []byte) error {
	var key encryptedKey
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return ErrNoKey
	}
	var err error
	within := true // the library knows no other function
	switch kdf := key.Algorithm.Params.KDF; {
	case kdf.OID.Equal(oidPBKDF2):
		var p pbkdf2Params
		_, err = asn1.Unmarshal(kdf.Params.FullBytes, &p)
		within = p.Iterations <= maxIterations
	case kdf.OID.Equal(oidScrypt):
		var p scryptParams
		_, err = asn1.Unmarshal(kdf.Params.FullBytes, &p)
		within = min(p.N, p.R, p.P) > 0 && p.N <= maxScryptWork/p.R/p.P
	}
	switch {
	case err != nil:
		return ErrNoKey
	case !within:
		return ErrCost
	}
	return nil
}

// parseKey reports fault for whatever is wrong: the library's reasons do not
// distinguish a wrong passphrase from damaged bytes.
func parseKey(der, passphrase []byte, fault error) (key crypto.Signer, err error) {
	defer func() {
		// It panics when the encrypted bytes are no whole number of blocks.
		if recover() != nil {
			key, err = nil, fault
		}
	}()
	parsed, err := pkcs8.ParsePKCS8PrivateKey(der, passphrase)
	key, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return nil, fault
	}
	return key, nil
}
