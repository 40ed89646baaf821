package boards

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
)

// errTooLarge is what a board sees when its Certificate message does not fit
// into a record: SSL_CERTIFICATE_TOO_LARGE in mbedTLS 2, SSL_BUFFER_TOO_SMALL
// in mbedTLS 3.
var errTooLarge = map[rig.Stack]int{rig.CircuitPython: -29952, rig.MicroPython: -27136, rig.MicroPython129: -27136}

// issueOf signs a P-256 leaf that has exactly so many bytes, filled up with
// names.
func (r boardRoot) issueOf(t testing.TB, size int) boardLeaf {
	t.Helper()
	const most = 63 - len("00-") // of a label after its number
	names := []string{"pico.local"}
	leaf := r.issue(t, "p256")
	for missing := size - len(leaf.der); missing != 0; missing = size - len(leaf.der) {
		filler := len(names[len(names)-1]) - len("00-.local")
		switch {
		case missing > 0 && len(names) > 1 && filler < most:
			names[len(names)-1] = fillName(len(names)-1, min(most, filler+missing))
		case missing > 0:
			names = append(names, fillName(len(names), 1))
		case filler+missing >= 1:
			names[len(names)-1] = fillName(len(names)-1, filler+missing)
		default:
			t.Fatalf("certificate of %d bytes: got %d, %d names", size, len(leaf.der), len(names))
		}
		leaf = r.issue(t, "p256", func(c *x509.Certificate) { c.DNSNames = names })
	}
	return leaf
}

func fillName(number, length int) string {
	return fmt.Sprintf("%02d-%s.local", number, strings.Repeat("x", length))
}

// TestLargestCertificate holds max_certificate_bytes to the byte: each stack
// serves a certificate of that size, and none of a byte more.
func TestLargestCertificate(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	for _, id := range profiledBoards {
		board, err := device.ParseTarget(id)
		if err != nil {
			t.Fatal(err)
		}
		most, source := board.MaxCertificateBytes()
		if !strings.HasPrefix(source, device.MeasuredByBench) {
			t.Errorf("%s: source of max_certificate_bytes is %q", id, source)
		}
		fits, over := root.issueOf(t, most).files(t, "der"), root.issueOf(t, most+1).files(t, "der")
		for _, s := range rig.Stacks {
			if r := handshakeWithin(t, b, s, root, fits, 1<<20); !r.OK || r.First(t).CertificateMessageBytes != most+10 {
				t.Errorf("%s, %d bytes: %d (%s), message of %d bytes", s.Name, most, r.Error, r.Message, r.First(t).CertificateMessageBytes)
			}
			if r := handshakeWithin(t, b, s, root, over, 1<<20); r.Error != errTooLarge[s] {
				t.Errorf("%s, %d bytes: %d (%s), want %d", s.Name, most+1, r.Error, r.Message, errTooLarge[s])
			}
		}
	}
}

// heapOfManyNames is what docs/boards.md says of a certificate with as many
// short names as fit: each takes a block of its own.
var heapOfManyNames = map[rig.Stack]int{rig.CircuitPython: 42_700, rig.MicroPython: 38_600, rig.MicroPython129: 38_600}

// TestManyNames issues certificates with more and more names. The last that
// picoca issues for a Pico W is served; what it refuses, and a computer may
// have, is not.
func TestManyNames(t *testing.T) {
	b, h := rig.BoardBench(t), rig.NewHome(t)
	root, names := rootOf(t, h), []string{"pico.local"}
	for len(names) < 230 {
		names = append(names, fmt.Sprintf("pico%03d.local", len(names)))
	}
	issue := func(board string) {
		h.Issue(names[0], append([]string{"--force", "--for", board, "--out", board}, names[1:]...)...)
	}
	var err error
	for err == nil && len(names) < 260 {
		names = append(names, fmt.Sprintf("pico%03d.local", len(names)))
		_, err = h.Try(append([]string{"issue", "--dry-run", "--"}, names...)...)
	}
	if err == nil || !strings.Contains(err.Error(), "Raspberry Pi Pico W serves at most 4086 bytes of certificate; this one would have 4") {
		t.Fatalf("%d names: %v, want a refusal", len(names), err)
	}
	issue("computer")
	h.Run("export", "pico.local", "--format", "der", "--out", "over")
	names = names[:len(names)-1]
	issue("pico-w")
	t.Logf("%d names", len(names))
	for _, s := range rig.Stacks {
		r := handshakeWithin(t, b, s, root, files(h, "pico-w"), 1<<20)
		if heap := r.First(t).HeapPeak; !r.OK || spread(heap, heapOfManyNames[s]) > mostDrift {
			t.Errorf("%s, %d names: %d (%s), heap %d", s.Name, len(names), r.Error, r.Message, heap)
		}
		if r := handshakeWithin(t, b, s, root, files(h, "over"), 1<<20); r.Error != errTooLarge[s] {
			t.Errorf("%s, a name more: %d (%s), want %d", s.Name, r.Error, r.Message, errTooLarge[s])
		}
	}
}

