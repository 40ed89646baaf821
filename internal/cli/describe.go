package cli

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
)

// rootJSON is the root as --json prints it.
type rootJSON struct {
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Permitted []string  `json:"permitted"`
	Strict    bool      `json:"strict_constraints"`
	SHA256    string    `json:"sha256"`
	SHA1      string    `json:"sha1"`
}

func describeRoot(cert *x509.Certificate) rootJSON {
	return rootJSON{
		Name:      cert.Subject.CommonName,
		Key:       keyOf(cert),
		Serial:    serial(cert),
		NotBefore: cert.NotBefore,
		NotAfter:  cert.NotAfter,
		Permitted: strings.Fields(ca.ConstraintsOf(cert).String()),
		Strict:    cert.PermittedDNSDomainsCritical,
		SHA256:    fingerprint(cert),
		SHA1:      fingerprint1(cert),
	}
}

func keyOf(cert *x509.Certificate) string {
	keyType, err := ca.KeyTypeOf(cert.PublicKey)
	if err != nil {
		return cert.PublicKeyAlgorithm.String()
	}
	return string(keyType)
}

// keyTitle names a key type for people.
func keyTitle(id string) string { return ca.KeyType(id).String() }

func serial(cert *x509.Certificate) string { return fmt.Sprintf("%032x", cert.SerialNumber) }

// fingerprint is the SHA-256 of the whole certificate, as phones show it.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return colons(sum[:])
}

// fingerprint1 is the SHA-1 that Windows and Android show beside it: a name to
// look up, no protection.
func fingerprint1(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return colons(sum[:])
}

func colons(sum []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}

// day writes a date as UTC has it.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// bytesText writes a number of bytes for people.
func bytesText(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func isExist(err error) bool { return errors.Is(err, fs.ErrExist) }

// displayed are names of certificates for people: international ones both ways.
func displayed(names []string) []string {
	shown := slices.Clone(names)
	for i, name := range names {
		if !strings.Contains(name, "xn--") {
			continue // parsing 10,000 names takes its time
		}
		if parsed, err := ca.ParseNames([]string{name}); err == nil {
			shown[i] = parsed.First().Display()
		}
	}
	return shown
}

// fold breaks a text between words into lines of at most width characters. A
// longer word has a line of its own.
func fold(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last+" "+word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
