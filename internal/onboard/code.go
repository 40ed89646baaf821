package onboard

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mdp/qrterminal/v3"
	"rsc.io/qr"
)

// Code is a QR code, error correction level M, with a quiet zone of at least
// four modules.
type Code struct {
	text string
	code *qr.Code
}

// NewCode encodes text, at most 2,331 bytes.
func NewCode(text string) (Code, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return Code{}, fmt.Errorf("QR code for %d bytes: %w", len(text), err)
	}
	code.Scale = 12
	return Code{text, code}, nil
}

// Width is the number of columns that Terminal needs.
func (c Code) Width() int { return c.code.Size + 2*qrterminal.QUIET_ZONE }

// Colours 16 and 231 are black and white in the fixed part of the 256-colour
// palette, which themes leave alone.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	plainAgain   = "\x1b[0m"
)

// Terminal draws the code with half blocks, two modules a character, and
// explicit colours on every line, so that it can be scanned on light and dark
// themes alike. Each line is Width columns and ends in a newline.
func (c Code) Terminal() string {
	var drawn bytes.Buffer
	qrterminal.GenerateWithConfig(c.text, qrterminal.Config{
		Level: qr.M, Writer: &drawn, HalfBlocks: true, QuietZone: qrterminal.QUIET_ZONE,
		BlackChar: "█", WhiteChar: " ", BlackWhiteChar: "▀", WhiteBlackChar: "▄",
	})
	lines := strings.Split(strings.TrimSuffix(drawn.String(), "\n"), "\n")
	// The library's last line is half a line: what lies below the quiet zone
	// would be drawn black.
	lines[len(lines)-1] = strings.Repeat(" ", c.Width())
	var out strings.Builder
	for _, line := range lines {
		out.WriteString(blackOnWhite + line + plainAgain + "\n")
	}
	return out.String()
}

// PNG is the code as a picture, 12 pixels a module.
func (c Code) PNG() []byte { return c.code.PNG() }
