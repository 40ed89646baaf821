package device

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Release is a firmware and, if the user gave it, its version or the beginning
// of it: "circuitpython@10" stands for all of 10.0, 10.1, ...
type Release struct {
	ID      string
	version []int // empty: any
	text    string
}

// String returns the release as it was written.
func (r Release) String() string { return r.text }

// ReleaseError says that Input names no firmware and version.
type ReleaseError struct{ Input string }

func (e ReleaseError) Error() string {
	return fmt.Sprintf("firmware %q is not of the form NAME or NAME@VERSION, such as circuitpython@10", e.Input)
}

// Hint gives examples.
func (e ReleaseError) Hint() fault.Hint {
	return fault.Hintf("write it like micropython or micropython@1.28")
}

// ExitCode is that of a wrong command line.
func (e ReleaseError) ExitCode() int { return fault.Usage }

// ParseRelease reads NAME or NAME@VERSION, the version as numbers with dots
// between. It fails with a ReleaseError.
func ParseRelease(input string) (Release, error) {
	id, version, given := strings.Cut(input, "@")
	if id == "" {
		return Release{}, ReleaseError{input}
	}
	if !given {
		return Release{ID: id, text: input}, nil
	}
	numbers, ok := parseVersion(version)
	if !ok {
		return Release{}, ReleaseError{input}
	}
	return Release{id, numbers, input}, nil
}

func parseVersion(text string) ([]int, bool) {
	var numbers []int
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 9999 || part[0] == '+' {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// parseRange reads the versions of a device's file: "9.0 - 10.2", "1.23", or
// "any", which is two empty versions.
func parseRange(text string) (first, last []int, ok bool) {
	if text == "any" {
		return nil, nil, true
	}
	from, to, two := strings.Cut(text, " - ")
	if !two {
		to = from
	}
	first, ok = parseVersion(from)
	if !ok {
		return nil, nil, false
	}
	last, ok = parseVersion(to)
	return first, last, ok && compareBegin(first, last) <= 0
}

// compareBegin compares versions as far as both are given: 10 and 10.2 are the
// same, since 10 stands for all that begin so.
func compareBegin(a, b []int) int {
	n := min(len(a), len(b))
	return slices.Compare(a[:n], b[:n])
}

// Covers reports whether a release may be one of these versions.
func (v Version) Covers(r Release) bool {
	first, last, _ := parseRange(v.Range)
	return compareBegin(r.version, first) >= 0 && compareBegin(r.version, last) <= 0
}

// NoFormatError says that no one format loads on all versions that a release
// may be.
type NoFormatError struct {
	Key  string
	Rows []Row
}

func (e NoFormatError) Error() string {
	var rows []string
	for _, row := range e.Rows {
		rows = append(rows, row.String())
	}
	return fmt.Sprintf("no file format for a key of type %q loads on all of %s", e.Key, strings.Join(rows, ", "))
}

// Hint asks for the version.
func (e NoFormatError) Hint() fault.Hint {
	return fault.Hintf("name the version too, as in --for pico-w/circuitpython@10")
}

// FormatFor returns the export format, der or pem, of the files with a key of
// some type that each of the rows loads; DER if both do, since it is smaller.
// It fails with a NoFormatError.
func FormatFor(rows []Row, key string) (string, error) {
	for _, format := range []string{"der", "pem"} {
		lacks := func(f Row) bool { return !slices.Contains(f.FormatsOf(key), format) }
		if !slices.ContainsFunc(rows, lacks) {
			return format, nil
		}
	}
	return "", NoFormatError{key, rows}
}

// FormatsOf returns the export formats, der and pem, of the files with a key of
// some type that the version loads.
func (v Version) FormatsOf(key string) []string {
	var formats []string
	for _, format := range []string{"der", "pem"} {
		if slices.Contains(v.Loads, traditional(key)+format) {
			formats = append(formats, format)
		}
	}
	return formats
}

// traditional is the older form of a key, with the hyphen of Version.Loads.
func traditional(key string) string {
	if strings.HasPrefix(key, "rsa-") {
		return "pkcs1-"
	}
	return "sec1-"
}
