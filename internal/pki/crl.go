package pki

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// maxCRLDays is longer than any root lives: a list ends with its root at the
// latest.
const maxCRLDays = 36500

// CRLDaysError says that a revocation list cannot be valid for so many days.
type CRLDaysError struct{ Have int }

func (e *CRLDaysError) Error() string {
	return fmt.Sprintf("--crl-days %d is not between 1 and %d", e.Have, maxCRLDays)
}

// Hint says what the usual time is.
func (*CRLDaysError) Hint() fault.Hint {
	return fault.Hintf("leave out --crl-days: a list then stays valid as long as its root")
}

// ExitCode is that of a wrong command line.
func (*CRLDaysError) ExitCode() int { return fault.Usage }

// checkCRLDays takes 0 for unset.
func checkCRLDays(days int) error {
	if days < 0 || days > maxCRLDays {
		return &CRLDaysError{days}
	}
	return nil
}

// signCRL signs the list of a root, valid for so many days, or if they are 0 as
// long as the list before. Certificates of other roots are left out, and so is
// nothing else: an entry stays after its certificate's end.
func signCRL(authority *ca.Authority, root store.Root, revoked []store.Revocation, days int, now time.Time) ([]byte, error) {
	var entries []ca.Revocation
	for _, r := range revoked {
		if r.IssuedBy(root) {
			entries = append(entries, r.Entry())
		}
	}
	return authority.SignCRL(entries, root.NextCRLNumber(now), now, nextUpdate(root, days, now))
}

// nextUpdate is distant unless the owner chose otherwise: mosquitto and nginx
// refuse every client once their list has ended.
func nextUpdate(root store.Root, days int, now time.Time) time.Time {
	end := root.Certificate.NotAfter
	life := ca.Days(days)
	if days == 0 {
		if root.CRL == nil || !root.CRL.NextUpdate.Before(end) {
			return end
		}
		life = ca.CRLLife(root.CRL)
	}
	if until := now.Add(life); until.Before(end) && until.After(now) {
		return until
	}
	return end
}

// crlNeedsRefresh reports whether a root has no list, or one that ends before
// the root and has less than half of its time left.
func crlNeedsRefresh(root store.Root, now time.Time) bool {
	if root.CRL == nil {
		return true
	}
	isShort := root.CRL.NextUpdate.Before(root.Certificate.NotAfter)
	return isShort && root.CRL.NextUpdate.Sub(now) < ca.CRLLife(root.CRL)/2
}

// keepsCRL reports whether a root's list is kept current: while the root is
// valid, not retired, and its key is in the store.
func keepsCRL(root store.Root, now time.Time) bool {
	return root.Retired == nil && root.Key != store.KeyElsewhere && ca.ValidAt(root.Certificate, now)
}

// CRLNeedsRefresh reports whether the list of a root should be signed again;
// every Session does so.
func (c *CA) CRLNeedsRefresh(now time.Time) (bool, error) {
	roots, err := c.Roots()
	return slices.ContainsFunc(roots, func(root store.Root) bool { return keepsCRL(root, now) && crlNeedsRefresh(root, now) }), err
}

// NoCRLError says that a root has no revocation list yet.
type NoCRLError struct{ Root string }

func (e *NoCRLError) Error() string {
	return fmt.Sprintf("%s has no revocation list yet: it gets one the next time its key is unlocked", e.Root)
}

// Hint names a command that unlocks it and changes nothing else.
func (*NoCRLError) Hint() fault.Hint {
	return fault.Hintf("sign one: %s; then run the same command again", fault.Command{"doctor", "--repair"})
}

// UnknownRootError says that no root is called Input.
type UnknownRootError struct {
	Input string
	Roots []string
}

func (e *UnknownRootError) Error() string { return fmt.Sprintf("root %q does not exist", e.Input) }

