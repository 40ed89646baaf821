package ca

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/picoca/picoca/internal/fault"
	"golang.org/x/text/unicode/norm"
)

// ClientName names an identity for people: any text, kept as UTF-8, which
// becomes its certificate's common name. The zero ClientName names none.
type ClientName struct{ text string }

// ClientNameError says why Input cannot name an identity. Word means that it is a
// word of picoca, and so could not name a device either.
type ClientNameError struct {
	Input, Text string
	Word        bool
}

func (e ClientNameError) Error() string { return fmt.Sprintf("identity name %q %s", e.Input, e.Text) }

// Hint says what to do about it.
func (e ClientNameError) Hint() fault.Hint {
	example := fault.Command{"identity", "Kitchen tablet"}
	if _, err := ParseNames([]string{e.Input}); err == nil && !e.Word {
		return fault.Hintf("choose a name that is not a host name: %s; for a device that serves pages: %s",
			example, fault.Command{"issue", e.Input})
	}
	return fault.Hintf("choose a name such as: %s", example)
}

// ParseClientName reads the name of an identity. It is put in Unicode's
// composed form (NFC), so that what looks the same is the same. The error is a
// ClientNameError.
func ParseClientName(input string) (ClientName, error) {
	text := norm.NFC.String(input)
	switch fault := textFault(text, ubCommonName); {
	case fault != "":
		return ClientName{}, ClientNameError{Input: input, Text: fault}
	case text != strings.TrimSpace(text):
		return ClientName{}, ClientNameError{Input: input, Text: "begins or ends with a space"}
	case strings.EqualFold(text, "ca"):
		return ClientName{}, ClientNameError{input, "is reserved for the CA itself", true}
	case readsAsHost(text):
		return ClientName{}, ClientNameError{Input: input, Text: "looks like a host name; servers would refuse such an identity"}
	}
	return ClientName{text}, nil
}

// String returns the name as it is in the certificate.
func (n ClientName) String() string { return n.text }

// readsAsHost reports whether OpenSSL takes a common name for a host name. It
// then checks it against the root's name constraints when a certificate has no
// dNSName, and no server on it would let the client in.
func readsAsHost(text string) bool {
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && !('0' <= r && r <= '9') && !strings.ContainsRune("._-", r)
	}
	return strings.Contains(text, ".") && !strings.ContainsFunc(text, other)
}

// mailDomain is where the e-mail addresses of identities are, and the only one
// for which a root may vouch. No one can receive mail there (RFC 8375).
const mailDomain = "home.arpa"

// mail returns the e-mail address that an identity has as its subjectAltName.
// Without one, BoringSSL checks a common name that reads as a host label
// (kitchen-tablet) against the root's domains. Two names never share an
// address: one that is not its own stem gets eight digits of its hash.
func (n ClientName) mail() string {
	const longest = 64 - len("-01234567") // RFC 5321 section 4.5.3.1.1
	stem := n.stem()
	if stem != n.text || len(stem) > longest {
		sum := sha256.Sum256([]byte(n.text))
		stem = strings.Trim(stem[:min(len(stem), longest)], "-")
		stem = strings.TrimPrefix(fmt.Sprintf("%s-%x", stem, sum[:4]), "-")
	}
	return stem + "@" + mailDomain
}

// stem returns the name in lower-case letters and digits of ASCII, accents
// dropped, and single hyphens for the rest.
func (n ClientName) stem() string {
	var stem strings.Builder
	for _, r := range norm.NFKD.String(n.text) {
		switch r = lowerASCII(r); {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			stem.WriteRune(r)
		case !unicode.Is(unicode.Mn, r) && !strings.HasSuffix(stem.String(), "-"):
			stem.WriteByte('-')
		}
	}
	return strings.Trim(stem.String(), "-")
}

// permitsMail reports whether root may vouch for the addresses of identities.
// Those of earlier versions limit no e-mail addresses.
func permitsMail(root *x509.Certificate) bool {
	permitted := root.PermittedEmailAddresses
	return len(permitted) == 0 || slices.Contains(permitted, mailDomain)
}

// clientNameFree checks an identity's name against the names of devices: one
// that a device of this root could have would leave open which of the two is
// meant.
func clientNameFree(d draft) error {
	text := d.holder.Client.text
	names, err := ParseNames([]string{text})
	if err == nil && d.authority.Permits(names) == nil {
		return ClientNameError{Input: text, Text: "could be the name of a device"}
	}
	return nil
}
