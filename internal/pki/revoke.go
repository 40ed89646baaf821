package pki

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// RevokeRequest is what the user wants of revoke.
type RevokeRequest struct {
	// Target is the name of a device or an identity, or a serial number.
	Target string
	Reason ca.RevocationReason
	// LatestOnly leaves earlier certificates of the name as they are.
	LatestOnly bool
	// Unknown takes Target for the serial number of a certificate that this store
	// does not have, as after a restore from paper, of the root called Root: "" is the
	// one that signs.
	Unknown bool
	Root    string
	// From has old revocation lists, whose entries are taken over instead of a Target,
	// with their times and reasons.
	From *OldCRL
	// CRLDays is how long the new list is valid; 0 is as long as the one before.
	CRLDays int
}

// Revoked is what was revoked.
type Revoked struct {
	Name         string
	Kind         Kind
	Certificates []store.Issued
	// Serial is that of a certificate which the store does not have; the fields above
	// are then zero.
	Serial string
	// TakenOver are the serial numbers from an old list, and Before says how many of its
	// entries were revoked already. If all were, nothing has changed, and there are no Lists.
	TakenOver []string
	Before    int
	// Lists are the new revocation lists, one for each root.
	Lists []RevocationList
	// Servers are those that read such a list.
	Servers []CRLServer
}

// CRLServer is a server of this CA that can be given a revocation list.
type CRLServer struct {
	Name    string `json:"name"`    // of the device
	Device  string `json:"device"`  // what it is, for people
	Setting string `json:"setting"` // "crlfile FILE"
}

// RevokedError says that a certificate that should be used was revoked.
type RevokedError struct {
	Kind Kind
	Name string
	At   time.Time
	For  string // as in the record: the program of a delegated CA
}

func (e *RevokedError) Error() string {
	return fmt.Sprintf("certificate of %q was revoked on %s", e.Name, Day(e.At))
}

// Hint issues the name again.
func (e *RevokedError) Hint() fault.Hint {
	if e.Kind == Delegated {
		return fault.Hintf("set it up again, with a new key: %s", setUp(e.For, e.Name))
	}
	if e.Kind == Identity {
		return fault.Hintf("issue the identity again, with a new key: %s", fault.Command{"identity", e.Name})
	}
	return fault.Hintf("issue it again, with a new key: %s", fault.Command{"issue", e.Name})
}

// inUse fails with a RevokedError, an ExpiredError or a RetiredIssuerError if a certificate is not
// valid any more.
func inUse(i store.Issued, now time.Time) error {
	switch {
	case i.Revoked != nil:
		return &RevokedError{KindOf(i), i.Record.Name, i.Revoked.At, i.Record.For}
	case now.After(i.Leaf.NotAfter):
		return &ExpiredError{i.Record.Name, i.Leaf.NotAfter}
	case i.Root.Retired != nil:
		return &RetiredIssuerError{i.Record.Name, i.Root.Certificate.Subject.CommonName, *i.Root.Retired}
	}
	return nil
}

// RetiredIssuerError says that the root of a certificate that should be used was
// retired.
type RetiredIssuerError struct {
	Name, Root string
	At         time.Time
}

func (e *RetiredIssuerError) Error() string {
	return fmt.Sprintf("certificate of %q is of %s, which was retired on %s", e.Name, e.Root, Day(e.At))
}

// Hint renews it.
func (e *RetiredIssuerError) Hint() fault.Hint {
	return fault.Hintf("have it issued by the root that signs: %s", fault.Command{"renew", e.Name})
}

// errRevokeRoot says that no list could revoke its own signer.
var errRevokeRoot = fault.New("a root cannot be revoked: only its own key could sign that",
	fault.Hintf("replace it: %s; then renew everything, retire the old root, and remove it from each phone", rotate))

// NoSerialError says that no certificate has a serial number.
type NoSerialError struct{ Input string }

func (e *NoSerialError) Error() string {
	return fmt.Sprintf("no certificate of this CA has serial number %q", e.Input)
}

// Hint says where serial numbers are, and what to do about a certificate that was
// issued before a restore.
func (e *NoSerialError) Hint() fault.Hint {
	return fault.Hintf("%s shows the serial number of a name's newest certificate; for one that this CA issued and has lost: %s",
		fault.Command{"show", "NAME"}, fault.Command{"revoke", e.Input, "--unknown"})
}

