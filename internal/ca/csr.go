package ca

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/picoca/picoca/internal/fault"
)

// MaxCSR is the largest file in which a certificate request is looked for:
// a request has a few kilobytes, the text around it may have more.
const MaxCSR = 1 << 20

// CSR is a certificate signing request (RFC 2986): a public key, and the
// proof that its sender has the private key. The rest are wishes.
type CSR struct {
	Public crypto.PublicKey
	Key    KeyType
	// Names are those that the request asks for: of its subjectAltName, or its
	// common name if that has none. Only names that a certificate can have are
	// among them.
	Names Names
	// Wishes are everything else that it asks for, in words.
	Wishes []string
	// HasPrivateKey reports whether a private key lies in the same file.
	HasPrivateKey bool
	// LowExponent reports whether the key is an RSA key whose public exponent is
	// below 65537, which some clients refuse.
	LowExponent bool
}

// CSRError says what is wrong with a certificate request. Its text goes on
// after the name of the file.
type CSRError struct {
	Text   string
	advice fault.Hint
}

func (e *CSRError) Error() string { return e.Text }

// Hint says how to get a request that can be used.
func (e *CSRError) Hint() fault.Hint { return e.advice }

// The ways to a better request.
var (
	asOpenSSL = fault.Hintf("make it on the device, or with: openssl req -new -newkey rsa:2048 -keyout key.pem -out device.csr")
	copyAgain = fault.Hintf("get the file from the device again, as a whole")
	otherKey  = fault.Hintf("let the device make a P-256 key or an RSA key of 2048 bits, and a new request")
	withSHA   = fault.Hintf("make it again with SHA-256: openssl req -new -sha256 -key key.pem -out device.csr")
	oneByOne  = fault.Hintf("put each request in a file of its own")
)

func csrError(advice fault.Hint, format string, args ...any) error {
	return &CSRError{fmt.Sprintf(format, args...), advice}
}

// ParseCSR reads a certificate request, PEM or DER, with or without other
// text around it, and checks its signature. The error is a CSRError.
func ParseCSR(data []byte) (CSR, error) {
	if len(data) > MaxCSR {
		return CSR{}, csrError(asOpenSSL, "is larger than 1 MB; a certificate request has a few kilobytes")
	}
	found, err := findCSR(data)
	if err != nil {
		return CSR{}, err
	}
	r, err := parseCSRDER(found.der)
	r.HasPrivateKey = found.privateKey
	return r, err
}

// foundCSR is what a file holds.
type foundCSR struct {
	der        []byte
	privateKey bool
}

