package device

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Release is a firmware and, if the user told it, its version or the beginning
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
	return fmt.Sprintf("firmware %q is not of the form NAME or NAME@VERSION, as circuitpython@10", e.Input)
}

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

// parseRange reads the versions of a board's file: "9.0 - 10.2", "1.23", or
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

// compareBegin compares versions as far as both are told: 10 and 10.2 are the
// same, since 10 stands for all that begin so.
func compareBegin(a, b []int) int {
	n := min(len(a), len(b))
	return slices.Compare(a[:n], b[:n])
}

func (f Firmware) covers(r Release) bool {
	first, last, _ := parseRange(f.Versions)
	return f.ID == r.ID && compareBegin(r.version, first) >= 0 && compareBegin(r.version, last) <= 0
}

// UnknownFirmwareError says that a board's file tells nothing of a firmware, or
// of that version; Known lists what it does tell of, for a hint.
type UnknownFirmwareError struct {
	Board Board
	Input string
	Known []string
}

func (e UnknownFirmwareError) Error() string {
	return fmt.Sprintf("firmware %q is not known for %s", e.Input, e.Board.Name)
}

// Covering returns the rows of the board's firmware that a release may be: one,
// or several when it tells no version. It fails with an UnknownFirmwareError.
func (b Board) Covering(r Release) ([]Firmware, error) {
	var rows []Firmware
	var known []string
	for _, firmware := range b.Firmware {
		if firmware.covers(r) {
			rows = append(rows, firmware)
		}
		known = append(known, firmware.ID+" "+firmware.Versions)
	}
	if len(rows) == 0 {
		return nil, UnknownFirmwareError{b, r.text, known}
	}
	return rows, nil
}

// bears reports whether a cost is that of a firmware's row.
func (f Firmware) bears(cost Cost) bool {
	release, err := ParseRelease(cost.Firmware)
	return err == nil && f.covers(release)
}

// Running returns the board as one that runs a release: with the firmware that
// this may be and no other, and with its costs alone. It fails with an
// UnknownFirmwareError.
func (b Board) Running(r Release) (Board, error) {
	rows, err := b.Covering(r)
	if err != nil {
		return Board{}, err
	}
	b.Firmware = rows
	b.Costs = slices.DeleteFunc(slices.Clone(b.Costs), func(cost Cost) bool {
		return !slices.ContainsFunc(rows, func(f Firmware) bool { return f.bears(cost) })
	})
	return b, nil
}

// NoFormatError says that no one format loads on all versions that a release
// may be.
type NoFormatError struct {
	Key  string
	Rows []Firmware
}

func (e NoFormatError) Error() string {
	var rows []string
	for _, row := range e.Rows {
		rows = append(rows, row.Name+" "+row.Versions)
	}
	return fmt.Sprintf("key of type %q has no file that all of %s load", e.Key, strings.Join(rows, ", "))
}

// FormatFor returns the export format, der or pem, of the files with a key of
// some type that each of the rows loads; DER if both do, since it is smaller.
// It fails with a NoFormatError.
func FormatFor(rows []Firmware, key string) (string, error) {
	for _, format := range []string{"der", "pem"} {
		lacks := func(f Firmware) bool { return !slices.Contains(f.FormatsOf(key), format) }
		if !slices.ContainsFunc(rows, lacks) {
			return format, nil
		}
	}
	return "", NoFormatError{key, rows}
}

// Unable returns the rows of the board's firmware that load files with a key of
// some type, but not in any of these export formats.
func (b Board) Unable(formats []string, key string) []Firmware {
	if !slices.Contains(formats, "der") && !slices.Contains(formats, "pem") {
		return nil // the firmware is built around the files
	}
	var rows []Firmware
	for _, row := range b.Firmware {
		loads := row.FormatsOf(key)
		if len(loads) > 0 && !slices.ContainsFunc(loads, func(f string) bool { return slices.Contains(formats, f) }) {
			rows = append(rows, row)
		}
	}
	return rows
}

// FormatsOf returns the export formats, der and pem, of the files with a key of
// some type that the firmware loads.
func (f Firmware) FormatsOf(key string) []string {
	container := "sec1-"
	if strings.HasPrefix(key, "rsa-") {
		container = "pkcs1-"
	}
	var formats []string
	for _, format := range []string{"der", "pem"} {
		if slices.Contains(f.Loads, container+format) {
			formats = append(formats, format)
		}
	}
	return formats
}
