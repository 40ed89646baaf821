package export

import (
	"crypto/x509"
	"encoding/pem"
	"slices"

	"github.com/picoca/picoca/internal/ca"
)

// pemChain writes the leaf and its root into one file, and the key (PKCS#8),
// under the names that ACME clients made customary. A root signs its leaves
// itself: there is nothing between the two.
func pemChain(b Bundle) ([]File, error) {
	key, err := x509.MarshalPKCS8PrivateKey(b.Key)
	if err != nil {
		return nil, err
	}
	return []File{
		{Name: "fullchain.pem", Data: slices.Concat(ca.CertificatePEM(b.Leaf), ca.CertificatePEM(b.Root))},
		{Name: "privkey.pem", Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), Private: true},
	}, nil
}