// block matches PEM however its lines are broken (RFC 7468 section 2), which
// package pem does not: devices and web forms put all of it on one line.
var block = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END [A-Z0-9 ]{1,40}-----`)
})

// csrLabels are those of RFC 7468 section 7.
var csrLabels = []string{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}

func findCSR(data []byte) (found foundCSR, err error) {
	text := plainText(data)
	var labels []string
	var bodies [][]byte
	for _, match := range block().FindAllSubmatch(text, -1) {
		label := string(match[1])
		labels = append(labels, label)
		if slices.Contains(csrLabels, label) {
			bodies = append(bodies, match[2])
		}
	}
	found.privateKey = slices.ContainsFunc(labels, isPrivateKey)
	switch len(bodies) {
	case 0:
		found.der, err = bareCSR(text, labels)
	case 1:
		if found.der = decodeBase64(bodies[0]); found.der == nil {
			err = csrError(copyAgain, "is damaged: what stands between BEGIN and END is not base64")
		}
	default:
		err = csrError(oneByOne, "holds %d certificate requests; expected one", len(bodies))
	}
	return found, err
}

func isPrivateKey(label string) bool { return strings.HasSuffix(label, "PRIVATE KEY") }

// plainText returns a text without its byte order mark, and in UTF-8 if it was
// in UTF-16, as Windows writes it.
func plainText(data []byte) []byte {
	high := 0 // which byte of two comes first
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("-\x00")):
		high = 1
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\x00-")):
	default:
		return data
	}
	var units []uint16
	for pair := range slices.Chunk(data, 2) {
		if len(pair) == 2 {
			units = append(units, uint16(pair[high])<<8|uint16(pair[1-high]))
		}
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
}

// bareCSR returns a request without BEGIN and END: DER, or its base64.
func bareCSR(text []byte, labels []string) ([]byte, error) {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, csrError(asOpenSSL, "is empty")
	case slices.ContainsFunc(labels, isPrivateKey):
		return nil, csrError(asOpenSSL, "holds a private key and no certificate request; keep it to yourself, no CA needs it")
	case slices.Contains(labels, certificateBlock):
		return nil, csrError(asOpenSSL, "is a certificate, not a certificate request")
	case bytes.Contains(text, []byte("-----BEGIN CERTIFICATE REQ")), bytes.Contains(text, []byte("-----BEGIN NEW CERTIFICATE REQ")):
		return nil, csrError(copyAgain, "is cut short: its END line is missing")
	case text[0] == 0x30: // an ASN.1 SEQUENCE
		return text, nil
	}
	if der := decodeBase64(text); len(der) > 0 && der[0] == 0x30 {
		return der, nil
	}
	return nil, csrError(asOpenSSL, "is not a certificate request")
}

// decodeBase64 returns nil for a text that is not base64. Line breaks may be
// missing, or written as \n.
func decodeBase64(text []byte) []byte {
	plain := strings.NewReplacer(`\r`, "", `\n`, "").Replace(string(text))
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(plain), ""))
	if err != nil {
		return nil
	}
	return der
}

func parseCSRDER(der []byte) (CSR, error) {
	raw, err := parseRawCSR(der)
	if err != nil {
		return CSR{}, err
	}
	if err := raw.keyFault(); err != nil {
		return CSR{}, err
	}
	csr, err := x509.ParseCertificateRequest(raw.Raw)
	if err != nil {
		return CSR{}, csrError(copyAgain, "is damaged: it cannot be read as a certificate request")
	}
	r := CSR{Public: csr.PublicKey}
	if r.Key, err = csrKey(csr.PublicKey); err != nil {
		return CSR{}, err
	}
	if err := proveCSR(csr, raw); err != nil {
		return CSR{}, err
	}
	if pub, ok := csr.PublicKey.(*rsa.PublicKey); ok {
		r.LowExponent = pub.E < 65537
	}
	r.Names, r.Wishes = wishesOf(csr, raw)
	return r, nil
}

// csrKey returns the type of a request's key, with words for those that are
// refused.
func csrKey(pub crypto.PublicKey) (KeyType, error) {
	if key, ok := pub.(*rsa.PublicKey); ok {
		switch bits := key.N.BitLen(); {
		case bits < 2048:
			return "", csrError(otherKey, "has an RSA key of %d bits, which is too short; at least 2048 are needed", bits)
		case bits != 2048 && bits != 3072 && bits != 4096:
			return "", csrError(otherKey, "has an RSA key of %d bits; picoca knows 2048, 3072 and 4096", bits)
		}
	}
	key, err := KeyTypeOf(pub)
	if err != nil {
		return "", csrError(otherKey, "has a key of type %q; picoca takes RSA from 2048 bits on, P-256 and P-384", nameOfKey(pub))
	}
	return key, nil
}

// proveCSR checks the request's own signature. SHA-1 is accepted: it proves
// possession of the key, and nothing else relies on it.
func proveCSR(csr *x509.CertificateRequest, raw rawCSR) error {
	err := csr.CheckSignature()
	if err == nil {
		return nil
	}
	if _, insecure := errors.AsType[x509.InsecureAlgorithmError](err); insecure {
		return csrError(withSHA, "is signed with MD5 or MD2, which proves nothing")
	}
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return csrError(withSHA, "is signed with an algorithm that picoca cannot check (%s)", oidName(raw.Algorithm.Algorithm))
	}
	return csrError(copyAgain, "has a wrong signature: it was changed, or made with another key")
}
