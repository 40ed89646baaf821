// Package formats tests every format that picoca writes, opened by its real
// readers.
package formats

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
