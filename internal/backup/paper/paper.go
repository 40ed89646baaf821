// Package paper writes a root, its certificate and its encrypted key, onto a
// sheet of paper, and reads it back from what a person typed or a camera
// scanned.
//
// The sheet holds numbered lines, each with a check of its own:
//
//	H01: version, lengths of key and certificate, hash of both
//	K01: K02: ...  the key, encrypted PKCS#8 in DER
//	C01: C02: ...  the certificate in DER
//
// The same lines are in its QR codes, with "/" between them. All of it is upper
// case, digits, ":" and "/", so that a code has alphanumeric mode: scanners
// mangle binary. The letters are those of Crockford's base 32, which has no I, L,
// O and U: they are read as 1, 1, 0 and V.
package paper

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

const version = 1

var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

const (
	perLine  = 25 // bytes: 40 letters, in groups of 5
	group    = 5
	checkLen = 4 // letters: one wrong line in a million passes
	// maxPart is what a line's number of three digits has room for.
	maxPart = 999 * perLine
)

// The kinds of lines, by their first letter.
const (
	headLines = 'H'
	keyLines  = 'K'
	certLines = 'C'
)

// Content is what a sheet holds.
type Content struct {
	Certificate *x509.Certificate
	Key         []byte // encrypted PKCS#8, in DER
}

// Purpose is what a sheet is for.
type Purpose int

const (
	// Copy is the sheet of a root whose key is in the store too.
	Copy Purpose = iota
	// Spare is that of a root whose key is nowhere else.
	Spare
)

// Passphrase is what opens the key on a sheet.
type Passphrase int

const (
	// OfRoot is the passphrase that the root key had when the sheet was made.
	OfRoot Passphrase = iota
	// OfSheet is one that was chosen for the sheet.
	OfSheet
)

// Sheet is a sheet to be printed.
type Sheet struct {
	Content
	Purpose    Purpose
	Passphrase Passphrase
	Date       time.Time
	// Command restores from the sheet, as the user types it.
	Command string
}

// ErrNotEncrypted is returned for a key that would be printed in clear.
var ErrNotEncrypted = errors.New("key is not an encrypted private key (PKCS#8)")

// check fails unless the content may be printed and can be read again.
func (c Content) check() error {
	if err := ca.VerifyRoot(c.Certificate); err != nil {
		return err
	}
	if !encrypted(c.Key) {
		return ErrNotEncrypted
	}
	if most := max(len(c.Key), len(c.Certificate.Raw)); most > maxPart {
		return fmt.Errorf("root has %d bytes, at most %d fit on paper", most, maxPart)
	}
	return nil
}

// encrypted reports whether der is an EncryptedPrivateKeyInfo (RFC 5958 section
// 3): an algorithm and an octet string. A key in clear begins with a number.
func encrypted(der []byte) bool {
	var info struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params asn1.RawValue
		}
		Data []byte
	}
	rest, err := asn1.Unmarshal(der, &info)
	return err == nil && len(rest) == 0 && len(info.Data) > 0
}

// header is line H01, before its check: the version in one byte, the lengths of
// key and certificate in two each, and a part of the hash of both.
type header [1 + 2 + 2 + 16]byte

func (c Content) header() (h header) {
	h[0] = version
	binary.BigEndian.PutUint16(h[1:], uint16(len(c.Key)))
	binary.BigEndian.PutUint16(h[3:], uint16(len(c.Certificate.Raw)))
	sum := sha256.Sum256(append(bytes.Clone(c.Key), c.Certificate.Raw...))
	copy(h[5:], sum[:])
	return h
}

func (h header) keySize() int  { return int(binary.BigEndian.Uint16(h[1:])) }
func (h header) certSize() int { return int(binary.BigEndian.Uint16(h[3:])) }

// label is a line's name: "K07".
type label struct {
	kind   byte
	number int
}

func (l label) String() string { return fmt.Sprintf("%c%02d", l.kind, l.number) }

// line is a numbered line: its letters, with the check at their end.
type line struct {
	label label
	text  string
}

// check returns the letters that depend on the line's data and on its name, so
// that a line in another's place is found too.
func check(l label, data string) string {
	sum := sha256.Sum256([]byte("picoca paper " + l.String() + " " + data))
	return alphabet.EncodeToString(sum[:])[:checkLen]
}

// lines returns those of one part.
func lines(kind byte, data []byte) []line {
	var all []line
	for len(data) > 0 {
		n := min(perLine, len(data))
		l, text := label{kind, len(all) + 1}, alphabet.EncodeToString(data[:n])
		all = append(all, line{l, text + check(l, text)})
		data = data[n:]
	}
	return all
}

// parts returns the lines of a sheet in two parts: those of head and key, and
// those of the certificate.
func (c Content) parts() [2][]line {
	head := c.header()
	return [2][]line{
		append(lines(headLines, head[:]), lines(keyLines, c.Key)...),
		lines(certLines, c.Certificate.Raw),
	}
}

// compact is the line as a code has it.
func (l line) compact() string { return l.label.String() + ":" + l.text }

// printed is the line as a person reads it, its check as the last group.
func (l line) printed() string {
	var text strings.Builder
	text.WriteString(l.label.String() + ":")
	data, sum := l.text[:len(l.text)-checkLen], l.text[len(l.text)-checkLen:]
	for len(data) > 0 {
		n := min(group, len(data))
		text.WriteString(" " + data[:n])
		data = data[n:]
	}
	return text.String() + " " + sum
}

// printedLines joins lines for people.
func printedLines(all []line) string {
	var text strings.Builder
	for _, l := range all {
		text.WriteString(l.printed() + "\n")
	}
	return text.String()
}
