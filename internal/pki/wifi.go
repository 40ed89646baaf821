package pki

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// RadiusNameError says that the name of a RADIUS server is none that its
// certificate could have as its first.
type RadiusNameError struct{ Input string }

func (e *RadiusNameError) Error() string {
	return fmt.Sprintf("name %q of the RADIUS server is an address or a wildcard; Apple devices compare its common name", e.Input)
}

// Hint names one.
func (*RadiusNameError) Hint() fault.Hint {
	return fault.Hintf("give the server a certificate with a name, and use that: %s", fault.Command{"issue", "radius.home.arpa", "--for", "freeradius"})
}

// chooseWiFi decides which network an identity's profile sets up: as asked for,
// else, for a renewal, as before.
func (p *Plan) chooseWiFi(time.Time) error {
	if before := p.before(); p.request.WiFi == nil && before != nil {
		p.WiFi = before.Record.WiFi
		return nil
	}
	asked := p.request.WiFi
	if asked == nil || asked.SSID == "" && asked.RadiusDomain == "" {
		return nil
	}
	files, err := p.files()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(files.specs, func(s export.Spec) bool { return s.Container == "mobileconfig" }) {
		return usageError(fault.Hintf("leave it out, or issue an identity for an Apple device: %s", fault.Command{"identity", "Anna's phone"}),
			"--wifi has no effect: no .mobileconfig is written for %s", p.request.display())
	}
	domain, err := p.radiusDomain(asked.RadiusDomain)
	p.WiFi = &store.WiFi{SSID: asked.SSID, RadiusDomain: domain}
	return errors.Join(export.CheckSSID(asked.SSID), err)
}

// radiusDomain is a name that this root may vouch for: the profile trusts no
// other root for the network.
func (p *Plan) radiusDomain(input string) (string, error) {
	names, err := ca.ParseNames([]string{input})
	if err != nil {
		return "", err
	}
	if !names.First().IsHost() {
		return "", &RadiusNameError{input}
	}
	return names.First().String(), p.ca.authority.Permits(names)
}

// wifiOf is the network for a bundle.
func wifiOf(w *store.WiFi) *export.WiFi {
	if w == nil {
		return nil
	}
	return &export.WiFi{SSID: w.SSID, RadiusDomain: w.RadiusDomain}
}
