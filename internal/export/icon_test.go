package export

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

var update = flag.Bool("update", false, "write the golden files, and icon.png")

// iconSize is what iPhones with the densest screens show; Apple's limit is 400.
const iconSize = 180

// TestIconIsDrawn holds icon.png against its drawing: a white shield with a
// check on green. Run with -update after a change of the drawing.
func TestIconIsDrawn(t *testing.T) {
	drawing := drawIcon()
	if *update {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, drawing); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("icon.png", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		icon = b.Bytes()
	}
	got, err := png.Decode(bytes.NewReader(icon))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != drawing.Bounds() {
		t.Fatalf("icon.png has size %v, want %v", got.Bounds(), drawing.Bounds())
	}
	for y := range iconSize {
		for x := range iconSize {
			if r, g, b, a := got.At(x, y).RGBA(); color.RGBAModel.Convert(got.At(x, y)) != drawing.At(x, y) {
				t.Fatalf("icon.png at %d,%d: got %v, want %v; run go test -update", x, y, []uint32{r, g, b, a}, drawing.At(x, y))
			}
		}
	}
}

// drawIcon mixes 16 samples a pixel.
func drawIcon() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, iconSize, iconSize))
	for y := range iconSize {
		for x := range iconSize {
			sum := 0
			for s := range 16 {
				if onIcon((float64(x)+(float64(s%4)+0.5)/4)/iconSize, (float64(y)+(float64(s/4)+0.5)/4)/iconSize) {
					sum++
				}
			}
			img.SetRGBA(x, y, mix(color.RGBA{0x0b, 0x6b, 0x53, 0xff}, sum))
		}
	}
	return img
}

// mix returns ground with so many sixteenths of white.
func mix(ground color.RGBA, white int) color.RGBA {
	blend := func(c uint8) uint8 { return uint8((int(c)*(16-white) + 255*white) / 16) }
	return color.RGBA{blend(ground.R), blend(ground.G), blend(ground.B), 0xff}
}

// onIcon reports whether a point of the unit square is white: inside the
// shield, and not on its check.
func onIcon(x, y float64) bool {
	check := min(toLine(x, y, 0.36, 0.50, 0.46, 0.60), toLine(x, y, 0.46, 0.60, 0.65, 0.39))
	return inShield(math.Abs(x-0.5), y) && check > 0.045
}

func inShield(fromMiddle, y float64) bool {
	top := 0.16 + 0.09*fromMiddle/0.29 // slopes down to the shoulders
	switch {
	case y < top || y > 0.86:
		return false
	case y < 0.48:
		return fromMiddle < 0.29
	}
	return fromMiddle < 0.29*math.Sqrt(1-math.Pow((y-0.48)/0.38, 1.7))
}

// toLine returns the distance of a point from a line.
func toLine(x, y, x1, y1, x2, y2 float64) float64 {
	dx, dy := x2-x1, y2-y1
	along := max(0, min(1, ((x-x1)*dx+(y-y1)*dy)/(dx*dx+dy*dy)))
	return math.Hypot(x-x1-along*dx, y-y1-along*dy)
}
