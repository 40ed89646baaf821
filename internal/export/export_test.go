package export

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
)

// forms are what each format can hold, with the fixed leaf it is tried on.
var forms = []struct {
	kind, leaf string
	of         func(Format) []Spec
}{
	{"device", "device", func(f Format) []Spec { return f.Device }},
	{"client", "client", func(f Format) []Spec { return f.Client }},
	{"ca", "", func(f Format) []Spec { return f.CA }},
}

// rendered calls test with the files of each form of each format.
func rendered(t *testing.T, test func(t *testing.T, kind, format string, b Bundle, files []File)) {
	for _, form := range forms {
		for _, format := range Formats() {
			specs := form.of(format)
			if specs == nil {
				continue
			}
			t.Run(form.kind+"/"+format.ID, func(t *testing.T) {
				cryptotest.SetGlobalRandom(t, 1)
				b := fixedBundle(t, form.leaf)
				b.WebClips = []WebClip{{"Garden & <yard>", "https://pico.local/?a=1&b=2"}}
				files, err := Render(b, specs...)
				if err != nil {
					t.Fatal(err)
				}
				test(t, form.kind, format.ID, b, files)
			})
		}
	}
}

// TestFormatsAreAsBefore checks every file against the golden one. To
// change a format on purpose, run go test -update and reads the difference.
func TestFormatsAreAsBefore(t *testing.T) {
	want := map[string]bool{}
	rendered(t, func(t *testing.T, kind, format string, _ Bundle, files []File) {
		dir := filepath.Join("testdata", "golden", kind, format)
		for _, file := range files {
			golden := filepath.Join(dir, file.Name)
			want[golden] = true
			if *update {
				writeGolden(t, golden, file.Data)
			}
			data, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, file.Data) {
				t.Errorf("%s has changed", golden)
			}
		}
	})
	found, err := filepath.Glob("testdata/golden/*/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, golden := range found {
		if !want[golden] {
			t.Errorf("%s: no format makes it", golden)
		}
	}
}

func writeGolden(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFilesWithKeysArePrivate: the CA's files hold no key and are for everybody;
// of all others exactly one is private to its owner, and only that one has the key.
func TestFilesWithKeysArePrivate(t *testing.T) {
	rendered(t, func(t *testing.T, kind, format string, _ Bundle, files []File) {
		private := 0
		for _, file := range files {
			if file.Private {
				private++
			}
			if file.Name != filepath.Base(file.Name) || file.Name == "" {
				t.Errorf("file name %q is no base name", file.Name)
			}
			if !file.Private && bytes.Contains(file.Data, []byte("PRIVATE KEY")) {
				t.Errorf("%s holds a private key and is not private", file.Name)
			}
		}
		want := map[string]int{"device": 1, "client": 1, "ca": 0}[kind]
		if strings.HasSuffix(format, "-cert") {
			want = 0
		}
		if private != want {
			t.Errorf("private files: got %d, want %d", private, want)
		}
	})
}

// TestFileNamesOfAFormatDiffer: one would replace the other in its folder.
func TestFileNamesOfAFormatDiffer(t *testing.T) {
	rendered(t, func(t *testing.T, _, _ string, _ Bundle, files []File) {
		seen := map[string]bool{}
		for _, file := range files {
			if seen[strings.ToLower(file.Name)] {
				t.Errorf("two files are called %q", file.Name)
			}
			seen[strings.ToLower(file.Name)] = true
		}
	})
}

// TestEveryFormatHasAReader: otherwise the list of formats would say nothing.
func TestEveryFormatHasAReader(t *testing.T) {
	for _, format := range Formats() {
		if format.Reader == "" || format.Device == nil && format.Client == nil && format.CA == nil {
			t.Errorf("format %q has no reader or no form", format.ID)
		}
		if found, err := Find(format.ID); err != nil || found.ID != format.ID {
			t.Errorf("format: got %q, %v; want %q", found.ID, err, format.ID)
		}
	}
	if _, err := Find("jks"); err != (UnknownFormatError{"jks"}) {
		t.Errorf("format jks: got %v, want an UnknownFormatError", err)
	}
}
