package pki

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// DueWithin is how long before its end a certificate is due for renewal, unless
// its whole life is shorter than ShortLife: then it is a third of that.
const (
	DueWithin = 30 * 24 * time.Hour
	ShortLife = 90 * 24 * time.Hour
)

// DueFrom returns when a certificate becomes due: within before its end, or if
// that is 0, as DueWithin says. A revoked certificate is never due.
func DueFrom(cert Validity, within time.Duration) time.Time {
	life := cert.NotAfter.Sub(cert.NotBefore)
	switch {
	case within != 0:
	case life < ShortLife:
		within = life / 3
	default:
		within = DueWithin
	}
	return cert.NotAfter.Add(-within)
}

// Validity is the time of a certificate.
type Validity struct{ NotBefore, NotAfter time.Time }

// validityOf begins when a certificate was issued, also if it is valid from long ago
// for a board's clock.
func validityOf(i store.Issued) Validity {
	if days := i.Record.Days; days > 0 && ca.HasBoardClock(i.Leaf) {
		return Validity{i.Leaf.NotAfter.Add(-ca.Days(days)), i.Leaf.NotAfter}
	}
	return Validity{i.Leaf.NotBefore, i.Leaf.NotAfter}
}

// IsDue reports whether a certificate should be renewed: it is due, or expired,
// and not revoked.
func IsDue(i store.Issued, within time.Duration, now time.Time) bool {
	return i.Revoked == nil && isLate(i, within, now)
}

// isLate counts a certificate of a retired root as ended: who trusts the CA now
// does not know that root.
func isLate(i store.Issued, within time.Duration, now time.Time) bool {
	return i.Root.Retired != nil || !now.Before(DueFrom(validityOf(i), within))
}

// RenewalsRequest is which certificates to renew together, and how.
type RenewalsRequest struct {
	// All renews every name, not only those that are due.
	All bool
	// Within replaces the usual time before the end; 0 is unset.
	Within time.Duration
	// Out is a folder for a folder of each name; "" is where each was written to
	// last.
	Out string
	// Days and KeepKey are those of Request.
	Days    int
	KeepKey bool
}

// Renewals are what can be renewed together, and what cannot.
type Renewals struct {
	ca *CA
	// Ready can be issued.
	Ready []*Renewal
	// Delegated are CAs under the root that are due. Their keys stay, so their new
	// certificates are for all that they issued.
	Delegated []*Delegation
	// Revoked were due, and are left out.
	Revoked []store.Issued
	// Failed cannot be renewed. Nothing of them was signed.
	Failed []FailedRenewal
}

// Renewal is one certificate that can be issued.
type Renewal struct {
	Plan *Plan
	// Until is when the previous certificate ends.
	Until time.Time
}

// FailedRenewal is a name, "" if it could not be read, and what is wrong.
type FailedRenewal struct {
	Name string
	Err  error
}

// PlanRenewals decides what to renew, and everything about it that needs no key.
// What is wrong with one name hides no other.
func (c *CA) PlanRenewals(req RenewalsRequest, now time.Time) (*Renewals, error) {
	if _, err := c.Authority(now); err != nil {
		return nil, err
	}
	if err := c.checkOut(req.Out); err != nil {
		return nil, err
	}
	r := &Renewals{ca: c}
	for issued, err := range c.All(true) {
		switch {
		case err != nil:
			r.Failed = append(r.Failed, FailedRenewal{"", err})
		case !req.All && issued.Revoked == nil && now.Before(issued.Leaf.NotBefore):
			r.Failed = append(r.Failed, FailedRenewal{issued.Record.Name, futureOf(issued, now)})
		case !req.All && !isLate(issued, req.Within, now) && !c.isUnwritten(issued):
		case issued.Revoked != nil:
			r.Revoked = append(r.Revoked, issued)
		case issued.Record.Kind == ca.KindCA:
			r.planDelegated(req, issued, now)
		default:
			r.plan(req, issued, now)
		}
	}
	return r, nil
}

// checkOut fails if a folder for all is not there or not for us, once instead of
// for each name.
func (c *CA) checkOut(dir string) error {
	if dir == "" {
		return nil
	}
	folder, err := output.Open(filepath.Join(dir, "name"), c.outputOptions(output.Overwrite))
	if err != nil {
		return err
	}
	return folder.Close()
}

func (r *Renewals) plan(req RenewalsRequest, i store.Issued, now time.Time) {
	plan, err := r.ca.planRenewal(req, i, now)
	if err != nil {
		r.Failed = append(r.Failed, FailedRenewal{i.Record.Name, err})
		return
	}
	r.Ready = append(r.Ready, &Renewal{plan, i.Leaf.NotAfter})
}

