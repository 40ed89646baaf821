package testpki

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// SSHAgent is an SSH agent in the test's own process, with what may go wrong in
// one.
type SSHAgent struct {
	agent.ExtendedAgent
	Refuses      atomic.Bool            // the user who is asked says no
	IgnoresFlags atomic.Bool            // as before OpenSSH 7.2, which signed with SHA-1
	FIDO         atomic.Bool            // it lists an sk- key besides, with the comment "fido"
	Asked        atomic.Pointer[func()] // called before each signature: the user takes his time
}

// NewSSHAgent returns an agent without keys.
func NewSSHAgent() *SSHAgent {
	return &SSHAgent{ExtendedAgent: agent.NewKeyring().(agent.ExtendedAgent)}
}

// List lists the keys.
func (a *SSHAgent) List() ([]*agent.Key, error) {
	keys, err := a.ExtendedAgent.List()
	if a.FIDO.Load() {
		blob := ssh.Marshal(struct{ Format string }{ssh.KeyAlgoSKECDSA256})
		keys = append(keys, &agent.Key{Format: ssh.KeyAlgoSKECDSA256, Blob: blob, Comment: "fido"})
	}
	return keys, err
}

// SignWithFlags signs, unless the agent refuses.
func (a *SSHAgent) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if asked := a.Asked.Load(); asked != nil {
		(*asked)()
	}
	if a.Refuses.Load() {
		return nil, errors.New("refused")
	}
	if a.IgnoresFlags.Load() {
		flags = 0
	}
	return a.ExtendedAgent.SignWithFlags(key, data, flags)
}

// Listen serves the agent at a socket until stop is called. It chooses a folder
// itself: the path of a socket has room for about 100 characters.
func (a *SSHAgent) Listen() (socket string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	go a.serve(listener)
	return socket, func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	}, nil
}

func (a *SSHAgent) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = agent.ServeAgent(a, conn) // until the client closes it
			_ = conn.Close()
		}()
	}
}
