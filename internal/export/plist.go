package export

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// encodePlist returns a property list in XML (Apple's plist(5)). A struct is a
// dictionary of its fields, in which an embedded one has no level of its own; a
// field with the tag plist:"omitempty" is left out if it is zero. It panics for
// types that no profile has. encoding/xml would take 140 KB.
func encodePlist(value any) []byte {
	w := plistWriter{}
	w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`)
	w.value(value)
	w.WriteString("</plist>\n")
	return []byte(w.String())
}

type plistWriter struct {
	strings.Builder
	depth int
}

// line writes one element, which may be an opening or a closing tag.
func (w *plistWriter) line(format string, args ...any) {
	w.WriteString(strings.Repeat("\t", w.depth))
	fmt.Fprintf(w, format+"\n", args...)
}

// nest writes an element with others in it.
func (w *plistWriter) nest(name string, content func()) {
	w.line("<%s>", name)
	w.depth++
	content()
	w.depth--
	w.line("</%s>", name)
}

func (w *plistWriter) value(value any) {
	switch value := value.(type) {
	case string:
		w.line("<string>%s</string>", xmlText(value))
	case bool:
		w.line("<%t/>", value)
	case int, AppleDevice:
		w.line("<integer>%d</integer>", value)
	case []byte:
		w.line("<data>%s</data>", base64.StdEncoding.EncodeToString(value))
	case []any:
		w.nest("array", func() {
			for _, one := range value {
				w.value(one)
			}
		})
	default:
		w.nest("dict", func() { w.dict(reflect.ValueOf(value)) })
	}
}

// dict writes the keys and values of a map or a struct, ordered by key.
func (w *plistWriter) dict(v reflect.Value) {
	all := map[string]any{}
	collect(v, all)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		w.line("<key>%s</key>", xmlText(key))
		w.value(all[key])
	}
}

func collect(v reflect.Value, into map[string]any) {
	if v.Kind() == reflect.Map {
		for all := v.MapRange(); all.Next(); {
			into[all.Key().String()] = all.Value().Interface()
		}
		return
	}
	for i := range v.NumField() {
		switch field := v.Type().Field(i); {
		case field.Anonymous:
			collect(v.Field(i), into)
		case field.Tag.Get("plist") != "omitempty" || !v.Field(i).IsZero():
			into[field.Name] = v.Field(i).Interface()
		}
	}
}

// xmlText escapes a text. A character that XML cannot have (XML 1.0 section 2.2)
// is replaced.
func xmlText(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
			return utf8.RuneError
		}
		return r
	}, text)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
