package onboard

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// Code is a QR code, error correction level M, with a quiet zone of four
// modules.
type Code struct{ code *qr.Code }

// quietZone is the white margin that ISO/IEC 18004 asks for, in modules.
const quietZone = 4

// NewCode encodes text. It fails for more than 2,331 bytes.
func NewCode(text string) (Code, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return Code{}, fmt.Errorf("QR code for %d bytes: %w", len(text), err)
	}
	code.Scale = 12
	return Code{code}, nil
}

// Size is how large a code is drawn in a terminal.
type Size int

const (
	// Compact puts two modules into a character, one above the other. It can
	// be scanned as long as the terminal adds at most a tenth to its line height.
	Compact Size = iota
	// Large gives a module two characters side by side. It can be scanned with
	// half as much line height again.
	Large
)

// modules is the width and height of the code with its quiet zone.
func (c Code) modules() int { return c.code.Size + 2*quietZone }

// Columns returns the number of columns that a drawing takes.
func (c Code) Columns(size Size) int {
	if size == Large {
		return 2 * c.modules()
	}
	return c.modules()
}

// Terminal returns the lines of a drawing, each Columns wide and without its
// newline. Every character has both of its colours set, so that neither a
// theme nor the space between lines shows through.
func (c Code) Terminal(size Size) []string {
	height, draw := 2, c.halves
	if size == Large {
		height, draw = 1, c.full
	}
	var lines []string
	for y := 0; y < c.modules(); y += height {
		var line pen
		for x := range c.modules() {
			draw(&line, x, y)
		}
		lines = append(lines, line.String()+resetColours)
	}
	return lines
}

// Blocks is Terminal without colours: white modules are blocks, black ones are
// spaces. Where text is light on a dark background that is the code as on paper,
// elsewhere it is inverted.
func (c Code) Blocks(size Size) []string {
	lower, wide := 1, 1
	if size == Large {
		lower, wide = 0, 2
	}
	var lines []string
	for y := 0; y < c.modules(); y += lower + 1 {
		var line strings.Builder
		for x := range c.modules() {
			line.WriteString(strings.Repeat(block(c.black(x, y), c.black(x, y+lower)), wide))
		}
		lines = append(lines, line.String())
	}
	return lines
}

func block(upperBlack, lowerBlack bool) string {
	switch {
	case upperBlack && lowerBlack:
		return " "
	case upperBlack:
		return "▄"
	case lowerBlack:
		return "▀"
	}
	return "█"
}

// black reports whether a module is black, counted from the corner of the
// quiet zone. Outside the code everything is white.
func (c Code) black(x, y int) bool { return c.code.Black(x-quietZone, y-quietZone) }

func (c Code) full(p *pen, x, y int) { p.draw("  ", c.black(x, y), c.black(x, y)) }

// halves draws the modules at y and y+1. Where both have one colour, a space
// fills the cell and the gap below it.
func (c Code) halves(p *pen, x, y int) {
	upper, lower := c.black(x, y), c.black(x, y+1)
	if upper == lower {
		p.draw(" ", upper, lower)
		return
	}
	p.draw("▀", upper, lower)
}

// pen writes characters with explicit colours, and repeats no colour that is
// set already.
type pen struct {
	strings.Builder
	colours string
}

// Black and white are colours 16 and 231 of the fixed part of the 256-colour
// palette, which themes leave as they are.
const (
	blackColour  = "16"
	whiteColour  = "231"
	resetColours = "\x1b[0m"
)

func (p *pen) draw(text string, foreground, background bool) {
	colours := "\x1b[38;5;" + colour(foreground) + ";48;5;" + colour(background) + "m"
	if colours != p.colours {
		p.WriteString(colours)
		p.colours = colours
	}
	p.WriteString(text)
}

func colour(black bool) string {
	if black {
		return blackColour
	}
	return whiteColour
}

// PNG returns the code as a picture, 12 pixels a module.
func (c Code) PNG() []byte { return c.code.PNG() }
