package boards

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A loadRow of expected.json: what each stack says to keys in a container.
type loadRow struct {
	Keys      []string
	Container string
	Says      map[string]int
}

func expectedLoads(t testing.TB) []loadRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.BoardFiles, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rows []loadRow }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Rows
}

// TestBoardsLoadWhatTheTableSays tries each key in each container on each
// stack. Exactly the files that expected.json calls loadable load; the others
// fail at the key, with the error it gives.
func TestBoardsLoadWhatTheTableSays(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	for _, row := range expectedLoads(t) {
		for _, kind := range row.Keys {
			leaf := root.issue(t, kind)
			files := leaf.files(t, row.Container)
			for _, s := range rig.Stacks {
				got, want := b.Parse(t, s, files...), row.Says[s.Name]
				if got.Error != want || (want != 0) != (got.Stage == "key") {
					t.Errorf("%s, %s in %s: %d at %s (%s), want %d", s.Name, kind, row.Container, got.Error, got.Stage, got.Message, want)
				}
				if got.HeapEnd != 0 {
					t.Errorf("%s, %s in %s: %d bytes of heap are lost", s.Name, kind, row.Container, got.HeapEnd)
				}
			}
		}
	}
}

// TestOneDERPairLoadsOnEveryBoard is the promise behind picoca's default.
func TestOneDERPairLoadsOnEveryBoard(t *testing.T) {
	b := rig.BoardBench(t)
	files := newBoardRoot(t).issue(t, "p256").files(t, "der")
	for _, s := range rig.Stacks {
		if got := b.Parse(t, s, files...); !got.OK {
			t.Errorf("%s: %d at %s (%s)", s.Name, got.Error, got.Stage, got.Message)
		}
	}
}

// TestMicroPython123CountsTheNUL shows why that version refuses PKCS#8 in DER:
// it reports to mbedTLS 3 one byte too many. (Its own mbedTLS 3.5.1 is not in
// Debian; 3.6 here takes offence at RSA keys too, which 3.5.1 did not.)
func TestMicroPython123CountsTheNUL(t *testing.T) {
	b, leaf := rig.BoardBench(t), newBoardRoot(t).issue(t, "p256")
	old := rig.Stack{Name: "micropython-1.23", Program: "tls-micropython", Style: "micropython-1.23"}
	if got := b.Parse(t, old, leaf.files(t, "der")...); !got.OK {
		t.Errorf("SEC1: %d at %s (%s)", got.Error, got.Stage, got.Message)
	}
	if got := b.Parse(t, old, leaf.files(t, "pkcs8-der")...); got.Error != rig.ErrInvalidKey || got.Stage != "key" {
		t.Errorf("PKCS#8: %d at %s (%s), want %d at key", got.Error, got.Stage, got.Message, rig.ErrInvalidKey)
	}
}

// TestBoardsCannotLoadCriticalNameConstraints is why a root's constraints are
// not critical unless its owner insists.
func TestBoardsCannotLoadCriticalNameConstraints(t *testing.T) {
	b := rig.BoardBench(t)
	plain := newBoardRoot(t)
	strict := newBoardRoot(t, func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = true })
	for _, s := range rig.Stacks {
		if got := b.Parse(t, s, "--ca", plain.file(s)); !got.OK {
			t.Errorf("%s: CA with constraints: %d (%s)", s.Name, got.Error, got.Message)
		}
		if got := b.Parse(t, s, "--ca", strict.file(s)); got.Error != rig.ErrInvalidExtensions || got.Stage != "ca" {
			t.Errorf("%s: CA with critical constraints: %d at %s (%s), want %d at ca", s.Name, got.Error, got.Stage, got.Message, rig.ErrInvalidExtensions)
		}
	}
}

// TestBoardsCutConcatenatedDER shows why a chain cannot go to a board as DER:
// no error says that only its first certificate is read.
func TestBoardsCutConcatenatedDER(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	leaf := root.issue(t, "p256")
	key, cert := leaf.contain(t, "der")
	alone := []string{"--cert", writeTemp(t, "cert", cert), "--key", writeTemp(t, "key", key)}
	chain := []string{"--cert", writeTemp(t, "chain", slices.Concat(cert, root.cert.Raw)), "--key", alone[3]}
	for _, s := range rig.Stacks {
		one, two := certificateMessage(t, b, s, root, alone), certificateMessage(t, b, s, root, chain)
		if one != two {
			t.Errorf("%s: Certificate message has %d bytes for a DER chain, %d for the leaf", s.Name, two, one)
		}
	}
}

// certificateMessage serves once and returns the size of that message.
func certificateMessage(t testing.TB, b rig.Bench, s rig.Stack, root boardRoot, files []string) int {
	t.Helper()
	server := b.Serve(t, s, files...)
	if err := visitGo(t, visit{port: server.Port, root: root}); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	return server.Report().First(t).CertificateMessageBytes
}