// Revoke revokes certificates, and signs the list of every root again, in one
// durable step. The keys are unlocked before the lock is taken. It fails with a
// NotIssuedError, a NoSerialError, an OldCRLError, with store.ErrRevoked, or as Session does;
// after a failure nothing has changed. Beside a result it returns what is wrong
// with certificates of the name that are damaged: they cannot be revoked.
func (c *CA) Revoke(ctx context.Context, req RevokeRequest, now time.Time, ask Passphrase, waiting Waiting) (Revoked, error) {
	if err := checkCRLDays(req.CRLDays); err != nil {
		return Revoked{}, err
	}
	what, err := c.choose(req, now)
	if err != nil || what.isNothing() {
		return Revoked{Before: what.listed}, err
	}
	signers, err := c.crlSigners(now, ask)
	defer signers.lock()
	if err != nil {
		return Revoked{}, err
	}
	if err := c.lock(ctx, waiting); err != nil {
		return Revoked{}, err
	}
	what, err = c.choose(req, now) // the world may have changed
	if err != nil || what.isNothing() {
		return Revoked{Before: what.listed}, err
	}
	result, err := c.revoke(what, signers, req.CRLDays, now)
	return result, errors.Join(err, what.damaged)
}

// revoking is what will be revoked.
type revoking struct {
	issued  []store.Issued // of one name, the newest last; none that the store does not have
	added   []store.Revocation
	damaged error // what is wrong with certificates of the name
	old     bool  // from old lists
	listed  int   // entries of old lists that are revoked already
}

// isNothing reports whether old lists have no entry that is new.
func (r revoking) isNothing() bool { return r.old && len(r.added) == 0 }

func (c *CA) choose(req RevokeRequest, now time.Time) (what revoking, err error) {
	if req.From != nil {
		return c.listed(req.From)
	}
	if req.Unknown {
		one, err := c.unknown(req, now)
		what.added = []store.Revocation{one}
		return what, err
	}
	if what.issued, what.damaged, err = c.chooseRevoked(req, now); err != nil {
		return what, err
	}
	for i := range what.issued {
		revocation := what.issued[i].Revocation(now, req.Reason)
		what.issued[i].Revoked = &revocation
		what.added = append(what.added, revocation)
	}
	return what, nil
}

// revoke changes the store.
func (c *CA) revoke(what revoking, signers crlSigners, days int, now time.Time) (Revoked, error) {
	all, err := c.store.Revocations()
	if err != nil {
		return Revoked{}, err
	}
	lists, err := c.signLists(all, what.added, signers, days, now)
	if err != nil {
		return Revoked{}, err
	}
	if err := c.store.Revoke(what.added, lists); err != nil {
		return Revoked{}, err
	}
	c.signing = store.Root{} // has another list now
	result := Revoked{Certificates: what.issued, Servers: c.crlServers()}
	switch {
	case what.old:
		result.Before = what.listed
		for _, revocation := range what.added {
			result.TakenOver = append(result.TakenOver, revocation.Serial)
		}
	case len(what.issued) > 0:
		result.Name, result.Kind = what.issued[0].Record.Name, KindOf(what.issued[0])
	default:
		result.Serial = what.added[0].Serial
	}
	for _, list := range lists {
		result.Lists = append(result.Lists, RevocationList{list.Root, list.Root.CRL.NextUpdate})
	}
	return result, nil
}

// chooseRevoked returns what a request is about, the newest last, and what is
// wrong with certificates of the name that cannot be read.
func (c *CA) chooseRevoked(req RevokeRequest, now time.Time) (chosen []store.Issued, damaged, err error) {
	if req.Target == TheCA {
		return nil, nil, errRevokeRoot
	}
	if err := c.refuseTwins(req.Target); err != nil {
		return nil, nil, err
	}
	latest, err := c.Find(req.Target)
	_, unknown := errors.AsType[*NotIssuedError](err)
	_, noName := errors.AsType[*ca.NameError](err)
	if serial, ok := parseSerial(req.Target); ok && (unknown || noName) {
		one, err := c.bySerial(serial)
		return []store.Issued{one}, nil, err
	}
	if err != nil && !isLost(err) {
		return nil, nil, err
	}
	history := []store.Issued{latest}
	if !req.LatestOnly || err != nil {
		history, damaged = c.historyOf(req.Target, latest, err)
	}
	if len(history) == 0 || req.LatestOnly && damaged != nil {
		return nil, nil, cmp.Or(damaged, err)
	}
	chosen, err = toRevoke(history, now)
	return chosen, damaged, err
}

