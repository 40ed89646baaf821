package arch

import (
	"slices"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// TestBoardsSpeakOfWhatThereIs holds the boards' files, which know formats and
// key types by name alone, against the packages that have them.
func TestBoardsSpeakOfWhatThereIs(t *testing.T) {
	for _, board := range device.All() {
		for _, id := range board.Formats {
			if format, err := export.Find(id); err != nil || format.Device == nil {
				t.Errorf("board %q: format %q: not for devices, %v", board.ID, id, err)
			}
		}
		for _, name := range slices.Concat(board.Keys, board.UnwiseKeys, board.RootKeys) {
			if kt, err := ca.ParseKeyType(name); err != nil || string(kt) != name {
				t.Errorf("board %q: key type %q: got %q, %v", board.ID, name, kt, err)
			}
		}
		// What issue chooses unasked must need no --force.
		for _, name := range board.Keys {
			if kt := ca.KeyType(name); kt != ca.P256 && kt != ca.RSA2048 {
				t.Errorf("board %q: key type %q is wise for it, and the authority wants to be forced", board.ID, name)
			}
		}
	}
}

// TestEveryKeyTypeIsJudgedByMostBoards: a key type that a board's file does not
// name is told to be one that it does not load.
func TestEveryKeyTypeIsJudgedByMostBoards(t *testing.T) {
	for _, kt := range []ca.KeyType{ca.P256, ca.P384, ca.RSA2048, ca.RSA3072, ca.RSA4096} {
		judged := 0
		for _, board := range device.All() {
			if slices.Contains(slices.Concat(board.Keys, board.UnwiseKeys), string(kt)) {
				judged++
			}
		}
		if judged < len(device.All())/2 {
			t.Errorf("key type %q: %d of %d boards know it", kt, judged, len(device.All()))
		}
	}
}
