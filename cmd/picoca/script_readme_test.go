package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestScriptsReadmeIsComplete holds the tables of testdata/script/README.md to
// the commands, verbs and conditions that scripts have, one to one.
func TestScriptsReadmeIsComplete(t *testing.T) {
	data, err := os.ReadFile("../../testdata/script/README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]string{
		"Commands":              slices.Sorted(maps.Keys(commands)),
		"Verbs of our own":      slices.Sorted(maps.Keys(verbs)),
		"Conditions of our own": slices.Sorted(maps.Keys(conditions)),
	}
	found := 0
	for _, section := range strings.Split(string(data), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		want, ok := sections[title]
		if !ok {
			continue
		}
		found++
		if got := rowNames(text); !slices.Equal(got, want) {
			t.Errorf("%s: got rows for %q, want %q", title, got, want)
		}
	}
	if found != len(sections) {
		t.Errorf("got %d of the %d tables", found, len(sections))
	}
}

// rowNames returns the first word of each row of a table, sorted, each once.
func rowNames(text string) []string {
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| `\\[?([a-z]+)").FindAllStringSubmatch(text, -1) {
		names = append(names, row[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
