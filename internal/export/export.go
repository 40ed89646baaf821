// Package export turns a certificate and its key into the bytes of the files
// that a board, a browser, a phone or a server reads. One Go file a format;
// everything here is pure: no files, no clock, no printing.
package export

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
)

// Bundle is what a format may draw from. Leaf and Key are nil when the
// certificate authority itself is exported; a format never sees the root's key.
type Bundle struct {
	Root *x509.Certificate
	Leaf *x509.Certificate
	Key  crypto.Signer
	// Stem is the name without an extension of files that people carry around.
	Stem string
	// P12 says how a .p12 is encrypted, WebClips which icons an Apple profile
	// puts on the home screen, Signer who signs it, if anybody.
	P12      P12
	WebClips []WebClip
	Signer   *Signer
}

// File is one file of a format: a base name without folders, and its bytes.
// A Private file holds a private key and has mode 0600 from its creation.
type File struct {
	Name    string
	Data    []byte
	Private bool
}

// Format is one way to write a certificate and its key, or the root.
type Format struct {
	ID string
	// Reader tells who reads these files, for people.
	Reader string
	// Device renders a device's leaf and its key, Client a client identity, CA
	// the root alone; nil where the format has no such form.
	Device, Client, CA func(Bundle) ([]File, error)
}

// formats has a line for each format.
var formats = []Format{
	{"der", "MicroPython, CircuitPython; Windows, Java", derLeaf, derLeaf, derCA},
	{"pem", "ESP32, Arduino; curl, browsers on Linux", pemLeaf, pemLeaf, pemCA},
	{"pem-chain", "Home Assistant, a NAS: fullchain and privkey", pemChain, nil, nil},
	{"pkcs8", "servers: nginx, Caddy, Node, Python, Go", pkcs8Leaf, pkcs8Leaf, nil},
	{"c-header", "programs in C and C++: Pico SDK, Arduino", cHeader, cHeader, nil},
	{"esp-idf", "ESP-IDF: its HTTPS server, MQTT, HTTP clients", espServer, espClient, nil},
	{"p12", "phones, browsers, Java; ca: its trust store", p12Leaf, p12Leaf, p12CA},
	{"mobileconfig", "iPhone, iPad, Mac", nil, profileClient, profileCA},
	{"crt", "Android, Windows", nil, nil, crtCA},
}

// Formats returns every format, the boards' first.
func Formats() []Format { return slices.Clone(formats) }

// UnknownFormatError says that Input is not a format's ID.
type UnknownFormatError struct{ Input string }

func (e UnknownFormatError) Error() string { return fmt.Sprintf("format %q is unknown", e.Input) }

// Find returns the format with an ID, or an UnknownFormatError.
func Find(id string) (Format, error) {
	for _, format := range formats {
		if format.ID == id {
			return format, nil
		}
	}
	return Format{}, UnknownFormatError{id}
}

// KeyError says that a key of a type has no form that boards load.
type KeyError struct{ Key crypto.PublicKey }

func (e KeyError) Error() string {
	return fmt.Sprintf("key of type %T has no SEC1 or PKCS#1 form", e.Key)
}
