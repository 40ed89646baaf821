// Package webpush tests the messages that a board sends: its own code in the
// real MicroPython, held against other implementations of the same RFCs, and
// browsers that show what it sent.
package webpush

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
