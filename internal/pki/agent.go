package pki

import (
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/keys"
	"github.com/picoca/picoca/internal/store"
)

// KeyIn says where the key of a new root is. The zero KeyIn is a file of the
// store, with a key that is made for it.
type KeyIn struct {
	Agent bool
	// Name is the comment or the fingerprint of the key in the agent; "" for the
	// only one that can sign certificates.
	Name string
}

// KeyInError says that a text is no place for a key.
type KeyInError struct{ Input string }

func (e *KeyInError) Error() string { return fmt.Sprintf("%q is no place for a root key", e.Input) }

// Hint names the places.
func (*KeyInError) Hint() fault.Hint {
	return fault.Hintf("use agent:COMMENT for a key in an SSH agent, or leave --key-in out for a file")
}

// ExitCode is that of a wrong command line.
func (*KeyInError) ExitCode() int { return fault.Usage }

// ParseKeyIn reads agent, agent:COMMENT or agent:FINGERPRINT; nothing stands for
// a file. It fails with a KeyInError.
func ParseKeyIn(input string) (KeyIn, error) {
	place, name, named := strings.Cut(input, ":")
	switch {
	case input == "":
		return KeyIn{}, nil
	case place != "agent", named && name == "":
		return KeyIn{}, &KeyInError{input}
	}
	return KeyIn{Agent: true, Name: name}, nil
}

// rootKey is a key for a new root, and its description if an agent holds it.
type rootKey struct {
	signer crypto.Signer
	agent  *store.AgentKey
	close  func() error
}

// key makes the key of a new root, or finds it in the agent. Close it when
// nothing more is to be signed.
func (r InitRequest) key(o Options) (rootKey, error) {
	if !r.KeyIn.Agent {
		key, err := r.Key.Generate()
		return rootKey{key, nil, func() error { return nil }}, err
	}
	agent, err := keys.Dial(o.AgentSocket)
	if err != nil {
		return rootKey{}, err
	}
	key, err := agent.Find(r.KeyIn.Name)
	if err != nil {
		_ = agent.Close() // the first error says more
		return rootKey{}, err
	}
	return rootKey{agent.Signer(key), &store.AgentKey{Fingerprint: key.Fingerprint, Comment: key.Comment}, agent.Close}, nil
}

// agentKey returns the key of a root that lives in the SSH agent. The connection
// lasts as long as the CA is open.
func (c *CA) agentKey(root store.Root) (crypto.Signer, error) {
	described, err := c.store.RootAgentKey(root)
	if err != nil {
		return nil, err
	}
	if c.agent == nil {
		if c.agent, err = keys.Dial(c.options.AgentSocket); err != nil {
			return nil, err
		}
	}
	key, err := c.agent.Find(described.Fingerprint)
	if missing, ok := errors.AsType[*keys.NoKeyError](err); ok {
		missing.Comment = described.Comment
	}
	if err != nil {
		return nil, err
	}
	return c.agent.Signer(key), nil
}

// KeyStatus is where the key of a root is.
type KeyStatus struct {
	Place store.KeyPlace
	// Encrypted is for a file.
	Encrypted bool
	// Agent describes a key in an SSH agent; Missing is why it cannot sign now, nil
	// if the agent holds it.
	Agent   store.AgentKey
	Missing error
}

// KeyStatus looks where the key of a root is, and whether an agent that should
// hold it does. Nothing is signed: agents may ask their user each time.
func (c *CA) KeyStatus(root store.Root) (KeyStatus, error) {
	status := KeyStatus{Place: root.Key}
	var err error
	switch root.Key {
	case store.KeyFile:
		status.Encrypted, err = c.store.KeyEncrypted(root)
	case store.KeyAgent:
		status.Agent, err = c.store.RootAgentKey(root)
		_, status.Missing = c.agentKey(root)
	}
	return status, err
}
