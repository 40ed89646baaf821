package onboard

import (
	"strings"
	"text/template"
)

// safe is HTML that is ready to be sent. A constant becomes safe by itself, any
// other text only through escape: the compiler does not join the two. It is used
// instead of html/template, whose reflection keeps the linker from removing
// unused methods, which makes the program 2.4 MB larger.
type safe string

// escape returns text for use between tags or in a quoted attribute. The same function
// of package html would bring the names of 2,200 characters: 65 KB.
func escape(text string) safe { return safe(template.HTMLEscapeString(text)) }

// when returns yes if the condition holds, else nothing.
func when(condition bool, yes safe) safe {
	if condition {
		return yes
	}
	return ""
}

// each joins what part makes of every item.
func each[T any](items []T, part func(T) safe) safe {
	var all strings.Builder
	for _, item := range items {
		all.WriteString(string(part(item)))
	}
	return safe(all.String())
}

// markup turns a text of a language into HTML: *strong* and `code`. Whatever
// fill inserts stays plain text.
func markup(text string, fill *strings.Replacer) safe {
	plain := func(s string) safe { return escape(fill.Replace(s)) }
	return between(text, "`",
		func(code string) safe { return "<code>" + plain(code) + "</code>" },
		func(text string) safe {
			return between(text, "*", func(word string) safe { return "<strong>" + plain(word) + "</strong>" }, plain)
		})
}

// between converts the text between two marks one way, and the rest another.
func between(text, mark string, inside, outside func(string) safe) safe {
	var all safe
	for i, part := range strings.Split(text, mark) {
		if i%2 == 1 {
			all += inside(part)
		} else {
			all += outside(part)
		}
	}
	return all
}
