package ca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Constraints are the names that a root may vouch for: the permitted subtrees
// of its nameConstraints (RFC 5280 section 4.2.1.10). Even a stolen
// root key cannot impersonate a bank to a client that enforces them.
type Constraints struct {
	domains  []string
	prefixes []netip.Prefix
	// noAddress excludes every address: without prefixes all would be permitted.
	noAddress bool
}

// homeDomains are the domains that have no owner on the public internet: RFC
// 6762, RFC 8375, ICANN's reservation of .internal, the .lan of routers, and
// RFC 6761's localhost.
var homeDomains = []string{"local", "home.arpa", "internal", "lan", localhost}

const localhost = "localhost"

// homePrefixes are private and link-local addresses (RFC 1918, 3927, 4193,
// 4291). Both families must appear: one that is not listed is unlimited.
var homePrefixes = []string{
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
	"fc00::/7", "fe80::/10", "::1/128",
}

// HomeConstraints permits the names and addresses of a home network, and
// nothing that a stranger could own.
func HomeConstraints() Constraints {
	c := Constraints{domains: slices.Clone(homeDomains)}
	for _, p := range homePrefixes {
		c.prefixes = append(c.prefixes, netip.MustParsePrefix(p))
	}
	return c
}

// OnlyConstraints permits nothing but each of raw, as Permit reads it, and no
// address unless one is among them. The error joins those of Permit, and is
// ErrNoDomain if there is no domain: every name would then be permitted.
func OnlyConstraints(raw []string) (Constraints, error) {
	c, err := Constraints{noAddress: true}.Permit(raw)
	if err == nil && len(c.domains) == 0 {
		return Constraints{}, ErrNoDomain
	}
	return c, err
}

// ErrNoDomain is for constraints that would limit addresses only.
var ErrNoDomain = fault.New("a root that is limited to addresses could vouch for every name", fault.Hintf("name a domain too, such as .local"))

// Home reports whether c permits every domain and every address of a home network.
// Roots of earlier versions lack localhost.
func (c Constraints) Home() bool {
	home := HomeConstraints()
	anyAddress := len(c.prefixes) == 0 && !c.noAddress
	return containsAll(c.domains, slices.DeleteFunc(home.domains, func(d string) bool { return d == localhost })) &&
		(anyAddress || containsAll(c.prefixes, home.prefixes))
}

func containsAll[T comparable](all, some []T) bool {
	return !slices.ContainsFunc(some, func(one T) bool { return !slices.Contains(all, one) })
}

// OrNoAddress returns c, but with no address permitted if c limits none.
func (c Constraints) OrNoAddress() Constraints {
	c.noAddress = len(c.prefixes) == 0
	return c
}

// NoAddress reports whether c permits no address at all.
func (c Constraints) NoAddress() bool { return c.noAddress }

// PermitError says why a DNS name or CIDR cannot be added to the constraints.
type PermitError struct{ Input, Text string }

func (e *PermitError) Error() string { return fmt.Sprintf("permit %q %s", e.Input, e.Text) }

// Hint says what to do about it.
func (e *PermitError) Hint() fault.Hint {
	return fault.Hintf("permit a domain of your own, or a smaller address range")
}

// Permit returns c widened by each of raw: a domain, which permits itself and
// every name below it, or an address or CIDR. The error joins a *PermitError
// or *NameError for each one refused; whole public suffixes and address
// ranges are, since they would undo the protection.
func (c Constraints) Permit(raw []string) (Constraints, error) {
	wider := c.clone()
	var faults []error
	for _, input := range raw {
		if err := wider.add(input); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return Constraints{}, errors.Join(faults...)
	}
	return wider, nil
}

func (c Constraints) clone() Constraints {
	return Constraints{slices.Clone(c.domains), slices.Clone(c.prefixes), c.noAddress}
}

// And returns c widened by all that other permits.
func (c Constraints) And(other Constraints) Constraints {
	wider := c.clone()
	wider.noAddress = c.noAddress && other.noAddress
	for _, domain := range other.domains {
		if !slices.Contains(wider.domains, domain) {
			wider.domains = append(wider.domains, domain)
		}
	}
	for _, prefix := range other.prefixes {
		if !slices.Contains(wider.prefixes, prefix) {
			wider.prefixes = append(wider.prefixes, prefix)
		}
	}
	return wider
}