// Hint lists those that do.
func (e *UnknownRootError) Hint() fault.Hint {
	return fault.Hintf("choose %s", strings.Join(e.Roots, " or "))
}

// ExitCode is that of a wrong command line.
func (*UnknownRootError) ExitCode() int { return fault.Usage }

// findRoot returns the root with an ID such as 000001-7Q3F, of which either part
// is enough.
func findRoot(roots []store.Root, input string) (store.Root, error) {
	var ids []string
	for _, root := range roots {
		number, letters, _ := strings.Cut(root.ID, "-")
		if strings.EqualFold(input, letters) || input != "" && strings.TrimLeft(input, "0") == strings.TrimLeft(number, "0") || strings.EqualFold(input, root.ID) {
			return root, nil
		}
		ids = append(ids, letters)
	}
	return store.Root{}, &UnknownRootError{input, ids}
}

// The forms of a revocation list.
const (
	CRLPEM = "pem"
	CRLDER = "der"
)

// CRLRequest is what the user wants of export crl.
type CRLRequest struct {
	Format string // CRLPEM or CRLDER
	Root   string // "" for all in PEM, for the one that signs in DER
}

// RevocationList is a root's list as it is stored.
type RevocationList struct {
	Root store.Root
	Ends time.Time
}

// Ended reports whether servers refuse every client because of this list.
func (l RevocationList) Ended(now time.Time) bool { return now.After(l.Ends) }

// CRLFile returns the stored lists in one file, so it needs no key. Servers that
// check identities want a list of each root that they trust. It takes the lock:
// a revocation that was interrupted is completed first. It fails with a
// NoCRLError or an UnknownRootError.
func (c *CA) CRLFile(ctx context.Context, req CRLRequest, now time.Time, waiting Waiting) (output.File, []RevocationList, error) {
	if err := c.lockForOutput(ctx, waiting); err != nil {
		return output.File{}, nil, err
	}
	roots, err := c.crlRoots(req, now)
	if err != nil {
		return output.File{}, nil, err
	}
	var data bytes.Buffer
	var lists []RevocationList
	for _, root := range roots {
		if root.CRL == nil {
			return output.File{}, nil, &NoCRLError{root.Certificate.Subject.CommonName}
		}
		if req.Format == CRLDER {
			data.Write(root.CRL.Raw)
		} else {
			data.Write(ca.CRLPEM(root.CRL.Raw))
		}
		lists = append(lists, RevocationList{root, root.CRL.NextUpdate})
	}
	return output.File{Name: "picoca-crl." + req.Format, Data: data.Bytes()}, lists, nil
}

// crlRoots leaves out roots of which servers accept nothing: those that are
// retired or have expired, unless one is the root that signs.
func (c *CA) crlRoots(req CRLRequest, now time.Time) ([]store.Root, error) {
	roots, err := c.Roots()
	switch {
	case err != nil:
		return nil, err
	case req.Root != "":
		root, err := findRoot(roots, req.Root)
		return []store.Root{root}, err
	case req.Format == CRLDER: // has room for one list
		root, err := c.Root()
		return []store.Root{root}, err
	}
	signing, err := c.Root()
	return slices.DeleteFunc(roots, func(root store.Root) bool {
		return now.After(root.Certificate.NotAfter) && root.ID != signing.ID || root.Retired != nil || root.IsSpare() // which has signed nothing
	}), err
}

// OtherCRLs returns the roots in use whose lists a file for one list leaves out:
// a server that trusts them needs theirs too.
func (c *CA) OtherCRLs(req CRLRequest, now time.Time) ([]store.Root, error) {
	if req.Format != CRLDER || req.Root != "" {
		return nil, nil
	}
	signing, err := c.Root()
	if err != nil {
		return nil, err
	}
	all, err := c.crlRoots(CRLRequest{Format: CRLPEM}, now)
	return slices.DeleteFunc(all, func(root store.Root) bool { return root.ID == signing.ID || root.CRL == nil }), err
}
