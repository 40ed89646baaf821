package ca

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
)

// Scope is what a root can vouch for, as its name constraints say (RFC 5280
// section 4.2.1.10). A kind of name without a permitted entry is unlimited:
// its list is empty.
type Scope struct {
	Domains []string       // without a leading dot: "local", "home.arpa"
	Ranges  []netip.Prefix // of IP addresses
	Mail    []string       // domains and mailboxes of e-mail: "home.arpa"
	// NoAddress says that every address is excluded; Ranges is then empty.
	NoAddress bool
}

// ScopeOf returns the scope of a root.
func ScopeOf(root *x509.Certificate) Scope {
	s := Scope{NoAddress: excludesAddresses(root)}
	for _, domain := range root.PermittedDNSDomains {
		s.Domains = append(s.Domains, strings.TrimPrefix(domain, "."))
	}
	for _, r := range root.PermittedIPRanges {
		if addr, ok := netip.AddrFromSlice(r.IP); ok {
			ones, _ := r.Mask.Size()
			s.Ranges = append(s.Ranges, netip.PrefixFrom(addr, ones))
		}
	}
	s.Mail = slices.Clone(root.PermittedEmailAddresses)
	return s
}

// Endings lists how the permitted names end, for people: ".local, .lan,
// localhost". It is empty if any name is permitted.
func (s Scope) Endings() string {
	var all []string
	for _, domain := range s.Domains {
		if domain != localhost {
			domain = "." + domain
		}
		all = append(all, domain)
	}
	return strings.Join(all, ", ")
}

// HomeNames reports whether no permitted domain exists on the public internet.
func (s Scope) HomeNames() bool { return len(s.Domains) > 0 && !slices.ContainsFunc(s.Domains, public) }

// HomeMail reports whether no permitted e-mail address exists on the public
// internet.
func (s Scope) HomeMail() bool {
	return len(s.Mail) > 0 && !slices.ContainsFunc(s.Mail, func(entry string) bool {
		return public(strings.TrimPrefix(entry[strings.LastIndex(entry, "@")+1:], "."))
	})
}

// HomeAddresses reports whether every permitted address is private, link-local
// or loopback.
func (s Scope) HomeAddresses() bool {
	return s.NoAddress || len(s.Ranges) > 0 && !slices.ContainsFunc(s.Ranges, func(r netip.Prefix) bool {
		return !slices.ContainsFunc(HomeConstraints().prefixes, func(home netip.Prefix) bool {
			return home.Bits() <= r.Bits() && home.Contains(r.Addr())
		})
	})
}

// public reports whether a domain is not one of a home, nor below one.
func public(domain string) bool {
	return !slices.ContainsFunc(homeDomains, func(h string) bool { return domain == h || strings.HasSuffix(domain, "."+h) })
}
