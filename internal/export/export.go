// Package export turns a certificate and its key into the bytes of the files
// that a board, a browser, a phone or a server reads. One Go file for each
// container; everything here is pure: no files, no clock, no printing.
package export

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Bundle is what files are made from. Leaf and Key are nil when the
// certificate authority itself is exported, Key if the device keeps its own. The
// root's key is never in it.
type Bundle struct {
	// Root is the root to trust: where one fits, this one.
	Root *x509.Certificate
	Leaf *x509.Certificate
	// Issuer is the root that issued the leaf; nil if that is Root.
	Issuer *x509.Certificate
	Key    crypto.Signer
	// CRL is the root's newest list of revoked certificates, nil if there is none.
	CRL *x509.RevocationList
	// Stem stands for {stem} in the names of files that people carry around.
	Stem string
	// MoreRoots are roots to trust beside Root, while one is being replaced or
	// has a spare. Apple profiles, PEM and trust stores carry them.
	MoreRoots []*x509.Certificate
	// MoreCRLs are the lists of MoreRoots that have one.
	MoreCRLs []*x509.RevocationList
	// P12 says how a .p12 is encrypted.
	P12 P12
	// Of an Apple profile: the icons it puts on the home screen, the Wi-Fi that an
	// identity opens (nil for none), its signer (nil for none), and the kind of device
	// that it is for.
	WebClips    []WebClip
	WiFi        *WiFi
	Signer      *Signer
	AppleDevice AppleDevice
}

// Part is something that a file can hold.
type Part string

// The parts.
const (
	Leaf Part = "leaf" // the certificate of a device or an identity
	Key  Part = "key"  // its private key
	CA   Part = "ca"   // the root, or in PEM and .p12 every root to trust
	CRL  Part = "crl"  // the root's list of revoked certificates
	// Issuer is the root that issued the leaf, for readers that send it along: in
	// PEM beside the leaf, CA means the same.
	Issuer Part = "issuer"
)

// The forms of a key in DER and PEM.
const (
	Traditional = "traditional" // SEC1 (RFC 5915) for EC, PKCS#1 (RFC 8017 appendix A.1.2) for RSA
	PKCS8       = "pkcs8"       // RFC 5958
)

// Spec describes one file. It has the fields of a device.Content, in the same
// order: each converts to the other.
type Spec struct {
	// Name is the file's base name; {stem} in it stands for the bundle's Stem.
	Name string
	// Container is the ID of a container: der, pem, p12, ...
	Container string
	// Parts are what the file holds, in this order where the container has one.
	Parts []string
	// Key is the form of a private key in DER or PEM: Traditional or PKCS8.
	Key string
	// Profile is how a .p12 is encrypted unless the bundle says otherwise.
	Profile string
}

// Has reports whether the file holds a part.
func (s *Spec) Has(part Part) bool { return slices.Contains(s.Parts, string(part)) }

// HoldsEveryRoot reports whether the file's container has room for every root to
// trust.
func (s Spec) HoldsEveryRoot() bool {
	return slices.Contains([]string{"pem", "pem-line", "pem-yaml", "p12", "mobileconfig"}, s.Container)
}

// NeedsPassphrase reports whether a passphrase encrypts a key in the file.
func (s Spec) NeedsPassphrase() bool {
	return s.Has(Key) && (s.Container == "p12" || s.Container == "mobileconfig")
}

// File is a rendered file: a base name without folders, and its bytes. A
// Private file holds a private key and has mode 0600 from its creation.
type File struct {
	Name    string
	Data    []byte
	Private bool
}

// containers has a line for each container.
var containers = []struct {
	id     string
	render func(Spec, Bundle) ([]byte, error)
}{
	{"der", renderDER},
	{"pem", renderPEM},
	{"p12", renderP12},
	{"mobileconfig", renderProfile},
	{"c-header", renderCHeader},
	{"c-header-pem", renderCHeaderPEM},
	{"base64", renderBase64},
	{"pem-line", renderPEMLine},
	{"pem-yaml", renderPEMYAML},
	{"tasmota", renderTasmota},
}

// Containers returns the ID of every container.
func Containers() []string {
	var ids []string
	for _, c := range containers {
		ids = append(ids, c.id)
	}
	return ids
}

// Render returns the files that specs describe, in their order. It fails with a
// ContainerError, a PartError, a KeyError or a PassphraseError.
func Render(b Bundle, specs ...Spec) ([]File, error) {
	var files []File
	for _, spec := range specs {
		data, err := spec.render(b)
		if err != nil {
			return nil, err
		}
		name := strings.ReplaceAll(spec.Name, "{stem}", b.Stem)
		files = append(files, File{Name: name, Data: data, Private: spec.Has(Key)})
	}
	return files, nil
}

func (s Spec) render(b Bundle) ([]byte, error) {
	for _, part := range s.Parts {
		if !b.has(Part(part)) {
			return nil, PartError{s, Part(part)}
		}
	}
	for _, c := range containers {
		if c.id == s.Container && len(s.Parts) > 0 {
			return c.render(s, b)
		}
	}
	return nil, ContainerError{s}
}

func (b *Bundle) has(part Part) bool {
	switch part {
	case Leaf:
		return b.Leaf != nil
	case Key:
		return b.Key != nil
	case CA:
		return b.Root != nil
	case CRL:
		return b.CRL != nil
	case Issuer:
		return b.LeafIssuer() != nil
	}
	return false
}

// LeafIssuer returns the root that issued the leaf.
func (b *Bundle) LeafIssuer() *x509.Certificate { return cmp.Or(b.Issuer, b.Root) }

// roots are the root and those beside it.
func (b *Bundle) roots() []*x509.Certificate {
	return append([]*x509.Certificate{b.Root}, b.MoreRoots...)
}

// PartError says that a file should hold a part that the bundle lacks.
type PartError struct {
	Spec Spec
	Part Part
}

func (e PartError) Error() string {
	what := map[Part]string{
		Leaf: "a certificate, which the CA by itself does not have",
		Key:  "a private key, which is not in this store",
		CA:   "the root",
		CRL:  "a list of revoked certificates, which this CA does not have yet",
	}[e.Part]
	if what == "" {
		what = fmt.Sprintf("%q, which is unknown", e.Part)
	}
	return fmt.Sprintf("file %q needs %s", e.Spec.Name, what)
}

// Hint says what to write instead.
func (e PartError) Hint() fault.Hint {
	switch e.Part {
	case Key:
		return fault.Hintf("the device keeps its own key: write only the certificate with --format pem-cert or der-cert, and install it there")
	case Leaf:
		return fault.Hintf("name a device or an identity: %s shows them", fault.Command{"list"})
	}
	return fault.Hint{}
}

// ContainerError says that a file cannot be made as a spec wants it.
type ContainerError struct{ Spec Spec }

func (e ContainerError) Error() string {
	return fmt.Sprintf("container %q cannot hold %s", e.Spec.Container, strings.Join(e.Spec.Parts, ", "))
}

// KeyError says that a key of a type has no form that devices load.
type KeyError struct{ Key crypto.PublicKey }

func (e KeyError) Error() string {
	return fmt.Sprintf("key of type %T has no SEC1 or PKCS#1 form", e.Key)
}
