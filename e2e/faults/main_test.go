// Package faults tests what is left after kills, races and interrupts.
package faults

import (
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
