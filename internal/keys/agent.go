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
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/picoca/picoca/internal/fault"
)

// Agent is a connection to an SSH agent.
type Agent struct {
	conn   io.ReadWriteCloser
	client agent.ExtendedAgent
}

// NoAgentError says that no agent can be reached.
type NoAgentError struct {
	Socket string // "" if the environment names none
	Err    error
}

func (e *NoAgentError) Error() string {
	if e.Socket == "" {
		return "there is no SSH agent: SSH_AUTH_SOCK is not set"
	}
	if e.Socket == systemAgent && errors.Is(e.Err, fs.ErrNotExist) {
		return "there is no SSH agent: the service ssh-agent of Windows does not run"
	}
	return fmt.Sprintf("SSH agent at %q does not answer: %v", e.Socket, e.Err)
}

// Unwrap returns what the system says.
func (e *NoAgentError) Unwrap() error { return e.Err }

// Hint starts one.
func (*NoAgentError) Hint() fault.Hint { return startAgent(runtime.GOOS) }

// startAgent is how a system starts an agent. Windows has a service, which is
// disabled at first; these commands are for cmd and for PowerShell.
func startAgent(system string) fault.Hint {
	if system == "windows" {
		return fault.Hintf("start the agent, as an administrator: sc.exe config ssh-agent start= demand, then sc.exe start ssh-agent; load the key into it: ssh-add FILE")
	}
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
	return &Agent{conn, agent.NewClient(conn)}, nil
}

// Close closes the connection.
func (a *Agent) Close() error { return a.conn.Close() }

// Key is a key in an agent that can sign certificates: ECDSA on P-256 or P-384,
// or RSA.
type Key struct {
	Public      crypto.PublicKey
	Fingerprint string // as ssh-add -l prints it: "SHA256:..."
	Comment     string
	blob        ssh.PublicKey
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
	held, err := a.client.List()
	if err != nil {
		return Key{}, refused(err)
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
		return key, ""
	}
	return nil, fmt.Sprintf("is of a kind that boards and browsers do not take (%s)", entry.Format)
}

// errRefused says that the agent answered with a failure, which has no words of
// its own.
var errRefused = fault.New("SSH agent refused",
	fault.Hintf("unlock the agent: ssh-add -X; if it asks for confirmation, agree to it"))

func refused(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		return fault.With(errors.New("SSH agent closed the connection"), fault.Hintf("ssh-add -l shows whether it still runs"))
	}
	if strings.HasPrefix(err.Error(), "agent: failed ") {
		return errRefused // the library's words for a failure add nothing
	}
	return fmt.Errorf("%w: %v", errRefused, err)
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
	signature, err := s.agent.client.SignWithFlags(s.key.blob, message, flagsOf(s.key.Public))
	if err != nil {
		return nil, refused(err)
	}
	if !slices.Contains([]string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoRSASHA256}, signature.Format) {
		return nil, fmt.Errorf("SSH agent signed as %q, which certificates cannot use", signature.Format)
	}
	if _, isRSA := s.key.Public.(*rsa.PublicKey); isRSA {
		return signature.Blob, nil
	}
	return ecdsaSignature(signature.Blob)
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
