package device

import (
	"slices"
	"strings"
	"testing"
)

// TestNotRecommendedKeysCostMore is why they are not recommended.
func TestNotRecommendedKeysCostMore(t *testing.T) {
	eachFirmware(func(board Target, f Firmware) {
		best := board.CostOf(Certificate{Key: f.Keys[0]})
		for _, key := range f.NotRecommendedKeys {
			for _, cost := range board.CostOf(Certificate{Key: key}) {
				i := slices.IndexFunc(best, func(c Cost) bool { return c.Firmware == cost.Firmware && c.Curve == cost.Curve })
				if i < 0 || cost.HeapBytes <= best[i].HeapBytes || cost.Seconds > 0 && cost.Seconds <= best[i].Seconds {
					t.Errorf("%s: %s costs %v in %s, want more than %s", board, key, cost, cost.Firmware, f.Keys[0])
				}
			}
		}
	})
}

// TestEstimatesNameTheirReason keeps "estimated" from being the whole source.
func TestEstimatesNameTheirReason(t *testing.T) {
	eachFirmware(func(board Target, f Firmware) {
		sources := []string{f.MaxCertificateSource, f.Growth.Source}
		for _, version := range f.Versions {
			sources = append(sources, version.LoadsSource)
		}
		for _, cost := range f.Costs {
			sources = append(sources, cost.SizesSource, cost.SecondsSource)
		}
		for _, source := range sources {
			if reason, estimated := strings.CutPrefix(source, "estimated: "); estimated && len(reason) < 10 {
				t.Errorf("%s: source %q gives no reason", board, source)
			}
		}
	})
}

// TestCostsAreGivenOnce keeps two figures of one thing out of a file.
func TestCostsAreGivenOnce(t *testing.T) {
	eachFirmware(func(board Target, f Firmware) {
		seen := make(map[[3]string]bool)
		for _, cost := range f.Costs {
			id := [3]string{cost.Firmware, cost.Key, cost.Curve}
			if seen[id] {
				t.Errorf("%s: %q twice", board, id)
			}
			seen[id] = true
		}
		for _, cost := range f.ClientCosts {
			id := [3]string{cost.Firmware, cost.Key, "client of " + cost.ServerKey}
			if seen[id] {
				t.Errorf("%s: %q twice", board, id)
			}
			seen[id] = true
		}
	})
}

// eachFirmware calls do with each firmware of each device, and the target that
// names it.
func eachFirmware(do func(Target, Firmware)) {
	for _, d := range All() {
		for _, f := range d.Firmware {
			do(Target{d, []Firmware{f}, d.ID + "/" + f.ID}, f)
		}
	}
}
