package export

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// renderPEM writes the parts of a file in PEM, one after the other.
func renderPEM(s Spec, b Bundle) ([]byte, error) {
	var out bytes.Buffer
	for _, part := range s.Parts {
		der, label, err := s.part(b, Part(part))
		if err != nil {
			return nil, err
		}
		if err := pem.Encode(&out, &pem.Block{Type: label, Bytes: der}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// renderPEMLine writes PEM as one line in which \n stands for the line breaks:
// what goes between the quotes of a JSON string. PEM has nothing else to escape.
func renderPEMLine(s Spec, b Bundle) ([]byte, error) {
	text, err := renderPEM(s, b)
	if err != nil {
		return nil, err
	}
	return []byte(strings.ReplaceAll(string(text), "\n", `\n`) + "\n"), nil
}

// renderPEMYAML writes PEM as a literal block of YAML, to stand behind a key:
// "|-", and the lines with four spaces before them.
func renderPEMYAML(s Spec, b Bundle) ([]byte, error) {
	text, err := renderPEM(s, b)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBufferString("|-\n")
	for line := range bytes.Lines(text) {
		out.WriteString("    ")
		out.Write(line)
	}
	return out.Bytes(), nil
}

func encodePEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// CertificatePEM returns a certificate in PEM (RFC 7468 section 5).
func CertificatePEM(cert *x509.Certificate) []byte { return encodePEM("CERTIFICATE", cert.Raw) }
