package device

import (
	"slices"
	"strings"
	"testing"
)

// TestUnwiseKeysCostMore is what makes them unwise.
func TestUnwiseKeysCostMore(t *testing.T) {
	for _, board := range All() {
		best := board.CostOf(Certificate{Key: board.Keys[0]})
		for _, key := range board.UnwiseKeys {
			for _, cost := range board.CostOf(Certificate{Key: key}) {
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
		sources := []string{board.MaxCertificateSource, board.Growth.Source}
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

// TestCostsAreToldOnce keeps two figures of one thing out of a file.
func TestCostsAreToldOnce(t *testing.T) {
	for _, board := range All() {
		seen := make(map[[3]string]bool)
		for _, cost := range board.Costs {
			id := [3]string{cost.Firmware, cost.Key, cost.Curve}
			if seen[id] {
				t.Errorf("%s: %q twice", board.ID, id)
			}
			seen[id] = true
		}
	}
}
