package keys

import (
	"encoding/asn1"
	"errors"
	"math/big"
)

// ecdsaSignature turns the two numbers of an SSH signature (RFC 5656 section
// 3.1.2) into the sequence that X.509 has (RFC 3279 section 2.2.3).
func ecdsaSignature(blob []byte) ([]byte, error) {
	w := wire{rest: blob}
	pair := struct{ R, S *big.Int }{w.integer(), w.integer()}
	if !w.whole() {
		return nil, errors.New("SSH agent gave a signature that cannot be read")
	}
	return asn1.Marshal(pair)
}
