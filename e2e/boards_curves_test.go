package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestClientsDecideTheCurve shows which curve of the key exchange a client
// gets: the strongest that it offers from CircuitPython, P-256 from MicroPython.
func TestClientsDecideTheCurve(t *testing.T) {
	b, root := boardBench(t), newBoardRoot(t)
	files := root.issue(t, "p256").files(t, "der")
	for _, s := range stacks {
		for _, c := range []boardClient{{"openssl", visitOpenSSL}, {"curl", visitCurl}} {
			server := b.serve(t, s, files...)
			if err := c.get(t, visit{port: server.port, root: root}); err != nil {
				t.Errorf("%s, %s: %v", s.name, c.name, err)
			}
			checkCurve(t, s, c.name, server.report(), "P-521")
		}
		browser := newChromium(t)
		browser.nss("certutil", "-A", "-n", "root", "-t", "C,,", "-i", root.pemName)
		server := b.serve(t, s, files...)
		if dom := browser.dom(fmt.Sprintf("https://pico.local:%d/", server.port)); !strings.Contains(dom, boardSays) {
			t.Errorf("%s, chromium: %s", s.name, dom)
		}
		checkCurve(t, s, "chromium", server.report(), "P-384")
	}
}

// checkCurve wants the client's strongest curve from CircuitPython.
func checkCurve(t *testing.T, s stack, client string, r boardReport, strongest string) {
	t.Helper()
	want := "P-256"
	if s == circuitPython {
		want = strongest
	}
	if got := r.first(t).Curve; got != want {
		t.Errorf("%s takes %q with %s, want %q", s.name, got, client, want)
	}
}

// TestListenerCostsHeapNotTime serves the same client with and without a TLS
// listener beside the connection: nearly double the heap, the same work.
func TestListenerCostsHeapNotTime(t *testing.T) {
	b, root := boardBench(t), newBoardRoot(t)
	need(t, "valgrind", "valgrind")
	leaf := root.issue(t, "p256")
	alone := &boardCell{b, root, leaf, circuitPython, "p256", "der", leaf.files(t, "der"), nil}
	beside := &boardCell{b, root, leaf, circuitPython, "p256", "der", append(slices.Clone(alone.files), "--listener"), nil}
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
