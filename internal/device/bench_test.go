package device

import "testing"

func BenchmarkFindComputer(b *testing.B) {
	for b.Loop() {
		if _, err := Find("computer"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindPicoW(b *testing.B) {
	for b.Loop() {
		if _, err := ParseTarget("pico-w/circuitpython@10"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadEveryDevice(b *testing.B) {
	for b.Loop() {
		for _, id := range IDs() {
			if _, err := Find(id); err != nil {
				b.Fatal(err)
			}
		}
	}
}