// TwoHoldersError says that a name is that of an identity and of a delegated CA.
// Only a run that an earlier version made beside another leaves that.
type TwoHoldersError struct {
	Name         string
	Identity, CA string // serial numbers
}

func (e *TwoHoldersError) Error() string {
	return fmt.Sprintf("%q is an identity (serial number %s), and a delegated CA (serial number %s)", e.Name, e.Identity, e.CA)
}

// Hint takes a serial number.
func (e *TwoHoldersError) Hint() fault.Hint {
	return fault.Hintf("revoke one by its serial number: %s, or %s", fault.Command{"revoke", e.Identity}, fault.Command{"revoke", e.CA})
}

// refuseTwins fails with a TwoHoldersError.
func (c *CA) refuseTwins(input string) error {
	client, err := ca.ParseClientName(input)
	if err != nil {
		return nil
	}
	identity, _ := c.store.Latest(store.Identity(client.String()))
	other, _ := c.store.Latest(store.Holder{Kind: ca.KindCA, Name: input})
	if identity.Leaf == nil || other.Leaf == nil {
		return nil
	}
	return &TwoHoldersError{input, ca.Serial(identity.Leaf), ca.Serial(other.Leaf)}
}

// historyOf returns the certificates of a name whose newest may be damaged.
func (c *CA) historyOf(input string, latest store.Issued, lost error) ([]store.Issued, error) {
	if lost == nil {
		return c.store.History(latest.Record.Holder())
	}
	if client, err := ca.ParseClientName(input); err == nil {
		history, err := c.store.History(store.Identity(client.String()))
		if !errors.Is(err, store.ErrNotIssued) {
			return history, err
		}
	}
	history, err := c.store.History(store.Holder{Kind: ca.KindCA, Name: input})
	if !errors.Is(err, store.ErrNotIssued) {
		return history, err
	}
	names, err := ca.ParseNames([]string{input})
	if err != nil {
		return nil, errors.Join(lost, err)
	}
	history, err = c.store.History(store.Device(names.First().String()))
	if errors.Is(err, store.ErrNotIssued) {
		err = &NotIssuedError{Input: input}
	}
	return history, err
}

// toRevoke returns what can still do harm: every certificate that is neither
// expired nor revoked. If there is none, it is the newest, so that a renewal
// leaves the name out. It fails with store.ErrRevoked if that is revoked.
func toRevoke(history []store.Issued, now time.Time) ([]store.Issued, error) {
	newest := history[len(history)-1]
	live := slices.DeleteFunc(history, func(i store.Issued) bool { return i.Revoked != nil || now.After(i.Leaf.NotAfter) })
	switch {
	case len(live) > 0:
		return live, nil
	case newest.Revoked == nil:
		return []store.Issued{newest}, nil
	}
	return nil, fault.With(fmt.Errorf("%q: %w", newest.Record.Name, store.ErrRevoked), fault.Hintf("see %s", fault.Command{"show", newest.Record.Name}))
}

// parseSerial reads a serial number as picoca or openssl writes it.
func parseSerial(input string) (string, bool) {
	digits := serialDigits(input)
	return digits, len(digits) == minSerial && isHex(digits)
}

func serialDigits(input string) string { return strings.ToLower(strings.ReplaceAll(input, ":", "")) }

func isHex(digits string) bool { return strings.Trim(digits, "0123456789abcdef") == "" }

// bySerial returns a certificate that is not revoked yet.
func (c *CA) bySerial(serial string) (store.Issued, error) {
	issued, err := c.store.BySerial(serial)
	switch {
	case errors.Is(err, store.ErrNotIssued) && c.isRootSerial(serial):
		return store.Issued{}, errRevokeRoot
	case errors.Is(err, store.ErrNotIssued):
		return store.Issued{}, cmp.Or(c.refuseListed(serial), error(&NoSerialError{serial}))
	case err != nil:
		return store.Issued{}, err
	}
	_, err = toRevoke([]store.Issued{issued}, time.Time{})
	return issued, err
}

