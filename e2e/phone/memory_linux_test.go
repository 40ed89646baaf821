package phone

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/store"
)

// TestPhoneServesWithoutTheRootKeyInItsMemory: the process is on the network for
// minutes. What could sign, or open what signs, must never have been in it.
func TestPhoneServesWithoutTheRootKeyInItsMemory(t *testing.T) {
	const passphrase = "tulip-orbit-canvas-meadow-7731"
	h := rig.EmptyHome(t)
	file := h.Path("phrase.txt")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Run("init", "--passphrase-file", file)
	key, err := store.DecryptKey(rig.ReadFile(t, h.RootFile("store", "key.pem")), []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	root, _ := pem.Decode(rig.ReadFile(t, h.RootFile("store", "cert.pem")))

	p := startPhoneCommand(t, h, "--passphrase-file", file, "--limit", "10m")
	response, err := http.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	reversed := slices.Clone(scalar)
	slices.Reverse(reversed)
	found := inMemory(t, p.cmd.Process.Pid, map[string][]byte{
		"root certificate": root.Bytes, "path of the page": []byte(path.Base(p.url)),
		"root key": scalar, "root key as words of the processor": reversed, "passphrase": []byte(passphrase),
	})
	for what, want := range map[string]bool{
		// Without these the search itself finds nothing.
		"root certificate": true, "path of the page": true,
		"root key": false, "root key as words of the processor": false, "passphrase": false,
	} {
		if got := found[what] > 0; got != want {
			t.Errorf("%s in memory: got %d times, want some: %t", what, found[what], want)
		}
	}
}

// inMemory counts how often each needle is in the memory that a process can
// write to: proc_pid_maps(5), proc_pid_mem(5).
func inMemory(t *testing.T, pid int, needles map[string][]byte) map[string]int {
	t.Helper()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	found := map[string]int{}
	for line := range strings.Lines(string(rig.ReadFile(t, fmt.Sprintf("/proc/%d/maps", pid)))) {
		var low, high uint64
		var mode string
		if n, err := fmt.Sscanf(line, "%x-%x %s", &low, &high, &mode); n != 3 {
			t.Fatalf("maps: %q: %v", line, err)
		}
		if !strings.HasPrefix(mode, "rw") {
			continue
		}
		data, err := io.ReadAll(io.NewSectionReader(memory, int64(low), int64(high-low)))
		if err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
		for what, needle := range needles {
			found[what] += bytes.Count(data, needle)
		}
	}
	return found
}
