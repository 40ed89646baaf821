package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

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

// SilentError says that the agent did not answer in time.
type SilentError struct{ After time.Duration }

func (e *SilentError) Error() string {
	return fmt.Sprintf("SSH agent has not answered for %.0f min", e.After.Minutes())
}

// Hint looks at what it may wait for.
func (*SilentError) Hint() fault.Hint {
	return fault.Hintf("see whether it waits for your consent, a PIN or a touch; ssh-add -l shows whether it answers")
}

// An agent answers with a failure that has no words of its own.
var (
	errNoList = fault.New("SSH agent does not list its keys",
		fault.Hintf("ssh-add -l shows whether it answers; unlock it: ssh-add -X"))
	errRefused = fault.New("SSH agent refused to sign",
		fault.Hintf("if it asks for your consent, a PIN or a touch, give it; if the token was unplugged, load it again: ssh-add -s MODULE"))
	errBroken = errors.New("the connection broke, or something other than an agent listens there")
)

// explain replaces what the library says of a call that failed.
func (a *Agent) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case err.Error() == "agent: failed to list keys":
		return errNoList
	case err.Error() == "agent: failed to sign challenge":
		return errRefused
	}
	return &NoAgentError{a.socket, errBroken}
}
