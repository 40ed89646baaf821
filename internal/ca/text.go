package ca

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textFault says what is wrong with a text for a common name, "" if nothing is.
func textFault(text string, limit int) string {
	switch unseen, found := findUnseen(text); {
	case strings.TrimSpace(text) == "":
		return "is empty"
	case !utf8.ValidString(text):
		return "has a control or invisible character: it is not valid UTF-8"
	case found:
		return fmt.Sprintf("has a control or invisible character (%U)", unseen)
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("has %d characters; at most %d are allowed", utf8.RuneCountInString(text), limit)
	}
	return ""
}

// findUnseen returns the first character of text that readers do not see. The
// two joiners are let through where they shape what is seen, in Persian, in
// Indic scripts and within an emoji: between two characters beyond ASCII.
func findUnseen(text string) (rune, bool) {
	runes := []rune(text)
	for i, r := range runes {
		joins := (r == '\u200c' || r == '\u200d') && 0 < i && i < len(runes)-1 &&
			shaped(runes[i-1]) && shaped(runes[i+1])
		if !seen(r) && !joins {
			return r, true
		}
	}
	return 0, false
}

func shaped(r rune) bool { return r > unicode.MaxASCII && seen(r) }

// seen reports whether a character has a glyph or is the ASCII space.
func seen(r rune) bool { return unicode.IsPrint(r) && !blank(r) }

// blank reports whether a character that Unicode counts among the letters,
// marks and symbols is drawn as nothing: Default_Ignorable_Code_Point (UAX 44;
// its format characters are not printable anyway), and the blanks that its
// code charts show as an empty glyph.
func blank(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || strings.ContainsRune(blanks, r)
}

// Braille pattern blank, Khitan small script filler, hieroglyph full and half
// blank, musical symbol null notehead.
const blanks = "\u2800\U00016fe4\U00013441\U00013442\U0001d159"