// TestLargeCertificatesHoldWhatIsTold: how much more heap than a certificate
// for pico.local one takes with many names, with long ones, with addresses or
// under another root, is what picoca reports. The size of its Certificate message
// is too.
func TestLargeCertificatesHoldWhatIsTold(t *testing.T) {
	b := rig.BoardBench(t)
	small := growthHome(t, b, "p256")
	for _, row := range []struct {
		title, rootKey string
		names          []string
	}{
		{"many names", "p256", manyNames(200, func(i int) string { return fmt.Sprintf("pico%03d.local", i) })},
		{"long names", "p256", manyNames(40, func(i int) string { return fillName(i, 60) })},
		{"addresses", "p256", manyNames(100, func(i int) string { return fmt.Sprintf("192.168.1.%d", i+1) })},
		{"another root", "rsa-4096", nil},
	} {
		large := growthHome(t, b, row.rootKey, row.names...)
		if len(large.listed) != len(profiledBoards)*len(large.measured) {
			t.Errorf("%s: %d costs reported, %d measured for each board", row.title, len(large.listed), len(large.measured))
		}
		for _, cost := range large.listed {
			id := costID{cost.Firmware, cost.Key, cost.Curve}
			got, base, listed := large.measured[id], small.measured[id], costOf(small.listed, id)
			checkGrowth(t, fmt.Sprintf("%s, %v", row.title, id), cost.HeapBytes-listed.HeapBytes, got.HeapPeak-base.HeapPeak)
			checkGrowth(t, fmt.Sprintf("%s, %v, with listener", row.title, id), cost.HeapListenerBytes-listed.HeapListenerBytes, got.HeapPeakListener-base.HeapPeakListener)
			checkGrowth(t, fmt.Sprintf("%s, %v, message", row.title, id), cost.MessageBytes-listed.MessageBytes, got.CertificateMessageBytes-base.CertificateMessageBytes)
		}
	}
}

// checkGrowth allows for what a heap in blocks of 16 bytes adds at most.
func checkGrowth(t *testing.T, what string, listed, measured int) {
	t.Helper()
	if most := 64; listed-measured > most || measured-listed > most {
		t.Errorf("%s: %d bytes more reported, %d measured", what, listed, measured)
	}
}

// A grown is a certificate as issue reports it for each board, and as measured
// on each stack.
type grown struct {
	listed   []device.Cost
	measured map[costID]boardFigure
}

func growthHome(t *testing.T, b rig.Bench, rootKey string, names ...string) grown {
	t.Helper()
	h, g := rig.NewHome(t, "--key", rootKey), grown{measured: make(map[costID]boardFigure)}
	for _, board := range profiledBoards {
		var issued struct{ Costs []device.Cost }
		out := h.Issue("pico.local", append([]string{"--json", "--for", board, "--out", board}, names...)...)
		if err := json.Unmarshal([]byte(out), &issued); err != nil {
			t.Fatal(err)
		}
		g.listed = append(g.listed, slices.DeleteFunc(issued.Costs, func(c device.Cost) bool { return c.SizesSource == "" })...) // of some, only the time is known
	}
	for _, p := range profiled {
		c := &boardCell{bench: b, root: rootOf(t, h), stack: p.stack, files: files(h, profiledBoards[0])}
		for _, curves := range curveOffers {
			var f boardFigure
			c.measureHeap(t, &f, curves)
			g.measured[costID{p.release, "p256", f.Curve}] = f
		}
	}
	return g
}

func costOf(costs []device.Cost, id costID) device.Cost {
	i := slices.IndexFunc(costs, func(c device.Cost) bool { return costID{c.Firmware, c.Key, c.Curve} == id })
	return costs[i]
}

func manyNames(n int, name func(int) string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = name(i)
	}
	return names
}
