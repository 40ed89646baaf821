package example

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the icon anew")

const iconFile = "templates/page/icon.png"

// TestIconIsAsDrawn keeps the icon's source: the program below.
func TestIconIsAsDrawn(t *testing.T) {
	want := drawIcon()
	if *update {
		var out bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, want); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(iconFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(iconFile)
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("icon is %v, want %v", got.Bounds(), want.Bounds())
	}
	for i := range iconSize * iconSize {
		x, y := i%iconSize, i/iconSize
		if got.At(x, y) != want.At(x, y) {
			t.Fatalf("pixel %d, %d is %v, want %v: go test -run Icon -update draws it", x, y, got.At(x, y), want.At(x, y))
		}
	}
	// A board sends it in one record, and reads it in few pieces.
	if len(data) > 4096 {
		t.Errorf("icon has %d bytes, want at most 4096", len(data))
	}
}

const iconSize, shades = 512, 4

// drawIcon draws a chip with a check mark on a full ground, which every system
// may cut to its own shape: all of the chip lies in the middle four fifths.
func drawIcon() *image.Paletted {
	ground, ink := color.RGBA{0x0b, 0x5d, 0x4e, 0xff}, color.RGBA{0xff, 0xff, 0xff, 0xff}
	palette := make(color.Palette, shades+1)
	for i := range palette {
		mix := func(a, b uint8) uint8 { return uint8((int(a)*(shades-i) + int(b)*i) / shades) }
		palette[i] = color.RGBA{mix(ground.R, ink.R), mix(ground.G, ink.G), mix(ground.B, ink.B), 0xff}
	}
	icon := image.NewPaletted(image.Rect(0, 0, iconSize, iconSize), palette)
	for y := range iconSize {
		for x := range iconSize {
			covered := 0
			for _, d := range [shades][2]float64{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
				if inked(float64(x)+d[0]-iconSize/2, float64(y)+d[1]-iconSize/2) {
					covered++
				}
			}
			icon.SetColorIndex(x, y, uint8(covered))
		}
	}
	return icon
}

// inked reports whether a point, measured from the middle, is part of the chip.
func inked(x, y float64) bool {
	if segment(x, y, -52, 4, -14, 42) <= 15 || segment(x, y, -14, 42, 56, -38) <= 15 {
		return false
	}
	if rounded(x, y, 104, 24) <= 0 {
		return true
	}
	for _, pin := range []float64{-60, 0, 60} {
		if math.Abs(x) < 146 && math.Abs(y-pin) < 13 || math.Abs(y) < 146 && math.Abs(x-pin) < 13 {
			return true
		}
	}
	return false
}

// rounded is the distance to a square with round corners, negative inside.
func rounded(x, y, half, radius float64) float64 {
	dx, dy := math.Abs(x)-half+radius, math.Abs(y)-half+radius
	return math.Hypot(math.Max(dx, 0), math.Max(dy, 0)) + math.Min(math.Max(dx, dy), 0) - radius
}

// segment is the distance to a line from a to b.
func segment(x, y, ax, ay, bx, by float64) float64 {
	along := ((x-ax)*(bx-ax) + (y-ay)*(by-ay)) / ((bx-ax)*(bx-ax) + (by-ay)*(by-ay))
	along = math.Min(math.Max(along, 0), 1)
	return math.Hypot(x-ax-along*(bx-ax), y-ay-along*(by-ay))
}
