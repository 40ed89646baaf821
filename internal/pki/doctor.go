package pki

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// Finding is something about a CA that should be known. It is an error, with the
// fix as its hint.
type Finding struct {
	// ID is the same for each finding of a kind: programs read it.
	ID string
	// Note says that it is not a fault: it may be as the owner wants it.
	Note bool
	Text string
	Fix  fault.Hint
}

func (f *Finding) Error() string { return f.Text }

// Hint returns the fix.
func (f *Finding) Hint() fault.Hint { return f.Fix }

// ExitCode is that of a check that found something.
func (*Finding) ExitCode() int { return fault.Found }

// Diagnosis is what is wrong with a CA, and how much was looked at.
type Diagnosis struct {
	Findings                   []*Finding
	Files, Roots, Certificates int
}

// rootEndsWithin is how long before its end a root should get a successor: every
// certificate that is issued in that time ends early, and each phone and device
// needs the new root first.
const rootEndsWithin = 2 * 365 * 24 * time.Hour

// Diagnose looks at everything in the CA of folder dir, and at the folders that
// files were written to. It changes nothing, takes no lock and needs no
// passphrase. A store that is damaged is looked at as far as possible; it fails
// only if there is none, as store.Inspect does.
func Diagnose(dir string, o Options, now time.Time) (Diagnosis, error) {
	files, err := store.Inspect(dir, o.store())
	if err != nil {
		return Diagnosis{}, err
	}
	d := &doctor{now: now, Diagnosis: Diagnosis{Files: files.Files}}
	d.files(files)
	s, err := store.Open(dir, o.store())
	if err != nil {
		if errors.Is(err, store.ErrNoCA) || errors.Is(err, store.ErrForeign) {
			return Diagnosis{}, err
		}
		d.fault("store", err)
		return d.Diagnosis, nil
	}
	d.ca = &CA{store: s, options: o}
	d.roots()
	d.certificates()
	return d.Diagnosis, d.ca.Close()
}

// doctor is one run of Diagnose.
type doctor struct {
	Diagnosis
	now     time.Time
	ca      *CA
	signing store.Root // zero if none signs
	// damagedRoots says that not all roots could be read: what seems to be of another
	// CA may be of one of them.
	damagedRoots bool
}

func (d *doctor) find(id string, fix fault.Hint, text string, args ...any) {
	d.Findings = append(d.Findings, &Finding{ID: id, Text: fmt.Sprintf(text, args...), Fix: fix})
}

func (d *doctor) note(id string, fix fault.Hint, text string, args ...any) {
	d.Findings = append(d.Findings, &Finding{ID: id, Note: true, Text: fmt.Sprintf(text, args...), Fix: fix})
}

// fault reports each error that err joins. Modes and owners were found before.
func (d *doctor) fault(id string, err error) {
	for _, one := range fault.Flatten(err) {
		_, isMode := errors.AsType[store.ModeError](one)
		_, isOwner := errors.AsType[store.OwnerError](one)
		if !isMode && !isOwner && !d.has(one.Error()) {
			d.find(id, fault.HintOf(one), "%v", one)
		}
	}
}

// has reports whether there is a finding with a text: a damaged root is a fault
// of each of its certificates.
func (d *doctor) has(text string) bool {
	for _, f := range d.Findings {
		if f.Text == text {
			return true
		}
	}
	return false
}

// repair is the command that does what the next command that signs would do
// first.
func repair() fault.Hint { return fault.Run("doctor", "--repair") }

// files reports what is wrong with the store's files, whatever they hold.
func (d *doctor) files(in store.Inspection) {
	if n := len(in.Modes); n > 0 {
		d.find("mode", in.Modes[0].Hint(), "%v%s", in.Modes[0], andMore(n-1))
	}
	if n := len(in.Owners); n > 0 {
		d.find("owner", in.Owners[0].Hint(), "%v%s", in.Owners[0], andMore(n-1))
	}
	for _, err := range in.Unreadable {
		d.fault("unreadable", err)
	}
	if n := len(in.Leftovers); n > 0 {
		d.find("leftover", repair(), "%s is left over from a run that was interrupted, unless another picoca is at work%s", in.Leftovers[0], andMore(n-1))
	}
	for _, path := range in.Foreign {
		d.find("foreign", takeOut(runtime.GOOS, path), "%s is not a file of picoca", path)
	}
	if in.Layout == 1 {
		d.note("layout", repair(), "store has layout 1; the next certificate changes it to layout 2")
	}
}

// takeOut returns the command that moves something out of the store.
func takeOut(system, path string) fault.Hint {
	home := `"$HOME"/`
	if system == "windows" { // cmd and PowerShell have no variable in common
		folder, _ := os.UserHomeDir()
		home = fault.Quote(cmp.Or(folder, "."))
	}
	return fault.Hintf("%s %s %s", mover(system), fault.Quote(path), home)
}

