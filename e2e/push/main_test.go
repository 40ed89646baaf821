// Package push tests picoca push with real devices, as far as a computer has
// them: MicroPython behind a serial port, a FAT drive, and sshd.
package push

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
