package ca_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// requestFile returns one of the files that testdata/requests/make.sh makes with
// OpenSSL.
func requestFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "requests", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRequestsThatAreAccepted(t *testing.T) {
	both := []string{"printer.local", "192.168.1.9"}
	one := both[:1]
	for file, want := range map[string]struct {
		key    ca.KeyType
		names  []string
		wishes []string
	}{
		"p256.pem":       {ca.P256, both, nil},
		"p256.der":       {ca.P256, both, nil},
		"p384.pem":       {ca.P384, both, nil},
		"rsa2048.pem":    {ca.RSA2048, both, nil},
		"cn-only.pem":    {ca.P256, one, nil},
		"cn-address.pem": {ca.P256, both[1:], nil},
		"cn-words.pem":   {ca.P256, nil, []string{`name "My printer"`}},
		"no-subject.pem": {ca.P256, nil, nil},
		"new.pem":        {ca.P256, one, nil},
		"sha1.pem":       {ca.P256, one, nil},
		"e3.pem":         {ca.RSA2048, one, nil},
		"key-first.pem":  {ca.P256, both, nil},
		"challenge.pem":  {ca.P256, one, []string{"unstructured name", "challenge password"}},
		"wildcard.pem":   {ca.P256, []string{"*.printer.local"}, []string{`name "*.local"`, `common name "x"`}},
		"wishes.pem": {ca.P256, []string{"printer.local", "bank.example.com", "8.8.8.8"}, []string{
			`country "DE"`, `organization "ACME"`, `organizational unit "IT"`, `e-mail address "a@example.com"`,
			`e-mail address "root@example.com"`, `URI "https://example.com/"`, "other name", "registered ID",
			"CA:TRUE", "key usage", "extended key usage", "1.2.3.4.5",
		}},
	} {
		got, err := ca.ParseCSR(requestFile(t, file))
		if err != nil || got.Key != want.key || !slices.Equal(got.Names.Strings(), want.names) || !slices.Equal(got.Wishes, want.wishes) {
			t.Errorf("%s: got %s %q %q, %v, want %+v", file, got.Key, got.Names.Strings(), got.Wishes, err, want)
		}
		if got.HasPrivateKey != (file == "key-first.pem") || got.LowExponent != (file == "e3.pem") {
			t.Errorf("%s: got private key %v, low exponent %v", file, got.HasPrivateKey, got.LowExponent)
		}
	}
}