func (c *CA) isRootSerial(serial string) bool {
	roots, err := c.Roots()
	return err == nil && slices.ContainsFunc(roots, func(root store.Root) bool { return ca.Serial(root.Certificate) == serial })
}

// crlSigner is a root whose key is unlocked.
type crlSigner struct {
	id        string
	authority *ca.Authority
}

type crlSigners []crlSigner

func (all crlSigners) lock() {
	for _, signer := range all {
		signer.authority.Lock()
	}
}

func (all crlSigners) of(root store.Root) *ca.Authority {
	for _, signer := range all {
		if signer.id == root.ID {
			return signer.authority
		}
	}
	return nil
}

// crlSigners unlocks every root that can sign a list, the one that signs first.
// All key files have one passphrase, which is asked for once.
func (c *CA) crlSigners(now time.Time, ask Passphrase) (all crlSigners, err error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	if _, err := c.Authority(now); err != nil {
		return nil, err
	}
	ask, forget := askOnce(ask)
	defer forget()
	for _, root := range slices.Backward(roots) {
		if root.Key == store.KeyElsewhere || !ca.ValidAt(root.Certificate, now) {
			continue // the spare's on paper; or expired, so nothing that it signed is in use
		}
		authority, err := c.unlock(root, now, ask)
		if err != nil && root.ID != c.signing.ID {
			continue // a key that is lost, or in an agent that is gone, must not keep the others from signing
		}
		if err != nil {
			return all, err
		}
		all = append(all, crlSigner{root.ID, authority})
	}
	return all, nil
}

// askOnce remembers a passphrase until forget is called.
func askOnce(ask Passphrase) (again Passphrase, forget func()) {
	var kept []byte
	asked := false
	return func() (_ []byte, err error) {
		if !asked {
			if kept, err = ask(); err != nil {
				return nil, err
			}
			asked = true
		}
		return bytes.Clone(kept), nil // who uses it clears it
	}, func() { clear(kept) }
}

// KeyAwayError says that a list cannot be signed.
type KeyAwayError struct{ Root string }

func (e *KeyAwayError) Error() string {
	return fmt.Sprintf("revocation list of %s cannot be signed: the root has expired, or its key is not here or has another passphrase", e.Root)
}

// Hint says what remains.
func (*KeyAwayError) Hint() fault.Hint {
	return fault.Hintf("bring its key back from a backup (%s), or take that root off the servers that trust it", fault.Command{"--home", "FOLDER", "restore", "FILE"})
}

// signLists signs the list of every root that is in use, and fails with a
// KeyAwayError if the root of what is added is not among them. Nobody needs
// the list of one that is retired.
func (c *CA) signLists(before, added []store.Revocation, signers crlSigners, days int, now time.Time) (lists []store.NewCRL, err error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		affected := slices.ContainsFunc(added, func(r store.Revocation) bool { return r.IssuedBy(root) })
		authority := signers.of(root)
		switch {
		case authority == nil && affected && root.Retired == nil:
			return nil, &KeyAwayError{root.Certificate.Subject.CommonName}
		case authority == nil || !affected && root.Retired != nil:
			continue
		}
		der, err := signCRL(authority, root, slices.Concat(before, added), days, now)
		if err != nil {
			return nil, err
		}
		if root.CRL, err = ca.VerifyCRL(root.Certificate, der); err != nil {
			return nil, err
		}
		lists = append(lists, store.NewCRL{Root: root, DER: der})
	}
	return lists, nil
}

// crlServers returns the servers of this CA that can be given a revocation
// list, each once for each of its settings.
func (c *CA) crlServers() []CRLServer {
	all := []CRLServer{}
	for issued, err := range c.All(true) {
		if err != nil || KindOf(issued) != Device || issued.Revoked != nil {
			continue
		}
		target, err := targetOf(issued)
		if err != nil {
			continue
		}
		for _, firmware := range target.Firmware {
			if setting := firmware.CRL.Setting; setting != "" {
				all = append(all, CRLServer{issued.Record.Name, target.Name(), setting})
			}
		}
	}
	return all
}
