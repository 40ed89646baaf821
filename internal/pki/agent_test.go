package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh/agent"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/keys"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/testpki"
)

// agentCA is a CA whose root key is in an SSH agent.
func agentCA(t *testing.T) (*CA, *testpki.SSHAgent) {
	t.Helper()
	t.Chdir(t.TempDir())
	server := testpki.NewSSHAgent()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Add(agent.AddedKey{PrivateKey: key, Comment: "root"}); err != nil {
		t.Fatal(err)
	}
	socket, stop, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	options := Options{AgentSocket: socket}
	req := InitRequest{KeyIn: KeyIn{Agent: true}, Root: ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}}
	if _, err := Create(t.Context(), "ca", req, nil, start, options, nobodyWaits(t)); err != nil {
		t.Fatal(err)
	}
	c, err := Open("ca", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, server
}

func TestRootKeyInAnAgentSigns(t *testing.T) {
	c, _ := agentCA(t)
	plan, err := c.Plan(Request{Names: names(t, "pico.local")}, start)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	result, err := session.Issue(plan, start)
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.VerifyIssued(result.Issued.Leaf, result.Issued.Root.Certificate); err != nil {
		t.Error(err)
	}
}

func TestRootKeyThatTheAgentRefusesChangesNothing(t *testing.T) {
	c, server := agentCA(t)
	plan, err := c.Plan(Request{Names: names(t, "pico.local")}, start)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	server.Refuses.Store(true)
	if _, err := session.Issue(plan, start); err == nil {
		t.Error("it issued without the agent")
	}
	if _, err := c.Find("pico.local"); !errors.As(err, new(*NotIssuedError)) {
		t.Errorf("got error %v, want a NotIssuedError", err)
	}
	if _, err := os.Stat("pico.local"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pico.local exists (%v)", err)
	}
}

// TestListEndsWhileTheAgentIsAsked: Ctrl-C does not wait for the user's consent.
func TestListEndsWhileTheAgentIsAsked(t *testing.T) {
	c, server := agentCA(t)
	b, err := c.PlanBatch(parse(t, "a.local\nb.local\n"), Request{}, start, func(BatchRow) {})
	if err != nil {
		t.Fatal(err)
	}
	session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	over := make(chan struct{})
	defer close(over)
	asked := func() { interrupt(); <-over }
	server.Asked.Store(&asked)
	err = b.Issue(ctx, session, start, nobodyWaits(t), func(row BatchRow) { t.Errorf("%s was issued", row.Plan.Name()) })
	if !errors.Is(err, context.Canceled) || !errors.As(err, new(*BatchError)) {
		t.Errorf("got error %v, want context.Canceled and a BatchError", err)
	}
}

func TestKeyStatus(t *testing.T) {
	c, server := agentCA(t)
	root, err := c.Root()
	if err != nil {
		t.Fatal(err)
	}
	held, err := c.KeyStatus(root)
	if err != nil || held.Place != store.KeyAgent || held.Agent.Comment != "root" || held.Missing != nil {
		t.Errorf("got %+v (%v), want that the agent holds the key", held, err)
	}
	if err := server.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	missing, err := c.KeyStatus(root)
	if err != nil || !errors.As(missing.Missing, new(*keys.NoKeyError)) {
		t.Errorf("got %+v (%v), want a NoKeyError", missing, err)
	}
	newAuthority(t, "secret").use(func(c *CA) {
		root, err := c.Root()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.KeyStatus(root); err != nil || got.Place != store.KeyFile || !got.Encrypted {
			t.Errorf("got %+v (%v), want an encrypted file", got, err)
		}
	})
}

func TestCreateWithoutTheAgentsKeyWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	req := InitRequest{KeyIn: KeyIn{Agent: true, Name: "root"}, Root: ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}}
	_, err := Create(t.Context(), dir, req, nil, start, Options{AgentSocket: filepath.Join(t.TempDir(), "none")}, nobodyWaits(t))
	if !errors.As(err, new(*keys.NoAgentError)) || fault.HintOf(err).IsZero() {
		t.Errorf("got error %v, want a NoAgentError with a hint", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s exists (%v)", dir, err)
	}
}

func TestParseKeyIn(t *testing.T) {
	for input, want := range map[string]KeyIn{"": {}, "agent": {Agent: true}, "agent:my root": {true, "my root"}, "agent:SHA256:x": {true, "SHA256:x"}} {
		if got, err := ParseKeyIn(input); err != nil || got != want {
			t.Errorf("ParseKeyIn(%q) = %v, %v, want %v", input, got, err, want)
		}
	}
	for _, input := range []string{"file", "agent:", "Agent", "tpm", " "} {
		if _, err := ParseKeyIn(input); fault.CodeOf(err) != fault.Usage {
			t.Errorf("ParseKeyIn(%q): got error %v, want a wrong command line", input, err)
		}
	}
}
