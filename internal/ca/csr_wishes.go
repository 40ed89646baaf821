package ca

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// rawCSR is a certificate request as its bytes have it (RFC 2986 section 4):
// package x509 leaves out attributes, and gives no reason for a key that it does
// not know.
type rawCSR struct {
	Raw  asn1.RawContent
	Info struct {
		Raw     asn1.RawContent
		Version int
		Subject asn1.RawValue
		Key     struct {
			Algorithm pkix.AlgorithmIdentifier
			Bits      asn1.BitString
		}
		Attributes []asn1.RawValue `asn1:"tag:0"`
	}
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// parseRawCSR accepts spaces and line breaks behind DER, which editors add.
func parseRawCSR(der []byte) (raw rawCSR, err error) {
	rest, err := asn1.Unmarshal(der, &raw)
	switch {
	case err == nil && strings.TrimSpace(string(rest)) == "":
		return raw, nil
	case err == nil:
		return raw, csrError(oneByOne, "has %d more bytes behind the certificate request", len(rest))
	}
	if _, certErr := x509.ParseCertificate(der); certErr == nil {
		return raw, csrError(asOpenSSL, "is a certificate, not a certificate request")
	}
	return raw, csrError(copyAgain, "is not a certificate request, or damaged")
}

// oidNames has a line for each object identifier with its name for people: as a
// text it takes a fifth of the space of a map.
const oidNames = `
2.5.4.3 common name
2.5.4.4 surname
2.5.4.5 serial number
2.5.4.6 country
2.5.4.7 locality
2.5.4.8 state
2.5.4.9 street
2.5.4.10 organization
2.5.4.11 organizational unit
2.5.4.12 title
1.2.840.113549.1.9.1 e-mail address
0.9.2342.19200300.100.1.25 domain component
2.5.29.14 subject key identifier
2.5.29.15 key usage
2.5.29.17 subject alternative name
2.5.29.19 basic constraints
2.5.29.30 name constraints
2.5.29.32 certificate policies
2.5.29.37 extended key usage
1.3.6.1.5.5.7.1.24 OCSP must-staple
2.16.840.1.113730.1.1 Netscape certificate type
1.2.840.113549.1.9.7 challenge password
1.2.840.113549.1.9.2 unstructured name
1.2.840.113549.1.9.8 unstructured address
1.3.6.1.4.1.311.2.1.14 Microsoft's extensions
1.3.6.1.4.1.311.13.2.3 version of Windows
1.3.6.1.4.1.311.13.2.2 Windows key provider
1.3.6.1.4.1.311.21.20 Windows client information
1.3.6.1.4.1.311.20.2 Microsoft certificate template
1.3.6.1.4.1.311.21.7 Microsoft certificate template
1.2.840.113549.1.1.10 RSA-PSS
1.2.840.10040.4.1 DSA
1.3.101.110 X25519
1.3.101.112 Ed25519
1.3.101.113 Ed448
1.2.840.10045.3.1.1 P-192
1.3.132.0.33 P-224
1.3.132.0.35 P-521
1.3.132.0.10 secp256k1
1.3.36.3.3.2.8.1.1.7 brainpoolP256r1
1.3.36.3.3.2.8.1.1.11 brainpoolP384r1
`

func oidName(id asn1.ObjectIdentifier) string {
	_, after, known := strings.Cut(oidNames, "\n"+id.String()+" ")
	if !known {
		return id.String()
	}
	name, _, _ := strings.Cut(after, "\n")
	return name
}

// The keys and curves that certificates can have here (RFC 3279 section 2.3,
// RFC 5480 section 2.1.1.1).
var (
	keyRSA      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	keyEC       = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	knownCurves = []asn1.ObjectIdentifier{{1, 2, 840, 10045, 3, 1, 7}, {1, 3, 132, 0, 34}}
)

// keyFault finds the keys for which package x509 has no words.
func (r rawCSR) keyFault() error {
	algorithm := r.Info.Key.Algorithm
	switch {
	case algorithm.Algorithm.Equal(keyRSA):
		return nil
	case !algorithm.Algorithm.Equal(keyEC):
		return csrError(otherKey, "has a key of type %s; picoca takes RSA from 2048 bits on, P-256 and P-384", oidName(algorithm.Algorithm))
	}
	var curve asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(algorithm.Parameters.FullBytes, &curve); err != nil {
		return csrError(otherKey, "has a key on a curve that is written out as numbers; clients take only curves by name")
	}
	if !slices.ContainsFunc(knownCurves, curve.Equal) {
		return csrError(otherKey, "has a key on the curve %s; picoca takes P-256 and P-384", oidName(curve))
	}
	return nil
}

// wishesOf returns the names that a request asks for, and in words everything
// else.
func wishesOf(csr *x509.CertificateRequest, raw rawCSR) (Names, []string) {
	asked := slices.Clone(csr.DNSNames)
	for _, ip := range csr.IPAddresses {
		asked = append(asked, ip.String())
	}
	commonName := csr.Subject.CommonName
	if len(asked) == 0 && commonName != "" {
		asked = []string{commonName}
	}
	var names []string
	var wishes []string
	for _, name := range asked {
		if _, err := ParseNames([]string{name}); err != nil {
			wishes = append(wishes, fmt.Sprintf("name %q", name))
		} else {
			names = append(names, name)
		}
	}
	parsed, _ := ParseNames(names) // each was parsed before
	for _, one := range csr.Subject.Names {
		if text := fmt.Sprint(one.Value); !one.Type.Equal(oidCommonName) || !slices.Contains(asked, text) {
			wishes = append(wishes, fmt.Sprintf("%s %q", oidName(one.Type), text))
		}
	}
	return parsed, slices.Concat(wishes, otherNames(csr), extensionWishes(csr), raw.attributeWishes())
}

var (
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidAltName          = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
)

// otherNames are those that a device's certificate never has.
func otherNames(csr *x509.CertificateRequest) []string {
	var wishes []string
	for _, mail := range csr.EmailAddresses {
		wishes = append(wishes, fmt.Sprintf("e-mail address %q", mail))
	}
	for _, uri := range csr.URIs {
		wishes = append(wishes, fmt.Sprintf("URI %q", uri))
	}
	return append(wishes, unreadNames(csr)...)
}

// unread are the forms of a GeneralName, by their tags, that package x509 skips
// (RFC 5280 section 4.2.1.6).
var unread = [...]string{0: "other name", 3: "X.400 address", 4: "directory name", 5: "EDI party name", 8: "registered ID"}

func unreadNames(csr *x509.CertificateRequest) []string {
	var wishes []string
	for _, extension := range csr.Extensions {
		var forms []asn1.RawValue
		if !extension.Id.Equal(oidAltName) {
			continue
		}
		_, _ = asn1.Unmarshal(extension.Value, &forms) // x509 has read it
		for _, form := range forms {
			if form.Tag < len(unread) && unread[form.Tag] != "" {
				wishes = append(wishes, unread[form.Tag])
			}
		}
	}
	return wishes
}

func extensionWishes(csr *x509.CertificateRequest) []string {
	var wishes []string
	for _, extension := range csr.Extensions {
		switch {
		case extension.Id.Equal(oidAltName): // its names were read
		case extension.Id.Equal(oidBasicConstraints):
			wishes = append(wishes, caWish(extension.Value))
		default:
			wishes = append(wishes, oidName(extension.Id))
		}
	}
	return wishes
}

func caWish(value []byte) string {
	var constraints struct {
		IsCA    bool `asn1:"optional"`
		MaxPath int  `asn1:"optional,default:-1"`
	}
	if _, err := asn1.Unmarshal(value, &constraints); err == nil && !constraints.IsCA {
		return "CA:FALSE"
	}
	return "CA:TRUE"
}

// attributeWishes never have an attribute's value: a challenge password is a
// secret.
func (r rawCSR) attributeWishes() []string {
	var wishes []string
	for _, attribute := range r.Info.Attributes {
		var id asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(attribute.Bytes, &id); err == nil && !id.Equal(oidExtensionRequest) {
			wishes = append(wishes, oidName(id))
		}
	}
	return wishes
}
