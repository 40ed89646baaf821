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
		blocks, err := s.blocks(b, Part(part))
		if err != nil {
			return nil, err
		}
		for _, block := range blocks {
			if err := pem.Encode(&out, block); err != nil {
				return nil, err
			}
		}
	}
	return out.Bytes(), nil
}

// blocks returns a part in PEM. A root beside a leaf is the one that issued it,
// since servers send both. Without a leaf it is what the reader trusts: every
// root, and the list of each.
func (s *Spec) blocks(b Bundle, part Part) (all []*pem.Block, err error) {
	switch {
	case part == CA && s.Has(Leaf):
		part = Issuer
	case part == CA:
		for _, root := range b.roots() {
			all = append(all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
		}
		return all, nil
	case part == CRL:
		for _, list := range append([]*x509.RevocationList{b.CRL}, b.MoreCRLs...) {
			all = append(all, &pem.Block{Type: "X509 CRL", Bytes: list.Raw})
		}
		return all, nil
	}
	der, label, err := s.part(b, part)
	return []*pem.Block{{Type: label, Bytes: der}}, err
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
