package paper

import (
	"crypto/x509"
	"net/netip"
	"strings"

	"github.com/picoca/picoca/internal/ca"
)

// words are the sentences that depend on what a sheet is for.
type words struct{ title, what, passphrase, missing, lost string }

func (s Sheet) words() words {
	w := words{
		title:   "Root key of " + s.name() + " on paper",
		what:    "This sheet holds the root of a certificate authority: its certificate, and its key, which is encrypted. With it and the passphrase, a lost CA can issue certificates again that every phone and device already trusts. Keep it where you keep your passport.",
		missing: "The sheet has no certificates of devices: issue those again afterwards.",
		lost:    "if its passphrase is a good one, nothing needs to be done; otherwise replace the root.",
	}
	if s.Purpose == Spare {
		w = words{
			title:   "Spare root " + s.name() + " on paper",
			what:    "This sheet holds the spare root of a certificate authority: its certificate, and its key, which is encrypted. The key exists only here. With it, a lost or stolen root key is replaced without a visit to any phone or device that trusts the spare. Keep it where you keep your passport, away from the computer.",
			missing: "The sheet has no certificates of devices.",
			lost:    "if its passphrase is a good one, nothing needs to be done now, but the CA has no spare any more.",
		}
	}
	w.passphrase = "the passphrase that was chosen for this sheet"
	if s.Passphrase == OfRoot {
		w.passphrase = "the passphrase that the root key had on " + day(s.Date)
	}
	return w
}

// scope says what a root can vouch for.
func scope(root *x509.Certificate) string {
	s := ca.ScopeOf(root)
	names, addresses := "any name", "any address"
	if len(s.Domains) > 0 {
		names = "names under " + s.Endings()
	}
	switch {
	case s.NoAddress:
		addresses = "no address"
	case s.HomeAddresses():
		addresses = "addresses of home networks"
	case len(s.Ranges) > 0:
		var all []string
		for _, r := range s.Ranges {
			all = append(all, netip.Prefix.String(r))
		}
		addresses = "addresses in " + strings.Join(all, ", ")
	}
	return names + ", and " + addresses
}
