package export

import (
	"bytes"
	"fmt"
)

// A header's arrays. Their names never depend on the device: a new certificate
// is a new file, and no line of the program changes.
var headerParts = []struct {
	part       Part
	name, what string
}{
	{Leaf, "picoca_cert", "the certificate"},
	{Key, "picoca_key", "its private key (SEC1 or PKCS#1)"},
	{CA, "picoca_root", "the certificate authority"},
}

// renderCHeader writes one header with an array of DER for each part. The
// arrays are static, so that more than one source may include it.
func renderCHeader(s Spec, b Bundle) ([]byte, error) {
	return s.header(b, func(h *bytes.Buffer, name, what string, der []byte, _ string) {
		WriteArray(h, name+"_der", what, der)
	})
}

// renderCHeaderPEM writes one header with a string of PEM for each part, for
// libraries that parse text only.
func renderCHeaderPEM(s Spec, b Bundle) ([]byte, error) {
	return s.header(b, func(h *bytes.Buffer, name, what string, der []byte, label string) {
		writeString(h, name+"_pem", what, encodePEM(label, der))
	})
}

func (s Spec) header(b Bundle, write func(h *bytes.Buffer, name, what string, der []byte, label string)) ([]byte, error) {
	var h bytes.Buffer
	s.Key = Traditional
	guard := "PICOCA_CERT_H"
	if s.Has(Key) {
		// %q leaves neither a newline nor a backslash at the end of the line, which
		// would draw the next one into the comment.
		fmt.Fprintf(&h, "// %q until %s, with its private key: publish neither this file nor a program built from it.\n",
			b.Leaf.Subject.CommonName, b.Leaf.NotAfter.UTC().Format("2006-01-02"))
	} else {
		fmt.Fprintf(&h, "// %q until %s.\n", b.Root.Subject.CommonName, b.Root.NotAfter.UTC().Format("2006-01-02"))
		guard = "PICOCA_ROOT_H"
	}
	fmt.Fprintf(&h, "#ifndef %s\n#define %[1]s\n", guard)
	for _, row := range headerParts {
		if !s.Has(row.part) {
			continue
		}
		der, label, err := s.part(b, row.part)
		if err != nil {
			return nil, err
		}
		write(&h, row.name, row.what, der, label)
	}
	h.WriteString("\n#endif\n")
	return h.Bytes(), nil
}

// WriteArray writes a C array of bytes, named name, and its length name_len;
// what says in a comment what it is.
func WriteArray(h *bytes.Buffer, name, what string, data []byte) {
	fmt.Fprintf(h, "\n// %s\nstatic const unsigned char %s[] = {", what, name)
	for i, c := range data {
		if i%12 == 0 {
			h.WriteString("\n ")
		}
		fmt.Fprintf(h, " 0x%02x,", c)
	}
	fmt.Fprintf(h, "\n};\nstatic const unsigned int %s_len = %d;\n", name, len(data))
}

// writeString writes a C string that ends in a NUL, each line of the text on a
// line of its own with its \n.
func writeString(h *bytes.Buffer, name, what string, text []byte) {
	fmt.Fprintf(h, "\n// %s\nstatic const char %s[] =", what, name)
	for line := range bytes.Lines(text) {
		fmt.Fprintf(h, "\n  %q", line)
	}
	h.WriteString(";\n")
}