// mover is how a system moves a file, but over no other one: cmd's move asks first,
// PowerShell's refuses.
func mover(system string) string {
	if system == "windows" {
		return "move"
	}
	return "mv -n --"
}

func andMore(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " (and 1 more)"
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// roots reports what is wrong with the roots, their keys and their lists.
func (d *doctor) roots() {
	all, err := d.ca.Roots()
	d.fault("root", err)
	d.damagedRoots = err != nil
	if len(all) == 0 {
		return
	}
	d.Roots, d.ca.first = len(all), all[0]
	d.signing, err = d.ca.store.SigningRoot()
	d.fault("root", err)
	for i, root := range all {
		if i > 0 && root.Number == all[i-1].Number {
			d.find("root-number", fault.Hintf("restore the store from a backup: two were merged"), "root %s has the number of %s", root.ID, all[i-1].ID)
		}
		d.rootKey(root)
		if keepsCRL(root, d.now) {
			d.list(root)
		}
	}
	if d.signing.Certificate != nil {
		d.rootDates(d.signing)
	}
}

// rootKey proves that a key belongs to its root. An encrypted one keeps its
// secret.
func (d *doctor) rootKey(root store.Root) {
	if root.Key == store.KeyAgent && root.Retired == nil {
		d.agentKey(root)
	}
	if root.Key != store.KeyFile {
		d.keyless(root)
		return
	}
	encrypted, err := d.ca.store.KeyEncrypted(root)
	if err == nil && !encrypted {
		_, err = d.ca.store.RootKey(root, nil)
	}
	d.fault("root-key", err)
}

// keyless reports a root whose key is neither here nor expected to be. Without the
// key of the newest, an older root signs again, and nothing else would say so.
func (d *doctor) keyless(root store.Root) {
	signing := d.signing.Certificate
	if root.Key != store.KeyElsewhere || root.Retired != nil || root.IsSpare() || signing == nil || d.now.After(root.Certificate.NotAfter) {
		return
	}
	name := root.Certificate.Subject.CommonName
	renew := fault.Hintf("%s, then %s", fault.Command{"renew", "--all"}, fault.Command{"root", "retire", LetterOf(root)})
	if root.Number < d.signing.Number {
		d.note("root-keyless", renew, "key of %s is not here: no certificate of it can be revoked", name)
		return
	}
	d.find("root-keyless", fault.Hintf("restore key.pem from a backup: %s, then copy it from there; if it is lost: %s", fault.Command{"--home", "FOLDER", "restore", "FILE"}, renew),
		"key of %s, the newest root, is not here: %s signs instead", name, signing.Subject.CommonName)
}

// agentKey reports whether the SSH agent has a key. That it has not may be as its
// owner wants it: a token in a drawer.
func (d *doctor) agentKey(root store.Root) {
	status, err := d.ca.KeyStatus(root)
	d.fault("root-key", err)
	name := root.Certificate.Subject.CommonName
	switch {
	case err != nil:
	case status.Missing != nil:
		d.note("agent-key", fault.HintOf(status.Missing), "key of %s is in the SSH agent, which cannot sign now: %v", name, status.Missing)
	default:
		d.note("agent-key", fault.Hint{}, "key of %s is in the SSH agent, which holds it now", name)
	}
}

func (d *doctor) rootDates(root store.Root) {
	name, end := root.Certificate.Subject.CommonName, root.Certificate.NotAfter
	switch {
	case d.now.After(end):
		d.find("root-expired", fault.Run("root", "rotate"), "%s ended on %s: no certificate of it is valid", name, Day(end))
	case end.Sub(d.now) < rootEndsWithin:
		d.find("root-ends", fault.Run("root", "rotate"), "%s ends on %s: replacing a root on every phone and device takes its time", name, Day(end))
	}
}

// list checks the revocation list of a root that can sign it.
func (d *doctor) list(root store.Root) {
	revoked, err := d.ca.store.Revocations()
	d.fault("revoked", err)
	list := "revocation list"
	if root.ID != d.signing.ID {
		list += " of " + root.Certificate.Subject.CommonName
	}
	switch {
	case root.CRL != nil && root.CRL.ThisUpdate.After(d.now):
		d.clock(list, root.CRL.ThisUpdate)
	case root.CRL != nil && RevocationList{root, root.CRL.NextUpdate}.Ended(d.now):
		d.find("crl-ended", repair(), "%s ended on %s: servers that read it refuse every client", list, Day(root.CRL.NextUpdate))
	case crlNeedsRefresh(root, d.now):
		d.find("crl-due", repair(), "%s", listIsDue(root, list))
	case err == nil && lacks(root, revoked) > 0:
		d.find("crl-incomplete", repair(), "%s lacks %d of the certificates that were revoked", list, lacks(root, revoked))
	}
}

func listIsDue(root store.Root, list string) string {
	if root.CRL == nil {
		return root.Certificate.Subject.CommonName + " has no revocation list"
	}
	return fmt.Sprintf("%s ends on %s, and more than half of its time is over", list, Day(root.CRL.NextUpdate))
}

// lacks counts the revoked certificates of a root that are not in its list.
func lacks(root store.Root, revoked []store.Revocation) int {
	listed := map[string]bool{}
	if root.CRL != nil {
		for _, entry := range root.CRL.RevokedCertificateEntries {
			listed[fmt.Sprintf("%032x", entry.SerialNumber)] = true
		}
	}
	n := 0
	for _, r := range revoked {
		if r.IssuedBy(root) && !listed[r.Serial] {
			n++
		}
	}
	return n
}

// clock reports that something was made later than now.
func (d *doctor) clock(what string, made time.Time) {
	d.find("clock", fault.Hintf("set the clock of this computer; if it is right, make it again: %s", repair()),
		"clock shows %s, and the %s was made on %s", d.now.UTC().Format(time.DateTime), what, made.UTC().Format(time.DateTime))
}

// certificates reports what is wrong with what was issued.
func (d *doctor) certificates() {
	var history []store.Issued // of one holder
	for i, err := range d.ca.All(false) {
		if err == nil && i.Record.KeyKept == store.KeptInStore {
			_, err = d.ca.store.Key(i)
		}
		if err != nil && !(d.damagedRoots && errors.Is(err, store.ErrOtherCA)) {
			d.damaged(i, err)
		}
		if i.Leaf == nil {
			continue
		}
		d.Certificates++
		if len(history) > 0 && path.Dir(history[0].Place) != path.Dir(i.Place) {
			d.holder(history)
			history = nil
		}
		if i.Record.Name != "" {
			history = append(history, i)
		}
	}
	if len(history) > 0 {
		d.holder(history)
	}
}

// damaged reports what is wrong with a certificate, its key or its record. The
// newest of a name is replaced; an earlier one serves nobody any more.
func (d *doctor) damaged(i store.Issued, err error) {
	if i.Place == "" || d.isNewest(i) || path.Dir(i.Place) == "issued" {
		d.fault("certificate", err)
		return
	}
	place := d.ca.Path(i)
	d.find("earlier-certificate", takeOut(runtime.GOOS, place), "%v; it is an earlier certificate", err)
}

// isNewest reports whether no later certificate is in a certificate's folder. It
// is asked of damaged ones only.
func (d *doctor) isNewest(i store.Issued) bool {
	for newest := range d.ca.All(true) {
		if newest.Place == i.Place {
			return true
		}
	}
	return false
}

// holder reports what is wrong with the certificates of one holder.
func (d *doctor) holder(history []store.Issued) {
	for _, m := range d.ca.store.Misnumbered(history) {
		text := fmt.Sprintf("%s holds another certificate than its name says", m.Path)
		if m.Twin != "" {
			text = fmt.Sprintf("%s has the number of %s", m.Path, m.Twin)
		}
		d.find("number", fault.Hintf("%s %s %s", mover(runtime.GOOS), fault.Quote(m.Path), fault.Quote(m.Want)), "%s", text)
	}
	newest := history[len(history)-1]
	d.deviceFiles(newest)
	if newest.Revoked != nil {
		d.note("revoked", again(newest), "certificate of %s is revoked", DisplayName(newest.Record.Name))
		return
	}
	d.dates(newest)
	if KindOf(newest) == Delegated {
		d.delegated(newest)
		return
	}
	d.folder(newest)
	if IsUnpushed(newest) {
		d.find("unpushed", fault.Run("push", newest.Record.Name), "certificate of %s was issued on %s, and is not on the device yet", DisplayName(newest.Record.Name), Day(newest.Leaf.NotBefore))
	}
}

// again is the command that issues a revoked name again.
func again(i store.Issued) fault.Hint {
	switch KindOf(i) {
	case Identity:
		return fault.Run("identity", i.Record.Name)
	case Delegated:
		return fault.Hintf("%s", setUp(i.Record.For, i.Record.Name))
	}
	return fault.Run("issue", i.Record.Name)
}

// dates checks the newest certificate of a holder.
func (d *doctor) dates(i store.Issued) {
	name, renew := DisplayName(i.Record.Name), fault.Run("renew", i.Record.Name)
	switch {
	case d.now.Before(i.Leaf.NotBefore):
		d.fault("future", futureOf(i, d.now))
	case i.Root.Retired != nil:
		d.find("retired-root", renew, "certificate of %s is from the retired root %s", name, i.Root.Certificate.Subject.CommonName)
	case d.now.After(i.Leaf.NotAfter):
		d.find("expired", fault.Hintf("%s; if you do not use it any more: %s", renew, fault.Command{"revoke", i.Record.Name}), "certificate of %s ended on %s", name, Day(i.Leaf.NotAfter))
	case IsDue(i, 0, d.now):
		d.find("due", renew, "certificate of %s ends on %s", name, Day(i.Leaf.NotAfter))
	}
}
