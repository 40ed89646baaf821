// Package keys reaches a root key that lives in an SSH agent: ssh-agent,
// gpg-agent, a token that ssh-add -s put there, or the agents of other
// programs, which all speak one protocol (draft-ietf-sshm-ssh-agent). The key
// never enters this process; any process that reaches the agent can sign.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Agent is a connection to an SSH agent.
type Agent struct{ conn io.ReadWriteCloser }

// NoAgentError says that no agent can be reached.
type NoAgentError struct {
	Socket string // "" if the environment names none
	Err    error
}

func (e *NoAgentError) Error() string {
	if e.Socket == "" {
		return "there is no SSH agent: SSH_AUTH_SOCK is not set"
	}
	return fmt.Sprintf("SSH agent at %q does not answer: %v", e.Socket, e.Err)
}

// Unwrap returns what the system says.
func (e *NoAgentError) Unwrap() error { return e.Err }

// Hint starts one.
func (*NoAgentError) Hint() fault.Hint {
	return fault.Hintf("start an agent and load the key into it: eval \"$(ssh-agent)\"; ssh-add FILE")
}

// Dial connects to the agent at a socket, the value of SSH_AUTH_SOCK. On Windows
// an empty one stands for the agent that comes with the system. It fails with
// a NoAgentError.
func Dial(socket string) (*Agent, error) {
	if socket == "" {
		socket = systemAgent
	}
	if socket == "" {
		return nil, &NoAgentError{}
	}
	conn, err := dial(socket)
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err // the socket's name is in ours
	}
	if err != nil {
		return nil, &NoAgentError{socket, err}
	}
	return &Agent{conn}, nil
}

// Close closes the connection.
func (a *Agent) Close() error { return a.conn.Close() }

// Key is a key in an agent that can sign certificates: ECDSA on P-256 or P-384,
// or RSA.
type Key struct {
	Public      crypto.PublicKey
	Fingerprint string // as ssh-add -l prints it: "SHA256:..."
	Comment     string
	entry       entry
}

// NoKeyError says that the agent has no key that was asked for.
type NoKeyError struct {
	Want    string // a fingerprint or a comment, "" for any key
	Comment string // of a key that was known before, "" for others
	// Unable is why the key that was meant cannot sign certificates, "" if there
	// is none.
	Unable string
	Held   int // how many keys the agent holds
}

func (e *NoKeyError) Error() string {
	switch {
	case e.Unable != "":
		return fmt.Sprintf("key %q in the SSH agent %s", e.Want, e.Unable)
	case e.Held == 0:
		return "SSH agent holds no key, or is locked"
	case e.Want == "":
		return "SSH agent holds no key that can sign certificates"
	}
	if e.Comment != "" {
		return fmt.Sprintf("SSH agent does not hold the key %q (%s)", e.Comment, e.Want)
	}
	return fmt.Sprintf("SSH agent does not hold the key %q", e.Want)
}

// Hint says how to load one.
func (e *NoKeyError) Hint() fault.Hint {
	switch {
	case e.Unable != "" || e.Held > 0 && e.Want == "":
		return fault.Hintf("use an ECDSA key on P-256: ssh-keygen -t ecdsa -b 256 -f FILE; ssh-add FILE")
	case e.Held == 0:
		return fault.Hintf("load the key: ssh-add FILE, or for a token ssh-add -s MODULE; unlock the agent: ssh-add -X")
	}
	return fault.Hintf("ssh-add -l lists its keys; load the right one: ssh-add FILE, or for a token ssh-add -s MODULE")
}

// SeveralKeysError says that it must be said which key is meant.
type SeveralKeysError struct {
	Want string
	Keys []Key
}

func (e *SeveralKeysError) Error() string {
	var names []string
	for _, key := range e.Keys {
		names = append(names, fmt.Sprintf("%q (%s)", key.Comment, key.Fingerprint))
	}
	which := "keys that can sign certificates"
	if e.Want != "" {
		which = fmt.Sprintf("keys called %q", e.Want)
	}
	return fmt.Sprintf("SSH agent holds %d %s: %s", len(e.Keys), which, strings.Join(names, ", "))
}

// Hint names one.
func (e *SeveralKeysError) Hint() fault.Hint {
	return fault.Hintf("choose one by its comment or its fingerprint: --key-in %s", fault.Quote("agent:"+e.Keys[0].Fingerprint))
}

// Find returns the key whose comment or fingerprint is want; with an empty
// want, the only one that can sign certificates. It fails with a NoKeyError or
// a SeveralKeysError.
func (a *Agent) Find(want string) (Key, error) {
	held, err := a.list()
	if err != nil {
		return Key{}, err
	}
	var found []Key
	unable := ""
	for _, entry := range held {
		fingerprint := entry.fingerprint()
		if want != "" && want != entry.comment && want != fingerprint {
			continue
		}
		public, why := entry.public()
		if why != "" {
			unable = why
			continue
		}
		found = append(found, Key{public, fingerprint, entry.comment, entry})
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Key{}, &SeveralKeysError{want, found}
	case want == "":
		unable = ""
	}
	return Key{}, &NoKeyError{Want: want, Unable: unable, Held: len(held)}
}

// errRefused says that the agent answered with a failure, which has no words of
// its own.
var errRefused = fault.New("SSH agent refused",
	fault.Hintf("unlock the agent: ssh-add -X; if it asks for confirmation, agree to it"))

// lost is for a connection that ended.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		err = errors.New("SSH agent closed the connection")
	} else {
		err = fmt.Errorf("SSH agent does not answer: %w", err)
	}
	return fault.With(err, fault.Hintf("ssh-add -l shows whether it still runs"))
}

// Signer signs with a key in an agent. It is a crypto.MessageSigner.
type Signer struct {
	agent *Agent
	key   Key
}

// Signer returns the key as a signer, which works as long as the agent is not
// closed.
func (a *Agent) Signer(key Key) *Signer { return &Signer{a, key} }

var _ crypto.MessageSigner = (*Signer)(nil)

// Public returns the public key.
func (s *Signer) Public() crypto.PublicKey { return s.key.Public }

// errDigest is for callers that do not know crypto.MessageSigner.
var errDigest = errors.New("an SSH agent signs whole messages, not digests")

// Sign always fails: an agent does its own hashing.
func (*Signer) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errDigest }

// SignMessage signs as x509 wants it: ECDSA signatures in ASN.1, RSA ones by
// PKCS #1 v1.5. The agent chooses the hash by the key: SHA-384 for P-384, else
// SHA-256; another hash in opts is an error.
func (s *Signer) SignMessage(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if want := hashOf(s.key.Public); opts.HashFunc() != want {
		return nil, fmt.Errorf("key in the SSH agent signs with %v, not %v", want, opts.HashFunc())
	}
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, errors.New("an SSH agent makes no RSA-PSS signatures")
	}
	_, isRSA := s.key.Public.(*rsa.PublicKey)
	flags := uint32(0)
	if isRSA {
		flags = flagSHA256
	}
	algorithm, signature, err := s.agent.sign(s.key.entry, message, flags)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-256"}, algorithm) {
		return nil, fmt.Errorf("SSH agent signed as %.40q, which certificates cannot use", algorithm)
	}
	if isRSA {
		return signature, nil
	}
	return ecdsaSignature(signature)
}

func hashOf(public crypto.PublicKey) crypto.Hash {
	if key, ok := public.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P384() {
		return crypto.SHA384
	}
	return crypto.SHA256
}