func (c *Constraints) add(input string) error {
	if prefix, ok := parsePrefix(input); ok {
		return c.addPrefix(input, prefix)
	}
	if strings.Contains(input, "/") {
		return &PermitError{input, "is no range of addresses, such as 100.64.0.0/10"}
	}
	name, err := parseName(strings.TrimPrefix(input, "."))
	if err != nil {
		err.(*NameError).Input = input
		return err
	}
	if name.addr.IsValid() {
		return &PermitError{input, "is an address with a dot before it; only domains may have one"}
	}
	if strings.HasPrefix(name.dns, "*.") {
		return &PermitError{input, "is a wildcard; a permitted domain covers all names below it anyway"}
	}
	if slices.Contains(c.domains, name.dns) {
		return nil
	}
	// Single labels that the list doesn't know (localhost, home) are local ones.
	if isSuffix, listed := publicSuffix(name.dns); isSuffix && listed && !slices.Contains(homeDomains, name.dns) {
		return &PermitError{input, "is a public suffix: the root could then vouch for strangers' names"}
	}
	c.domains = append(c.domains, name.dns)
	return nil
}

func parsePrefix(input string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(input); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(input)
	return prefix, err == nil
}

// Shortest prefixes that can still be one owner's network.
const minBits4, minBits6 = 8, 16

func (c *Constraints) addPrefix(input string, prefix netip.Prefix) error {
	shortest := minBits6
	if prefix.Addr().Is4() {
		shortest = minBits4
	}
	switch {
	case prefix != prefix.Masked():
		return &PermitError{input, fmt.Sprintf("has bits set after its prefix; the network is %s", prefix.Masked())}
	case prefix.Addr().Is4In6():
		return &PermitError{input, "is an IPv4 range written as IPv6"}
	case prefix.Bits() < shortest && !isHome(prefix):
		return &PermitError{input, fmt.Sprintf("has a prefix of %d bits; at least %d are needed", prefix.Bits(), shortest)}
	}
	if !slices.Contains(c.prefixes, prefix) {
		c.prefixes = append(c.prefixes, prefix)
	}
	c.noAddress = false
	return nil
}

// isHome reports whether a range is one that the home's constraints permit, or a part.
func isHome(prefix netip.Prefix) bool {
	return slices.ContainsFunc(HomeConstraints().prefixes, func(home netip.Prefix) bool {
		return home.Bits() <= prefix.Bits() && home.Contains(prefix.Addr())
	})
}

// ExampleName returns a device's name that a root permits: pico.local, unless that is
// outside its constraints.
func ExampleName(root *x509.Certificate) string {
	domains := root.PermittedDNSDomains
	if len(domains) == 0 || slices.Contains(domains, "local") {
		return "pico.local"
	}
	return "pico." + strings.TrimPrefix(domains[0], ".")
}

// Domains returns the permitted domains, without a leading dot.
func (c Constraints) Domains() []string { return slices.Clone(c.domains) }

// Prefixes returns the permitted address ranges.
func (c Constraints) Prefixes() []netip.Prefix { return slices.Clone(c.prefixes) }

// ConstraintsOf reads the permitted subtrees of a root certificate. A
// certificate without any permits every name.
func ConstraintsOf(root *x509.Certificate) Constraints {
	c := Constraints{domains: root.PermittedDNSDomains, noAddress: excludesAddresses(root)}
	for _, r := range root.PermittedIPRanges {
		if addr, ok := netip.AddrFromSlice(r.IP); ok {
			ones, _ := r.Mask.Size()
			c.prefixes = append(c.prefixes, netip.PrefixFrom(addr.Unmap(), ones))
		}
	}
	return c
}

// excludesAddresses reports whether a root excludes both families of addresses.
func excludesAddresses(root *x509.Certificate) bool {
	excludes := func(all *net.IPNet) bool {
		return slices.ContainsFunc(root.ExcludedIPRanges, func(r *net.IPNet) bool { return r.String() == all.String() })
	}
	return !slices.ContainsFunc(everyAddress(), func(all *net.IPNet) bool { return !excludes(all) })
}

