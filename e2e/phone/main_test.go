// Package phone tests picoca phone in real browsers, and its code in real
// terminals.
package phone

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
