package onboard

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// texts are the texts of the pages, one file per language. A new language is a
// new file with the keys of en.json. docs/phone.md has the same menus.
//
// Android's menus are those of Android 14 and later as Google ships it: "More
// security & privacy" (antiwork/gumroad-mobile, README.md), where Android 13 said
// "More security settings" (AdguardTeam/KnowledgeBase, manual-certificate.md).
// Samsung's are those of One UI 5 and later.
//
//go:embed texts/*.json
var texts embed.FS

// language is one file of texts. In a text, *word* is a word of a menu, `word`
// something to type, and a name in braces, such as {ca}, is replaced (see fill).
type language struct {
	Tag    string            `json:"tag"`
	Words  map[string]string `json:"words"`
	Guides map[string]guide  `json:"guides"`
}

// guide are the steps for one platform.
type guide struct {
	Button string   `json:"button"` // the text of the download button
	Other  string   `json:"other"`  // for readers whose browser cannot install
	Steps  []step   `json:"steps"`
	Undo   []string `json:"undo"`
}

// step is one thing to do. Slot names what the page puts below the text:
// download, show or compare (the fingerprint), or check. Each is the key of the
// text that repeats the step for every further root.
type step struct {
	Slot string `json:"slot"`
	Do   string `json:"do"`
	Note string `json:"note"`
	Each string `json:"each"`
}

// readLanguages reads every file of texts, English first.
func readLanguages(fsys fs.FS) ([]language, error) {
	names, err := fs.Glob(fsys, "texts/*.json")
	if err != nil {
		return nil, err
	}
	var all []language
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var l language
		if err := json.Unmarshal(data, &l); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if l.Tag == "en" {
			all = slices.Insert(all, 0, l)
		} else {
			all = append(all, l)
		}
	}
	return all, nil
}

// choose returns the language that an Accept-Language header (RFC 9110 section
// 12.5.4) prefers, or the first one if it accepts none.
func choose(all []language, accept string) language {
	best, weight := all[0], 0.0
	for part := range strings.SplitSeq(accept, ",") {
		tag, q := parseRange(part)
		i := slices.IndexFunc(all, func(l language) bool { return matches(tag, l.Tag) })
		if i >= 0 && q > weight {
			best, weight = all[i], q
		}
	}
	return best
}

func parseRange(part string) (tag string, q float64) {
	tag, parameter, weighted := strings.Cut(part, ";")
	tag = strings.ToLower(strings.TrimSpace(tag))
	if !weighted {
		return tag, 1
	}
	value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
	q, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return tag, 0
	}
	return tag, q
}

// matches reports whether "de-at" asks for "de".
func matches(tag, have string) bool {
	return tag == have || strings.HasPrefix(tag, have+"-")
}

// guideOf returns the guide for p. An iPad has the steps of an iPhone.
func (l language) guideOf(p Platform) guide {
	if p == IPad {
		p = IPhone
	}
	return l.Guides[p.path()]
}

// say returns a text by its key. A missing one returns its key, and fails a test.
func (l language) say(key string) string {
	return cmp.Or(l.Words[key], key)
}
