package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// Record is what is known of a certificate beside what the certificate shows.
// It is stored with it, in about.json.
type Record struct {
	// Name is the device's own name, or an identity's or delegated CA's.
	Name string `json:"name"`
	// Kind is read from the certificate. In a record to be put it may be unset.
	Kind ca.Kind `json:"-"`
	// For is what the files are for, DEVICE[/FIRMWARE[@VERSION]], "" for a
	// target of no known kind.
	For string `json:"for,omitempty"`
	// Folder is the absolute path of the folder that the files were last
	// written to, "" if it is unknown.
	Folder string `json:"folder,omitempty"`
	// Files are the SHA-256 of the files last written to the folder, in hexadecimal,
	// by name: a renewal recognises them by it.
	Files map[string]string `json:"files,omitempty"`
	// KeyKept says who has the private key; "" stands for the store.
	KeyKept KeyKept `json:"key_kept,omitempty"`
	// WiFi is the network that an identity's Apple profile sets up, nil for none.
	WiFi *WiFi `json:"wifi,omitempty"`
	// Days is how long a certificate that begins in the past, for a board's clock,
	// was asked to be valid; 0 if its dates show that.
	Days int `json:"days,omitempty"`
	// Batch identifies the list that the certificate was issued from.
	Batch string `json:"batch,omitempty"`
	// Pushed is the device that the files are on, nil if they are on none that
	// picoca knows.
	Pushed *Pushed `json:"pushed,omitempty"`
}

// KeyKept says who has the private key of a certificate.
type KeyKept string

// Who can have it.
const (
	KeptInStore  KeyKept = ""
	KeptByDevice KeyKept = "device" // which made it, and sent a certificate request
	KeptInFiles  KeyKept = "files"  // that were written once, and nowhere else
)

// WiFi is a network that asks for identities (EAP-TLS), and the name of its
// RADIUS server.
type WiFi struct {
	SSID         string `json:"ssid"`
	RadiusDomain string `json:"radius_domain"`
}

// Pushed is where a certificate's files are, or should be: on the device that has
// an earlier certificate's, or where copying them failed.
type Pushed struct {
	To      string `json:"to"`
	BoardID string `json:"board_id,omitempty"`
	// At is when they were copied there, zero if they were not.
	At time.Time `json:"at,omitzero"`
}

// Holder returns whom the record's certificate is for.
func (r *Record) Holder() Holder { return Holder{r.Kind, r.Name} }

// Limits of a record's texts in bytes.
const (
	maxName   = 256 // a DNS name has 253, an identity's 64 characters
	maxText   = 256
	maxFolder = 4096
)

// parseRecord reads about.json of either layout.
func parseRecord(data []byte) (Record, error) {
	var about struct {
		Record
		Board    string `json:"board"`
		Firmware string `json:"firmware"`
	}
	if err := json.Unmarshal(data, &about); err != nil {
		return Record{}, jsonFault(err)
	}
	if about.For == "" {
		about.For = layout1For(about.Board, about.Firmware)
	}
	if err := about.checkTexts(); err != nil {
		return Record{}, err
	}
	return about.Record, nil
}

// jsonFault leaves out what package json quotes of the file.
func jsonFault(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return errors.New("not valid JSON")
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && !hidden(e.Field) && len(e.Field) <= maxText {
		return fmt.Errorf("field %q has another type", e.Field)
	}
	return errors.New("not a record")
}

// layout1Boards are boards of layout 1 whose firmware was part of their name.
var layout1Boards = map[string]string{
	"arduino-pico": "pico-w/arduino", "pico-sdk": "pico-w/pico-sdk", "esp8266": "esp8266/micropython",
}

// layout1Firmware are names of firmware that turned out otherwise: what was to
// become CircuitPython 11 was released as 10.3.
var layout1Firmware = map[string]string{"circuitpython@11": "circuitpython@10.3"}

// layout1For joins a board and a firmware, such as pico-w and circuitpython@10.
func layout1For(board, firmware string) string {
	target := board
	if now, ok := layout1Firmware[firmware]; ok {
		firmware = now
	}
	if now, ok := layout1Boards[board]; ok {
		target = now
		if firmware == "" {
			return target
		}
		target, _, _ = strings.Cut(target, "/")
	}
	if firmware == "" {
		return target
	}
	return target + "/" + firmware
}

// checkTexts refuses what a terminal should never print, and what is too long.
func (r *Record) checkTexts() error {
	pushed, wifi := Pushed{}, WiFi{}
	if r.Pushed != nil {
		pushed = *r.Pushed
	}
	if r.WiFi != nil {
		wifi = *r.WiFi
	}
	for _, row := range []struct {
		what, text string
		most       int
	}{
		{"name", r.Name, maxName}, {"for", r.For, maxText}, {"folder", r.Folder, maxFolder}, {"batch", r.Batch, maxText}, {"key_kept", string(r.KeyKept), maxText},
		{"SSID", wifi.SSID, maxText}, {"RADIUS domain", wifi.RadiusDomain, maxText},
		{"pushed to", pushed.To, maxFolder}, {"board ID", pushed.BoardID, maxText},
	} {
		if err := checkText(row.what, row.text, row.most); err != nil {
			return err
		}
	}
	return nil
}

// CheckFolder fails if a record cannot hold the path of a folder: a terminal could
// not print it.
func CheckFolder(dir string) error {
	return fault.With(checkText("folder", dir, maxFolder), fault.Hintf("choose another place, with a shorter path of visible characters"))
}

func checkText(what, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("%s has %d bytes; at most %d are allowed", what, len(text), most)
	case hidden(text):
		return fmt.Errorf("%s %.100q has a control or invisible character", what, text)
	}
	return nil
}

// hidden reports whether a text could change how a terminal shows it. The two
// joiners, which shape letters, are not counted.
func hidden(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != '\u200c' && r != '\u200d'
	})
}

// of checks a record against its certificate, and takes the kind from there.
func (r *Record) of(facts certFacts) error {
	if r.Kind != "" && r.Kind != facts.kind {
		return fmt.Errorf("kind %q is not the certificate's, %q", r.Kind, facts.kind)
	}
	r.Kind = facts.kind
	switch {
	case r.Kind == ca.KindRoot:
		return errors.New("certificate is a root")
	case r.Name == "":
		return errors.New("name is empty")
	case r.Days < 0 || r.Days > ca.MaxLeafDays:
		return fmt.Errorf("days %d are not between 1 and %d", r.Days, ca.MaxLeafDays)
	case !slices.Contains(facts.names, r.Name):
		return fmt.Errorf("name %q is not the certificate's: %.200q", r.Name, facts.names)
	}
	return nil
}
