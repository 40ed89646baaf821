//go:build unix

package store

import (
	"io/fs"
	"syscall"
	"testing"
)

// TestModesAreNarrowUnderAnyUmask: nothing changes a mode after its creation,
// so what stands there at the end stood there from the beginning.
func TestModesAreNarrowUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		before := syscall.Umask(umask)
		s, _ := create(t)
		lock(t, s)
		p := newPair(t, "pico.local")
		_, err := s.Put(p.about("pico.local"), p.cert, p.key)
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for name, have := range modes(t, s.Path(".")) {
			want := fs.FileMode(0o700)
			switch name {
			case "key.pem", "lock", "layout":
				want = 0o600
			case "cert.pem", "about.json":
				want = 0o644 &^ fs.FileMode(umask)
			}
			if have != want {
				t.Errorf("umask %03o: %s has mode %04o, want %04o", umask, name, have, want)
			}
		}
	}
}
