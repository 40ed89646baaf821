package ca

import (
	"crypto"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Label names a client identity for people: any text, kept as UTF-8, which
// becomes its certificate's common name. The zero Label names none.
type Label struct{ text string }

// LabelError says why Input cannot name a client identity.
type LabelError struct{ Input, Text string }

func (e LabelError) Error() string { return fmt.Sprintf("label %q %s", e.Input, e.Text) }

// ParseLabel reads a label. It is put in Unicode's composed form (NFC), so that
// what looks the same is the same. The error is a LabelError.
func ParseLabel(input string) (Label, error) {
	text := norm.NFC.String(input)
	switch fault := textFault(text, ubCommonName); {
	case fault != "":
		return Label{}, LabelError{input, fault}
	case text != strings.TrimSpace(text):
		return Label{}, LabelError{input, "begins or ends with a space"}
	case strings.EqualFold(text, "ca"):
		return Label{}, LabelError{input, "is what the certificate authority itself is called"}
	case readsAsHost(text):
		return Label{}, LabelError{input, "reads as the name of a host; servers would refuse the identity for it"}
	}
	return Label{text}, nil
}

// String returns the label as it stands in the certificate.
func (l Label) String() string { return l.text }

// textFault says what is wrong with a text for a common name, "" if nothing is.
func textFault(text string, limit int) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "is empty"
	case !utf8.ValidString(text), hidden(text):
		return "has a control or invisible character"
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("has %d characters, at most %d are allowed", utf8.RuneCountInString(text), limit)
	}
	return ""
}

// hidden reports whether text has a character that nobody sees. The two joiners
// are let through where they shape what is seen, in Persian, in Indic scripts and
// within an emoji: between two characters beyond ASCII.
func hidden(text string) bool {
	runes := []rune(text)
	for i, r := range runes {
		joins := (r == '\u200c' || r == '\u200d') && 0 < i && i < len(runes)-1 &&
			shaped(runes[i-1]) && shaped(runes[i+1])
		if !unicode.IsPrint(r) && !joins {
			return true
		}
	}
	return false
}

func shaped(r rune) bool { return r > unicode.MaxASCII && unicode.IsPrint(r) }

// readsAsHost reports whether OpenSSL takes a common name for a host name. It
// then holds it against the root's name constraints when a certificate has no
// dNSName, and no server on it would let the client in.
func readsAsHost(text string) bool {
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && !('0' <= r && r <= '9') && !strings.ContainsRune("._-", r)
	}
	return strings.Contains(text, ".") && !strings.ContainsFunc(text, other)
}

// PrepareClient makes the client identity for label and pub that the authority
// would sign at now: for clientAuth alone, without a name that a server could
// use. It is held against the rules as Prepare does; the error joins one error
// for each that is broken: LabelError, RuleError, DaysError.
func (a *Authority) PrepareClient(profile Profile, label Label, pub crypto.PublicKey, now time.Time) (*Prepared, error) {
	profile.client = label
	return a.Prepare(profile, Names{}, pub, now)
}

// labelled holds a label against the names of devices: one that a device of
// this root could have would leave open which of the two is meant.
func labelled(d draft) error {
	label := d.profile.client.text
	names, err := ParseNames([]string{label})
	if err == nil && d.authority.Permits(names) == nil {
		return LabelError{label, "is a name that a device of this CA can have"}
	}
	return nil
}
