package ca_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// unseen are characters that are drawn as nothing, one of each kind, though
// Unicode calls many of them letters, marks or symbols.
var unseen = []rune{
	0x00, 0x07, 0x1b, 0x7f, 0x85, 0x9b, // control characters
	0xa0, 0x1680, 0x2003, 0x3000, 0x2028, 0x2029, // other spaces and line ends
	0xad, 0x200b, 0x200c, 0x200d, 0x200e, 0x202e, 0x2060, 0x2066, 0xfeff, // format characters
	0x34f, 0x17b4, 0x17b5, 0x180b, 0x180f, // joiners and selectors of scripts
	0x115f, 0x1160, 0x3164, 0xffa0, // Hangul fillers
	0x2065, 0xfff0, 0xe0001, 0xe0041, 0xe0fff, // tags and reserved
	0xfe00, 0xfe0f, 0xe0100, 0xe01ef, // variation selectors
	0x2800, 0x16fe4, 0x13441, 0x13442, 0x1d159, // blanks
	0xe000, 0xf0000, 0x378, 0xfffe, // private use, unassigned, no character
}

func TestInvisibleCharactersAreRefusedEverywhere(t *testing.T) {
	for _, r := range unseen {
		for _, text := range []string{string(r), "x" + string(r) + "x", "Home " + string(r), string(r) + "Home"} {
			if _, err := ca.ParseClientName(text); err == nil {
				t.Errorf("identity name %+q is accepted", text)
			}
			req := testpki.HomeRequest()
			req.Name = text
			if req.Check() == nil {
				t.Errorf("CA name %+q is accepted", text)
			}
			if _, err := home(t).PrepareCA(intermediate(), text, newKey(t, ca.P256).Public(), noon); err == nil {
				t.Errorf("name of an intermediate %+q is accepted", text)
			}
		}
	}
}

// TestInvisibleCharactersHaveNoGlyph goes over all of Unicode: whatever is
// default-ignorable must be refused, and no letter or emoji that is not.
func TestInvisibleCharactersHaveNoGlyph(t *testing.T) {
	accepted := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		_, err := ca.ParseClientName("a" + string(r) + "b")
		ignorable := unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf, unicode.Cc, unicode.Co)
		if err == nil {
			accepted++
		}
		if ignorable && err == nil {
			t.Errorf("%U is accepted", r)
		}
		if !ignorable && unicode.In(r, unicode.Ll, unicode.Lu, unicode.Nd, unicode.Sc) && err != nil {
			t.Errorf("%U is refused: %v", r, err)
		}
	}
	if accepted < 100_000 {
		t.Errorf("got %d characters accepted, want most of Unicode's", accepted)
	}
}

func TestJoinersPassOnlyWhereTheyJoin(t *testing.T) {
	for text, want := range map[string]bool{
		"👩\u200d🔬":            true,
		"می\u200cخواهم":       true,
		"\u200dé":             false,
		"é\u200d":             false,
		"a\u200dé":            false,
		"é\u200d b":           false,
		"é\u200d\u200dé":      false,
		"\u3164\u200d🔬":       false,
		"🔬\u200d\u2800":       false,
		"🔬\u200d\ufe0f\u00e9": false,
	} {
		_, err := ca.ParseClientName(text)
		if got := err == nil; got != want {
			t.Errorf("%+q: got %v, want %v", text, err, want)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%+q: the error shows the character: %q", text, err)
		}
	}
}
