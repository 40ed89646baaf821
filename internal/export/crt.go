package export

// crtCA writes the root in DER under the one extension that Android's file
// picker offers as a certificate.
func crtCA(b Bundle) ([]File, error) {
	return []File{{Name: "picoca-root.crt", Data: b.Root.Raw}}, nil
}
