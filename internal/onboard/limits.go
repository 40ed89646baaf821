package onboard

import (
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// limits are what the root may vouch for, from its name constraints (RFC 5280
// section 4.2.1.10). A kind that has no permitted entry is unlimited.
type limits struct {
	Names      []string // ".local"
	Ranges     []string // "203.0.113.0/24"; empty when all of them are home networks
	AnyName    bool
	AnyAddress bool
}

// Unlimited tells whether the root could vouch for a site on the internet.
func (l limits) Unlimited() bool { return l.AnyName || l.AnyAddress }

// Home tells whether the root can vouch for nothing but homes.
func (l limits) Home() bool {
	return !l.Unlimited() && len(l.Ranges) == 0 && !slices.ContainsFunc(l.Names, func(name string) bool {
		return !slices.ContainsFunc(homeNames, func(home string) bool { return strings.HasSuffix(name, home) })
	})
}

// homeNames end names that no site on the internet can have (RFC 6762, RFC
// 8375, ICANN's reservation of internal; lan is no top-level domain either).
var homeNames = []string{".local", ".home.arpa", ".internal", ".lan"}

func limitsOf(root *x509.Certificate) limits {
	l := limits{
		AnyName:    len(root.PermittedDNSDomains) == 0,
		AnyAddress: len(root.PermittedIPRanges) == 0,
	}
	for _, domain := range root.PermittedDNSDomains {
		l.Names = append(l.Names, "."+strings.TrimPrefix(domain, "."))
	}
	if slices.ContainsFunc(root.PermittedIPRanges, outsideHome) {
		for _, r := range root.PermittedIPRanges {
			l.Ranges = append(l.Ranges, r.String())
		}
	}
	return l
}

// homeRanges are the addresses of private, link-local and loopback networks
// (RFC 1918, 3927, 4193, 4291).
var homeRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

func outsideHome(r *net.IPNet) bool {
	ip, ok := netip.AddrFromSlice(r.IP)
	bits, _ := r.Mask.Size()
	return !ok || !slices.ContainsFunc(homeRanges, func(home netip.Prefix) bool {
		return home.Contains(ip) && bits >= home.Bits()
	})
}
