package ca

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// nameHints say what to do about a name.
var nameHints = map[Reason]string{
	ReasonEmpty:      "name the device, such as pico.local",
	ReasonUTF8:       "write the name in UTF-8, or in punycode",
	ReasonControl:    "type the name again; an invisible character was pasted with it",
	ReasonSpace:      "use a hyphen instead, such as my-pico.local",
	ReasonZone:       "leave out the zone (%eth0): it means something only on one computer",
	ReasonPath:       "give only the name, such as pico.local, without https:// and path",
	ReasonPort:       "leave out the port",
	ReasonBrackets:   "write an IPv6 address without brackets",
	ReasonCharacter:  "use letters, digits and hyphens, such as my-pico.local",
	ReasonHyphen:     "begin and end each part with a letter or digit, and use single hyphens",
	ReasonEmptyLabel: "write one dot between two parts, such as pico.local",
	ReasonLongLabel:  "choose a shorter name",
	ReasonLongName:   "choose a shorter name",
	ReasonNumeric:    "write an address such as 192.168.1.20, or end the name in .local",
	ReasonIDNA:       "use letters that are allowed in domain names",
	ReasonWildcard:   "write a wildcard such as *.pico.local",
	ReasonBroad:      "name the devices one by one, or go a level down, such as *.pico.local",
	ReasonAddress:    "give the device's own address, such as 192.168.1.20",
}

// Hint says what to do about it.
func (e *NameError) Hint() fault.Hint {
	if name, ok := requestFile(e.Input); ok {
		return fault.Hintf("give a certificate request with --csr: %s", fault.Command{"issue", name, "--csr", e.Input})
	}
	if e.Reason == ReasonOutside {
		return e.hintOutside()
	}
	return fault.Hintf("%s", nameHints[e.Reason])
}

// requestFile reports whether a name is that of a file with a certificate
// request, and returns a name for its device.
func requestFile(input string) (name string, ok bool) {
	base := strings.ToLower(path.Base(filepath.ToSlash(input)))
	stem := strings.TrimSuffix(base, path.Ext(base))
	if !slices.Contains([]string{".csr", ".req", ".p10"}, path.Ext(base)) {
		return "", false
	}
	for _, candidate := range []string{stem, stem + ".local"} {
		if parsed, err := parseName(candidate); err == nil && HomeConstraints().Contains(parsed) {
			return parsed.String(), true
		}
	}
	return "printer.local", true
}

// hintOutside says how to stay within the root's constraints, and how to make
// a root with wider ones.
func (e *NameError) hintOutside() fault.Hint {
	host := strings.TrimPrefix(e.Input, "*.")
	if e.choose == loopback {
		return fault.Hintf("use %s; CAs created by this version also permit localhost", loopback)
	}
	choose := fault.Hintf("choose %s", e.choose)
	permit := permittable(host)
	if permit == "" {
		return choose
	}
	return fault.Hintf("%s; or make a new root that permits it, which every phone must then trust: %s", choose, fault.Command{"root", "rotate", "--permit", permit})
}

// permittable returns what to permit for a host: the shortest domain above it
// that Permit accepts, so that the next device needs no further root. It is
// "" if there is none.
func permittable(host string) string {
	if _, ok := parsePrefix(host); ok {
		return acceptable(host)
	}
	for i := len(host); i >= 0; {
		i = strings.LastIndexByte(host[:i], '.')
		if domain := acceptable(host[i+1:]); domain != "" || i < 0 {
			return domain
		}
	}
	return ""
}

func acceptable(permit string) string {
	if _, err := HomeConstraints().Permit([]string{permit}); err != nil {
		return ""
	}
	return permit
}
