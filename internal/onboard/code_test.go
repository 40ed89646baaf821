package onboard

import (
	"bytes"
	"image/png"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// longest is the longest URL that an IPv4 address can have.
const longest = "http://192.168.100.200:65535/abcdefghijklm"

func longestCode(t *testing.T) Code {
	t.Helper()
	code, err := NewCode(longest)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestCodeStaysSmallForEveryIPv4Address(t *testing.T) {
	code := longestCode(t)
	for _, test := range []struct {
		size           Size
		columns, lines int
	}{
		{Compact, 37, 19}, // 29 modules and the quiet zone; a terminal has 80 by 24
		{Large, 74, 37},
	} {
		if got := code.Columns(test.size); got != test.columns {
			t.Errorf("size %d: got %d columns, want %d", test.size, got, test.columns)
		}
		if got := len(code.Terminal(test.size)); got != test.lines {
			t.Errorf("size %d: got %d lines, want %d", test.size, got, test.lines)
		}
	}
}

// cell is a character with both of its colours, or none.
var cell = regexp.MustCompile(`\x1b\[38;5;(16|231);48;5;(16|231)m([ ▀]+)`)

// drawn reads a drawing: the colours of the upper and the lower half of each
// character, true for black.
func drawn(t *testing.T, code Code, size Size) (rows [][]bool) {
	t.Helper()
	for _, line := range code.Terminal(size) {
		body, reset := strings.CutSuffix(line, resetColours)
		var upper, lower []bool
		for _, run := range cell.FindAllStringSubmatch(body, -1) {
			for _, r := range run[3] {
				below := run[2] == blackColour
				lower = append(lower, below)
				upper = append(upper, r == '▀' && run[1] == blackColour || r == ' ' && below)
			}
		}
		if left := cell.ReplaceAllString(body, ""); left != "" || !reset {
			t.Fatalf("line %q has %q without colours, or does not reset them", line, left)
		}
		if len(upper) != code.Columns(size) || strings.ContainsFunc(body, func(r rune) bool { return r == utf8.RuneError }) {
			t.Errorf("line %q has %d columns, want %d", line, len(upper), code.Columns(size))
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

// The modules that a terminal shows are those of the picture, which other
// libraries can read.
func TestTerminalShowsTheModulesOfTheCode(t *testing.T) {
	code := longestCode(t)
	for y, row := range drawn(t, code, Compact) {
		for x, black := range row {
			if want := code.code.Black(x-quietZone, y-quietZone); black != want {
				t.Fatalf("compact: module %d,%d: got black %t, want %t", x-quietZone, y-quietZone, black, want)
			}
		}
	}
	for y, row := range drawn(t, code, Large) {
		for x, black := range row {
			if want := code.code.Black(x/2-quietZone, y/2-quietZone); black != want {
				t.Fatalf("large: column %d, half line %d: got black %t, want %t", x, y, black, want)
			}
		}
	}
}

// Without colours the modules are the same: white is a block.
func TestBlocksShowTheModulesOfTheCode(t *testing.T) {
	code := longestCode(t)
	for _, size := range []Size{Compact, Large} {
		lines := code.Blocks(size)
		for y, row := range drawn(t, code, size) {
			line := []rune(lines[y/2])
			for x, black := range row {
				filled := line[x] == '█' || line[x] == '▀' && y%2 == 0 || line[x] == '▄' && y%2 == 1
				if len(line) != code.Columns(size) || filled == black {
					t.Fatalf("size %d: column %d, half line %d of %q: got a block %t, want %t", size, x, y, lines[y/2], filled, !black)
				}
			}
		}
	}
}

// A half block leaves the gap below its line to the terminal, a space does not.
func TestCellsOfOneColourAreSpaces(t *testing.T) {
	code := longestCode(t)
	for _, line := range code.Terminal(Large) {
		if strings.Contains(line, "▀") {
			t.Fatalf("large code has half blocks: %q", line)
		}
	}
	if white := code.Terminal(Compact)[0]; strings.Contains(white, "▀") {
		t.Errorf("the quiet zone has half blocks: %q", white)
	}
}

func TestPNGHasAQuietZoneAndReadableModules(t *testing.T) {
	picture, err := png.Decode(bytes.NewReader(longestCode(t).PNG()))
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Dx(); got != 37*12 {
		t.Errorf("got %d pixels, want %d", got, 37*12)
	}
	if r, _, _, _ := picture.At(0, 0).RGBA(); r != 0xffff {
		t.Error("the corner is not white")
	}
	if r, _, _, _ := picture.At(4*12+6, 4*12+6).RGBA(); r != 0 {
		t.Error("the first module is not black")
	}
}

func TestCodeRefusesWhatDoesNotFit(t *testing.T) {
	if _, err := NewCode(strings.Repeat("a", 2331)); err != nil {
		t.Errorf("2331 bytes: %v", err)
	}
	if _, err := NewCode(strings.Repeat("a", 2332)); err == nil {
		t.Error("2332 bytes went into a code that holds 2331")
	}
}
