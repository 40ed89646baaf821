// Package example tests the programs that picoca example writes, on the real
// interpreters and libraries, in real clients.
package example

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
