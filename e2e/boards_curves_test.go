package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestClientsDecideTheCurve shows which curve of the key exchange each client
// gets: the strongest that it offers from CircuitPython, P-256 from MicroPython.
func TestClientsDecideTheCurve(t *testing.T) {
	b, root := boardBench(t), newBoardRoot(t)
	files := root.issue(t, "p256").files(t, "der")
	for _, row := range []struct {
		client boardClient
		want   string
	}{
		{boardClient{"openssl", visitOpenSSL}, "P-521"},
		{boardClient{"curl", visitCurl}, "P-521"},
		{boardClient{"chromium", visitChromium}, "P-384"},
	} {
		for s, want := range map[stack]string{circuitPython: row.want, microPython: "P-256", microPython129: "P-256"} {
			server := b.serve(t, s, files...)
			if err := row.client.get(t, visit{port: server.port, root: root}); err != nil {
				t.Errorf("%s, %s: %v", s.name, row.client.name, err)
			}
			if got := server.report().first(t).Curve; got != want {
				t.Errorf("%s takes %q with %s, want %s", s.name, got, row.client.name, want)
			}
		}
	}
}

// visitChromium looks at the page without asking who signed the certificate:
// that needs a trust store, and other tests have one.
func visitChromium(t testing.TB, v visit) error {
	t.Helper()
	page := fmt.Sprintf("https://pico.local:%d/", v.port)
	out, err := exec.CommandContext(t.Context(), need(t, "chromium", "chromium"), "--headless", "--no-sandbox", "--disable-gpu",
		"--no-first-run", "--disable-background-networking", "--ignore-certificate-errors", "--user-data-dir="+t.TempDir(),
		"--host-resolver-rules=MAP pico.local 127.0.0.1, MAP * ~NOTFOUND", "--timeout=20000", "--dump-dom", page).Output()
	if !strings.Contains(string(out), boardSays) {
		return fmt.Errorf("chromium: %w, page %.200q", err, out)
	}
	return nil
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
