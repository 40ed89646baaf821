package onboard

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "embed"

	"github.com/picoca/picoca/internal/ca"
)

//go:embed sheet.css
var sheetCSS string

// sheetPlatforms are those with a camera for the code.
var sheetPlatforms = [...]Platform{IPhone, Android, Samsung}

// Record returns what a tag for NFC holds in place of the code: an NDEF message of
// one URI record.
func (b Board) Record() []byte {
	// NFC Forum, NDEF 1.0 section 3.2: begin and end of a message, a type of the
	// NFC Forum's, of one byte; a short payload has its length in one byte.
	const beginEnd, short, wellKnown = 0xC0, 0x10, 0x01
	// NFC Forum, URI record type definition 1.0, section 3.2.2: http:// is the byte 3.
	payload := append([]byte{3}, strings.TrimPrefix(b.URL(), "http://")...)
	head := []byte{beginEnd | short | wellKnown, 1, byte(len(payload))}
	if len(payload) > 0xFF {
		head = binary.BigEndian.AppendUint32([]byte{beginEnd | wellKnown, 1}, uint32(len(payload)))
	}
	return append(append(head, 'U'), payload...)
}

// Sheet returns a page to print, on A4 or Letter: the code that leads to the
// board's page, the fingerprints, the steps and the NFC record. It refers to
// nothing outside itself.
func (b Board) Sheet(date time.Time) ([]byte, error) {
	if len(b.Roots) == 0 {
		return nil, errors.New("sheet has no root")
	}
	code, err := NewCode(b.URL())
	if err != nil {
		return nil, err
	}
	v, err := b.view()
	if err != nil {
		return nil, err
	}
	v.paper, v.device = true, IPhone
	return []byte(v.sheetHead(code) + v.sheetCompare() +
		`<div class="guides">` + each(sheetPlatforms[:], v.sheetGuide) + "</div>\n" + v.sheetFoot(b, date) + end), nil
}

func (v *view) sheetHead(code Code) safe {
	picture := "data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG())
	return `<!doctype html>
<html lang="` + escape(v.language.Tag) + `">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>` + v.plain("which.title") + `</title>
<style>` + safe(sheetCSS) + `</style>
</head>
<body` + when(len(v.further()) > 0, ` class="several"`) + `>
<header><img src="` + escape(picture) + `" alt="` + escape(v.pageURL()) + `"><div><h1>` + v.say("which.title") + "</h1>\n" +
		paragraph(v.say("sheet.lead")) + paragraph(v.say("sheet.scan")) +
		`<p class="url">` + escape(v.pageURL()) + "</p>" + paragraph(v.say("sheet.page")) + "</div></header>\n<main>\n"
}

func (v *view) pageURL() string { return Board{Name: v.board}.URL() }

func (v *view) sheetCompare() safe {
	return `<section class="compare"><h2>` + v.say("sheet.compare") + "</h2>\n" + each(v.roots(), func(r root) safe {
		print := `<p><code class="print"><span>` + escape(r.half(0)) + "</span><span>" + escape(r.half(1)) + "</span></code></p>\n"
		return when(len(v.further()) > 0, "<p><strong>"+escape(r.name())+"</strong></p>") + print
	}) + v.several() + paragraph(v.say("sheet.why")) + each(v.roots(), v.warning) + "</section>\n"
}

// half returns a half of a root's fingerprint, which is as wide as a sheet.
func (r root) half(i int) string {
	const size = 16 * len("AB:")
	whole := ca.Fingerprint(r.cert)
	return whole[i*size : min((i+1)*size, len(whole))]
}

// sheetGuide has the steps of a guide that need no page.
func (v view) sheetGuide(p Platform) safe {
	v.device = p
	title := escape(string(p))
	if p == IPhone {
		title = v.say("sheet.iphone")
	}
	return "<section><h2>" + title + "</h2>\n<ol>" + each(v.guide().Steps, v.sheetStep) + "</ol></section>\n"
}

func (v *view) sheetStep(s step) safe {
	again := func(r root) safe { return when(s.Each != "", " "+v.sayFor(r, s.Each)) }
	text := v.text(s.Do)
	switch s.Slot {
	case "show":
		return "" // the page's fingerprint
	case "download":
		text = v.sayWith("sheet.choose", "{platform}", v.device.title()) + " " + text
	case "check":
		text = v.say("sheet.open")
	}
	return "<li>" + text + each(v.further(), again) + when(s.Note != "", note(v.text(s.Note))) + "</li>\n"
}

func (v *view) sheetFoot(b Board, date time.Time) safe {
	dates := strings.NewReplacer("{date}", day(date), "{until}", day(v.signing().cert.NotAfter), "{ca}", v.signing().name())
	return "</main>\n<footer><p><strong>" + v.say("sheet.nfc") + "</strong>: " + v.say("sheet.nfc.how") + " <code>" +
		escape(fmt.Sprintf("% X", b.Record())) + "</code></p>" +
		paragraph(markup(v.language.say("sheet.made"), dates)+" "+v.say("dated")) + "</footer>\n"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
