//go:build linux

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPagesCanBeFollowed runs the commands of every page from top to bottom, and
// compares what sessions print.
func TestPagesCanBeFollowed(t *testing.T) {
	needTools(t)
	found := 0
	for _, p := range pages(t) {
		for _, line := range p.commandLines() {
			if exceptionFor(p.name, line) == nil {
				found++
			}
		}
		t.Run(p.name, func(t *testing.T) { p.follow(t) })
	}
	if found < 70 {
		t.Errorf("got %d commands, want 70 or more", found)
	}
}

// follow does what a page says, from top to bottom.
func (p page) follow(t *testing.T) {
	t.Helper()
	h := newHouse(t)
	previous := ""
	for _, b := range p.blocks {
		if b.language != commands && b.language != session {
			previous = strings.Join(b.lines, "\n") + "\n"
			continue
		}
		h = h.prepare(t, p, b, previous)
		for _, s := range p.steps(b) {
			s.follow(t, h)
		}
	}
}

// prepare gives the user what the page says they have. The block before is in the
// file previous.
func (h house) prepare(t *testing.T, p page, b block, previous string) house {
	t.Helper()
	for i := range fixtures {
		f := &fixtures[i]
		if !f.isFor(p, b) {
			continue
		}
		if f.fresh {
			h = newHouse(t)
			h.secret = f.secret
		}
		if err := os.WriteFile(filepath.Join(h.work, "previous"), []byte(previous), 0o600); err != nil {
			t.Fatal(err)
		}
		if shown, err := h.run(t, f.script); err != nil {
			t.Fatalf("%s:%d: what the user has: %v\n%s", p.name, b.line, err, shown)
		}
	}
	return h
}

// follow runs a step, without what cannot be run here.
func (s step) follow(t *testing.T, h house) {
	t.Helper()
	script, differs := s.script()
	if script == "" {
		return
	}
	shown, err := h.run(t, script)
	if err != nil {
		t.Errorf("%s: %v\n%s\nIf it cannot run in an empty folder, see lists_test.go: what the user has belongs into fixtures, what no test can run into exceptions.", s.where, err, shown)
	} else if !differs {
		s.compare(t, shown)
	}
}

// script returns what is run of a step, and whether it prints something other than
// the page shows.
func (s step) script() (script string, differs bool) {
	for _, line := range s.lines {
		switch e := exceptionFor(s.page, line); {
		case e == nil:
			script += line + "\n"
		case e.fails:
			script += "if " + line + "\nthen false; fi\n"
		case e.differs:
			script, differs = script+line+"\n", true
		}
	}
	return script, differs
}

// compare wants each line that the page shows among the printed ones, in order.
func (s step) compare(t *testing.T, shown string) {
	t.Helper()
	lines := strings.Split(shown, "\n")
	for _, want := range s.printed {
		if strings.TrimSpace(want) == "…" || want == "" {
			continue
		}
		pattern := patternOf(want)
		at := 0
		for at < len(lines) && !pattern.MatchString(strings.TrimRight(lines[at], " ")) {
			at++
		}
		if at == len(lines) {
			t.Errorf("%s: %s does not print, or not here:\n%s\nbut\n%s", s.where, s.lines[0], want, shown)
			return
		}
		lines = lines[at+1:]
	}
}

// varying are the parts of a line that are another user's: numbers, fingerprints,
// IDs, passphrases, folders, and what an ellipsis stands for; columns are as wide as
// what is in them.
var varying = regexp.MustCompile(`…|[A-Z0-9]{4}\b|[0-9A-F]{2}(:[0-9A-F]{2})+|\b[a-z]{6}-[a-z]{6}-[a-z]{6}\b|/home/\S+|\d+| {2,}`)

func patternOf(line string) *regexp.Regexp {
	var pattern strings.Builder
	last := 0
	for _, at := range varying.FindAllStringIndex(line, -1) {
		pattern.WriteString(regexp.QuoteMeta(line[last:at[0]]))
		pattern.WriteString(varies(line[at[0]:at[1]]))
		last = at[1]
	}
	pattern.WriteString(regexp.QuoteMeta(strings.TrimRight(line[last:], " ")))
	return regexp.MustCompile("^" + pattern.String() + "$")
}

func varies(part string) string {
	switch {
	case part == "…":
		return ".*"
	case part[0] == '/':
		return `/\S+`
	case part[0] == ' ':
		return " +"
	case strings.Trim(part, "0123456789") == "":
		return `\d+`
	case strings.Contains(part, ":"):
		return `[0-9A-F:]+`
	case strings.Contains(part, "-"):
		return `[a-z-]+`
	}
	return `[A-Z0-9]{4}`
}
