// Package boards tests what the boards' own TLS code makes of picoca's
// certificates.
package boards

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
