package device

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// edited is a board's file with one text in it replaced, which must be there.
func edited(t *testing.T, id, old, new string) []byte {
	t.Helper()
	data, err := os.ReadFile("boards/" + id + ".json")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), old, new, 1)
	if text == string(data) {
		t.Fatalf("boards/%s.json has no %q", id, old)
	}
	return []byte(text)
}

func TestBoardFilesAreReadAndNamedByTheirID(t *testing.T) {
	entries, err := os.ReadDir("boards")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		id := strings.TrimSuffix(entry.Name(), ".json")
		if board, err := Find(id); err != nil || board.ID != id {
			t.Errorf("Find(%q) = %q, %v", id, board.ID, err)
		}
	}
	if len(All()) != len(entries) {
		t.Errorf("All has %d boards, want %d", len(All()), len(entries))
	}
}

func TestUnknownBoards(t *testing.T) {
	for _, id := range []string{"", "pico", "PICO-W", "../boards/pico-w", "pico-w.json", "boards"} {
		if _, err := Find(id); err != (UnknownBoardError{id}) {
			t.Errorf("Find(%q): %v, want it unknown", id, err)
		}
	}
}

// TestFaultyBoardFilesAreRefused edits a good file in one place.
func TestFaultyBoardFilesAreRefused(t *testing.T) {
	for _, row := range []struct{ old, new, want string }{
		{`"id": "pico-w"`, `"id": ""`, "no id or no name"},
		{`"chip"`, `"chips"`, `unknown field "chips"`},
		{`"ram_kb": 264`, `"ram_kb": "264"`, "ram_kb"},
		{`"formats": [`, `"formats": [], "x": [`, `unknown field "x"`},
		{`"p256",`, ``, `cost for key type "p256", which it does not load`},
		{`"max_certificate_bytes": 4086`, `"max_certificate_bytes": 0`, "no max_certificate_bytes"},
		{`"max_certificate_source": "measured`, `"max_certificate_source": "said`, `the source "said`},
		{`"sec1-der"`, `"sec2-der"`, `loads "sec2-der", want some of sec1-der`},
		{`"loads_source": "measured`, `"loads_source": "believed`, `the source "believed`},
		{`"versions": "1.20 - 1.22"`, `"versions": ""`, "no name, versions or loads"},
		{`"heap_bytes": `, `"heap_bytes": -`, "cost of p256 in micropython@1.28 is below zero"},
		{`"seconds": `, `"seconds": -`, "is below zero"},
		{`"sizes_source": "measured by the board bench"`, `"sizes_source": ""`, "want one for each figure"},
		{`"seconds_source": "measured`, `"seconds_source": "guessed`, `"guessed`},
		{`"seconds": 0.52`, `"seconds": 0`, "want one for each figure"},
	} {
		if _, err := Parse(edited(t, "pico-w", row.old, row.new)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s instead of %s: %v, want %q", row.new, row.old, err, row.want)
		}
	}
}

// TestUnwiseKeysCostMore is what makes them unwise.
func TestUnwiseKeysCostMore(t *testing.T) {
	for _, board := range All() {
		best := board.CostOf(board.Keys[0])
		for _, key := range board.UnwiseKeys {
			for _, cost := range board.CostOf(key) {
				i := slices.IndexFunc(best, func(c Cost) bool { return c.Firmware == cost.Firmware && c.Curve == cost.Curve })
				if i < 0 || cost.HeapBytes <= best[i].HeapBytes || cost.Seconds > 0 && cost.Seconds <= best[i].Seconds {
					t.Errorf("%s: %s costs %v in %s, want more than %s", board.ID, key, cost, cost.Firmware, board.Keys[0])
				}
			}
		}
	}
}

// TestEstimatesNameTheirReason keeps "estimated" from standing alone.
func TestEstimatesNameTheirReason(t *testing.T) {
	for _, board := range All() {
		sources := []string{board.MaxCertificateSource}
		for _, firmware := range board.Firmware {
			sources = append(sources, firmware.LoadsSource)
		}
		for _, cost := range board.Costs {
			sources = append(sources, cost.SizesSource, cost.SecondsSource)
		}
		for _, source := range sources {
			if reason, estimated := strings.CutPrefix(source, "estimated: "); estimated && len(reason) < 10 {
				t.Errorf("%s: source %q gives no reason", board.ID, source)
			}
		}
	}
}
