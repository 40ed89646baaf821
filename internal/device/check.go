package device

import (
	"fmt"
	"slices"
	"strings"
)

// MeasuredByBench is the source of what the tests measure again: they fail
// when it is no longer so.
const MeasuredByBench = "measured by the board bench"

// sourceKinds are what a source begins with: how sure a figure is.
var sourceKinds = []string{"measured", "reported by users", "estimated: "}

func (b Board) check() error {
	switch {
	case b.ID == "" || b.Name == "":
		return fmt.Errorf("board %q has no id or no name", b.ID)
	case len(b.Formats) == 0 || len(b.Keys) == 0 || len(b.Firmware) == 0:
		return fmt.Errorf("board %q has no formats, keys or firmware", b.ID)
	case b.MaxCertificateBytes < 1 || !knownSource(b.MaxCertificateSource):
		return fmt.Errorf("board %q has no max_certificate_bytes, or the source %q for it", b.ID, b.MaxCertificateSource)
	}
	for _, firmware := range b.Firmware {
		if err := firmware.check(); err != nil {
			return fmt.Errorf("board %q: %w", b.ID, err)
		}
	}
	for _, cost := range b.Costs {
		if err := cost.check(); err != nil {
			return fmt.Errorf("board %q: %w", b.ID, err)
		}
		if !b.loads(cost.Key) {
			return fmt.Errorf("board %q has a cost for key type %q, which it does not load", b.ID, cost.Key)
		}
	}
	return nil
}

// containers are all that Firmware.Loads may list.
var containers = []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}

func (f Firmware) check() error {
	for _, container := range f.Loads {
		if !slices.Contains(containers, container) {
			return fmt.Errorf("firmware %s %s loads %q, want some of %s", f.ID, f.Versions, container, strings.Join(containers, ", "))
		}
	}
	if f.ID == "" || f.Name == "" || f.Versions == "" || len(f.Loads) == 0 || !knownSource(f.LoadsSource) {
		return fmt.Errorf("firmware %q has no name, versions or loads, or the source %q for them", f.ID, f.LoadsSource)
	}
	return nil
}

func (c Cost) check() error {
	sizes := []int{c.CertificateBytes, c.MessageBytes, c.HeapBytes, c.HeapListenerBytes}
	if slices.Min(sizes) < 0 || c.Seconds < 0 {
		return fmt.Errorf("cost of %s in %s is below zero", c.Key, c.Firmware)
	}
	if !sourced(slices.Max(sizes) > 0, c.SizesSource) || !sourced(c.Seconds > 0, c.SecondsSource) {
		return fmt.Errorf("cost of %s in %s has the sources %q, %q, want one for each figure", c.Key, c.Firmware, c.SizesSource, c.SecondsSource)
	}
	return nil
}

// sourced tells whether a figure has a source, or neither is there.
func sourced(figure bool, source string) bool {
	return figure && knownSource(source) || !figure && source == ""
}

func knownSource(source string) bool {
	return slices.ContainsFunc(sourceKinds, func(kind string) bool { return strings.HasPrefix(source, kind) })
}
