package onboard

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
	"unicode/utf8"
)

// longest is the longest URL that an IPv4 address can have.
const longest = "http://192.168.100.200:65535/abcdefghijklm"

func TestCodeStaysSmallForEveryIPv4Address(t *testing.T) {
	code, err := NewCode(longest)
	if err != nil {
		t.Fatal(err)
	}
	if code.Width() != 37 {
		t.Errorf("got %d columns, want 37: 29 modules and the quiet zone", code.Width())
	}
	if lines := strings.Count(code.Terminal(), "\n"); lines > 20 {
		t.Errorf("got %d lines, want at most 20: a terminal has 24", lines)
	}
}

func TestEveryLineOfTheCodeIsExplicitBlackOnWhite(t *testing.T) {
	code, err := NewCode(longest)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(code.Terminal()) {
		body, colours := strings.CutPrefix(line, blackOnWhite)
		body, reset := strings.CutSuffix(body, plainAgain+"\n")
		if !colours || !reset {
			t.Fatalf("line %q does not set and reset its colours", line)
		}
		if got := utf8.RuneCountInString(body); got != code.Width() {
			t.Errorf("line %q has %d columns, want %d", body, got, code.Width())
		}
		if strings.Trim(body, " █▀▄") != "" {
			t.Errorf("line %q has other characters than half blocks", body)
		}
	}
}

// The modules that a terminal shows are those of the picture, which other
// libraries can read.
func TestTerminalShowsTheModulesOfTheCode(t *testing.T) {
	code, err := NewCode(longest)
	if err != nil {
		t.Fatal(err)
	}
	const quiet = 4
	var rows [][]bool
	for line := range strings.Lines(code.Terminal()) {
		body := strings.TrimSuffix(strings.TrimPrefix(line, blackOnWhite), plainAgain+"\n")
		var upper, lower []bool
		for _, r := range body {
			upper = append(upper, r == '█' || r == '▀')
			lower = append(lower, r == '█' || r == '▄')
		}
		rows = append(rows, upper, lower)
	}
	for y, row := range rows {
		for x, black := range row {
			if want := code.code.Black(x-quiet, y-quiet); black != want {
				t.Fatalf("module %d,%d: got black %t, want %t", x-quiet, y-quiet, black, want)
			}
		}
	}
	if want := code.Width(); len(rows) < want {
		t.Errorf("got %d rows, want at least %d", len(rows), want)
	}
}

func TestPNGHasAQuietZoneAndReadableModules(t *testing.T) {
	code, err := NewCode(longest)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(code.PNG()))
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
