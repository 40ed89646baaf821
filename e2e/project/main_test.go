// Package project tests the project's own promises: its scripts, and the
// program's size.
package project

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
