package boards

import (
	"crypto/ecdsa"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
)

// A profiledStack says for which firmware of the boards' files a stack of the
// bench stands: its versions, all of them or some, and the release whose costs
// are listed.
type profiledStack struct {
	stack                 rig.Stack
	id, versions, release string
}

var profiled = []profiledStack{
	{rig.CircuitPython, "circuitpython", "9.0 - 10.2", "circuitpython@10.2"},
	{rig.MicroPython, "micropython", "1.25 - 1.28", "micropython@1.28"},
	{rig.MicroPython129, "micropython", "1.29", "micropython@1.29"},
}

// profiledBoards have the firmware of the bench.
var profiledBoards = []string{"pico-w", "pico-2-w"}

// profiledKeys are the key types that picoca issues for them.
var profiledKeys = []string{"p256", "p384", "rsa-2048", "rsa-3072", "rsa-4096"}

// files names the DER files in a folder, as the bench wants them named.
func files(h rig.Home, folder string) []string {
	return []string{"--cert", h.Path(folder, "cert.der"), "--key", h.Path(folder, "key.der")}
}

// cell is the combination of picoca's own certificate with a stack.
func cell(h rig.Home, b rig.Bench, root boardRoot, s rig.Stack, key string) *boardCell {
	h.T.Helper()
	h.Issue("pico.local", "--force", "--key", key, "--out", key)
	der, err := os.ReadFile(h.Path(key, "cert.der"))
	if err != nil {
		h.T.Fatal(err)
	}
	return &boardCell{b, root, boardLeaf{der: der}, s, key, "der", files(h, key), nil}
}

// A costID is what one row of a board's costs is about.
type costID struct{ release, key, curve string }

// measureProfile measures picoca's certificates on each stack whose costs the
// profiles tell.
func measureProfile(t *testing.T) map[costID]boardFigure {
	t.Helper()
	b, h := rig.BoardBench(t), rig.NewHome(t)
	root := rootOf(t, h)
	figures := make(map[costID]boardFigure)
	for _, p := range profiled {
		for _, key := range profiledKeys {
			c := cell(h, b, root, p.stack, key)
			for _, curves := range curveOffers {
				f := boardFigure{CertificateBytes: len(c.leaf.der)}
				c.measureHeap(t, &f, curves)
				figures[costID{p.release, key, f.Curve}] = f
			}
		}
	}
	return figures
}

// mostDrift is how far a profile may be from what the bench measures.
const mostDrift = 0.03

// drift names the sizes of a profile that are too far from the measured ones.
func drift(listed device.Cost, got boardFigure) []string {
	var faults []string
	for _, row := range []struct {
		name        string
		listed, got int
	}{
		{"certificate_bytes", listed.CertificateBytes, got.CertificateBytes},
		{"message_bytes", listed.MessageBytes, got.CertificateMessageBytes},
		{"heap_bytes", listed.HeapBytes, got.HeapPeak},
		{"heap_listener_bytes", listed.HeapListenerBytes, got.HeapPeakListener},
	} {
		if row.listed != row.got && spread(row.listed, row.got) > mostDrift {
			faults = append(faults, fmt.Sprintf("%s is %d, measured %d", row.name, row.listed, row.got))
		}
	}
	return faults
}

// TestProfilesListWhatTheBenchMeasures holds every size in a profile that
// claims to be measured by the bench to a measurement of now, and wants each
// that the bench can make to be in it.
func TestProfilesListWhatTheBenchMeasures(t *testing.T) {
	figures := measureProfile(t)
	for _, board := range device.All() {
		listed := make(map[costID]bool)
		for _, firmware := range board.Firmware {
			if measured := isProfiled(board, firmware); measured != (firmware.Growth.Source == device.MeasuredByBench) {
				t.Errorf("%s/%s: growth is measured: %v, its source is %q", board.ID, firmware.ID, measured, firmware.Growth.Source)
			}
		}
		for _, cost := range costsOf(board) {
			id := costID{cost.Firmware, cost.Key, cost.Curve}
			figure, measured := figures[id]
			if measured && !strings.Contains(strings.Join(board.Notes, " "), thousands(figure.LargestBlock)+" bytes") {
				t.Errorf("%s, %v: no note gives its largest block, %d bytes", board.ID, id, figure.LargestBlock)
			}
			if measured != (cost.SizesSource == device.MeasuredByBench) {
				t.Errorf("%s, %v: measured %v, source %q", board.ID, id, measured, cost.SizesSource)
				continue
			}
			if measured {
				listed[id] = true
				for _, fault := range drift(cost, figure) {
					t.Errorf("%s, %v: %s", board.ID, id, fault)
				}
			}
		}
		if want := len(figures); slices.Contains(profiledBoards, board.ID) && len(listed) != want {
			t.Errorf("%s gives %d of the %d costs that were measured", board.ID, len(listed), want)
		}
	}
	if t.Failed() {
		for id, f := range figures {
			t.Logf("%v: certificate %d, message %d, heap %d, with listener %d", id, f.CertificateBytes, f.CertificateMessageBytes, f.HeapPeak, f.HeapPeakListener)
		}
	}
}

