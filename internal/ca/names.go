package ca

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Limits of a name on the wire: RFC 1035 section 2.3.4 counts the length bytes
// of the labels, which leaves 253 bytes of text.
const (
	maxName  = 253
	maxLabel = 63
)

// maxInput bounds the work of a name's mapping, which grows with the square of
// its length. No spelling of 253 bytes in punycode is that long.
const maxInput = 10 * maxName

// Reason is the kind of fault that a name has.
type Reason string

// The faults of a name. Each has one remedy: see Hint.
const (
	ReasonEmpty      Reason = "empty"
	ReasonUTF8       Reason = "utf-8"
	ReasonControl    Reason = "control"
	ReasonSpace      Reason = "space"
	ReasonZone       Reason = "zone"
	ReasonPath       Reason = "path"
	ReasonPort       Reason = "port"
	ReasonBrackets   Reason = "brackets"
	ReasonCharacter  Reason = "character"
	ReasonHyphen     Reason = "hyphen"
	ReasonEmptyLabel Reason = "empty-label"
	ReasonLongLabel  Reason = "long-label"
	ReasonLongName   Reason = "long-name"
	ReasonNumeric    Reason = "numeric"
	ReasonIDNA       Reason = "idna"
	ReasonWildcard   Reason = "wildcard"
	ReasonBroad      Reason = "broad-wildcard"
	ReasonAddress    Reason = "address"
	ReasonOutside    Reason = "outside"
)

// NameError says why a name cannot stand in a certificate.
type NameError struct {
	Input  string
	Reason Reason
	Text   string
	choose string // what the root may vouch for, if the name is outside
}

func (e *NameError) Error() string { return fmt.Sprintf("name %q %s", e.Input, e.Text) }

// Name is one name or address of a certificate: a dNSName in ASCII (RFC 5280
// section 4.2.1.6) or an iPAddress.
type Name struct {
	dns  string
	addr netip.Addr
}

// String returns the name as it is in the certificate: lower case ASCII,
// punycode for international names, an address in its canonical form.
func (n Name) String() string {
	if n.addr.IsValid() {
		return n.addr.String()
	}
	return n.dns
}

// IsHost reports whether the name is that of one host: no address, no wildcard.
func (n Name) IsHost() bool {
	_, wildcard := cutWildcard(n.dns)
	return n.dns != "" && !wildcard
}

// Display returns the name for people: an international name both ways, as
// "büro.local (xn--bro-hoa.local)".
func (n Name) Display() string {
	host, wildcard := cutWildcard(n.dns)
	people, err := idna.Display.ToUnicode(host)
	if err != nil || people == host {
		return n.String()
	}
	if wildcard {
		people = "*." + people
	}
	return people + " (" + n.dns + ")"
}

// Names are the names of one certificate: parsed, without duplicates, the
// device's own name first. Its zero value has no names.
type Names struct{ list []Name }

// ParseNames reads names and addresses as people write them. Upper case, a
// final dot and international spellings are accepted and put in canonical
// form. The error joins a *NameError for each name that has a fault; the names
// without one are returned all the same, so that more can be said of them.
func ParseNames(raw []string) (Names, error) {
	var names Names
	var faults []error
	for _, input := range raw {
		name, err := parseName(input)
		if err != nil {
			faults = append(faults, err)
		} else if !slices.Contains(names.list, name) {
			names.list = append(names.list, name)
		}
	}
	return names, errors.Join(faults...)
}

// First returns the device's own name, the zero Name when there are none.
func (n Names) First() Name {
	if len(n.list) == 0 {
		return Name{}
	}
	return n.list[0]
}

// Strings returns the names as they stand in the certificate.
func (n Names) Strings() []string {
	all := make([]string, len(n.list))
	for i, name := range n.list {
		all[i] = name.String()
	}
	return all
}

func parseName(input string) (Name, error) {
	fault := func(reason Reason, format string, args ...any) error {
		return &NameError{Input: input, Reason: reason, Text: fmt.Sprintf(format, args...)}
	}
	if err := checkText(input, fault); err != nil {
		return Name{}, err
	}
	if addr, err := netip.ParseAddr(input); err == nil {
		return parseAddress(addr, fault)
	}
	if host, port, ok := strings.Cut(input, ":"); ok {
		if host != "" && strings.Trim(port, "0123456789") == "" {
			return Name{}, fault(ReasonPort, "has a port; a certificate is valid for every port")
		}
		return Name{}, fault(ReasonCharacter, "has %q, and is not an IPv6 address", ":")
	}
	return parseDNS(input, fault)
}

type faultFunc func(reason Reason, format string, args ...any) error

