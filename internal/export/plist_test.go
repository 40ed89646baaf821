package export

import (
	"reflect"
	"strings"
	"testing"

	"github.com/micromdm/plist"
)

// TestPlistIsReadAsItWasWritten, by another implementation.
func TestPlistIsReadAsItWasWritten(t *testing.T) {
	type inner struct {
		Text  string
		Zero  int `plist:"omitempty"`
		Seven int `plist:"omitempty"`
	}
	type outer struct {
		inner
		Yes, No bool
		Data    []byte
		All     []any
		Texts   map[string]string
	}
	text := "<a href=\"x\">&amp; it's\tthe\nend ]]> é 日本 \U0001F512"
	data := encodePlist(outer{
		inner{text, 0, 7}, true, false, []byte{0, 255, '<'}, []any{"one", inner{Text: "in\x00\x1b\uFFFE"}}, map[string]string{"b": "2", "a&": "1"},
	})
	var got map[string]any
	if err := plist.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	want := map[string]any{
		"Text": text, "Seven": uint64(7), "Yes": true, "No": false, "Data": []byte{0, 255, '<'},
		"All": []any{"one", map[string]any{"Text": "in\uFFFD\uFFFD\uFFFD"}}, "Texts": map[string]any{"a&": "1", "b": "2"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v\n%s", got, want, data)
	}
	if !strings.HasSuffix(string(data), "\n\t<true/>\n</dict>\n</plist>\n") {
		t.Errorf("got %q at the end", data[max(0, len(data)-60):])
	}
}
