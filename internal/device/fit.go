package device

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Certificate is what decides whether a certificate fits a device.
type Certificate struct {
	Key     string // key type of the leaf
	RootKey string // key type of its root
	Bytes   int    // most bytes of its DER; 0 if it does not exist yet
	Names   int    // how many names and addresses it has
}

// Limit is the kind of limit that a certificate exceeds.
type Limit string

// The limits of a device.
const (
	LimitKey            Limit = "key"             // its firmware does not load the key type
	LimitNotRecommended Limit = "not-recommended" // it loads the key, and pays too much
	LimitRoot           Limit = "root"            // it needs another key type in the root
	LimitBytes          Limit = "bytes"           // the certificate is too large to serve
)

// MisfitError says why a certificate does not fit a device, with figures.
type MisfitError struct {
	Target  Target
	Limit   Limit
	Text    string
	Instead string // key type to use instead, if that helps
	// Elsewhere are targets of the same device that take the certificate.
	Elsewhere []string
}

func (e *MisfitError) Error() string { return e.Target.Name() + " " + e.Text }

// Hint says which key, root or firmware would fit.
func (e *MisfitError) Hint() fault.Hint {
	hint := e.ownHint()
	if len(e.Elsewhere) > 0 {
		return fault.Hintf("%s; or --for %s if it runs that", hint, orList(e.Elsewhere))
	}
	return hint
}

func (e *MisfitError) ownHint() fault.Hint {
	switch e.Limit {
	case LimitRoot:
		return fault.Hintf("make another CA for this device: %s", fault.Command{"--home", "FOLDER", "init", "--key", e.Target.RootKeys()[0]})
	case LimitBytes:
		return fault.Hintf("give it fewer names, or issue several certificates")
	case LimitNotRecommended:
		return fault.Hintf("use --key %s, or insist with --force", e.Instead)
	}
	return fault.Hintf("use --key %s", e.Instead)
}

// loads reports whether the firmware loads a key type, recommended or not.
func (f *Firmware) loads(key string) bool {
	return slices.Contains(f.Keys, key) || slices.Contains(f.NotRecommendedKeys, key)
}

func (t *Target) loads(key string) bool {
	return !slices.ContainsFunc(t.Firmware, func(f Firmware) bool { return !f.loads(key) })
}

// Fits returns nil if the device can use the certificate, or a *MisfitError for
// each limit that it exceeds, joined. Force allows what is not recommended.
func (t *Target) Fits(c Certificate, force bool) error {
	faults := t.misfits(c, force)
	if len(faults) == 0 {
		return nil
	}
	elsewhere := t.elsewhere(c)
	var all []error
	for _, e := range faults {
		if e.Limit == LimitKey || e.Limit == LimitRoot {
			e.Elsewhere = elsewhere
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

func (t Target) misfits(c Certificate, force bool) []*MisfitError {
	var faults []*MisfitError
	misfit := func(limit Limit, instead, format string, args ...any) {
		faults = append(faults, &MisfitError{Target: t, Limit: limit, Text: fmt.Sprintf(format, args...), Instead: instead})
	}
	switch {
	case !t.loads(c.Key):
		misfit(LimitKey, t.Keys()[0], "does not load a key of type %q", c.Key)
	case t.NotRecommended(c.Key) && !force:
		misfit(LimitNotRecommended, t.Keys()[0], "%s", t.tooCostly(c))
	}
	if roots := t.RootKeys(); len(roots) > 0 && !slices.Contains(roots, c.RootKey) {
		misfit(LimitRoot, "", "does not load a certificate that a root of type %q signed; it takes %s", c.RootKey, strings.Join(roots, ", "))
	}
	if most, _ := t.MaxCertificateBytes(); most > 0 && c.Bytes > most {
		misfit(LimitBytes, "", "serves at most %d bytes of certificate; this one would have %d", most, c.Bytes)
	}
	return faults
}

// elsewhere returns the targets with another firmware of the device that take
// the certificate.
func (t *Target) elsewhere(c Certificate) []string {
	var targets []string
	for _, f := range t.Device.Firmware {
		selected := slices.ContainsFunc(t.Firmware, func(s Firmware) bool { return s.ID == f.ID })
		other := Target{t.Device, []Firmware{f}, t.Device.ID + "/" + f.ID}
		if !selected && len(other.misfits(c, false)) == 0 {
			targets = append(targets, other.text)
		}
	}
	return targets
}

// tooCostly says why a key that loads is not worth its cost: an RSA key by its
// cost, if that is known. P-384 costs hardly more than P-256, but has no
// advantage.
func (t *Target) tooCostly(c Certificate) string {
	row, figures := t.costliest(c)
	best := t.Keys()[0]
	switch {
	case figures == Figures{}:
		return fmt.Sprintf("has no benefit from key type %q, which costs more than %s", c.Key, best)
	case strings.HasPrefix(c.Key, "rsa-"):
		return fmt.Sprintf("would need %s per connection in %s with key type %q", figures, row.Name, c.Key)
	}
	return fmt.Sprintf("has no benefit from key type %q, which costs more than %s: %s per connection in %s", c.Key, best, figures, row.Name)
}
