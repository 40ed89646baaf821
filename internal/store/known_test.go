package store

import "testing"

// TestTheLockForgetsTheRoots: another process may have changed them until then.
func TestTheLockForgetsTheRoots(t *testing.T) {
	s, first := create(t)
	checkRoot(t, s, first, nil)
	other := open(t, s.Path("."))
	lock(t, other)
	second := newRoot(t)
	addRoot(t, other, second.root())
	checkRoot(t, other, second, nil) // its own change it knows
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	lock(t, s)
	checkRoot(t, s, second, nil)
}
