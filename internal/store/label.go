package store

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxStem bounds what a file's name keeps of a label.
const maxStem = 40

// LabelStem turns a label, which may hold anything, into a file name without
// its extension that every file system and shell takes: lower-case ASCII
// letters and digits without accents, and a hyphen for whatever else stands
// between them. Labels of other scripts alone become "client".
func LabelStem(label string) string {
	switch stem := stem(label); {
	case stem == "":
		return "client"
	case reserved(stem):
		return stem + "-client"
	default:
		return stem
	}
}

// reserved reports whether Windows has a device of that name, which no file can
// have there (Microsoft, "Naming Files, Paths, and Namespaces").
func reserved(stem string) bool {
	numbered := len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
	return numbered || slices.Contains([]string{"con", "prn", "aux", "nul"}, stem)
}

func stem(label string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(label)) {
		switch {
		case b.Len() == maxStem:
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case !unicode.IsMark(r) && b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

// clientPrefix begins the names of folders of client identities.
const clientPrefix = "client_"

// clientFolder returns the folder of a client identity: what people can read
// of its label, and a part of the label's hash, so that two labels never share
// one, not even on a file system that takes A for a. No name of a device has
// the underscore.
func clientFolder(label string) string {
	sum := sha256.Sum256([]byte(label))
	return path.Join("issued", fmt.Sprintf("%s%s_%x", clientPrefix, stem(label), sum[:8]))
}
