package boards

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
)

// clientKeys are the key types of identities, and of the servers that boards
// visit.
var clientKeys = []string{"p256", "rsa-2048"}

// clientRoot is the file with which a stack verifies servers.
func clientRoot(h rig.Home, s rig.Stack) string {
	if s == rig.CircuitPython {
		return h.Path("root.pem")
	}
	return h.Path("root.der")
}

// measureClients measures every stack as the client of a server on OpenSSL, as
// brokers are, which asks for an identity.
func measureClients(t *testing.T) []device.ClientCost {
	t.Helper()
	b, h := rig.BoardBench(t), rig.NewHome(t)
	h.Run("export", "ca", "--out", "root.pem")
	h.Run("export", "ca", "--format", "der", "--out", "root.der")
	for _, key := range clientKeys {
		h.Run("identity", "Board "+key, "--for", "pico-w", "--key", key, "--out", "board-"+key)
	}
	var costs []device.ClientCost
	for _, serverKey := range clientKeys {
		h.Run("issue", serverKey+".local", "--for", "computer", "--key", serverKey, "--out", serverKey)
		port := serveOpenSSL(t, h, serverKey)
		for _, p := range profiled {
			for _, key := range clientKeys {
				heap := measureClient(t, b, h, p.stack, port, key, serverKey)
				costs = append(costs, device.ClientCost{Firmware: p.release, Key: key, ServerKey: serverKey, HeapBytes: heap, SizesSource: device.MeasuredByBench})
			}
		}
	}
	slices.SortStableFunc(costs, func(a, b device.ClientCost) int {
		return cmp.Or(cmp.Compare(a.Firmware, b.Firmware), cmp.Compare(a.Key, b.Key))
	})
	return costs
}

// serveOpenSSL answers requests for pages, with the files in a folder.
func serveOpenSSL(t *testing.T, h rig.Home, folder string) int {
	t.Helper()
	port := rig.FreePort(t)
	rig.StartServer(t, port, "openssl", "openssl", "s_server", "-accept", "127.0.0.1:"+port, "-www", "-quiet", "-Verify", "1", "-verify_return_error",
		"-cert", h.Path(folder, "cert.pem"), "-key", h.Path(folder, "key.pem"), "-CAfile", h.Path("root.pem"))
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// measureClient returns the most memory of the second to fourth connection, as for
// servers.
func measureClient(t *testing.T, b rig.Bench, h rig.Home, s rig.Stack, port int, key, serverKey string) int {
	t.Helper()
	r := b.Connect(t, nil, s, port, append(files(h, "board-"+key), "--ca", clientRoot(h, s), "--host", serverKey+".local", "--connections", "4")...)
	if !r.OK || len(r.Connections) != 4 || !r.Connections[3].Answered {
		t.Fatalf("%s, %s at %s: %d (%s)", s.Name, key, serverKey, r.Error, r.Message)
	}
	heap := 0
	for _, c := range r.Connections[1:] {
		heap = max(heap, c.HeapPeak)
	}
	return heap
}

// TestClientCostsAreWhatTheBenchMeasures holds the boards' files to a measurement
// of now.
func TestClientCostsAreWhatTheBenchMeasures(t *testing.T) {
	measured := measureClients(t)
	for _, board := range device.All() {
		var listed []device.ClientCost
		for _, firmware := range board.Firmware {
			listed = append(listed, firmware.ClientCosts...)
		}
		if !slices.Contains(profiledBoards, board.ID) {
			measured := slices.ContainsFunc(listed, func(c device.ClientCost) bool { return c.SizesSource == device.MeasuredByBench })
			if measured {
				t.Errorf("%s: a cost as a client is not the bench's", board.ID)
			}
			continue
		}
		for _, fault := range clientDrift(listed, measured) {
			t.Errorf("%s: %s", board.ID, fault)
		}
	}
	if t.Failed() {
		for _, c := range measured {
			t.Logf(`{"firmware": %q, "key": %q, "server_key": %q, "heap_bytes": %d, "sizes_source": %q},`, c.Firmware, c.Key, c.ServerKey, c.HeapBytes, c.SizesSource)
		}
	}
}

// clientDrift names the measured costs that are not listed, and those too far from
// it.
func clientDrift(listed, measured []device.ClientCost) []string {
	var faults []string
	if len(listed) != len(measured) {
		faults = append(faults, fmt.Sprintf("%d costs as a client, want %d", len(listed), len(measured)))
	}
	for _, want := range measured {
		i := slices.IndexFunc(listed, func(c device.ClientCost) bool {
			return c.Firmware == want.Firmware && c.Key == want.Key && c.ServerKey == want.ServerKey
		})
		switch {
		case i < 0 || listed[i].SizesSource != want.SizesSource:
			faults = append(faults, fmt.Sprintf("%s, %s at %s: no cost as a client", want.Firmware, want.Key, want.ServerKey))
		case listed[i].HeapBytes != want.HeapBytes && spread(listed[i].HeapBytes, want.HeapBytes) > mostDrift:
			faults = append(faults, fmt.Sprintf("%s, %s at %s: heap_bytes is %d, measured %d", want.Firmware, want.Key, want.ServerKey, listed[i].HeapBytes, want.HeapBytes))
		}
	}
	return faults
}

// TestClientDriftIsSeen alters a figure, and leaves one out.
func TestClientDriftIsSeen(t *testing.T) {
	measured := []device.ClientCost{{Firmware: "micropython@1.28", Key: "p256", ServerKey: "p256", HeapBytes: 1000, SizesSource: device.MeasuredByBench}}
	for heap, want := range map[int]int{1000: 0, 1029: 0, 1031: 1, 0: 1} {
		listed := slices.Clone(measured)
		listed[0].HeapBytes = heap
		if got := clientDrift(listed, measured); len(got) != want {
			t.Errorf("%d listed: got %q, want %d faults", heap, got, want)
		}
	}
	if got := clientDrift(nil, measured); len(got) != 2 {
		t.Errorf("nothing listed: got %q", got)
	}
}
