package pki

import (
	"errors"
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// RootDueWithin is how long before its end a root should have a successor: no
// certificate outlives its root, and every device must get the new one.
const RootDueWithin = 365 * 24 * time.Hour

// The forms of export expiry.
const (
	ExpiryCalendar = "ics"
	ExpiryMetrics  = "prometheus"
)

// rotate is what replaces a root.
var rotate = fault.Command{"root", "rotate"}

// Expiries returns what ends: the newest certificate of each name, unless it is
// revoked, each root in use, and each revocation list that ends before its root.
// show writes the command that does something about it. The error joins what is
// wrong with single certificates; the rest is returned all the same.
func (c *CA) Expiries(show func(fault.Command) string) (all []export.Expiry, err error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	id := ca.Fingerprint(c.first.Certificate)
	for _, root := range roots {
		state, err := c.StateOf(root)
		if err != nil {
			return nil, err
		}
		do := rotate
		if state == RootOld {
			do = fault.Command{"root", "status"}
		}
		if state != RootRetired {
			all = append(all, rootExpiries(root, id, show(do), show)...)
		}
	}
	var faults []error
	for issued, err := range c.All(true) {
		switch {
		case err != nil:
			faults = append(faults, err)
		case issued.Revoked == nil:
			all = append(all, leafExpiry(issued, id, show))
		}
	}
	return all, errors.Join(faults...)
}

func leafExpiry(i store.Issued, id string, show func(fault.Command) string) export.Expiry {
	return export.Expiry{
		Kind: string(KindOf(i)), Name: DisplayName(i.Record.Name), CA: id, End: i.Leaf.NotAfter, Sequence: i.Number() - 1,
		Due: DueFrom(validityOf(i), 0), Do: show(fault.Command{"renew", i.Record.Name}),
	}
}

func rootExpiries(root store.Root, id, do string, show func(fault.Command) string) []export.Expiry {
	name, end := root.Certificate.Subject.CommonName, root.Certificate.NotAfter
	all := []export.Expiry{{
		Kind: string(CAItself), Name: name, CA: id, End: end, Due: end.Add(-RootDueWithin), Do: do,
	}}
	if crl := root.CRL; crl != nil && crl.NextUpdate.Before(end) {
		all = append(all, export.Expiry{
			Kind: "crl", Name: name, CA: id, End: crl.NextUpdate, Due: crl.NextUpdate.Add(-ca.CRLLife(crl) / 2), Do: show(fault.Command{"renew", "--due"}),
			Sequence: int(crl.ThisUpdate.Unix() / 3600), // a CRL number may be larger than a calendar takes
		})
	}
	return all
}

// ExpiryFormatError says that there is no such form.
type ExpiryFormatError struct{ Input string }

func (e *ExpiryFormatError) Error() string {
	return fmt.Sprintf("format %q of expiry dates is not %s or %s", e.Input, ExpiryCalendar, ExpiryMetrics)
}

// ExitCode is that of a wrong command line.
func (*ExpiryFormatError) ExitCode() int { return fault.Usage }

// Hint says who reads which.
func (*ExpiryFormatError) Hint() fault.Hint {
	return fault.Hintf("%s is for calendars, %s for the textfile collector of Prometheus", ExpiryCalendar, ExpiryMetrics)
}

// ExpiryFile renders expiries. It fails with an ExpiryFormatError.
func ExpiryFile(format string, all []export.Expiry, now time.Time) (output.File, error) {
	switch format {
	case ExpiryCalendar:
		return output.File{Name: "picoca-expiry.ics", Data: export.Calendar(all, now)}, nil
	case ExpiryMetrics:
		return output.File{Name: "picoca.prom", Data: export.Metrics(all)}, nil
	}
	return output.File{}, &ExpiryFormatError{format}
}
