package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh/agent"

	"github.com/picoca/picoca/internal/testpki"
)

// agentValue is the name under which a script has its SSH agent.
const agentValue = "agent"

// agentVerb is the verb agent; agent start sets SSH_AUTH_SOCK.
func agentVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: agent start | add TYPE COMMENT | clear | lock | unlock | refuse | fido")
	}
	a := ts.Value(agentValue).(*testpki.SSHAgent)
	switch args[0] {
	case "start":
		a.Refuses.Store(false)
		a.FIDO.Store(false)
		ts.Check(a.RemoveAll())
		socket, stop, err := a.Listen()
		ts.Check(err)
		ts.Defer(stop)
		ts.Setenv("SSH_AUTH_SOCK", socket)
	case "add":
		ts.Check(a.Add(agent.AddedKey{PrivateKey: agentKey(ts, args[1]), Comment: args[2]}))
	case "clear":
		ts.Check(a.RemoveAll())
	case "lock":
		ts.Check(a.Lock([]byte("secret")))
	case "unlock":
		ts.Check(a.Unlock([]byte("secret")))
	case "refuse":
		a.Refuses.Store(true)
	case "fido":
		a.FIDO.Store(true)
	default:
		ts.Fatalf("agent: unknown %q", args[0])
	}
}

func agentKey(ts *testscript.TestScript, kind string) (key any) {
	var err error
	switch kind {
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa-2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		var private ed25519.PrivateKey
		_, private, err = ed25519.GenerateKey(rand.Reader)
		key = &private
	default:
		ts.Fatalf("agent: no key type %q", kind)
	}
	ts.Check(err)
	return key
}
