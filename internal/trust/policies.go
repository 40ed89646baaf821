package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Firefox's policies.json may be an administrator's: what changes is the text of
// our own entries, and every other byte stays.

// installList is a policies.json with the files that its policy
// Certificates.Install names.
type installList struct {
	data  []byte
	files []string
}

// installPath are the keys on the way to the list. Firefox heeds their case,
// which encoding/json does not.
var installPath = []string{"policies", "Certificates", "Install"}

// parseInstallList fails if the file is no JSON, or its shape is not that of
// policies. No bytes stand for no policies.
func parseInstallList(data []byte) (installList, error) {
	list := installList{data: data}
	if len(data) == 0 {
		return list, nil
	}
	at, err := wholeOf(data)
	if err != nil {
		return list, err
	}
	for _, key := range installPath {
		next, err := member(data, at, key)
		if err != nil || next == nil {
			return list, err
		}
		at = next.value
	}
	return list, json.Unmarshal(data[at.from:at.to], &list.files)
}

// member returns an object's member, nil if it has none of that name.
func member(data []byte, at span, key string) (*child, error) {
	children, err := childrenOf(data, at)
	if err != nil {
		return nil, err
	}
	if data[at.from] != '{' {
		return nil, fmt.Errorf("%q is not in an object", key)
	}
	var found *child
	for i := range children {
		if children[i].key == key && found != nil {
			return nil, fmt.Errorf("%q is set twice", key)
		}
		if children[i].key == key {
			found = &children[i]
		}
	}
	return found, nil
}

// addInstall adds a file at the front of Install, and makes what is missing on
// the way there.
func addInstall(data []byte, file string) ([]byte, error) {
	if list, err := parseInstallList(data); err != nil || slices.Contains(list.files, file) {
		return data, err
	}
	entry := fmt.Sprintf("%q", file)
	if len(data) == 0 {
		return []byte("{\n  \"policies\": {\n    \"Certificates\": {\n      \"Install\": [" + entry + "]\n    }\n  }\n}\n"), nil
	}
	at, err := wholeOf(data)
	if err != nil {
		return nil, err
	}
	for i, key := range installPath {
		children, err := childrenOf(data, at)
		if err != nil {
			return nil, err
		}
		next := slices.IndexFunc(children, func(c child) bool { return c.key == key })
		if next < 0 {
			return insert(data, at, len(children) > 0, wrap(installPath[i:], entry)), nil
		}
		at = children[next].value
	}
	children, err := childrenOf(data, at)
	if err != nil {
		return nil, err
	}
	return insert(data, at, len(children) > 0, entry), nil
}

// wrap writes an entry of the innermost of nested keys.
func wrap(keys []string, entry string) string {
	text := "[" + entry + "]"
	for i := len(keys) - 1; i >= 0; i-- {
		text = fmt.Sprintf("%q: %s", keys[i], text)
		if i > 0 {
			text = "{" + text + "}"
		}
	}
	return text
}

// removeInstall takes a file out of Install, and then the objects that hold
// nothing else.
func removeInstall(data []byte, file string) ([]byte, error) {
	list, err := parseInstallList(data)
	if err != nil || !slices.Contains(list.files, file) {
		return data, err
	}
	at, err := wholeOf(data)
	if err != nil {
		return nil, err
	}
	path := []func(child) bool{
		func(c child) bool { return c.key == "policies" },
		func(c child) bool { return c.key == "Certificates" },
		func(c child) bool { return c.key == "Install" },
		func(c child) bool {
			var text string
			return json.Unmarshal(data[c.value.from:c.value.to], &text) == nil && text == file
		},
	}
	// The outermost object that is nothing but the way to our entry goes with it,
	// but for the two that every policies.json has.
	var siblings []child
	var index int
	for depth, match := range path {
		children, err := childrenOf(data, at)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(children, match)
		if i < 0 {
			return nil, errors.New("same key twice")
		}
		if depth < 2 || len(children) > 1 || siblings == nil {
			siblings, index = children, i
		}
		at = children[i].value
	}
	return cut(data, siblings, index), nil
}

// noPolicies reports whether a policies.json sets nothing.
func noPolicies(data []byte) bool {
	var file map[string]json.RawMessage
	var policies map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(data, &file), json.Unmarshal(file["policies"], &policies))
	return err == nil && len(file) == 1 && len(policies) == 0
}

// span is a part of the text, child a member of an object or array.
type (
	span  struct{ from, to int }
	child struct {
		key   string
		start int // of the key, or of an array's value
		value span
	}
)

// wholeOf returns the one value of a text.
func wholeOf(data []byte) (span, error) {
	from := skipSpace(data, 0)
	decoder := json.NewDecoder(bytes.NewReader(data))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return span{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return span{}, errors.New("more than one value")
	}
	return span{from, from + len(raw)}, nil
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && strings.IndexByte(" \t\r\n,:", data[i]) >= 0 {
		i++
	}
	return i
}

// childrenOf returns the members of the object or array at a span.
func childrenOf(data []byte, at span) ([]child, error) {
	decoder := json.NewDecoder(bytes.NewReader(data[at.from:at.to]))
	open, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if open != json.Delim('{') && open != json.Delim('[') {
		return nil, fmt.Errorf("neither object nor array: %s", data[at.from:at.to])
	}
	var all []child
	for decoder.More() {
		c := child{start: skipSpace(data, at.from+int(decoder.InputOffset()))}
		if open == json.Delim('{') {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			c.key = key.(string)
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return nil, err
		}
		to := at.from + int(decoder.InputOffset())
		c.value = span{to - len(raw), to}
		all = append(all, c)
	}
	return all, nil
}

// insert puts text at the front of the object or array at a span.
func insert(data []byte, at span, comma bool, text string) []byte {
	if comma {
		text += ","
	}
	return slices.Concat(data[:at.from+1], []byte(text), data[at.from+1:])
}

// cut takes out one of the children, with one comma.
func cut(data []byte, siblings []child, i int) []byte {
	from, to := siblings[i].start, siblings[i].value.to
	switch {
	case i < len(siblings)-1:
		to += bytes.IndexByte(data[to:], ',') + 1
	case i > 0:
		from = siblings[i-1].value.to
	}
	return slices.Concat(data[:from], data[to:])
}
