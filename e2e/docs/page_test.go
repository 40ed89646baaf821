//go:build linux

package docs

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/cli"
)

// page is a page for users.
type page struct {
	name   string // below the project
	text   string // without its blocks
	blocks []block
}

// block is what stands between two lines of three backquotes.
type block struct {
	line     int
	language string
	lines    []string
}

// The languages whose blocks are run: commands without a prompt, and sessions, in
// which a command begins with a dollar sign.
const (
	commands = "sh"
	session  = "console"
)

// pages returns every page for users, the README first.
func pages(t *testing.T) []page {
	t.Helper()
	files, err := filepath.Glob(rig.Root + "/docs/*.md")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d pages, %v", len(files), err)
	}
	var all []page
	for _, file := range append([]string{rig.Root + "/README.md", rig.Root + "/SECURITY.md", rig.Root + "/CONTRIBUTING.md"}, files...) {
		name, err := filepath.Rel(rig.Root, file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parsePage(filepath.ToSlash(name), string(rig.ReadFile(t, file))))
	}
	return all
}

// guides returns the topics of picoca help, with their commands as a page has them
// in a sentence.
func guides() []page {
	var all []page
	for _, topic := range cli.Topics() {
		p := page{name: "picoca help " + topic.Name}
		for line := range strings.Lines(topic.Text) {
			if command, ok := strings.CutPrefix(line, "  picoca "); ok {
				command, _, _ = strings.Cut(command, "  #")
				p.text += "`picoca " + strings.TrimSpace(command) + "`\n"
			}
		}
		all = append(all, p)
	}
	return all
}

var fence = regexp.MustCompile("^( *)```([a-z0-9+-]*)$")

func parsePage(name, text string) page {
	p := page{name: name}
	var open *block
	var indent string
	for i, line := range strings.Split(text, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case open == nil && mark != nil:
			open, indent = &block{line: i + 1, language: mark[2]}, mark[1]
		case open == nil:
			p.text += line + "\n"
		case mark != nil:
			p.blocks = append(p.blocks, *open)
			open = nil
		default:
			open.lines = append(open.lines, strings.TrimPrefix(line, indent))
		}
	}
	return p
}

// TestBlocksHaveALanguage: without one, nothing says whether a block is run.
func TestBlocksHaveALanguage(t *testing.T) {
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			prompts := slices.ContainsFunc(b.lines, func(line string) bool { return strings.HasPrefix(line, "$ ") })
			switch {
			case b.language == "":
				t.Errorf("%s:%d: write ```sh for commands, ```console for a session with $ and output, ```text or another language for the rest", p.name, b.line)
			case prompts != (b.language == session):
				t.Errorf("%s:%d: a session with $ is ```console, and only that; got %s", p.name, b.line, b.language)
			}
		}
	}
}

// step is a part of a block that is run at once: all of its commands, or one of
// a session with what that prints.
type step struct {
	page, where string
	lines       []string
	printed     []string
}

func (p page) steps(b block) []step {
	where := fmt.Sprintf("%s:%d", p.name, b.line)
	if b.language == commands {
		return []step{{page: p.name, where: where, lines: b.lines}}
	}
	var all []step
	for _, line := range b.lines {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, step{page: p.name, where: where, lines: []string{command}})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.printed = append(last.printed, line)
		}
	}
	return all
}

// commandLines returns every line of the page that is a command.
func (p page) commandLines() []string {
	var all []string
	for _, b := range p.blocks {
		if b.language == commands || b.language == session {
			for _, s := range p.steps(b) {
				all = append(all, s.lines...)
			}
		}
	}
	return all
}
