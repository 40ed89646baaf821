package onboard

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func shipped(t testing.TB) []language {
	t.Helper()
	all, err := readLanguages(texts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLanguageHasEveryWord(t *testing.T) {
	all := shipped(t)
	english := all[0]
	if english.Tag != "en" {
		t.Fatalf("the first language is %q, want en", english.Tag)
	}
	for _, l := range all {
		for key := range english.Words {
			if strings.TrimSpace(l.Words[key]) == "" {
				t.Errorf("%s lacks the word %q", l.Tag, key)
			}
		}
		for key := range l.Words {
			if _, known := english.Words[key]; !known {
				t.Errorf("%s has the word %q, which English does not know", l.Tag, key)
			}
		}
	}
}

// What the pages' sources quote in double quotes and in small letters is the key of a
// word, or one of these: classes, ids and slots.
var notWords = []string{"alarm", "no", "other", "links", "identity", "download", "show", "compare", "trust", "trust.html"}

func TestNoWordIsMissingOrLeftOver(t *testing.T) {
	var declarations []ast.Decl
	for _, name := range []string{"page.go", "board.go", "sheet.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		declarations = append(declarations, file.Decls...)
	}
	used := map[string]bool{"gone": true, "device": true, "device.android": true, "device.samsung": true, "device.windows": true, "device.linux": true}
	for _, g := range shipped(t)[0].Guides {
		for _, s := range g.Steps {
			used[cmp.Or(s.Each, "device")] = true
		}
	}
	for _, declaration := range declarations {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(function, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && regexp.MustCompile(`^"[a-z]+(\.[a-z]+)*"$`).MatchString(literal.Value) {
				used[strings.Trim(literal.Value, `"`)] = true
			}
			return true
		})
	}
	words := shipped(t)[0].Words
	for key := range used {
		if words[key] == "" && !slices.Contains(notWords, key) {
			t.Errorf("the page wants the word %q, which is missing", key)
		}
	}
	for key := range words {
		if !used[key] {
			t.Errorf("the word %q is used nowhere", key)
		}
	}
}

// The order of a guide is a promise: compare first, trust then, check last.
func TestEveryGuideComparesBeforeItTrusts(t *testing.T) {
	for _, l := range shipped(t) {
		for _, p := range platforms {
			g := l.guideOf(p.Platform)
			var slots []string
			for _, s := range g.Steps {
				if s.Do == "" {
					t.Errorf("%s, %s: a step says nothing", l.Tag, p.Platform)
				}
				slots = append(slots, s.Slot)
			}
			first, last := strings.Join(slots, ","), len(slots)-1
			if last < 3 || slots[0] != "download" || slots[last] != "check" {
				t.Fatalf("%s, %s: got steps %q, want download first and check last", l.Tag, p.Platform, first)
			}
			before, _, ok := strings.Cut(first, "compare")
			if !ok || strings.Contains(before, "check") {
				t.Errorf("%s, %s: got steps %q, want compare before check", l.Tag, p.Platform, first)
			}
			if g.Button == "" || len(g.Undo) == 0 {
				t.Errorf("%s, %s: no button, or no way back", l.Tag, p.Platform)
			}
		}
	}
}

func TestTrustIsSwitchedOnAfterTheComparison(t *testing.T) {
	switches := map[Platform]string{IPhone: "Certificate Trust Settings", Mac: "Always Trust", Windows: "Trusted Root Certification Authorities", Linux: "Trusted Certificates"}
	english := shipped(t)[0]
	for p, trust := range switches {
		compare, on := -1, -1
		for i, s := range english.guideOf(p).Steps {
			if s.Slot == "compare" {
				compare = i
			}
			if strings.Contains(s.Do, trust) {
				on = i
			}
		}
		if compare < 0 || on < 0 || compare >= on {
			t.Errorf("%s: the comparison is step %d, trust step %d: want it before", p, compare+1, on+1)
		}
	}
	// Android has no switch: the page's fingerprint comes before, Android's own after.
	for _, p := range []Platform{Android, Samsung} {
		steps := english.guideOf(p).Steps
		if steps[1].Slot != "show" || !strings.Contains(steps[3].Do, "Install anyway") || steps[4].Slot != "compare" {
			t.Errorf("%s: got %v", p, steps)
		}
	}
}

// Every step that names a root or its file is repeated for a second one.
func TestEveryStepOfOneRootIsRepeatedForOthers(t *testing.T) {
	for name, g := range shipped(t)[0].Guides {
		for i, s := range g.Steps {
			names := strings.Contains(s.Do, "{ca}") || strings.Contains(s.Do, "{file}")
			if names && s.Each == "" && !(name == "windows" && i == 2) { // repeated with its last step
				t.Errorf("%s: step %d is for one root only", name, i+1)
			}
		}
	}
}

func TestTheTextsSayAsOfWhen(t *testing.T) {
	for _, l := range shipped(t) {
		if !regexp.MustCompile(`20\d\d`).MatchString(l.say("dated")) {
			t.Errorf("%s: %q has no year", l.Tag, l.say("dated"))
		}
	}
}

func TestChooseFollowsAcceptLanguage(t *testing.T) {
	all, err := readLanguages(fstest.MapFS{
		"texts/de.json": {Data: []byte(`{"tag": "de"}`)},
		"texts/en.json": {Data: []byte(`{"tag": "en"}`)},
		"texts/pt.json": {Data: []byte(`{"tag": "pt"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"":                                   "en",
		"de":                                 "de",
		"de-AT,de;q=0.9,en;q=0.8":            "de",
		"DE-at":                              "de",
		"fr, de;q=0.7, en;q=0.8":             "en",
		"fr-FR,fr":                           "en",
		"*":                                  "en",
		"den":                                "en",
		"pt-BR , en":                         "pt",
		"en;q=0.1,de;q=0":                    "en",
		"de;q=0":                             "en",
		"de;q=nonsense":                      "en",
		"de;q=NaN":                           "en",
		"de;q=-1":                            "en",
		"de;q=99":                            "en",
		";;;,,,":                             "en",
		"en;q=0.5,de;q=0.9,pt;q=0.7":         "de",
		strings.Repeat("xx,", 10000) + "de":  "de",
		"de;level=1":                         "en",
		"en-GB;q=0.9, pt;q=0.95, de;q = 0.1": "pt",
	} {
		if got := choose(all, accept).Tag; got != want {
			t.Errorf("%.40q: got %s, want %s", accept, got, want)
		}
	}
}

func TestABrokenLanguageFileIsNamed(t *testing.T) {
	_, err := readLanguages(fstest.MapFS{"texts/de.json": {Data: []byte(`{`)}})
	if err == nil || !strings.Contains(err.Error(), "texts/de.json") {
		t.Errorf("got %v, want the file's name", err)
	}
}

func TestMarkup(t *testing.T) {
	fill := strings.NewReplacer("{ca}", "A <b> & `*C*`", "{file}", "x.crt")
	for text, want := range map[string]string{
		"plain":              "plain",
		"tap *Allow*.":       "tap <strong>Allow</strong>.",
		"type `cat {file}`":  "type <code>cat x.crt</code>",
		"`2 * 3 * 4`":        "<code>2 * 3 * 4</code>",
		"a < b & c":          "a &lt; b &amp; c",
		"*{ca}* stays plain": "<strong>A &lt;b&gt; &amp; `*C*`</strong> stays plain",
	} {
		if got := string(markup(text, fill)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Whatever a name holds, only our own two elements come out.
func FuzzMarkupHoldsNoForeignElement(f *testing.F) {
	f.Add("tap *{ca}* or `{ca}`", "<script>alert(1)</script>")
	f.Add("*`*`", "*`\"'>")
	f.Fuzz(func(t *testing.T, text, name string) {
		got := string(markup(text, strings.NewReplacer("{ca}", name)))
		rest := regexp.MustCompile(`</?(strong|code)>`).ReplaceAllString(got, "")
		if strings.ContainsAny(rest, `<>"'`) {
			t.Errorf("%q with %q: got %q", text, name, got)
		}
		if strings.Contains(text, "{ca}") && !strings.Contains(html.UnescapeString(rest), html.UnescapeString(html.EscapeString(name))) && !strings.ContainsAny(name, "\x00") {
			t.Errorf("%q with %q: the name got lost in %q", text, name, got)
		}
	})
}
