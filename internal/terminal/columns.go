package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Columns is a writer that aligns columns, which tabs divide; flush it. It is
// buffered, as a tabwriter writes each cell by itself.
type Columns struct {
	*tabwriter.Writer
	out *bufio.Writer
}

// NewColumns returns columns that are written to w.
func NewColumns(w io.Writer) Columns {
	out := bufio.NewWriter(w)
	return Columns{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), out}
}

// Flush writes what is left.
func (c Columns) Flush() error { return errors.Join(c.Writer.Flush(), c.out.Flush()) }

// Row is a label and a text beside it.
type Row [2]string

// Wide returns as many rows as words need if the widest label is labels characters
// long, the label in the first.
func Wide(label string, words []string, labels int) []Row {
	var rows []Row
	for _, line := range Fold(strings.Join(words, " "), LineWidth-labels-len("  ")) {
		rows = append(rows, Row{label, line})
		label = ""
	}
	return rows
}

// WriteTable writes rows, their texts in one column.
func WriteTable(w io.Writer, rows []Row) error {
	c := NewColumns(w)
	for _, row := range rows {
		fmt.Fprintf(c, "%s\t%s\n", row[0], row[1])
	}
	return c.Flush()
}
