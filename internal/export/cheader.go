package export

import (
	"bytes"
	"fmt"
)

// cHeader writes one header with three arrays of DER: the certificate, its
// key, and the root for a board that checks its peer. The names never depend on
// the device: a new certificate is a new file, and no line of the program
// changes. The arrays are static, so that more than one source may include it.
func cHeader(b Bundle) ([]File, error) {
	key, _, err := boardKey(b.Key)
	if err != nil {
		return nil, err
	}
	var h bytes.Buffer
	// %q leaves neither a newline nor a backslash at the end of the line, which
	// would draw the next one into the comment.
	fmt.Fprintf(&h, "// %q until %s, with its private key: publish neither this file nor a program built from it.\n",
		b.Leaf.Subject.CommonName, b.Leaf.NotAfter.UTC().Format("2006-01-02"))
	h.WriteString("#ifndef PICOCA_CERT_H\n#define PICOCA_CERT_H\n")
	WriteArray(&h, "picoca_cert_der", "the certificate", b.Leaf.Raw)
	WriteArray(&h, "picoca_key_der", "its private key (SEC1 or PKCS#1)", key)
	WriteArray(&h, "picoca_root_der", "the certificate authority", b.Root.Raw)
	h.WriteString("\n#endif\n")
	return []File{{Name: "picoca_cert.h", Data: h.Bytes(), Private: true}}, nil
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