// costsOf returns the costs of all firmware of a board.
func costsOf(board device.Device) []device.Cost {
	var costs []device.Cost
	for _, firmware := range board.Firmware {
		costs = append(costs, firmware.Costs...)
	}
	return costs
}

// isProfiled reports whether the bench has the TLS of a board's firmware.
func isProfiled(board device.Device, firmware device.Firmware) bool {
	return slices.Contains(profiledBoards, board.ID) && slices.ContainsFunc(profiled, func(p profiledStack) bool { return p.id == firmware.ID })
}

// thousands writes a number as the notes and the documents do: 16,717.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// TestDriftIsSeen alters each figure by a little more and a little less than
// may be.
func TestDriftIsSeen(t *testing.T) {
	measured := boardFigure{CertificateBytes: 1000, CertificateMessageBytes: 1000, HeapPeak: 1000, HeapPeakListener: 1000}
	for _, row := range []struct {
		listed int
		want   string
	}{{1000, ""}, {1029, ""}, {972, ""}, {1031, "is 1031, measured 1000"}, {970, "is 970, measured 1000"}, {0, "is 0, measured 1000"}} {
		for i := range 4 {
			sizes := []int{1000, 1000, 1000, 1000}
			sizes[i] = row.listed
			faults := drift(device.Cost{CertificateBytes: sizes[0], MessageBytes: sizes[1], HeapBytes: sizes[2], HeapListenerBytes: sizes[3]}, measured)
			if got := strings.Join(faults, "; "); !strings.HasSuffix(got, row.want) || len(faults) > 1 || (got == "") != (row.want == "") {
				t.Errorf("figure %d given as %d: %q, want %q", i, row.listed, got, row.want)
			}
		}
	}
}

// containersOf returns which rows of expected.json show whether a container of
// the profiles loads: a form, and whether its keys are RSA, EC or both.
var containersOf = map[string]struct {
	container string
	holds     func(key string) bool
}{
	"sec1-der":  {"der", isEC},
	"sec1-pem":  {"pem", isEC},
	"pkcs1-der": {"der", isRSA},
	"pkcs1-pem": {"pem", isRSA},
	"pkcs8-der": {"pkcs8-der", func(key string) bool { return isEC(key) || isRSA(key) }},
	"pkcs8-pem": {"pkcs8-pem", func(key string) bool { return isEC(key) || isRSA(key) }},
}

func isEC(key string) bool  { return strings.HasPrefix(key, "p") }
func isRSA(key string) bool { return strings.HasPrefix(key, "rsa") }

// benchLoads reports whether a stack loads a container with each of its keys; it
// fails if it does with only some.
func benchLoads(t *testing.T, s rig.Stack, container string) bool {
	t.Helper()
	of, loads, refuses := containersOf[container], 0, 0
	for _, row := range expectedLoads(t) {
		if row.Container != of.container {
			continue
		}
		for _, key := range row.Keys {
			switch {
			case !of.holds(key):
			case row.Says[s.Name] == 0:
				loads++
			default:
				refuses++
			}
		}
	}
	if (loads > 0) == (refuses > 0) {
		t.Errorf("%s in %s: %d keys load, %d do not", container, s.Name, loads, refuses)
	}
	return loads > 0
}

