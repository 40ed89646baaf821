package boards

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestClientsDecideTheCurve shows which curve of the key exchange a client
// gets: the strongest that it offers from CircuitPython, P-256 from MicroPython.
func TestClientsDecideTheCurve(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	files := root.issue(t, "p256").files(t, "der")
	for _, s := range rig.Stacks {
		for _, c := range []boardClient{{"openssl", visitOpenSSL}, {"curl", visitCurl}} {
			server := b.Serve(t, s, files...)
			if err := c.get(t, visit{port: server.Port, root: root}); err != nil {
				t.Errorf("%s, %s: %v", s.Name, c.name, err)
			}
			checkCurve(t, s, c.name, server.Report(), "P-521")
		}
		browser := rig.NewChromium(t)
		browser.NSS("certutil", "-A", "-n", "root", "-t", "C,,", "-i", root.pemName)
		server := b.Serve(t, s, files...)
		if dom := browser.DOM(fmt.Sprintf("https://pico.local:%d/", server.Port)); !strings.Contains(dom, rig.BoardSays) {
			t.Errorf("%s, chromium: %s", s.Name, dom)
		}
		checkCurve(t, s, "chromium", server.Report(), "P-384")
	}
}

// checkCurve wants the client's strongest curve from CircuitPython.
func checkCurve(t *testing.T, s rig.Stack, client string, r rig.BoardReport, strongest string) {
	t.Helper()
	want := "P-256"
	if s == rig.CircuitPython {
		want = strongest
	}
	if got := r.First(t).Curve; got != want {
		t.Errorf("%s takes %q with %s, want %q", s.Name, got, client, want)
	}
}

// TestListenerCostsHeapNotTime serves the same client with and without a TLS
// listener beside the connection: nearly double the heap, the same work.
func TestListenerCostsHeapNotTime(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	rig.Need(t, "valgrind", "valgrind")
	leaf := root.issue(t, "p256")
	alone := &boardCell{b, root, leaf, rig.CircuitPython, "p256", "der", leaf.files(t, "der"), nil}
	beside := &boardCell{b, root, leaf, rig.CircuitPython, "p256", "der", append(slices.Clone(alone.files), "--listener"), nil}
	var counts []int
	for _, curves := range curveOffers {
		one, two := alone.countOnce(t, curves), beside.countOnce(t, curves)
		t.Logf("%v: %d instructions alone, %d beside a listener", curves, one, two)
		if spread(one, two) > 0.02 {
			t.Errorf("%v: %d instructions alone, %d beside a listener", curves, one, two)
		}
		var f boardFigure
		alone.measureHeap(t, &f, curves)
		if f.HeapPeakListener < f.HeapPeak*17/10 {
			t.Errorf("%v: %d bytes of heap alone, %d beside a listener", curves, f.HeapPeak, f.HeapPeakListener)
		}
		counts = append(counts, one)
	}
	if ratio := float64(counts[1]) / float64(counts[0]); ratio < 1.6 || ratio > 1.9 {
		t.Errorf("P-521 takes %.2f times the instructions of P-384, want 1.6 to 1.9", ratio)
	}
}
