package example

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// costly runs testdata/webpush/cost.py in the 32-bit MicroPython with a heap,
// under another program if there is one.
func costly(t *testing.T, under []string, heap, what string, times int) *exec.Cmd {
	t.Helper()
	dir := func(name string) string {
		absolute, err := filepath.Abs(filepath.Join(rig.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		return absolute
	}
	bench := rig.BoardBench(t).Dir
	args := append(under, filepath.Join(bench, "micropython"), "-X", "heapsize="+heap, filepath.Join(dir("testdata/webpush"), "cost.py"), what, strconv.Itoa(times))
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(cmd.Environ(), "MICROPYPATH="+dir("internal/example/templates/micropython")+":"+filepath.Join(bench, "lib"))
	return cmd
}

var totals = regexp.MustCompile(`(?m)^totals: (\d+)$`)

// instructions counts what the program executes, as callgrind does: the same on
// every machine, but for the addresses that it hashes.
func instructions(t *testing.T, what string, times int) int {
	t.Helper()
	rig.Need(t, "valgrind", "valgrind")
	out := filepath.Join(t.TempDir(), "callgrind")
	cmd := costly(t, []string{"valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=" + out}, "190k", what, times)
	if err := rig.WrapOutput(cmd); err != nil {
		t.Fatal(err)
	}
	return totalOf(t, out)
}

// totalOf reads what callgrind counted.
func totalOf(t *testing.T, out string) int {
	t.Helper()
	found := totals.FindSubmatch(rig.ReadFile(t, out))
	if found == nil {
		t.Fatal("callgrind wrote no totals")
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatAnUpdateCosts holds the figures of docs/performance.md: two handshakes with
// client certificates, the files, and a page for phones.
func TestWhatAnUpdateCosts(t *testing.T) {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("takes long: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
	t.Parallel()
	rig.Need(t, "valgrind", "valgrind")
	for _, flag := range []string{"", "--mutual-tls"} {
		const most = 260_000_000 // 188 to 233 million were counted: it depends on the pieces in which the bytes arrive
		var counts [2]int
		for i := range counts {
			out := filepath.Join(t.TempDir(), "callgrind")
			firmware := exampleOnMicroPython
			firmware.under = []string{"valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=" + out}
			b := newUpdatesBoardOn(t, firmware, strings.Fields(flag)...)
			for range 1 + 2*i {
				b.renew()
				if err := b.push(); err != nil {
					t.Fatal(err)
				}
			}
			b.cmd.Process.Signal(os.Interrupt) // it prints what it has counted
			b.cmd.Wait()
			counts[i] = totalOf(t, out)
		}
		n := (counts[1] - counts[0]) / 2
		t.Logf("an update%s: %.1f million instructions", flag, float64(n)/1e6)
		if n > most || n < most/2 {
			t.Errorf("%s: got %d instructions, want at most %d, and no less than half of it", flag, n, most)
		}
	}
}

// TestWhatAMessageCosts holds the figures of docs/performance.md: about 10 ms on a
// Pico W for each million instructions.
func TestWhatAMessageCosts(t *testing.T) {
	t.Parallel()
	for what, most := range map[string]int{"token": 33_000_000, "encrypt": 104_000_000} {
		const times = 5 // the keys are random
		n := (instructions(t, what, times) - instructions(t, what, 0)) / times
		t.Logf("%s: %.1f million instructions", what, float64(n)/1e6)
		if n > most || n < most/2 {
			t.Errorf("%s: got %d instructions, want at most %d, and no less than half of it", what, n, most)
		}
	}
}

// TestMemoryOfAMessage: code, tables, a token and a message fit into 96 KB. Most of that
// is needed while the file is compiled.
func TestMemoryOfAMessage(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"token", "encrypt"} {
		if err := rig.WrapOutput(costly(t, nil, "96k", what, 3)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
