package export

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
	"software.sslmate.com/src/go-pkcs12"
)

// P12 is how a .p12 is encrypted. Without a profile, that of the file's Spec
// applies.
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

// Hint lists the profiles.
func (e UnknownProfileError) Hint() fault.Hint {
	return fault.Hintf("choose legacy-des for phones, or modern2023 for computers")
}

// ExitCode is that of a wrong command line.
func (e UnknownProfileError) ExitCode() int { return fault.Usage }

// ParseP12Profile returns the profile that s names, or an UnknownProfileError.
func ParseP12Profile(s string) (P12Profile, error) {
	profile := P12Profile(strings.ToLower(s))
	if _, ok := encoders[profile]; !ok {
		return "", UnknownProfileError{s}
	}
	return profile, nil
}

// renderP12 writes a leaf with its key, or a trust store: the root by itself.
// With the root beside the leaf a client sends it along at each connection,
// which a board pays for with memory: only readers that need it there get it.
func renderP12(s Spec, b Bundle) ([]byte, error) {
	encoder, err := b.P12.encoder(s)
	if err != nil {
		return nil, err
	}
	switch {
	case s.Has(Leaf) && s.Has(Key) && !s.Has(CRL):
		var chain []*x509.Certificate
		if s.Has(CA) {
			chain = b.chain()
		}
		return encoder.Encode(b.Key, b.Leaf, chain, b.P12.Passphrase)
	case len(s.Parts) == 1 && s.Has(CA):
		// Marked as trusted for Java, under their names.
		var entries []pkcs12.TrustStoreEntry
		for _, root := range b.roots() {
			entries = append(entries, pkcs12.TrustStoreEntry{Cert: root, FriendlyName: root.Subject.CommonName})
		}
		return encoder.EncodeTrustStoreEntries(entries, b.P12.Passphrase)
	}
	return nil, ContainerError{s}
}

// chain is the root that issued the leaf, and for a client, which trusts what is
// in its .p12 (OpenVPN, Android), every other root.
func (b *Bundle) chain() []*x509.Certificate {
	chain := []*x509.Certificate{b.LeafIssuer()}
	if !slices.Contains(b.Leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return chain
	}
	for _, root := range b.roots() {
		if !root.Equal(chain[0]) {
			chain = append(chain, root)
		}
	}
	return chain
}

// encoder is that of the profile in p, else in the spec, else the one for
// computers. It refuses an empty passphrase, which Apple's devices do not
// import, and which encrypts nothing.
func (p P12) encoder(s Spec) (*pkcs12.Encoder, error) {
	profile := cmp.Or(p.Profile, P12Profile(s.Profile), Modern2023)
	encoder, ok := encoders[profile]
	if !ok {
		return nil, UnknownProfileError{string(profile)}
	}
	return encoder, CheckPassphrase(p.Passphrase, false)
}
