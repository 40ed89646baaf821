package boards

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// boardDocuments are those that this file holds to the program.
var boardDocuments = []string{rig.Root + "/docs/boards.md", rig.Root + "/docs/troubleshooting.md", rig.Root + "/docs/performance.md"}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocumentedOutputIsReal runs each session in docs/boards.md, and wants
// its output.
func TestDocumentedOutputIsReal(t *testing.T) {
	h := rig.EmptyHome(t)
	sessions := regexp.MustCompile("(?s)```console\n\\$ picoca ([^\n]*)\n(.*?)```").FindAllStringSubmatch(readDocument(t, boardDocuments[0]), -1)
	if len(sessions) != 2 {
		t.Fatalf("%d sessions, want 2", len(sessions))
	}
	for _, session := range sessions {
		if out := h.Run(strings.Fields(session[1])...); out != session[2] {
			t.Errorf("picoca %s prints\n%s\nand not\n%s", session[1], out, session[2])
		}
	}
}

// TestDocumentsLinkToFiles follows the links between documents.
func TestDocumentsLinkToFiles(t *testing.T) {
	for _, name := range boardDocuments {
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readDocument(t, name), -1) {
			if _, err := os.Stat(rig.Root + "/docs/" + link[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
