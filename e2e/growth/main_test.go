// Package growth tests a CA that outgrows one computer, or one file: a root key
// in an SSH agent, and other CAs under the root.
package growth

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
