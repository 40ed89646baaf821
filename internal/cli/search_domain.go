package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

// resolvConf is where the system keeps the network's search domain
// (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// tailscaleSuffix ends the domains of Tailscale networks, whose addresses are
// those of RFC 6598 (tailscale.com/kb/1015/100.x-addresses).
const (
	tailscaleSuffix = ".ts.net"
	tailscaleRange  = "100.64.0.0/10"
)

// offerSearchDomain asks whether the CA may also vouch for the domain that the
// router hands out, such as fritz.box: it cannot be added to a root later.
// Without a terminal it only prints a note.
func (a *app) offerSearchDomain(ctx context.Context, req *pki.InitRequest) error {
	data, err := os.ReadFile(a.resolvConf())
	if err != nil {
		return nil // Windows has none
	}
	domain, wider, ok := searchDomain(string(data), req.Root.Constraints)
	if !ok {
		return nil
	}
	question := fmt.Sprintf("This network's search domain is %s (from %s).", domain, resolvConf)
	if !a.prompter().CanAsk() {
		a.note("%s To allow this CA to issue for it: %s. Adding it later needs a new root.", question, a.command("init", "--permit", domain))
		return nil
	}
	yes, err := a.prompter().Confirm(ctx, question+" Allow this CA to issue for it? Adding it later needs a new root.")
	if yes {
		req.Root.Constraints = wider
	}
	return err
}

// resolvConf is a file of the test's own in tests.
func (a *app) resolvConf() string {
	if a.ResolvConf != "" {
		return a.ResolvConf
	}
	return resolvConf
}

// searchDomain returns the first search domain of a resolv.conf that the
// constraints do not permit yet, and the constraints with it. Domains that no
// CA should vouch for are passed over.
func searchDomain(text string, c ca.Constraints) (string, ca.Constraints, bool) {
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
