package example

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
)

// Messages is what a board needs to send messages to the devices that subscribed
// on its page (Web Push, RFC 8030).
type Messages struct {
	// Private is the 32-byte scalar of the board's VAPID key (RFC 8292), Public the
	// 65 bytes of its uncompressed point. Browsers bind each subscription to it.
	Private, Public []byte
	Contact         Contact
}

// Contact is how the makers of a push service reach the board's owner: a mailto:
// or https: URL (RFC 8292 section 2.1).
type Contact struct{ url string }

func (c Contact) String() string { return c.url }

// ContactError says that Input is no contact that push services accept.
type ContactError struct{ Input, Fault string }

func (e *ContactError) Error() string { return fmt.Sprintf("contact %q %s", e.Input, e.Fault) }

// Hint gives an example.
func (*ContactError) Hint() fault.Hint {
	return fault.Hintf("give an e-mail address of yours: --contact you@example.com")
}

// ExitCode is that of a wrong command line.
func (*ContactError) ExitCode() int { return fault.Usage }

// ParseContact reads an e-mail address, with or without mailto:, or an https URL.
// It fails with a ContactError. Apple refuses a token whose contact is at a host of
// the home: it answers 403 BadJwtToken.
func ParseContact(input string) (Contact, error) {
	if strings.ContainsFunc(input, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\`, r) }) {
		return Contact{}, &ContactError{input, "has characters that push services do not take"}
	}
	if len(input) > 254 { // RFC 5321 section 4.5.3.1.3
		return Contact{}, &ContactError{input, "is longer than 254 characters"}
	}
	if strings.HasPrefix(input, "https://") {
		page, err := url.Parse(input)
		if err != nil || page.Host == "" {
			return Contact{}, &ContactError{input, "is not a URL"}
		}
		return contactAt(input, input, page.Hostname())
	}
	address := strings.TrimPrefix(input, "mailto:")
	local, host, _ := strings.Cut(address, "@")
	if local == "" || host == "" || strings.ContainsAny(host, "@:/?") {
		return Contact{}, &ContactError{input, "is not an e-mail address"}
	}
	return contactAt(input, "mailto:"+address, host)
}

func contactAt(input, contact, host string) (Contact, error) {
	labels := strings.Split(strings.ToLower(host), ".")
	home := slices.Contains([]string{"local", "localhost", "lan", "internal", "home", "arpa"}, labels[len(labels)-1])
	if len(labels) < 2 || slices.Contains(labels, "") || home {
		return Contact{}, &ContactError{input, "is not reachable from the internet"}
	}
	return Contact{contact}, nil
}

// ErrNoMessages says that a firmware's project sends no messages.
var ErrNoMessages = fault.WithCode(fault.New("the example for this firmware sends no messages",
	fault.Hintf("choose MicroPython, such as --for pico-w/micropython")), fault.Usage)

// messagesPage is the page of a board that sends messages; its service worker
// shows them.
var messagesPage = []template{
	{source: "push/index.html"},
	{source: "page/app.webmanifest"},
	{source: "page/icon.png"},
	{source: "page/sw.js", and: "push/messages.js"},
}

// messagesProgram is added to a firmware's program: the roots are those of the
// push services in webpush.py.
var messagesProgram = []template{
	{source: "micropython/webpush.py"},
	{source: "micropython/messages.py"},
	{source: "push/gts-root-r1.der"},
	{source: "push/gts-root-r4.der"},
	{source: "push/isrg-root-x1.der"},
	{source: "push/usertrust-rsa.der"},
	{source: "push/digicert-global-root-g2.der"},
	{source: "push/microsoft-rsa-2017.der"},
	{source: "push/microsoft-ecc-2017.der"},
}

// page returns the templates of the web app.
func (p Project) page() []template {
	if p.Messages != nil {
		return messagesPage
	}
	return page
}

// messages are the files that a board needs only for messages.
func (p Project) messages(with filling) ([]export.File, error) {
	if p.Messages == nil {
		return nil, nil
	}
	files, err := fillAll(messagesProgram, with)
	return append(files, export.File{Name: "vapid.key", Data: p.Messages.Private, Private: true}), err
}

// fill adds what the templates of messages need.
func (m *Messages) fill(with filling) {
	with.marks["push"], with.marks["nopush"] = m != nil, m == nil
	with.marks["room"] = m != nil
	with.marks["untimed"] = m == nil && !with.marks["mutual"]
	if m != nil {
		with.values["CONTACT"] = m.Contact.url
		with.values["VAPID"] = base64.RawURLEncoding.EncodeToString(m.Public)
	}
}
