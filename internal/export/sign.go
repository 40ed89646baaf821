package export

import (
	"cmp"
	"crypto"
	"crypto/x509"

	"github.com/smallstep/pkcs7"
)

// Signer is a leaf and its key that sign an Apple profile.
type Signer struct {
	Leaf *x509.Certificate
	Key  crypto.Signer
	// Root issued the leaf; nil if that is the profile's first root.
	Root *x509.Certificate
}

// sign wraps data with the signature and the certificates of the signer and
// the root (CMS SignedData, RFC 5652 section 5). The signing time is the
// computer's.
func (s *Signer) sign(data []byte, root *x509.Certificate) ([]byte, error) {
	signed, err := pkcs7.NewSignedData(data)
	if err != nil {
		return nil, err
	}
	signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := signed.AddSignerChain(s.Leaf, s.Key, []*x509.Certificate{cmp.Or(s.Root, root)}, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	return signed.Finish()
}
