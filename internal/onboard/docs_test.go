package onboard

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs returns docs/phone.md without its emphasis, and each section of it in
// one line.
func docs(t *testing.T) (table []string, sections map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/phone.md")
	if err != nil {
		t.Fatal(err)
	}
	sections = map[string]string{}
	for part := range strings.SplitSeq(strings.NewReplacer("*", "", "`", "").Replace(string(text)), "\n### ") {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = strings.Join(strings.Fields(body), " ")
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.HasPrefix(line, "| ") {
			table = append(table, line)
		}
	}
	return table, sections
}

// sectionOf is where docs/phone.md speaks of a platform.
var sectionOf = map[Platform]string{
	IPhone: "iPhone and iPad", IPad: "iPhone and iPad", Android: "Android (11 and later)", Samsung: "Android (11 and later)",
	Mac: "Mac", Windows: "Windows", Linux: "Linux",
}

// menus are words that stand in a menu, or a way through several.
var menus = regexp.MustCompile(`\*[^*]+\*( › \*[^*]+\*)*`)

// The page and the documents send their readers through the same menus. How a
// browser saves the file is only on the page.
func TestTheDocumentsHaveTheMenusOfThePage(t *testing.T) {
	_, sections := docs(t)
	english := shipped(t)[0]
	for _, p := range platforms {
		texts := slices.Clone(english.guideOf(p.Platform).Undo)
		for _, s := range english.guideOf(p.Platform).Steps {
			if s.Slot != "download" {
				texts = append(texts, s.Do, s.Note)
			}
		}
		ways := menus.FindAllString(strings.Join(texts, "\n"), -1)
		if len(ways) == 0 {
			t.Errorf("no menu is found for %s", p.Platform)
		}
		for _, way := range ways {
			way = strings.NewReplacer("*", "", "›", ">", "{ca}", "the CA", "{file}", (root{nil, 1}).file(p.Platform)).Replace(way)
			if !strings.Contains(sections[sectionOf[p.Platform]], way) {
				t.Errorf("docs/phone.md, %s, lacks the page's %q", sectionOf[p.Platform], way)
			}
		}
	}
}

func TestTheDocumentsHaveTheFilesOfThePage(t *testing.T) {
	table, _ := docs(t)
	for _, p := range platforms {
		row := slices.IndexFunc(table, func(line string) bool {
			return slices.Contains(strings.FieldsFunc(strings.Split(line, "|")[1], func(r rune) bool { return r == ' ' || r == ',' }), string(p.Platform))
		})
		if row < 0 || !strings.Contains(table[row], "| `"+(root{nil, 1}).file(p.Platform)+"` |") {
			t.Errorf("docs/phone.md names another file than %s for %s", (root{nil, 1}).file(p.Platform), p.Platform)
		}
	}
}
