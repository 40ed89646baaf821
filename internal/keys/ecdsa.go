package keys

import (
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// ecdsaSignature turns the two numbers of an SSH signature (RFC 5656 section
// 3.1.2) into the sequence that X.509 has (RFC 3279 section 2.2.3).
func ecdsaSignature(blob []byte) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if err := ssh.Unmarshal(blob, &pair); err != nil {
		return nil, errors.New("SSH agent gave a signature that cannot be read")
	}
	return asn1.Marshal(pair)
}
