package ca_test

import (
	"crypto"
	"errors"
	"io"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// agentKey is a key in an SSH agent: it signs whole messages, and no digests.
type agentKey struct{ crypto.Signer }

var errDigest = errors.New("an agent signs no digests")

func (k agentKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errDigest }

func (k agentKey) SignMessage(rand io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return crypto.SignMessage(k.Signer, rand, message, opts)
}

func TestKeyInAnAgentSignsEverything(t *testing.T) {
	for _, kt := range keyTypes {
		key := agentKey{newKey(t, kt)}
		root, err := ca.NewRoot(testpki.HomeRequest(), key, noon)
		if err != nil {
			t.Errorf("%s: root: %v", kt, err)
			continue
		}
		a, err := ca.NewAuthority(root, noon)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Unlock(key); err != nil {
			t.Errorf("%s: unlock: %v", kt, err)
			continue
		}
		issue(t, a, "pico.local")
		issueIdentity(t, a, "tablet")
		issueCA(t, a, "Step CA")
		signCRL(t, a, revoke(5, ca.KeyCompromise))
	}
}
