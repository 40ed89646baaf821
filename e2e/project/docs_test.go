//go:build unix

package project

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/cli"
)

// documents returns the text of every page for users and contributors, by its
// path below the project.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob(rig.Root + "/docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	pages = append(pages, rig.Root+"/README.md", rig.Root+"/CONTRIBUTING.md", rig.Root+"/SECURITY.md", rig.Root+"/CHANGELOG.md")
	texts := map[string]string{}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(rig.Root, page)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.ToSlash(name)] = string(data)
	}
	return texts
}

// TestREADMEIsShort: people read one screen or two.
func TestREADMEIsShort(t *testing.T) {
	if got := strings.Count(documents(t)["README.md"], "\n"); got >= 120 {
		t.Errorf("got %d lines, want under 120", got)
	}
	if got := size(t, rig.Root+"/docs/padlock.png"); got > 150_000 {
		t.Errorf("picture: got %d bytes, want at most 150,000", got)
	}
}

var (
	fence  = regexp.MustCompile("(?s)\n```.*?\n```")
	inline = regexp.MustCompile("`([^`\n]+)`")
)

// commands returns every picoca command line in a page, in its text and in its
// blocks, without the program's name and the flag --home.
func commands(text string) []string {
	var lines []string
	for _, block := range fence.FindAllString(text, -1) {
		lines = append(lines, strings.Split(block, "\n")...)
	}
	for _, code := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		lines = append(lines, code[1])
	}
	var found []string
	for _, line := range lines {
		line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
		line, _, _ = strings.Cut(line, " | ")
		line, _, _ = strings.Cut(line, " \\| ") // in a table
		line, _, _ = strings.Cut(line, " <(")
		if rest, ok := strings.CutPrefix(line, "picoca "); ok {
			found = append(found, regexp.MustCompile(`^--home \S+ `).ReplaceAllString(rest, ""))
		}
	}
	return found
}

// TestDocumentedDevicesExist asks picoca for each device after --for.
func TestDocumentedDevicesExist(t *testing.T) {
	h, asked := rig.EmptyHome(t), map[string]bool{}
	for page, text := range documents(t) {
		for _, command := range commands(text) {
			for _, match := range regexp.MustCompile(`--for ([a-z0-9][a-z0-9/@.-]*)`).FindAllStringSubmatch(command, -1) {
				if target := match[1]; !asked[target] {
					asked[target] = true
					// Code 4 is a device that the key does not fit.
					if _, err := h.Try("fit", "--key", "p256", "--for", target); err != nil && strings.Contains(err.Error(), "known") {
						t.Errorf("%s: picoca %s: %v", page, command, err)
					}
				}
			}
		}
	}
	if len(asked) < 20 {
		t.Errorf("got %d devices, want 20 or more", len(asked))
	}
}

// TestDocumentsLinkToFiles follows the links between pages, also to a heading, and
// those to pictures.
func TestDocumentsLinkToFiles(t *testing.T) {
	texts := documents(t)
	for page, text := range texts {
		for _, link := range regexp.MustCompile(`(?:\]\(|src=")([^)"#:]*)(?:#([^)]*))?[)"]`).FindAllStringSubmatch(text, -1) {
			target := page
			if link[1] != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(page), link[1]))
			}
			if _, err := os.Stat(filepath.Join(rig.Root, target)); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			if link[2] != "" && !slices.Contains(anchors(texts[target]), link[2]) {
				t.Errorf("%s: %s has no heading #%s", page, target, link[2])
			}
		}
	}
}

// TestTopicsLinkToPages follows the link at the end of each topic of picoca help.
func TestTopicsLinkToPages(t *testing.T) {
	texts := documents(t)
	for _, topic := range cli.Topics() {
		page, heading, _ := strings.Cut(topic.Page, "#")
		if texts[page] == "" || heading != "" && !slices.Contains(anchors(texts[page]), heading) {
			t.Errorf("picoca help %s: no page or heading %s", topic.Name, topic.Page)
		}
	}
}

// anchors returns the names that GitHub gives to a page's headings.
func anchors(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading[1], "$1"))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}
