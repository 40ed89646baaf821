package clients

import (
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A benchClient is a board's TLS as the bench has it, with the device whose
// files it loads.
type benchClient struct {
	stack  rig.Stack
	device string
	root   string
}

var benchClients = []benchClient{
	{rig.CircuitPython, "pico-w/circuitpython@10.2", "picoca-root.pem"},
	{rig.MicroPython, "pico-w/micropython@1.28", "picoca-root.der"},
	{rig.MicroPython129, "pico-w/micropython@1.29", "picoca-root.der"},
}

// connect asks a broker to let the board in, with the identity in a folder, "" for
// none, and the root in another.
func (c benchClient) connect(t *testing.T, b broker, folder, root, host string, env ...string) rig.BoardConnection {
	t.Helper()
	args := []string{"--mqtt", "--host", host, "--ca", filepath.Join(root, c.root)}
	if folder != "" {
		args = append(args, "--cert", filepath.Join(folder, "cert.der"), "--key", filepath.Join(folder, "key.der"))
	}
	port := 0
	for _, digit := range b.port {
		port = port*10 + int(digit-'0')
	}
	return rig.BoardBench(t).Connect(t, env, c.stack, port, args...).First(t)
}

// TestBoardsTLSReachesTheBroker has each TLS load its identity, of either kind of
// key, and verify brokers with either; by address only MicroPython can.
func TestBoardsTLSReachesTheBroker(t *testing.T) {
	t.Parallel()
	h, foreign := rig.NewHome(t), rig.NewHome(t)
	for i, key := range []string{"p256", "rsa-2048"} {
		b := newBroker(t, h, []string{"broker.local", "other.local"}[i], "127.0.0.1", "--key", key)
		for _, c := range benchClients {
			name := "Board " + key + " " + c.stack.Name
			own := identity(h, name, c.device, "--key", key)
			host := []string{"broker.local", "other.local"}[i]
			if got := c.connect(t, b, own, own, host); !got.Answered {
				t.Errorf("%s, %s: %d (%s, %s)", c.stack.Name, key, got.Error, got.Message, got.Verify)
			}
			rig.WaitFor(t, b.log, "u'"+name+"'")
			if got, want := c.connect(t, b, own, own, "127.0.0.1").Answered, c.stack != rig.CircuitPython; got != want {
				t.Errorf("%s, %s, by address: let in %v, want %v", c.stack.Name, key, got, want)
			}
			stranger := identity(foreign, name, c.device, "--key", key)
			if got := c.connect(t, b, stranger, stranger, host); got.Error != rig.ErrVerification {
				t.Errorf("%s, %s, a broker of another CA: %d, want %d", c.stack.Name, key, got.Error, rig.ErrVerification)
			}
			if got := c.connect(t, b, stranger, own, host); got.Answered {
				t.Errorf("%s, %s: let in with an identity of another CA", c.stack.Name, key)
			}
		}
	}
}

// TestTasmotaReachesTheBroker: its one cipher suite needs an RSA certificate at
// the broker, while its identity is P-256.
func TestTasmotaReachesTheBroker(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	b := newBroker(t, h, "broker.local", "--key", "rsa-2048")
	plug := newTasmota(t, h, "Plug 3")
	if out, err := plug.connect(t, b, "broker.local"); err != nil || out != "accepted\n" {
		t.Errorf("%v, %s", err, out)
	}
	rig.WaitFor(t, b.log, "u'Plug 3'")
	if out, err := plug.connect(t, b, "other.local"); err == nil || out != "error 56, answer 0\n" {
		t.Errorf("by another name: %v, %s", err, out)
	}
	stranger := newTasmota(t, rig.NewHome(t), "Plug 3")
	if out, err := stranger.connect(t, b, "broker.local"); err == nil || out != "error 62, answer 0\n" {
		t.Errorf("with another CA: %v, %s", err, out)
	}
}

// tasmota is BearSSL as Tasmota has it, with an identity.
type tasmota struct{ program, identity, root string }

func newTasmota(t *testing.T, h rig.Home, name string) tasmota {
	t.Helper()
	needHeader(t, "bearssl.h", "libbearssl-dev")
	h.Run("export", "ca", "--format", "der", "--out", "root.der")
	return tasmota{build(t, "tasmota", "-lbearssl"), filepath.Join(identity(h, name, "tasmota"), "tasmota.txt"), h.Path("root.der")}
}

func (c tasmota) connect(t *testing.T, b broker, host string) (string, error) {
	t.Helper()
	return rig.OutsideWith(t, nil, rig.ReadFile(t, c.identity), "gcc", c.program, b.port, host, c.root)
}
