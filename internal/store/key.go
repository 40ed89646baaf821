package store

import (
	"crypto"
	"encoding/pem"
	"errors"

	"github.com/youmark/pkcs8"
)

// The faults of a key file.
var (
	// ErrNoKey says that a file holds no PKCS#8 private key in PEM.
	ErrNoKey = errors.New("file is empty, cut short, or no private key in PEM (PKCS#8)")
	// ErrPassphrase says that a passphrase does not open a key.
	ErrPassphrase = errors.New("passphrase is wrong")
	// ErrOtherKey says that a key is not the one of its certificate.
	ErrOtherKey = errors.New("key is not the key of the certificate: damaged, or of another one")
)

// sealing is how a key file is encrypted: PBES2 (RFC 8018 section 6.2) with
// AES-256-CBC and PBKDF2-HMAC-SHA-256, which every OpenSSL since 1.1 reads.
// The iterations are OWASP's figure for this function.
func sealing() *pkcs8.Opts {
	return &pkcs8.Opts{
		Cipher:  pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 600_000, HMACHash: crypto.SHA256},
	}
}

// sealKey writes a private key as PKCS#8 in PEM, encrypted under passphrase
// unless that is empty.
func sealKey(key crypto.Signer, passphrase []byte) ([]byte, error) {
	label := "ENCRYPTED PRIVATE KEY"
	if len(passphrase) == 0 {
		label, passphrase = "PRIVATE KEY", nil
	}
	der, err := pkcs8.MarshalPrivateKey(key, passphrase, sealing())
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}), nil
}

// openKey reads a key file that sealKey wrote. It fails with ErrNoKey or
// ErrPassphrase.
func openKey(keyPEM, passphrase []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(keyPEM)
	switch {
	case block != nil && block.Type == "ENCRYPTED PRIVATE KEY":
		if len(passphrase) == 0 {
			return nil, ErrPassphrase // the library would read it as unencrypted
		}
		return parseKey(block.Bytes, passphrase, ErrPassphrase)
	case block != nil && block.Type == "PRIVATE KEY":
		return parseKey(block.Bytes, nil, ErrNoKey)
	}
	return nil, ErrNoKey
}

// parseKey reports fault for whatever is wrong: the library's reasons tell
// nothing about a wrong passphrase and damaged bytes apart.
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
