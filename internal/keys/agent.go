// Package keys reaches a root key that lives in an SSH agent: ssh-agent,
// gpg-agent, a token that ssh-add -s put there, or the agents of other
// programs, which all speak one protocol (draft-ietf-sshm-ssh-agent). The key
// never enters this process; any process that reaches the agent can sign.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// How long an agent may take. To list its keys it asks nobody; before it signs, its
// user may have to agree, to type a PIN, or to touch a token.
const (
	listTime = time.Minute
	signTime = 5 * time.Minute
)

// Agent is a connection to an SSH agent.
type Agent struct {
	socket string
	conn   io.ReadWriteCloser
	client agent.ExtendedAgent
	ended  atomic.Pointer[error] // why picoca closed the connection before it was done
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
	return newAgent(socket, conn), nil
}

func newAgent(socket string, conn io.ReadWriteCloser) *Agent {
	return &Agent{socket: socket, conn: conn, client: agent.NewClient(conn)}
}

// Close closes the connection.
func (a *Agent) Close() error {
	err := a.conn.Close()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// EndWith closes the connection when a context ends: what waits for the agent
// then fails with the context's error. Call stop when nothing waits any more.
func (a *Agent) EndWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { a.end(ctx.Err()) })
}

func (a *Agent) end(cause error) {
	a.ended.CompareAndSwap(nil, &cause)
	_ = a.conn.Close() // the call that waits says why
}

// ask makes a call to the agent, and gives up if that takes too long.
func (a *Agent) ask(limit time.Duration, call func() error) error {
	timer := time.AfterFunc(limit, func() { a.end(&SilentError{limit}) })
	defer timer.Stop()
	err := call()
	if cause := a.ended.Load(); err != nil && cause != nil {
		return *cause
	}
	return a.explain(err)
}

// Key is a key in an agent that can sign certificates: ECDSA on P-256 or P-384,
// or RSA.
type Key struct {
	Public      crypto.PublicKey
	Fingerprint string // as ssh-add -l prints it: "SHA256:..."
	Comment     string
	blob        ssh.PublicKey
}

// Find returns the key whose comment or fingerprint is want; with an empty
// want, the only one that can sign certificates. It fails with a NoKeyError or
// a SeveralKeysError.
func (a *Agent) Find(want string) (Key, error) {
	var held []*agent.Key
	err := a.ask(listTime, func() (err error) {
		held, err = a.client.List()
		return err
	})
	if err != nil {
		return Key{}, err
	}
	var found []Key
	unable := ""
	for _, entry := range held {
		fingerprint := ssh.FingerprintSHA256(entry)
		if want != "" && want != entry.Comment && want != fingerprint {
			continue
		}
		public, why := usable(entry)
		if why != "" {
			unable = why
			continue
		}
		found = append(found, Key{public, fingerprint, entry.Comment, entry})
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

// usable returns the public key of an entry that can sign certificates, or why
// it cannot.
func usable(entry *agent.Key) (_ crypto.PublicKey, why string) {
	if strings.HasPrefix(entry.Format, "sk-") {
		return nil, "cannot sign certificates: a FIDO key (sk-) signs more than what it is given"
	}
	parsed, err := ssh.ParsePublicKey(entry.Blob)
	if err != nil {
		return nil, "cannot be read"
	}
	holder, ok := parsed.(ssh.CryptoPublicKey)
	if !ok {
		return nil, fmt.Sprintf("is of a kind that picoca does not use (%s)", entry.Format)
	}
	public := holder.CryptoPublicKey()
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return key, ""
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return nil, "has less than the 2048 bits that RSA needs"
		}
		return key, ""
	}
	return nil, fmt.Sprintf("is of a kind that boards and browsers do not take (%s)", entry.Format)
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
// SHA-256; another hash in opts is an error. It fails with a NoKeyError if the agent
// has the key no longer.
func (s *Signer) SignMessage(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if want := hashOf(s.key.Public); opts.HashFunc() != want {
		return nil, fmt.Errorf("key in the SSH agent signs with %v, not %v", want, opts.HashFunc())
	}
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, errors.New("an SSH agent makes no RSA-PSS signatures")
	}
	signature, err := s.sign(message)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoRSASHA256}, signature.Format) {
		return nil, fmt.Errorf("SSH agent signed as %q, which certificates cannot use", signature.Format)
	}
	if _, isRSA := s.key.Public.(*rsa.PublicKey); isRSA {
		return signature.Blob, nil
	}
	return ecdsaSignature(signature.Blob)
}

// sign asks the agent. Its refusal has no reason: a look at its keys may give one.
func (s *Signer) sign(message []byte) (signature *ssh.Signature, err error) {
	err = s.agent.ask(signTime, func() (err error) {
		signature, err = s.agent.client.SignWithFlags(s.key.blob, message, flagsOf(s.key.Public))
		return err
	})
	if !errors.Is(err, errRefused) {
		return signature, err
	}
	_, reason := s.agent.Find(s.key.Fingerprint)
	if missing, ok := errors.AsType[*NoKeyError](reason); ok {
		missing.Comment = s.key.Comment
		return nil, missing
	}
	return nil, err
}

func hashOf(public crypto.PublicKey) crypto.Hash {
	if key, ok := public.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P384() {
		return crypto.SHA384
	}
	return crypto.SHA256
}

// flagsOf asks for SHA-256 with RSA; without the flag agents use SHA-1.
func flagsOf(public crypto.PublicKey) agent.SignatureFlags {
	if _, isRSA := public.(*rsa.PublicKey); isRSA {
		return agent.SignatureFlagRsaSha256
	}
	return 0
}