// planDelegated plans the renewal of a CA under the root. Its folder is not kept
// open.
func (r *Renewals) planDelegated(req RenewalsRequest, i store.Issued, now time.Time) {
	single := DelegateRequest{Name: i.Record.Name, Renew: true, Days: req.Days}
	if req.Out != "" {
		single.Out = filepath.Join(req.Out, i.Record.Holder().Stem())
	}
	d, err := r.ca.PlanDelegation(single, now)
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		r.Failed = append(r.Failed, FailedRenewal{i.Record.Name, err})
		return
	}
	r.Delegated = append(r.Delegated, d)
}

// NoFolderError says that it is not known where a certificate's files are.
type NoFolderError struct{ Name string }

func (e *NoFolderError) Error() string {
	return fmt.Sprintf("folder of %s is not recorded", e.Name)
}

// Hint names one.
func (e *NoFolderError) Hint() fault.Hint {
	return fault.Hintf("write its files somewhere: %s; later renewals find them there", fault.Command{"renew", e.Name, "--out", "FOLDER"})
}

func (c *CA) planRenewal(req RenewalsRequest, i store.Issued, now time.Time) (*Plan, error) {
	single := Request{Renew: true, Days: req.Days, KeepKey: req.KeepKey}
	switch {
	case req.Out != "":
		single.Out = filepath.Join(req.Out, i.Record.Holder().Stem())
	case i.Record.Folder == "":
		return nil, &NoFolderError{i.Record.Name}
	}
	var err error
	if KindOf(i) == Identity {
		single.Client, err = ca.ParseClientName(i.Record.Name)
	} else {
		single.Names, err = ca.ParseNames([]string{i.Record.Name})
	}
	if err != nil {
		return nil, err
	}
	plan, err := c.Plan(single, now)
	if err != nil {
		return nil, err
	}
	return plan, plan.Close()
}

// isUnwritten reports whether a certificate was stored, and a crash kept its
// files from taking the place of an earlier one's. It is renewed again: what
// encrypted its .p12 is known to nobody.
func (c *CA) isUnwritten(i store.Issued) bool {
	if i.Revoked != nil || i.Record.Folder == "" || i.Number() == 1 {
		return false
	}
	folder, err := output.Open(i.Record.Folder, c.outputOptions(output.Overwrite))
	if err != nil || !folder.Exists() {
		return false
	}
	defer folder.Close()
	return folder.Unfinished() || c.hasEarlierFiles(folder, i)
}

// hasEarlierFiles reports whether a folder has a file of an earlier certificate
// in the place of one of this.
func (c *CA) hasEarlierFiles(folder *output.Folder, i store.Issued) bool {
	own := c.ownFiles(i.Record.Holder(), &i)
	for name, sum := range i.Record.Files {
		data, err := folder.ReadIfAny(name)
		if err != nil || data == nil || FileSum(data) == sum {
			continue
		}
		if slices.ContainsFunc(own.all(), func(past *pastFiles) bool {
			return past.issued.Place != i.Place && past.issued.Record.Files[name] == FileSum(data)
		}) {
			return true
		}
	}
	return false
}

// SetP12 says how a .p12 among the files will be encrypted.
func (p *Plan) SetP12(p12 export.P12) { p.request.P12 = p12 }

// Fail takes a renewal out.
func (r *Renewals) Fail(renewal *Renewal, err error) {
	r.Ready = slices.DeleteFunc(r.Ready, func(other *Renewal) bool { return other == renewal })
	r.Failed = append(r.Failed, FailedRenewal{renewal.Plan.Name(), err})
}

// Issue issues what is ready with one unlocked key, and calls done after each.
// A failure of one name stops no other.
func (r *Renewals) Issue(s *Session, now time.Time, done func(*Renewal, Result)) {
	for _, renewal := range slices.Clone(r.Ready) {
		result, err := s.renew(renewal.Plan, now)
		if err != nil {
			r.Fail(renewal, err)
			continue
		}
		done(renewal, result)
	}
}

// IssueDelegated renews the CAs under the root, and calls done after each.
func (r *Renewals) IssueDelegated(s *Session, now time.Time, done func(*Delegation, Result)) {
	for _, planned := range r.Delegated {
		if err := r.issueDelegated(s, planned, now, done); err != nil {
			r.Failed = append(r.Failed, FailedRenewal{planned.Name, err})
		}
	}
}

func (r *Renewals) issueDelegated(s *Session, planned *Delegation, now time.Time, done func(*Delegation, Result)) (err error) {
	d, err := r.ca.PlanDelegation(planned.request, now) // its folder was closed
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	result, err := s.Delegate(d, now)
	if err == nil {
		done(d, result)
	}
	return err
}

func (s *Session) renew(p *Plan, now time.Time) (_ Result, err error) {
	if err := p.reopen(now); err != nil {
		return Result{}, errors.Join(err, p.Close())
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return s.Issue(p, now)
}

// Err joins what is wrong with each name.
func (r *Renewals) Err() error {
	var all []error
	for _, failed := range r.Failed {
		all = append(all, failed.Err)
	}
	return errors.Join(all...)
}
