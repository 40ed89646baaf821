// Package years tests what happens to a CA after its first day: revocation,
// renewal, and what watches over both.
package years

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
