package push

import (
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// waitFor waits for what a device does on its own time.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(rig.Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s never came", what)
		}
	}
}
