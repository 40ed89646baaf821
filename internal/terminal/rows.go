package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WriteRows writes a table whose first column has names, each row after indent. On a
// terminal long names are shortened, so that rows do not wrap; elsewhere they are whole.
func WriteRows(w io.Writer, indent string, rows [][]string) error {
	if columns, _ := Size(w); columns > 0 {
		fitNames(rows, columns-len(indent))
	}
	c := NewColumns(w)
	for _, row := range rows {
		fmt.Fprintln(c, indent+strings.Join(row, "\t"))
	}
	return c.Flush()
}

// shortestName is what is left of a long name at least.
const shortestName = 16

// fitNames shortens the first cells of rows, so that the table is at most so many
// columns wide if it can be. A name stays whole if another would look the same.
func fitNames(rows [][]string, columns int) {
	limit := max(shortestName, columns-restWidth(rows))
	names := map[string]string{} // by what they would look like
	for _, row := range rows {
		short := shortName(row[0], limit)
		if other, taken := names[short]; taken && other != row[0] {
			short = row[0]
		}
		names[short] = row[0]
		row[0] = short
	}
}

// restWidth is what the columns after the first take, with the gap before each.
func restWidth(rows [][]string) (width int) {
	var widest []int
	for _, row := range rows {
		widest = append(widest, make([]int, max(0, len(row)-len(widest)))...)
		for i, cell := range row[1:] {
			widest[i] = max(widest[i], utf8.RuneCountInString(cell)+len("  "))
		}
	}
	for _, one := range widest {
		width += one
	}
	return width
}

// shortName leaves out the middle of a longer name: both ends distinguish names.
func shortName(name string, limit int) string {
	all := []rune(name)
	if len(all) <= limit {
		return name
	}
	tail := (limit - 1) / 2
	head := limit - 1 - tail
	// A mark belongs to the letter before it, which is left out.
	end := strings.TrimLeftFunc(string(all[len(all)-tail:]), unicode.IsMark)
	return string(all[:head]) + "…" + end
}
