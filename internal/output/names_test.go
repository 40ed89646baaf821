package output

import "testing"

func TestNamesWhoseEndWindowsDrops(t *testing.T) {
	for name, want := range map[string]bool{"x.": true, "x ": true, "x.y": false, ".": false, ".x": false} {
		if got := losesEnd("windows", name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
		if losesEnd("linux", name) {
			t.Errorf("%q: Linux keeps it", name)
		}
	}
}
