package boards

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A boardFigure is what one certificate costs one stack. Sizes are in bytes;
// testdata/boards/README.md says how each is counted.
type boardFigure struct {
	Stack                   string `json:"stack"`
	Key                     string `json:"key"`
	Container               string `json:"container"`
	Loads                   bool   `json:"loads"`
	Error                   int    `json:"error,omitempty"`
	Curve                   string `json:"curve,omitempty"`
	CertificateBytes        int    `json:"certificate_bytes,omitempty"`
	CertificateMessageBytes int    `json:"certificate_message_bytes,omitempty"`
	HeapHeld                int    `json:"heap_held,omitempty"`
	HeapPeak                int    `json:"heap_peak,omitempty"`
	HeapPeakListener        int    `json:"heap_peak_listener,omitempty"`
	LargestBlock            int    `json:"largest_block,omitempty"`
	Instructions            int    `json:"instructions,omitempty"`
}

// What clients offer decides the curve of the key exchange, and so the cost:
// CircuitPython takes the strongest. Browsers without P-521, and with it.
var curveOffers = [][]tls.CurveID{
	{tls.X25519, tls.CurveP256, tls.CurveP384},
	{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
}

// TestBoardFigures measures every stack with every key in every container and
// writes the figures to $PICOCA_BOARD_FIGURES, or logs them. Each is measured
// at least twice: it fails when a figure does not repeat.
func TestBoardFigures(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	rig.Need(t, "valgrind", "valgrind")
	var cells []*boardCell
	for _, row := range expectedLoads(t) {
		for _, kind := range row.Keys {
			leaf := root.issue(t, kind)
			files := leaf.files(t, row.Container)
			for _, s := range rig.Stacks {
				cells = append(cells, &boardCell{b, root, leaf, s, kind, row.Container, files, nil})
			}
		}
	}
	t.Run("measure", func(t *testing.T) {
		for _, c := range cells {
			t.Run(c.stack.Name+"/"+c.kind+"/"+c.container, func(t *testing.T) {
				t.Parallel()
				c.measure(t)
			})
		}
	})
	versions, err := os.ReadFile(filepath.Join(b.Dir, "versions.json"))
	if err != nil {
		t.Fatal(err)
	}
	writeFigures(t, versions, cells)
	checkInstructions(t, versions, cells)
}

// A boardCell is one combination, with the figures found for it.
type boardCell struct {
	bench     rig.Bench
	root      boardRoot
	leaf      boardLeaf
	stack     rig.Stack
	kind      string
	container string
	files     []string
	figures   []boardFigure
}

func (c *boardCell) measure(t *testing.T) {
	loaded := c.bench.Parse(t, c.stack, c.files...)
	base := boardFigure{Stack: c.stack.Name, Key: c.kind, Container: c.container, Loads: loaded.OK, Error: loaded.Error}
	if !loaded.OK {
		c.figures = []boardFigure{base}
		return
	}
	base.CertificateBytes = len(c.leaf.der)
	offers := curveOffers
	if c.kind == "p521" { // TLS 1.2 ties the leaf's curve to the offer, too: no page in browsers without P-521
		offers = offers[1:]
	}
	for _, curves := range offers {
		f := base
		c.measureHeap(t, &f, curves)
		if slices.ContainsFunc(c.figures, func(g boardFigure) bool { return g.Curve == f.Curve }) {
			continue // the stack chose as before: MicroPython always takes P-256
		}
		if c.container == "der" { // once parsed, the container makes no difference
			f.Instructions = c.instructions(t, curves)
		}
		c.figures = append(c.figures, f)
	}
}

// measureHeap takes the figures of the third handshake in a row: MicroPython's
// RSA keys grow a little with their first two uses.
func (c *boardCell) measureHeap(t *testing.T, f *boardFigure, curves []tls.CurveID) {
	t.Helper()
	r := c.handshakes(t, curves, 4)
	second, third, last := r.Connections[1], r.Connections[2], r.Connections[3]
	if last.HeapHeld != third.HeapHeld || spread(last.HeapPeak, third.HeapPeak) > 0.01 {
		t.Errorf("heap held and peak: %d, %d, then %d, %d", third.HeapHeld, third.HeapPeak, last.HeapHeld, last.HeapPeak)
	}
	f.Curve, f.LargestBlock = last.Curve, r.LargestBlock
	f.CertificateMessageBytes = last.CertificateMessageBytes
	f.HeapHeld, f.HeapPeak = last.HeapHeld, max(second.HeapPeak, third.HeapPeak, last.HeapPeak)
	if c.stack == rig.CircuitPython {
		r := c.handshakes(t, curves, 2, "--listener")
		f.HeapPeakListener = max(r.Connections[0].HeapPeak, r.Connections[1].HeapPeak)
	}
}

// handshakes serves n visits in a row.
func (c *boardCell) handshakes(t *testing.T, curves []tls.CurveID, n int, args ...string) rig.BoardReport {
	t.Helper()
	server := c.bench.Serve(t, c.stack, slices.Concat(c.files, args, []string{"--connections", strconv.Itoa(n)})...)
	for range n {
		if err := visitGo(t, visit{port: server.Port, root: c.root, curves: curves}); err != nil {
			t.Fatal(err)
		}
	}
	r := server.Report()
	if !r.OK || len(r.Connections) != n {
		t.Fatalf("%d of %d handshakes: %d (%s)", len(r.Connections), n, r.Error, r.Message)
	}
	return r
}

// instructions counts a handshake twice.
func (c *boardCell) instructions(t *testing.T, curves []tls.CurveID) int {
	t.Helper()
	one, two := c.countOnce(t, curves), c.countOnce(t, curves)
	if spread(one, two) > 0.02 {
		t.Errorf("instructions: %d, then %d", one, two)
	}
	return (one + two) / 2
}

var callgrindTotal = regexp.MustCompile(`(?m)^totals: (\d+)$`)

// countOnce lets valgrind count the instructions of one handshake, on this
// computer's processor: they compare one certificate with another.
func (c *boardCell) countOnce(t *testing.T, curves []tls.CurveID) int {
	t.Helper()
	out := filepath.Join(t.TempDir(), "callgrind")
	under := []string{"valgrind", "--quiet", "--tool=callgrind", "--toggle-collect=board_handshake", "--callgrind-out-file=" + out}
	server := c.bench.ServeWith(t, nil, under, c.stack, c.files...)
	if err := visitGo(t, visit{port: server.Port, root: c.root, curves: curves}); err != nil {
		t.Fatal(err)
	}
	server.Report()
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	found := callgrindTotal.FindSubmatch(text)
	if found == nil {
		t.Fatalf("no totals in what callgrind wrote: %.300s", text)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil || n < 1_000_000 {
		t.Fatalf("a handshake of %d instructions: %v", n, err)
	}
	return n
}

// spread is the distance between two figures, as a share of the lesser.
func spread(a, b int) float64 {
	return float64(max(a, b)-min(a, b)) / float64(min(a, b))
}

// writeFigures makes one JSON document of all figures, one a line.
func writeFigures(t *testing.T, versions []byte, cells []*boardCell) {
	t.Helper()
	var all []boardFigure
	for _, c := range cells {
		all = append(all, c.figures...)
	}
	slices.SortStableFunc(all, func(a, b boardFigure) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Container, b.Container))
	})
	out := bytes.NewBufferString(`{"versions": ` + string(bytes.TrimSpace(versions)) + ", \"figures\": [\n")
	for i, f := range all {
		line, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
		out.WriteString(map[bool]string{true: "\n", false: ",\n"}[i == len(all)-1])
	}
	out.WriteString("]}\n")
	if !json.Valid(out.Bytes()) {
		t.Errorf("figures are no JSON")
	}
	name := os.Getenv("PICOCA_BOARD_FIGURES")
	if name == "" {
		t.Logf("%s", out)
	} else if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
