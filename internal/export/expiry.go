package export

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Expiry is something that ends: the newest certificate of a name, a root, or
// its revocation list.
type Expiry struct {
	Kind string // "device", "identity", "ca" or "crl"
	Name string
	// CA is the same for all that one CA issued, and never changes.
	CA  string
	End time.Time
	// Due is when something should be done about it, and Do what.
	Due time.Time
	Do  string
	// Sequence grows with each new certificate of the name.
	Sequence int
}

// title says what ends.
func (e Expiry) title() string {
	switch e.Kind {
	case "ca":
		return e.Name + " ends"
	case "crl":
		return "Revocation list of " + e.Name + " ends"
	}
	return "Certificate of " + e.Name + " ends"
}

// uid is the same for every certificate of a name, so that a calendar moves the
// event instead of adding another (RFC 5545 section 3.8.4.7).
func (e Expiry) uid() string {
	sum := sha256.Sum256([]byte(e.CA + "\x00" + e.Kind + "\x00" + e.Name))
	return fmt.Sprintf("%x@picoca", sum[:16])
}

// Calendar returns the expiries as an iCalendar file: a day each, with one
// reminder when it is due.
func Calendar(all []Expiry, now time.Time) []byte {
	var c calendar
	c.line("BEGIN:VCALENDAR")
	c.line("VERSION:2.0")
	c.line("PRODID:-//picoca//expiry//EN")
	c.line("CALSCALE:GREGORIAN")
	for _, e := range all {
		c.event(e, now)
	}
	c.line("END:VCALENDAR")
	return c.Bytes()
}

type calendar struct{ bytes.Buffer }

func (c *calendar) event(e Expiry, now time.Time) {
	c.line("BEGIN:VEVENT")
	c.line("UID:" + e.uid())
	c.line("DTSTAMP:" + now.UTC().Format("20060102T150405Z"))
	c.line("SEQUENCE:" + strconv.Itoa(e.Sequence))
	c.line("DTSTART;VALUE=DATE:" + e.End.UTC().Format("20060102"))
	c.line("SUMMARY:" + calendarText(e.title()))
	c.line("DESCRIPTION:" + calendarText(e.Do))
	c.line("TRANSP:TRANSPARENT") // the day is not busy
	c.line("BEGIN:VALARM")
	c.line("ACTION:DISPLAY")
	c.line("DESCRIPTION:" + calendarText(e.title()))
	c.line("TRIGGER:" + calendarSpan(e.End.Sub(e.Due)))
	c.line("END:VALARM")
	c.line("END:VEVENT")
}

// maxLine is the most bytes of a line without its end (RFC 5545 section 3.1).
const maxLine = 75

// line writes a line, folded between characters: each further one begins with a
// space.
func (c *calendar) line(text string) {
	for len(text) > maxLine {
		cut := maxLine
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		c.WriteString(text[:cut] + "\r\n")
		text = " " + text[cut:]
	}
	c.WriteString(text + "\r\n")
}

// calendarText escapes a text (RFC 5545 section 3.3.11).
func calendarText(text string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`).Replace(text)
}

// calendarSpan writes a time before an event, in days if there is one.
func calendarSpan(before time.Duration) string {
	if days := int(before / (24 * time.Hour)); days > 0 {
		return fmt.Sprintf("-P%dD", days)
	}
	return fmt.Sprintf("-PT%dH", max(0, int(before/time.Hour)))
}

// Metrics returns the expiries in Prometheus' text format, for the textfile
// collector of its node exporter.
func Metrics(all []Expiry) []byte {
	var out bytes.Buffer
	for _, metric := range []struct {
		name, help string
		value      func(Expiry) time.Time
	}{
		{"picoca_certificate_not_after_seconds", "End of the newest certificate of a name, of a root, or of a revocation list, in Unix time.", func(e Expiry) time.Time { return e.End }},
		{"picoca_certificate_due_seconds", "When it is due for renewal, in Unix time.", func(e Expiry) time.Time { return e.Due }},
	} {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %[1]s gauge\n", metric.name, metric.help)
		for _, e := range all {
			fmt.Fprintf(&out, "%s{name=\"%s\",kind=\"%s\"} %d\n", metric.name, metricText(e.Name), metricText(e.Kind), metric.value(e).Unix())
		}
	}
	return out.Bytes()
}

// metricText escapes a label's value.
func metricText(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
}
