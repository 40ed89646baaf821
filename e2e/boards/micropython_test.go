package boards

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestMicroPythonServes has the real MicroPython, with a heap no larger than a
// board's, serve its certificate from DER files to real clients.
func TestMicroPythonServes(t *testing.T) {
	b, root, foreign := rig.BoardBench(t), newBoardRoot(t), newBoardRoot(t)
	for _, kind := range []string{"p256", "p384", "rsa2048", "rsa4096"} {
		t.Run(kind, func(t *testing.T) {
			leaf := root.issue(t, kind)
			p := startMicroPython(t, b, nil, leaf, "der", 2*len(boardClients))
			for _, c := range boardClients {
				if err := c.get(t, visit{port: p.Port, root: root}); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				if err := c.get(t, visit{port: p.Port, root: foreign}); err != errUntrusted {
					t.Errorf("%s with a foreign CA: %v, want %v", c.name, err, errUntrusted)
				}
				checkNext(t, p, "")
				// The alert, or EPIPE or ECONNRESET where it was still writing.
				checkNext(t, p, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE", "OSError(32,)", "OSError(104,)")
			}
			if err := p.Cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, p.Errors)
			}
		})
	}
}

// A servedLine is what serve.py says of one connection.
type servedLine struct {
	OK       bool `json:"ok"`
	Error    string
	HeapHeld int `json:"heap_held"`
}

// checkNext wants the next connection served, or failed with one of some
// errors.
func checkNext(t *testing.T, p *rig.PythonServer, want ...string) servedLine {
	t.Helper()
	var got servedLine
	if err := p.Line(&got); err != nil {
		t.Fatalf("%v\n%s", err, p.Errors)
	}
	wanted := func(e string) bool { return got.OK == (e == "") && strings.Contains(got.Error, e) }
	if !slices.ContainsFunc(want, wanted) {
		t.Errorf("MicroPython: ok %v, error %q, want one of %q", got.OK, got.Error, want)
	}
	return got
}

// startMicroPython serves leaf's files from a container.
func startMicroPython(t *testing.T, b rig.Bench, env []string, leaf boardLeaf, container string, count int, ca ...string) *rig.PythonServer {
	t.Helper()
	key, cert := leaf.contain(t, container)
	p, err := b.MicroPython(t, env, writeTemp(t, "cert.der", cert), writeTemp(t, "key.der", key), count, ca...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMicroPythonLoadsWhatTheTableSays holds the bench's program for
// MicroPython to the real one: both load the same files.
func TestMicroPythonLoadsWhatTheTableSays(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	for _, row := range expectedLoads(t) {
		for _, kind := range row.Keys {
			key, cert := root.issue(t, kind).contain(t, row.Container)
			err := microPythonLoads(t, b, "load_cert_chain", writeTemp(t, "cert", cert), writeTemp(t, "key", key))
			want := row.Says[rig.MicroPython.Name] == 0
			if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "ValueError: invalid key") {
				t.Errorf("%s in %s: %v, want loaded %v", kind, row.Container, err, want)
			}
		}
	}
}

// TestMicroPythonCannotLoadCriticalNameConstraints is the same for CAs.
func TestMicroPythonCannotLoadCriticalNameConstraints(t *testing.T) {
	b, plain := rig.BoardBench(t), newBoardRoot(t)
	strict := newBoardRoot(t, func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = true })
	if err := microPythonLoads(t, b, "load_verify_locations", plain.der); err != nil {
		t.Errorf("CA with constraints: %v", err)
	}
	err := microPythonLoads(t, b, "load_verify_locations", strict.der)
	if err == nil || !strings.Contains(err.Error(), "ValueError: invalid cert") {
		t.Errorf("CA with critical constraints: %v, want invalid cert", err)
	}
}

// microPythonLoads calls a method of an SSLContext with files.
func microPythonLoads(t *testing.T, b rig.Bench, method string, files ...string) error {
	t.Helper()
	code := "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)." + method + "('" + strings.Join(files, "', '") + "')"
	cmd := exec.CommandContext(t.Context(), filepath.Join(b.Dir, "micropython"), "-X", "heapsize="+rig.BoardHeap, "-c", code)
	cmd.Env = append(os.Environ(), "MICROPYPATH="+filepath.Join(b.Dir, "lib"))
	return rig.WrapOutput(cmd)
}

// TestMicroPythonMutualTLSNeedsItsClock is the whole of mutual TLS on the real
// thing: who gets in, and that no one does before the clock is set.
func TestMicroPythonMutualTLSNeedsItsClock(t *testing.T) {
	b, root, foreign := rig.BoardBench(t), newBoardRoot(t), newBoardRoot(t)
	mine, theirs := root.issue(t, "p256", forClients), foreign.issue(t, "p256", forClients)
	p := startMicroPython(t, b, nil, root.issue(t, "p256"), "der", 3, root.der)
	for _, try := range []struct {
		identity *boardLeaf
		want     string
	}{{&mine, ""}, {&theirs, "not correctly signed by the trusted CA"}, {nil, "MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE"}} {
		if err := visitCurl(t, visit{port: p.Port, root: root, identity: try.identity}); (err == nil) != (try.want == "") {
			t.Errorf("curl: %v, want error %q on the board", err, try.want)
		}
		checkNext(t, p, try.want)
	}
	p = startMicroPython(t, b, []string{rig.PicoBoot}, root.issue(t, "p256"), "der", 1, root.der)
	if err := visitCurl(t, visit{port: p.Port, root: root, identity: &mine}); err == nil {
		t.Error("curl got in before the clock was set")
	}
	checkNext(t, p, "starts in the future")
}

// TestMicroPythonHeapAgreesWithTheBench compares what a connection holds in
// the real heap with what the bench's program counts: the difference, which is
// asyncio's task and streams, is the same for all keys, so TLS is counted to
// the block.
func TestMicroPythonHeapAgreesWithTheBench(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	var others []int
	for _, kind := range []string{"p256", "p384", "rsa2048", "rsa4096"} {
		leaf := root.issue(t, kind)
		p := startMicroPython(t, b, nil, leaf, "der", 1)
		if err := visitGo(t, visit{port: p.Port, root: root}); err != nil {
			t.Fatal(err)
		}
		held := checkNext(t, p, "").HeapHeld
		server := b.Serve(t, rig.MicroPython, leaf.files(t, "der")...)
		if err := visitGo(t, visit{port: server.Port, root: root}); err != nil {
			t.Fatal(err)
		}
		r := server.Report()
		counted := r.First(t).HeapHeld + r.ObjectBytes
		t.Logf("%s: MicroPython holds %d, the bench counts %d", kind, held, counted)
		others = append(others, held-counted)
	}
	if least, most := slices.Min(others), slices.Max(others); least < 0 || most > 2048 || most-least > 32 {
		t.Errorf("MicroPython holds %v bytes more than the bench counts, want the same few for each key", others)
	}
}

// TestMicroPythonHeapIsABoards keeps the limit real: more than the heap is
// not to be had.
func TestMicroPythonHeapIsABoards(t *testing.T) {
	b := rig.BoardBench(t)
	for size, want := range map[string]bool{"100000": true, "200000": false} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(b.Dir, "micropython"), "-X", "heapsize="+rig.BoardHeap, "-c", "bytearray("+size+")")
		err := rig.WrapOutput(cmd)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "MemoryError") {
			t.Errorf("%s bytes of %s: %v", size, rig.BoardHeap, err)
		}
	}
}
