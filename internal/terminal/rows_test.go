package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// width is that of a table's widest row.
func width(rows [][]string) int {
	name := 0
	for _, row := range rows {
		name = max(name, utf8.RuneCountInString(row[0]))
	}
	return name + restWidth(rows)
}

func TestLongNamesAreShortenedToTheWidthOfTheTerminal(t *testing.T) {
	long := strings.Repeat("a", 60) + ".kitchen.local"
	rows := [][]string{
		{"NAME", "FOR", "UNTIL"},
		{"pico.local", "pico-w", "2029-02-24 (820 days)"},
		{long, "pico-w", "2029-02-24 (820 days)"},
		{long, "pico-w", "2028-02-24 (455 days)"}, // list --all
		{"é" + strings.Repeat("\u0301", 80), "identity", "2029-02-24 (820 days)"},
	}
	fitNames(rows, 80)
	if got := width(rows); got != 80 {
		t.Errorf("got %d columns, want 80", got)
	}
	if got, want := rows[1][0], "pico.local"; got != want {
		t.Errorf("got %q, want the short name whole", got)
	}
	if got := rows[2][0]; !strings.HasPrefix(got, "aaaaaaaa") || !strings.Contains(got, "…") || !strings.HasSuffix(got, ".kitchen.local") {
		t.Errorf("got %q, want both ends of the name", got)
	}
	if rows[3][0] != rows[2][0] {
		t.Errorf("got %q and %q for one name", rows[2][0], rows[3][0])
	}
	if got := rows[4][0]; !strings.HasSuffix(got, "…") {
		t.Errorf("got %q, whose ellipsis has another letter's marks", got)
	}
}

func TestShortenedNamesStayDistinguishable(t *testing.T) {
	same := strings.Repeat("a", 40)
	rows := [][]string{{same + "1" + same, "identity"}, {same + "2" + same, "identity"}, {same + "1" + same, "identity"}}
	fitNames(rows, 40)
	if rows[0][0] == rows[1][0] || rows[0][0] != rows[2][0] {
		t.Errorf("got %q, %q and %q", rows[0][0], rows[1][0], rows[2][0])
	}
}

// A narrow terminal leaves enough of a name.
func TestNamesKeepTheirEndsInANarrowTerminal(t *testing.T) {
	rows := [][]string{{"NAME", "UNTIL"}, {"kitchen-window-sensor.local", strings.Repeat("x", 50)}}
	fitNames(rows, 20)
	if got, want := rows[1][0], "kitchen-…r.local"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