// everyAddress is what a root excludes that may vouch for no address, as the CA/B
// Forum's Baseline Requirements have it (7.1.2.5.2).
func everyAddress() []*net.IPNet {
	return []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}}
}

// Contains reports whether the constraints permit name. As RFC 5280 section
// 4.2.1.10 says, a kind of name that is not listed is not limited.
func (c Constraints) Contains(name Name) bool {
	if name.addr.IsValid() {
		holds := func(p netip.Prefix) bool { return p.Contains(name.addr) }
		return !c.noAddress && (len(c.prefixes) == 0 || slices.ContainsFunc(c.prefixes, holds))
	}
	host := strings.TrimPrefix(name.dns, "*.")
	holds := func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) }
	return len(c.domains) == 0 || slices.ContainsFunc(c.domains, holds)
}

// Outside joins a *NameError for each name that a root with these constraints may
// not vouch for.
func (c Constraints) Outside(names Names) error {
	var outside []error
	for _, name := range names.list {
		if !c.Contains(name) {
			outside = append(outside, &NameError{name.String(), ReasonOutside, "is outside what this root may vouch for: " + c.like(name), c.choice(name)})
		}
	}
	return errors.Join(outside...)
}

// like lists what is permitted of name's kind, for people.
func (c Constraints) like(name Name) string {
	if name.addr.IsValid() {
		return Constraints{prefixes: c.prefixes, noAddress: c.noAddress}.String()
	}
	return Constraints{domains: c.domains}.String()
}

// loopback is localhost's address.
const loopback = "127.0.0.1"

// choice is what to choose instead of a name outside c, for people.
func (c Constraints) choice(instead Name) string {
	switch {
	case instead.dns == localhost && c.Contains(Name{addr: netip.MustParseAddr(loopback)}):
		return loopback
	case len(c.domains) == 0:
		return "an address of " + Constraints{prefixes: c.prefixes}.String()
	case instead.dns != "" && !strings.Contains(instead.dns, "."):
		return "a name with a domain, such as " + instead.dns + "." + c.domains[0]
	}
	under := "a name under ." + c.domains[0]
	switch {
	case c.noAddress:
		return under
	case len(c.prefixes) == 0:
		return under + ", or an address"
	case c.Home():
		return under + ", or an address of your home network"
	}
	return under + ", or an address of " + Constraints{prefixes: c.prefixes}.String()
}

// String lists what is permitted, for people: ".local localhost 10.0.0.0/8".
func (c Constraints) String() string {
	all := c.Permitted()
	if c.noAddress {
		all = append(all, "no address")
	}
	return strings.Join(all, " ")
}

// Permitted lists the permitted domains and ranges, each for people: ".local",
// "localhost", "10.0.0.0/8".
func (c Constraints) Permitted() []string {
	all := []string{}
	for _, d := range c.domains {
		all = append(all, dotted(d))
	}
	for _, p := range c.prefixes {
		all = append(all, p.String())
	}
	return all
}

// dotted writes a permitted domain for people; localhost has no names below it.
func dotted(domain string) string {
	if domain == localhost {
		return domain
	}
	return "." + domain
}

// Short is String for a sentence, with the usual addresses in short: ".local,
// localhost and private addresses".
func (c Constraints) Short() string {
	home, addresses := HomeConstraints(), "private addresses"
	switch {
	case c.noAddress:
		addresses = "no address"
	case len(c.prefixes) == 0:
		addresses = "any address"
	case !containsAll(c.prefixes, home.prefixes):
		addresses, home = "", Constraints{}
	}
	parts := Constraints{domains: c.domains}.Permitted()
	if addresses != "" {
		parts = append(parts, addresses)
	}
	for _, prefix := range c.prefixes {
		if !slices.Contains(home.prefixes, prefix) {
			parts = append(parts, prefix.String())
		}
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func (c Constraints) ranges() []*net.IPNet {
	var all []*net.IPNet
	for _, p := range c.prefixes {
		all = append(all, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
	return all
}
