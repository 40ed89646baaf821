package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// endedError says that a certificate that should be used is not valid any more.
type endedError struct {
	subject subject
	until   time.Time
}

func (e endedError) Error() string {
	return fmt.Sprintf("certificate of %q expired on %s", e.subject.display, day(e.until))
}

func (a *app) profileSigner(s *store.Store, input string) (*export.Signer, error) {
	by, err := find(s, input)
	if err != nil {
		return nil, err
	}
	if by.kind == theCA {
		return nil, wrongSignerError{}
	}
	leaf, err := s.Certificate(by.issued)
	if err != nil {
		return nil, err
	}
	if a.Now().After(leaf.NotAfter) {
		return nil, endedError{by, leaf.NotAfter}
	}
	key, err := s.Key(by.issued)
	return &export.Signer{Leaf: leaf, Key: key}, err
}

// wrongSignerError says that the root was to sign something else than
// certificates.
type wrongSignerError struct{}

func (wrongSignerError) Error() string { return "the ca signs certificates alone" }

// webClipError says why Input cannot become an icon on a home screen.
type webClipError struct{ input, text string }

func (e webClipError) Error() string { return fmt.Sprintf("web clip %q %s", e.input, e.text) }

// parseWebClips reads NAME, a device whose page is opened, or NAME=URL, any
// text and the page. The error joins one for each fault: only pages that the
// root may vouch for can be opened without a warning.
func parseWebClips(raw []string, authority *ca.Authority) ([]export.WebClip, error) {
	var clips []export.WebClip
	var faults []error
	for _, input := range raw {
		clip, err := parseWebClip(input, authority)
		same := func(other export.WebClip) bool { return other.URL == clip.URL }
		if err == nil && slices.ContainsFunc(clips, same) {
			err = webClipError{input, "opens a page that another one opens"}
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
		return export.WebClip{}, webClipError{input, "is a wildcard, and no page"}
	}
	if u.Host, err = hostPort(name, u.Port()); err != nil {
		return export.WebClip{}, webClipError{input, err.Error()}
	}
	return export.WebClip{Label: label, URL: u.String()}, authority.Permits(names)
}

// hostPort writes a checked name and port in the one way in which browsers
// compare them: punycode, no port where it is the usual one.
func hostPort(name, port string) (string, error) {
	switch number, err := strconv.ParseUint(port, 10, 16); {
	case port == "", number == 443:
		return bracketed(name), nil
	case err != nil, number == 0:
		return "", fmt.Errorf("has the port %q: want 1 to 65535", port)
	}
	return bracketed(name) + ":" + port, nil
}

func parsePage(input, label, page string) (*url.URL, error) {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(label) == "" || !utf8.ValidString(label) || strings.ContainsFunc(label, odd) {
		return nil, webClipError{input, "has no text to stand under its icon"}
	}
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, webClipError{input, "has no address that begins with https:// and a name"}
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
