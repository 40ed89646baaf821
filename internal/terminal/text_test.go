package terminal

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFoldBreaksBetweenWords(t *testing.T) {
	for _, row := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one", 10, []string{"one"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 6, []string{"one", "two", "three"}},
		{"  one \n two  ", 80, []string{"one two"}},
		{"a incomprehensibilities b", 5, []string{"a", "incomprehensibilities", "b"}},
		{"éé éé", 5, []string{"éé éé"}}, // characters, not bytes
		{"one two", 0, []string{"one", "two"}},
		{"one two", -3, []string{"one", "two"}},
	} {
		if got := Fold(row.text, row.width); !slices.Equal(got, row.want) {
			t.Errorf("%q at %d: got %q, want %q", row.text, row.width, got, row.want)
		}
	}
}

func TestWordsStandBesidesADrawing(t *testing.T) {
	square := []string{"####", "####", "####"}
	for _, row := range []struct {
		name    string
		drawn   []string
		words   []string
		columns int
		want    []string
		fits    bool
	}{
		{"in the middle", square, []string{"one"}, 80, []string{"####", "####  one", "####"}, true},
		{"broken", square, []string{"one two"}, 9, []string{"####  one", "####  two", "####"}, true},
		{"more words than lines", square[:1], []string{"a", "b"}, 80, []string{"####  a", "      b"}, true},
		{"an empty line between", square, []string{"a", "", "b"}, 80, []string{"####  a", "####", "####  b"}, true},
		{"just fits", square, []string{"one"}, 8, []string{"####", "#### one", "####"}, true},
		{"too long a word", square, []string{"four"}, 8, nil, false},
		{"no room at all", square, []string{"a"}, 3, nil, false},
	} {
		got, fits := Beside(row.drawn, len("####"), row.words, row.columns)
		if fits != row.fits || !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, %t; want %q, %t", row.name, got, fits, row.want, row.fits)
		}
		for _, line := range got {
			if utf8.RuneCountInString(line) > row.columns {
				t.Errorf("%s: got %q, which is longer than %d", row.name, line, row.columns)
			}
		}
	}
	if square[0] != "####" {
		t.Error("the drawing itself was changed")
	}
}

func TestNoControlCharacterReachesTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain, Küche 日本 👋":      "plain, Küche 日本 👋",
		"two\nlines\tand a tab":  "two\nlines\tand a tab",
		"\x1b]0;title\a":         "\ufffd]0;title\ufffd",
		"back\b\b\b\rover":       "back\ufffd\ufffd\ufffd\ufffdover",
		"\u009b31m":              "\ufffd31m", // CSI in one character
		"del\x7f nul\x00":        "del\ufffd nul\ufffd",
		"gpj.\u202etxe":          "gpj.\ufffdtxe",
		"\u2067left\u2069\u200f": "\ufffdleft\ufffd\ufffd",
		"not UTF-8 \xff\x9b":     "not UTF-8 \ufffd\ufffd",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWideRowsHaveOneLabel(t *testing.T) {
	words := strings.Fields(strings.Repeat("192.168.0.0/16 ", 20))
	rows := Wide("can vouch for", words, len("can vouch for"))
	var got []string
	for i, row := range rows {
		if (row[0] == "") != (i > 0) || len("can vouch for  "+row[1]) > LineWidth {
			t.Errorf("row %d: got %q", i, row)
		}
		got = append(got, strings.Fields(row[1])...)
	}
	if !slices.Equal(got, words) {
		t.Errorf("got %q, want %q", got, words)
	}
}

func TestSomeSaysHowManyMore(t *testing.T) {
	for _, row := range []struct {
		texts []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"a", "b"}, "a, b"},
		{[]string{"a", "b", "c", "d"}, "a, b and 2 more"},
	} {
		if got := Some(row.texts, 2); got != row.want {
			t.Errorf("%q: got %q, want %q", row.texts, got, row.want)
		}
	}
}

func TestBinaryDataIsKnown(t *testing.T) {
	for data, want := range map[string]bool{"": false, "PEM\r\n\tKüche\n": false, "a\x1b[31m": true, "\x00": true, "\xff\xfe": true} {
		if got := IsBinary([]byte(data)); got != want {
			t.Errorf("%q: got %t, want %t", data, got, want)
		}
	}
}
