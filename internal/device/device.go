// Package device describes the boards: what their firmware loads, what a key
// costs them, and whether a certificate fits. Each board is one embedded JSON
// file; a new board is a new file.
package device

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed boards/*.json
var files embed.FS

// Board is what picoca knows of a board. Key types are named as on the command
// line (p256, rsa-2048), the best one first.
type Board struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Chip  string `json:"chip"`
	RAMKB int    `json:"ram_kb"`
	// Formats are the export formats of the files that its firmware loads.
	Formats []string `json:"formats"`
	// Keys load and are wise; UnwiseKeys load, and cost too much.
	Keys       []string `json:"keys"`
	UnwiseKeys []string `json:"unwise_keys,omitempty"`
	// RootKeys are the key types a root must have for its leaves to load;
	// empty means any.
	RootKeys []string `json:"root_keys,omitempty"`
	// MaxCertificateBytes is the most DER that the firmware can serve.
	MaxCertificateBytes  int        `json:"max_certificate_bytes"`
	MaxCertificateSource string     `json:"max_certificate_source"`
	Firmware             []Firmware `json:"firmware"`
	Costs                []Cost     `json:"costs"`
	// Growth is that of the costs that tell a certificate's bytes.
	Growth Growth   `json:"growth,omitzero"`
	Notes  []string `json:"notes,omitempty"`
}

// Firmware is a range of versions that load the same files.
type Firmware struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Versions string `json:"versions"`
	TLS      string `json:"tls"`
	// Loads lists containers of keys: sec1, pkcs1 or pkcs8, with -der or -pem.
	Loads       []string `json:"loads"`
	LoadsSource string   `json:"loads_source"`
}

// UnknownBoardError says that Input is not a board's ID.
type UnknownBoardError struct{ Input string }

func (e UnknownBoardError) Error() string { return fmt.Sprintf("board %q is unknown", e.Input) }

// Find returns the board with an ID, or an UnknownBoardError.
func Find(id string) (Board, error) {
	data, err := files.ReadFile("boards/" + path.Base(id) + ".json")
	if err != nil || path.Base(id) != id {
		return Board{}, UnknownBoardError{id}
	}
	return Parse(data)
}

// Parse reads a board's file and checks that what it says can be used: every
// name there, every cost of a key that it loads, every figure with a source.
func Parse(data []byte) (Board, error) {
	var b Board
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return Board{}, fmt.Errorf("board file: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Board{}, fmt.Errorf("board file: board %q is not all that is in it", b.ID)
	}
	if err := b.check(); err != nil {
		return Board{}, fmt.Errorf("board %q %w", b.ID, err)
	}
	return b, nil
}

func (b Board) check() error {
	switch keys := slices.Concat(b.Keys, b.UnwiseKeys); {
	case strings.Trim(b.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return errors.New("has an id with more than lower-case letters, digits and hyphens")
	case b.ID == "" || b.Name == "":
		return errors.New("has no id or no name")
	case len(b.Formats) == 0 || len(b.Keys) == 0 || len(b.Firmware) == 0:
		return errors.New("has no formats, keys or firmware")
	case b.MaxCertificateBytes < 1 || !isSource(b.MaxCertificateSource):
		return errors.New("has no max_certificate_bytes or no source for it")
	case !once(keys) || !once(b.Formats) || !once(b.RootKeys):
		return errors.New("has a key type or a format twice, or an empty one")
	case slices.ContainsFunc(b.Firmware, func(f Firmware) bool { return f.ID == "" || f.Name == "" }):
		return errors.New("has firmware without an id or a name")
	case slices.ContainsFunc(b.Firmware, func(f Firmware) bool { return !sourced(len(f.Loads) > 0, f.LoadsSource) }):
		return errors.New("has firmware that loads keys without a source, or a source and no keys")
	case b.Growth != Growth{} && !b.Growth.isSane():
		return errors.New("has a growth that is nothing or far too much, or no source for it")
	}
	for _, cost := range b.Costs {
		if err := b.checkCost(cost); err != nil {
			return fmt.Errorf("has a cost of firmware %q with key type %q %w", cost.Firmware, cost.Key, err)
		}
	}
	return nil
}

// checkCost wants at least one figure, and a source for each.
func (b Board) checkCost(c Cost) error {
	release, err := ParseRelease(c.Firmware)
	switch {
	case !b.loads(c.Key):
		return errors.New("which it does not load")
	case err != nil || !slices.ContainsFunc(b.Firmware, func(f Firmware) bool { return f.ID == release.ID }):
		return errors.New("which is none of its firmware")
	case min(c.HeapBytes, c.HeapListenerBytes, c.CertificateBytes, c.MessageBytes) < 0 || c.Seconds < 0 || c.HeapBytes == 0 && c.Seconds == 0:
		return errors.New("that is nothing, or below zero")
	case !sourced(c.HeapBytes > 0, c.SizesSource) || !sourced(c.Seconds > 0, c.SecondsSource):
		return errors.New("with a figure or a source, and not both")
	}
	return nil
}

// MeasuredByBench is the source of what the tests measure again: they fail
// when it is no longer so.
const MeasuredByBench = "measured by the board bench"

// isSource reports whether a text says how sure a figure is.
func isSource(text string) bool {
	return slices.ContainsFunc([]string{"measured", "reported by users", "estimated: "}, func(kind string) bool {
		return strings.HasPrefix(text, kind)
	})
}

// sourced reports whether a figure and its source are there, or neither is.
func sourced(figure bool, source string) bool {
	return figure && isSource(source) || !figure && source == ""
}

// once reports whether each of names is there, and not twice.
func once(names []string) bool {
	seen := map[string]bool{"": true}
	for _, name := range names {
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// All returns every board, ordered by ID.
var All = sync.OnceValue(func() []Board {
	entries, err := files.ReadDir("boards")
	if err != nil {
		panic(err) // the folder is embedded
	}
	boards := make([]Board, len(entries))
	for i, entry := range entries {
		if boards[i], err = Find(strings.TrimSuffix(entry.Name(), ".json")); err != nil {
			panic(err) // TestBoardFiles reads every one
		}
	}
	return boards
})

func (b Board) loads(key string) bool {
	return slices.Contains(b.Keys, key) || b.Unwise(key)
}

// Unwise reports whether a key type loads and is not worth what it costs:
// whoever wants it has to insist.
func (b Board) Unwise(key string) bool { return slices.Contains(b.UnwiseKeys, key) }

// FirmwareName returns the name for people of a firmware that a cost names,
// "MicroPython" for "micropython@1.28".
func (b Board) FirmwareName(id string) string {
	id, _, _ = strings.Cut(id, "@")
	for _, firmware := range b.Firmware {
		if firmware.ID == id {
			return firmware.Name
		}
	}
	return id
}