// checkText refuses what can be in neither a DNS name nor an address, whatever
// the rest says.
func checkText(input string, fault faultFunc) error {
	control := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || blank(r) }
	switch {
	case input == "":
		return fault(ReasonEmpty, "is empty")
	case len(input) > maxInput:
		return fault(ReasonLongName, "has %d bytes; at most %d are allowed", len(input), maxName)
	case !utf8.ValidString(input):
		return fault(ReasonUTF8, "is not valid UTF-8")
	case strings.ContainsFunc(input, control):
		return fault(ReasonControl, "has a control or invisible character")
	case strings.ContainsFunc(input, unicode.IsSpace):
		return fault(ReasonSpace, "has a space")
	case strings.ContainsAny(input, `/\`):
		return fault(ReasonPath, "has a slash: it is a path or a URL")
	case strings.Contains(input, "%"):
		return fault(ReasonZone, "has a zone or a percent sign")
	case strings.ContainsAny(input, "[]"):
		return fault(ReasonBrackets, "has brackets")
	}
	return nil
}

func parseAddress(addr netip.Addr, fault faultFunc) (Name, error) {
	addr = addr.Unmap()
	switch {
	case addr.IsUnspecified(), addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return Name{}, fault(ReasonAddress, "is not the address of one device")
	}
	return Name{addr: addr}, nil
}

// lookup maps and checks an international name as a browser does before it
// looks the name up (UTS 46, non-transitional; RFC 5891 section 5).
func lookup(host string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true))
	ascii, err := profile.ToASCII(host)
	if err != nil {
		return "", err
	}
	// The rules hold for the letters that others were mapped to as well.
	return profile.ToASCII(ascii)
}

func parseDNS(input string, fault faultFunc) (Name, error) {
	// Only ASCII: the mapping below knows the lower case of all other letters.
	host := strings.Map(lowerASCII, strings.TrimSuffix(input, "."))
	host, wildcard := cutWildcard(host)
	if strings.Contains(host, "*") {
		return Name{}, fault(ReasonWildcard, "has a wildcard in the wrong place: only *.NAME is possible")
	}
	if err := checkLabels(host, fault); err != nil {
		return Name{}, err
	}
	ascii, err := lookup(host)
	if err != nil {
		return Name{}, fault(ReasonIDNA, "is not a valid international name (IDNA)")
	}
	if err := checkLabels(ascii, fault); err != nil {
		return Name{}, err
	}
	if wildcard {
		// Chromium, Firefox, WebKit, curl, GnuTLS and Apple refuse these.
		if isSuffix, _ := publicSuffix(ascii); isSuffix {
			return Name{}, fault(ReasonBroad, "is a wildcard directly under %q; browsers refuse it", ascii)
		}
		ascii = "*." + ascii
	}
	if len(ascii) > maxName {
		return Name{}, fault(ReasonLongName, "has %d bytes; at most %d are allowed", len(ascii), maxName)
	}
	return Name{dns: ascii}, nil
}

// checkLabels checks each label against the preferred name syntax of RFC 1034
// section 3.5, as RFC 5280 section 4.2.1.6 demands. Characters outside ASCII
// pass: they are judged after their mapping to ASCII.
func checkLabels(host string, fault faultFunc) error {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if err := checkLabel(label, fault); err != nil {
			return err
		}
	}
	// A last label that is a number makes clients read the name as an IPv4
	// address (WHATWG URL, "ends in a number").
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
		return fault(ReasonNumeric, "ends in a number, and is not an IP address")
	}
	return nil
}

func checkLabel(label string, fault faultFunc) error {
	odd := func(r rune) bool {
		return r < utf8.RuneSelf && r != '-' && !('a' <= r && r <= 'z') && !('0' <= r && r <= '9')
	}
	if i := strings.IndexFunc(label, odd); i >= 0 {
		return fault(ReasonCharacter, "has %q; only letters, digits, hyphens and dots are allowed", label[i:i+1])
	}
	switch {
	case label == "":
		return fault(ReasonEmptyLabel, "has an empty label: two dots in a row, or one at the start")
	case strings.HasPrefix(label, "-"), strings.HasSuffix(label, "-"):
		return fault(ReasonHyphen, "has a label that starts or ends with a hyphen")
	case len(label) >= 4 && label[2:4] == "--" && !strings.HasPrefix(label, "xn--"):
		// RFC 5891 section 4.2.3.1.
		return fault(ReasonHyphen, "has a label with hyphens as its third and fourth characters, which only punycode (xn--) has")
	case isASCII(label) && len(label) > maxLabel:
		return fault(ReasonLongLabel, "has a label of %d bytes; at most %d are allowed", len(label), maxLabel)
	}
	return nil
}

// publicSuffix reports whether domain is one under which strangers register
// names, and whether the list of such suffixes says so: a single label that it
// doesn't know counts as one. The list's wildcards (*.ck) make suffixes of all
// names below ck, so a name below domain is what is looked up.
func publicSuffix(domain string) (isSuffix, listed bool) {
	suffix, icann := publicsuffix.PublicSuffix("x." + domain)
	return len(suffix) >= len(domain), icann || strings.Contains(suffix, ".")
}

func cutWildcard(dns string) (string, bool) { return strings.CutPrefix(dns, "*.") }

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// All returns the names, the device's own first.
func (n Names) All() []Name { return slices.Clone(n.list) }
