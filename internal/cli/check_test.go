package cli

import (
	"testing"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/probe"
)

// TestSearchNamesDevicesThatExist: the command that check --find prints can be
// pasted.
func TestSearchNamesDevicesThatExist(t *testing.T) {
	devices := probe.Devices()
	if len(devices) < 5 {
		t.Errorf("got %v", devices)
	}
	for _, id := range devices {
		if _, err := device.ParseTarget(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}
