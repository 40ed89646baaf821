package export

import (
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// P12 is how a .p12 is encrypted.
type P12 struct {
	Profile    P12Profile
	Passphrase string
}

// TrustStorePassphrase is Java's customary passphrase. A trust store holds
// nothing secret; without a passphrase Java would not check its integrity.
const TrustStorePassphrase = pkcs12.DefaultPassword

// P12Profile is a set of algorithms of a .p12, named as on the command line.
type P12Profile string

// The profiles. The library's Modern and Legacy are not among them: they may
// come to mean something else.
const (
	// LegacyDES is 3DES with SHA-1 (RFC 7292 appendix C): every phone reads it,
	// and its strength is that of the passphrase.
	LegacyDES P12Profile = "legacy-des"
	// Modern2023 is AES-256 with HMAC-SHA-256: OpenSSL, Java, Windows, iOS from
	// 18 on; not Android 11 to 13.
	Modern2023 P12Profile = "modern2023"
)

var encoders = map[P12Profile]*pkcs12.Encoder{
	LegacyDES:  pkcs12.LegacyDES,
	Modern2023: pkcs12.Modern2023,
}

// UnknownProfileError says that Input is not a profile of a .p12.
type UnknownProfileError struct{ Input string }

func (e UnknownProfileError) Error() string {
	return fmt.Sprintf("profile %q of a .p12 is unknown", e.Input)
}

// ParseP12Profile returns the profile that s names, or an UnknownProfileError.
func ParseP12Profile(s string) (P12Profile, error) {
	profile := P12Profile(strings.ToLower(s))
	if _, ok := encoders[profile]; !ok {
		return "", UnknownProfileError{s}
	}
	return profile, nil
}

// p12Leaf writes a leaf with its key. The root stays out: whoever imports it
// has that from elsewhere, and a client would send it along at each
// connection, which a board pays with memory.
func p12Leaf(b Bundle) ([]File, error) {
	data, err := b.P12.encode(b)
	if err != nil {
		return nil, err
	}
	return []File{{Name: b.Stem + ".p12", Data: data, Private: true}}, nil
}

func (p P12) encode(b Bundle) ([]byte, error) {
	encoder, err := p.encoder()
	if err != nil {
		return nil, err
	}
	return encoder.Encode(b.Key, b.Leaf, nil, p.Passphrase)
}

// p12CA writes a trust store: the root, marked as trusted for Java, under its
// name.
func p12CA(b Bundle) ([]File, error) {
	encoder, err := b.P12.encoder()
	if err != nil {
		return nil, err
	}
	entry := pkcs12.TrustStoreEntry{Cert: b.Root, FriendlyName: b.Root.Subject.CommonName}
	data, err := encoder.EncodeTrustStoreEntries([]pkcs12.TrustStoreEntry{entry}, b.P12.Passphrase)
	if err != nil {
		return nil, err
	}
	return []File{{Name: "picoca-root.p12", Data: data}}, nil
}

// encoder refuses an empty passphrase, which Apple's devices do not import,
// and which encrypts nothing.
func (p P12) encoder() (*pkcs12.Encoder, error) {
	encoder, ok := encoders[p.Profile]
	if !ok {
		return nil, UnknownProfileError{string(p.Profile)}
	}
	return encoder, CheckPassphrase(p.Passphrase, false)
}
