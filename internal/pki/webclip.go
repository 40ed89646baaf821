package pki

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
)

// WebClipError says why Input cannot become an icon on a home screen.
type WebClipError struct{ Input, Text string }

func (e *WebClipError) Error() string { return fmt.Sprintf("web clip %q %s", e.Input, e.Text) }

// Hint shows the form.
func (e *WebClipError) Hint() fault.Hint {
	return fault.Hintf("name a device, or a text and a page: Garden=https://pico.local/")
}

// ParseWebClips reads NAME, a device whose page is opened, or NAME=URL, any
// text and the page. The error joins one for each fault: only pages that the
// root can vouch for open without a warning.
func ParseWebClips(raw []string, authority *ca.Authority) ([]export.WebClip, error) {
	var clips []export.WebClip
	var faults []error
	for _, input := range raw {
		clip, err := parseWebClip(input, authority)
		same := func(other export.WebClip) bool { return other.URL == clip.URL }
		if err == nil && slices.ContainsFunc(clips, same) {
			err = &WebClipError{input, "opens the same page as another one"}
		}
		clips, faults = append(clips, clip), append(faults, err)
	}
	return clips, errors.Join(faults...)
}

func parseWebClip(input string, authority *ca.Authority) (export.WebClip, error) {
	label, page, found := strings.Cut(input, "=")
	host, u := label, &url.URL{Scheme: "https", Path: "/"}
	if found {
		var err error
		if u, err = parsePage(input, label, page); err != nil {
			return export.WebClip{}, err
		}
		host = u.Hostname()
	}
	names, err := ca.ParseNames([]string{host})
	if err != nil {
		return export.WebClip{}, err
	}
	name := names.First().String()
	if strings.HasPrefix(name, "*") {
		return export.WebClip{}, &WebClipError{input, "is a wildcard, not a page"}
	}
	if u.Host, err = hostPort(name, u.Port()); err != nil {
		return export.WebClip{}, &WebClipError{input, err.Error()}
	}
	return export.WebClip{Label: label, URL: u.String()}, authority.Permits(names)
}

// hostPort writes a checked name and port in the one way in which browsers
// compare them: punycode, and no port where it is the usual one.
func hostPort(name, port string) (string, error) {
	switch number, err := strconv.ParseUint(port, 10, 16); {
	case port == "", number == 443:
		return bracketed(name), nil
	case err != nil, number == 0:
		return "", fmt.Errorf("has the port %q, which is not between 1 and 65535", port)
	}
	return bracketed(name) + ":" + port, nil
}

func parsePage(input, label, page string) (*url.URL, error) {
	invisible := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(label) == "" || !utf8.ValidString(label) || strings.ContainsFunc(label, invisible) {
		return nil, &WebClipError{input, "has no text to show below its icon"}
	}
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, &WebClipError{input, "has no address that begins with https:// and a name"}
	}
	u.Path = cmp.Or(u.Path, "/")
	return u, nil
}

// bracketed puts an IPv6 address into the brackets of a URL (RFC 3986 section
// 3.2.2).
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