// TestProfilesLoadWhatTheBenchLoads compares the containers in the profiles
// with what expected.json says of each stack, for every firmware that claims
// to be measured by the bench.
func TestProfilesLoadWhatTheBenchLoads(t *testing.T) {
	proven := 0
	for _, board := range device.All() {
		for _, firmware := range board.Firmware {
			for _, row := range firmware.Rows() {
				s, measured := stackOf(board, row)
				if measured != (row.LoadsSource == device.MeasuredByBench) {
					t.Errorf("%s, %s: in the bench %v, source %q", board.ID, row, measured, row.LoadsSource)
				}
				if measured {
					proven++
					checkLoads(t, s, row)
				}
			}
		}
	}
	if want := len(profiledBoards) * len(profiled); proven != want {
		t.Errorf("%d rows of firmware were compared, want %d", proven, want)
	}
}

func stackOf(board device.Device, row device.Row) (rig.Stack, bool) {
	i := slices.IndexFunc(profiled, func(p profiledStack) bool { return p.standsFor(row) })
	if i < 0 || !slices.Contains(profiledBoards, board.ID) {
		return rig.Stack{}, false
	}
	return profiled[i].stack, true
}

// standsFor reports whether all versions of a firmware's row are the stack's.
func (p profiledStack) standsFor(row device.Row) bool {
	if row.ID != p.id {
		return false
	}
	whole := device.Version{Range: p.versions}
	for end := range strings.SplitSeq(row.Range, " - ") {
		release, err := device.ParseRelease(row.ID + "@" + end)
		if err != nil || !whole.Covers(release) {
			return false
		}
	}
	return true
}

func checkLoads(t *testing.T, s rig.Stack, row device.Row) {
	t.Helper()
	for container := range containersOf {
		if listed, want := slices.Contains(row.Loads, container), benchLoads(t, s, container); listed != want {
			t.Errorf("%s loads %s: listed %v, measured %v", row, container, listed, want)
		}
	}
}

// TestProfilesRefuseForAReason compares the keys that a profile takes with
// what the bench loads from the files that picoca writes for it, and the keys
// that it refuses with what no stack loads at all. P-521 is the exception: it
// loads, and clients that don't offer it get no page.
func TestProfilesRefuseForAReason(t *testing.T) {
	for _, id := range profiledBoards {
		board, err := device.ParseTarget(id)
		if err != nil {
			t.Fatal(err)
		}
		for key := range boardKeys {
			name := strings.Replace(key, "rsa", "rsa-", 1)
			fits := board.Fits(device.Certificate{Key: name, RootKey: "p256", Bytes: 1000}, true) == nil
			if all, any := loadsIn(t, key, []string{"der"}); fits && !all || !fits && any && key != "p521" {
				t.Errorf("%s takes %s: %v; of the bench, all stacks load it: %v, any: %v", id, name, fits, all, any)
			}
		}
	}
}

// loadsIn reports whether all stacks load a key from files of the given formats,
// and whether any does from whatever container.
func loadsIn(t *testing.T, key string, formats []string) (all, any bool) {
	t.Helper()
	all = true
	for _, row := range expectedLoads(t) {
		if !slices.Contains(row.Keys, key) {
			continue
		}
		for _, s := range rig.Stacks {
			any = any || row.Says[s.Name] == 0
			all = all && (row.Says[s.Name] == 0 || !slices.Contains(formats, row.Container))
		}
	}
	return all && any, any
}

// TestBoardsWithP521ServeFewClients is why picoca does not issue it: TLS 1.2
// ties the leaf's curve to those that the client offers.
func TestBoardsWithP521ServeFewClients(t *testing.T) {
	b, root := rig.BoardBench(t), newBoardRoot(t)
	leaf := root.issue(t, "p521")
	if _, ok := leaf.key.(*ecdsa.PrivateKey); !ok {
		t.Fatalf("key is %T", leaf.key)
	}
	for _, s := range rig.Stacks {
		server := b.Serve(t, s, append(leaf.files(t, "der"), "--connections", "2")...)
		for i, curves := range curveOffers {
			if err := visitGo(t, visit{port: server.Port, root: root, curves: curves}); (err == nil) != (i == 1) {
				t.Errorf("%s, client offering %v: %v", s.Name, curves, err)
			}
		}
		server.Report()
	}
}
