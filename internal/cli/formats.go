package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/picoca/picoca/internal/export"
)

// formatJSON is a format as --list --json prints it.
type formatJSON struct {
	ID     string   `json:"id"`
	For    []string `json:"for"`
	Reader string   `json:"reader"`
}

// listFormats tells each format, what it can hold, and who reads it.
func (a *app) listFormats(asJSON bool) error {
	list := []formatJSON{}
	for _, format := range export.Formats() {
		row := formatJSON{format.ID, []string{}, format.Reader}
		for _, kind := range [][2]string{{aDevice, "device"}, {aClient, "client"}, {theCA, "ca"}} {
			if formFor(format, kind[0]) != nil {
				row.For = append(row.For, kind[1])
			}
		}
		list = append(list, row)
	}
	if asJSON {
		return a.printJSON(list)
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FORMAT\tFOR\tREAD BY")
	for _, row := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row.ID, strings.Join(row.For, " "), row.Reader)
	}
	return w.Flush()
}

// formatsFor lists the formats that have a form for a kind of subject.
func formatsFor(kind string) string {
	all := export.Formats()
	all = slices.DeleteFunc(all, func(f export.Format) bool { return formFor(f, kind) == nil })
	ids := make([]string, len(all))
	for i, format := range all {
		ids[i] = format.ID
	}
	return strings.Join(ids, ", ")
}
