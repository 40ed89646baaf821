package pki

import (
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
)

// tailscaleSuffix ends the domains of Tailscale networks, whose addresses are
// those of RFC 6598 (tailscale.com/kb/1015/100.x-addresses).
const (
	tailscaleSuffix = ".ts.net"
	tailscaleRange  = "100.64.0.0/10"
)

// SearchDomain returns the first search domain of a resolv.conf that the
// constraints do not permit yet, and the constraints with it. Domains that no
// CA should vouch for are passed over.
func SearchDomain(text string, c ca.Constraints) (string, ca.Constraints, bool) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "search" && fields[0] != "domain" {
			continue
		}
		for _, domain := range fields[1:] {
			domain = strings.ToLower(strings.TrimSuffix(domain, "."))
			permit := []string{domain}
			if strings.HasSuffix(domain, tailscaleSuffix) {
				permit = append(permit, tailscaleRange)
			}
			wider, err := c.Permit(permit)
			// An address would only add a range.
			if err == nil && !permits(c, domain) && permits(wider, domain) {
				return domain, wider, true
			}
		}
	}
	return "", c, false
}

// permits reports whether the constraints already cover a domain.
func permits(c ca.Constraints, domain string) bool {
	return slices.ContainsFunc(c.Domains(), func(own string) bool {
		return domain == own || strings.HasSuffix(domain, "."+own)
	})
}