// in16 is a text in UTF-16.
func in16(order binary.AppendByteOrder, mark bool, text []byte) []byte {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

// TestRequestIsFoundHoweverItIsWrapped: devices, mails and editors change what is
// around the base64, and the line breaks in it.
func TestRequestIsFoundHoweverItIsWrapped(t *testing.T) {
	plain := requestFile(t, "p256.pem")
	want, err := ca.ParseCSR(plain)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := pem.Decode(plain)
	text := string(plain)
	for name, data := range map[string][]byte{
		"CRLF":               []byte(strings.ReplaceAll(text, "\n", "\r\n")),
		"one line":           []byte(strings.ReplaceAll(text, "\n", "")),
		"spaces for breaks":  []byte(strings.ReplaceAll(text, "\n", " ")),
		"escaped breaks":     []byte(`{"csr": "` + strings.ReplaceAll(text, "\n", `\n`) + `"}`),
		"indented":           []byte(strings.ReplaceAll(text, "\n", "\n    ")),
		"text around":        []byte("Dear CA,\n- please sign -----\n" + text + "Regards\n-- \nthe printer\n"),
		"openssl -text":      append([]byte("Certificate Request:\n    Data:\n        Version: 1 (0x0)\n"), plain...),
		"UTF-8 mark":         append([]byte("\xef\xbb\xbf"), plain...),
		"UTF-16 LE":          in16(binary.LittleEndian, true, plain),
		"UTF-16 BE":          in16(binary.BigEndian, true, plain),
		"UTF-16 LE, no mark": in16(binary.LittleEndian, false, plain),
		"UTF-16 BE, no mark": in16(binary.BigEndian, false, plain),
		"a megabyte of text": append(bytes.Repeat([]byte("text\n"), (ca.MaxCSR-len(plain))/5), plain...),
		"base64 only":        []byte(base64.StdEncoding.EncodeToString(der.Bytes)),
		"DER and a newline":  append(bytes.Clone(der.Bytes), '\n'),
		"with a certificate": append(requestFile(t, "certificate.pem"), plain...),
	} {
		got, err := ca.ParseCSR(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v", name, got.Key, err)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	plain := requestFile(t, "p256.pem")
	damaged := func(at int) []byte {
		block, _ := pem.Decode(plain)
		block.Bytes[len(block.Bytes)+at] ^= 1
		return pem.EncodeToMemory(block)
	}
	for name, row := range map[string]struct {
		data []byte
		want string
		hint string
	}{
		"empty":             {nil, "is empty", "openssl req -new"},
		"spaces":            {[]byte(" \r\n\t"), "is empty", "openssl req -new"},
		"a mark only":       {[]byte("\xef\xbb\xbf"), "is empty", "openssl req -new"},
		"half a character":  {[]byte("\xff\xfe-"), "is empty", "openssl req -new"},
		"words":             {[]byte("hello"), "is not a certificate request", "openssl req -new"},
		"too large":         {make([]byte, ca.MaxCSR+1), "is larger than 1 MB", "openssl req -new"},
		"two":               {slices.Concat(plain, requestFile(t, "new.pem")), "holds 2 certificate requests; expected one", "file of its own"},
		"a certificate":     {requestFile(t, "certificate.pem"), "is a certificate, not", "openssl req -new"},
		"a private key":     {requestFile(t, "key-only.pem"), "holds a private key and no certificate request", "openssl req -new"},
		"no end":            {plain[:len(plain)-40], "is cut short", "get the file from the device again"},
		"cut in the middle": {slices.Concat(plain[:100], []byte("\n-----END CERTIFICATE REQUEST-----\n")), "is ", "get the file from the device again"},
		"no base64":         {[]byte("-----BEGIN CERTIFICATE REQUEST-----\n!\n-----END CERTIFICATE REQUEST-----"), "is damaged", "get the file"},
		"another text":      {[]byte("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----"), "or damaged", "get the file"},
		"DER, and more":     {append(requestFile(t, "p256.der"), 1, 2), "has 2 more bytes", "file of its own"},
		"a wrong signature": {damaged(-1), "has a wrong signature", "get the file"},
		"another name":      {damaged(-200), "", ""},
		"md5":               {requestFile(t, "md5.pem"), "is signed with MD5", "openssl req -new -sha256"},
		"pss":               {requestFile(t, "pss.pem"), "cannot check (RSA-PSS)", "openssl req -new -sha256"},
		"a key for pss":     {requestFile(t, "pss-key.pem"), "has a key of type RSA-PSS", "P-256 key or an RSA key"},
		"ed25519":           {requestFile(t, "ed25519.pem"), "has a key of type Ed25519", "P-256 key or an RSA key"},
		"rsa-1024":          {requestFile(t, "rsa1024.pem"), "has an RSA key of 1024 bits, which is too short; at least 2048", "P-256 key or an RSA key"},
		"rsa-2560":          {requestFile(t, "rsa2560.pem"), "has an RSA key of 2560 bits", "P-256 key or an RSA key"},
		"p521":              {requestFile(t, "p521.pem"), "has a key on the curve P-521", "P-256 key or an RSA key"},
		"secp256k1":         {requestFile(t, "secp256k1.pem"), "has a key on the curve secp256k1", "P-256 key or an RSA key"},
		"explicit curve":    {requestFile(t, "explicit.pem"), "written out as numbers", "P-256 key or an RSA key"},
	} {
		_, err := ca.ParseCSR(row.data)
		got, ok := errors.AsType[*ca.CSRError](err)
		if !ok || !strings.Contains(got.Error(), row.want) {
			t.Errorf("%s: got %v, want a CSRError with %q", name, err, row.want)
			continue
		}
		if hint := fault.HintOf(err).Text(func(c fault.Command) string { return strings.Join(c, " ") }); hint == "" || !strings.Contains(hint, row.hint) {
			t.Errorf("%s: hint: got %q, want %q", name, hint, row.hint)
		}
		if strings.Contains(err.Error(), "asn1") || strings.Contains(err.Error(), "x509") {
			t.Errorf("%s: got %v, want plain words", name, err)
		}
	}
}

// TestRequestKeepsNoSecret: neither a challenge password nor a private key is in
// what is printed of a request.
func TestRequestKeepsNoSecret(t *testing.T) {
	for _, file := range []string{"challenge.pem", "key-first.pem"} {
		got, err := ca.ParseCSR(requestFile(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(got.Wishes, " "); strings.Contains(text, "secret-1234") || strings.Contains(text, "PRIVATE") {
			t.Errorf("%s: got %q", file, text)
		}
	}
}

// TestDamagedRequestsAreRefusedInWords: with any byte changed, or cut off
// anywhere. The signature covers all that matters.
func TestDamagedRequestsAreRefusedInWords(t *testing.T) {
	for _, file := range []string{"p256.der", "wishes.pem", "challenge.pem"} {
		der := requestFile(t, file)
		if block, _ := pem.Decode(der); block != nil {
			der = block.Bytes
		}
		for i := range der {
			for what, data := range map[string][]byte{"changed": flipped(der, i), "cut": der[:i]} {
				_, err := ca.ParseCSR(data)
				if _, ok := errors.AsType[*ca.CSRError](err); !ok {
					t.Errorf("%s, byte %d %s: got %v, want a CSRError", file, i, what, err)
				}
			}
		}
	}
}

// flipped returns data with one bit of a byte turned over.
func flipped(data []byte, i int) []byte {
	changed := bytes.Clone(data)
	changed[i] ^= 1
	return changed
}
