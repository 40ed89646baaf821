package rig

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// A picture of the pages is at most so large, in bytes.
const pictureLimit = 60_000

// pictureSources has for each picture the hash of what it was made of.
const pictureSources = "pictures.json"

// KeepPicture keeps docs/NAME as it is made today. source is all that the picture
// depends on, such as a page's HTML; numbers, fingerprints and other random text in
// it don't count. With PICOCA_PICTURES=1 draw makes the picture again, as a PNG
// file. Without it, the test fails if the source has changed since.
func KeepPicture(t *testing.T, name, source string, draw func(file string)) {
	t.Helper()
	dir := filepath.Join(Root, "docs")
	hashes := map[string]string{}
	if err := json.Unmarshal(ReadFile(t, filepath.Join(dir, pictureSources)), &hashes); err != nil {
		t.Fatalf("%s: %v", pictureSources, err)
	}
	now := fmt.Sprintf("%x", sha256.Sum256(random.ReplaceAll([]byte(source), []byte("0"))))
	if os.Getenv("PICOCA_PICTURES") == "" {
		if hashes[name] != now {
			t.Errorf("docs/%s shows an earlier version of what it is a picture of: make pictures, and look at it", name)
		}
		return
	}
	file := filepath.Join(t.TempDir(), name)
	draw(file)
	small := smallPicture(t, ReadFile(t, file))
	if len(small) > pictureLimit {
		t.Errorf("docs/%s: got %d bytes, want at most %d", name, len(small), pictureLimit)
	}
	hashes[name] = now
	text, err := json.MarshalIndent(hashes, "", "  ")
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), small, 0o644),
		os.WriteFile(filepath.Join(dir, pictureSources), append(text, '\n'), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// random is what differs from one run to the next: keys, fingerprints, tokens, IDs of
// roots, numbers.
var random = regexp.MustCompile(`\b[\w-]{80,}|\b[0-9A-F]{2}(:[0-9A-F]{2})+\b|\b[a-z2-7]{13}\b|\b[A-Z2-7]{4}\b|\d+`)

// smallPicture stores a picture with a byte for each dot: colours that look the same
// become one.
func smallPicture(t *testing.T, data []byte) []byte {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	small := image.NewPaletted(picture.Bounds(), nil)
	index := map[color.RGBA]uint8{}
	for y := small.Rect.Min.Y; y < small.Rect.Max.Y; y++ {
		for x := small.Rect.Min.X; x < small.Rect.Max.X; x++ {
			c := rounded(picture.At(x, y))
			if _, known := index[c]; !known {
				if len(small.Palette) == 256 {
					t.Fatal("picture has more than 256 colours")
				}
				index[c] = uint8(len(small.Palette))
				small.Palette = append(small.Palette, c)
			}
			small.SetColorIndex(x, y, index[c])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// rounded is a colour with 17 steps in each channel, of which white and black are
// two.
func rounded(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	step := func(v uint32) uint8 { return uint8(min((v>>8+8)/16*16, 255)) }
	return color.RGBA{step(r), step(g), step(b), 255}
}

// NeedPictures skips a test of pictures where neither all tests nor new pictures
// are wanted.
func NeedPictures(t *testing.T) {
	t.Helper()
	if os.Getenv("PICOCA_TEST_ALL") == "" && os.Getenv("PICOCA_PICTURES") == "" {
		t.Skip("pictures are compared with PICOCA_TEST_ALL=1, as make test-all does, and made by make pictures")
	}
}
