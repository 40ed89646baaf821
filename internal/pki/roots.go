package pki

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// RootState is what a root is for.
type RootState string

// The states of a root.
const (
	RootSigning RootState = "signing" // what is issued now is signed by it
	RootOld     RootState = "old"     // replaced, and trusted until it is retired
	RootSpare   RootState = "spare"   // trusted already; its key is on paper
	RootRetired RootState = "retired" // trusted no more
)

// StateOf returns what a root is for.
func (c *CA) StateOf(root store.Root) (RootState, error) {
	signing, err := c.Root()
	switch {
	case err != nil:
		return "", err
	case root.Retired != nil:
		return RootRetired, nil
	case root.IsSpare():
		return RootSpare, nil
	case root.ID == signing.ID && root.Key != store.KeyElsewhere:
		return RootSigning, nil
	}
	return RootOld, nil
}

// LetterOf returns the four characters that a root's name and ID end in.
func LetterOf(root store.Root) string {
	_, letters, _ := strings.Cut(root.ID, "-")
	return letters
}

// RootInfo is a root, what it is for, and who depends on it.
type RootInfo struct {
	store.Root
	State RootState
	// Dependents are the newest certificates of their names that it signed, if
	// they are neither revoked nor expired.
	Dependents []store.Issued
}

// RootInfos returns every root with its state, the oldest first.
func (c *CA) RootInfos() ([]RootInfo, error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	all := make([]RootInfo, len(roots))
	for i, root := range roots {
		all[i].Root = root
		if all[i].State, err = c.StateOf(root); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// RootStatus returns every root with who depends on it at now. Beside that it
// returns what is wrong with certificates that are damaged: they are not counted.
func (c *CA) RootStatus(now time.Time) (all []RootInfo, damaged, err error) {
	all, err = c.RootInfos()
	if err != nil {
		return nil, nil, err
	}
	var faults []error
	for issued, err := range c.All(true) {
		switch {
		case err != nil:
			faults = append(faults, err)
			continue
		case issued.Revoked != nil || now.After(issued.Leaf.NotAfter):
			continue
		}
		// A spare that was published again has another ID, and the same certificate.
		i := slices.IndexFunc(all, func(r RootInfo) bool { return r.Certificate.Equal(issued.Root.Certificate) })
		if i >= 0 {
			all[i].Dependents = append(all[i].Dependents, issued)
		}
	}
	return all, errors.Join(faults...), nil
}

// Behind returns those who depend on a root that signs no more.
func Behind(all []RootInfo) (behind []store.Issued) {
	for _, root := range all {
		if root.State != RootSigning {
			behind = append(behind, root.Dependents...)
		}
	}
	return behind
}

// RetireRequest is what the user wants of root retire.
type RetireRequest struct {
	// Root is an ID or a part of it; "" is the only old root.
	Root string
	// Force retires a root that certificates in use depend on.
	Force bool
}

// RetiredRoot is a root that was retired.
type RetiredRoot struct {
	RootInfo
	// Readers are the devices and identities that were given the roots in
	// a file of their own.
	Readers []RootReader
	// Stale are the devices that still serve it to phones.
	Stale []TrustPage
	// Profile brings an iPhone or an iPad the profile without it.
	Profile fault.Command
}

// RootReader is a device that was given a file with the roots to trust.
type RootReader struct {
	Name   string `json:"name"`   // of the device or the identity
	Device string `json:"device"` // what it is, for people
	File   string `json:"file"`   // the file with the roots
	// Forgotten means that only its files have its key: an export could not write
	// them again.
	Forgotten bool `json:"-"`
}

// RootInUseError says that certificates depend on a root.
type RootInUseError struct {
	Root  string
	Names []string
}

// maxNamed is how many names an error lists.
const maxNamed = 5

func (e *RootInUseError) Error() string {
	listed := e.Names[:min(maxNamed, len(e.Names))]
	text := strings.Join(listed, ", ")
	if more := len(e.Names) - len(listed); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s signed certificates that are in use: %s", e.Root, text)
}

// Hint moves them.
func (e *RootInUseError) Hint() fault.Hint {
	return fault.Hintf("renew them and copy their files to the devices: %s; --force retires the root all the same", fault.Command{"renew", "--all"})
}

// SigningRootError says that the root that signs cannot be retired.
type SigningRootError struct{ Root string }

func (e *SigningRootError) Error() string {
	return fmt.Sprintf("%s signs: without it this CA can issue nothing", e.Root)
}

// Hint replaces it first.
func (*SigningRootError) Hint() fault.Hint {
	return fault.Hintf("replace it first: %s", fault.Command{"root", "rotate"})
}

// RetiredRootError says that a root was retired before.
type RetiredRootError struct {
	Root string
	At   time.Time
}

func (e *RetiredRootError) Error() string {
	return fmt.Sprintf("%s was retired on %s", e.Root, Day(e.At))
}

// Hint shows the roots.
func (*RetiredRootError) Hint() fault.Hint {
	return fault.Hintf("%s shows every root", fault.Command{"root", "list"})
}

// WhichRootError says that a root must be named.
type WhichRootError struct{ Roots []string }

func (e *WhichRootError) Error() string {
	if len(e.Roots) == 0 {
		return "no root was replaced, so there is none to retire"
	}
	return fmt.Sprintf("%d roots were replaced", len(e.Roots))
}

// Hint names one.
func (e *WhichRootError) Hint() fault.Hint {
	if len(e.Roots) == 0 {
		return fault.Hintf("%s shows every root", fault.Command{"root", "list"})
	}
	return fault.Hintf("name one: %s", fault.Command{"root", "retire", e.Roots[0]})
}

// ExitCode is that of a wrong command line, if the line lacks a name.
func (e *WhichRootError) ExitCode() int {
	if len(e.Roots) == 0 {
		return fault.Failed
	}
	return fault.Usage
}

// RetireRoot ends a root: what is exported from now on does not hold it. No key
// is needed. It fails with an UnknownRootError, a WhichRootError, a
// SigningRootError, a RetiredRootError, or unless forced with a RootInUseError;
// after a failure nothing has changed.
func (c *CA) RetireRoot(ctx context.Context, req RetireRequest, now time.Time, waiting Waiting) (RetiredRoot, error) {
	if _, err := c.chooseRetired(req, now); err != nil {
		return RetiredRoot{}, err
	}
	if err := c.lock(ctx, waiting); err != nil {
		return RetiredRoot{}, err
	}
	chosen, err := c.chooseRetired(req, now) // the world may have changed
	if err != nil {
		return RetiredRoot{}, err
	}
	signing, err := c.Root()
	if err != nil {
		return RetiredRoot{}, err
	}
	if err := c.store.Retire(chosen.Root, now); err != nil {
		return RetiredRoot{}, err
	}
	chosen.State = RootRetired
	return RetiredRoot{chosen, c.rootReaders(), c.stalePages(now), profileCommand(signing.Certificate)}, nil
}

func (c *CA) chooseRetired(req RetireRequest, now time.Time) (RootInfo, error) {
	all, damaged, err := c.RootStatus(now)
	if err != nil {
		return RootInfo{}, err
	}
	chosen, err := findRetired(all, req.Root)
	if err != nil {
		return RootInfo{}, err
	}
	name := chosen.Certificate.Subject.CommonName
	signing, err := c.Root()
	switch {
	case err != nil:
		return RootInfo{}, err
	case chosen.Retired != nil:
		return RootInfo{}, &RetiredRootError{name, *chosen.Retired}
	case chosen.State == RootSigning || chosen.ID == signing.ID:
		return RootInfo{}, &SigningRootError{name}
	case req.Force:
		return chosen, nil
	case len(chosen.Dependents) > 0:
		return RootInfo{}, &RootInUseError{name, namesOf(chosen.Dependents)}
	}
	return chosen, damaged // of which one may depend on it
}

func findRetired(all []RootInfo, input string) (RootInfo, error) {
	if input != "" {
		roots := make([]store.Root, len(all))
		for i := range all {
			roots[i] = all[i].Root
		}
		root, err := findRoot(roots, input)
		if err != nil {
			return RootInfo{}, err
		}
		return all[slices.IndexFunc(all, func(r RootInfo) bool { return r.ID == root.ID })], nil
	}
	old := slices.DeleteFunc(slices.Clone(all), func(r RootInfo) bool { return r.State != RootOld })
	if len(old) == 1 {
		return old[0], nil
	}
	which := &WhichRootError{}
	for _, root := range old {
		which.Roots = append(which.Roots, LetterOf(root.Root))
	}
	return RootInfo{}, which
}

func namesOf(all []store.Issued) []string {
	names := make([]string, len(all))
	for i, issued := range all {
		names[i] = DisplayName(issued.Record.Name)
	}
	return names
}

// rootReaders returns those who were given a file with the roots to trust, which
// still holds a retired one.
func (c *CA) rootReaders() []RootReader {
	all := []RootReader{}
	for issued, err := range c.All(true) {
		if err != nil || issued.Revoked != nil || issued.Record.Kind == ca.KindCA {
			continue
		}
		target, err := targetOf(issued)
		if err != nil || target.Device.ID == "" {
			continue
		}
		set, err := filesFor(target, ca.KeyType(keyOf(issued)), issued.Record.Kind, issued.Record.KeyKept == store.KeptByDevice)
		if err != nil {
			continue
		}
		holdsRoots := func(s export.Spec) bool { return s.Has(export.CA) && !s.Has(export.Leaf) }
		if i := slices.IndexFunc(set.specs, holdsRoots); i >= 0 {
			all = append(all, RootReader{issued.Record.Name, target.Name(), set.specs[i].Name, issued.Record.KeyKept == store.KeptInFiles})
		}
	}
	return all
}

// Passphrases are the present and the new passphrase of the root keys, and that of
// a sheet. New may be empty for none.
type Passphrases struct{ Old, New, Paper Passphrase }

// ChangePassphrase encrypts the key files of all roots under another passphrase,
// in one step. Both are asked for before the lock is taken, the old one only if a
// key is encrypted. It reports whether the keys are encrypted now. It fails with
// store.ErrPassphrase, and then nothing has changed. The key of a retired root
// that the old passphrase does not open stays as it is.
func (c *CA) ChangePassphrase(ctx context.Context, ask Passphrases, waiting Waiting) (encrypted bool, err error) {
	old, err := c.askOld(ask.Old)
	defer clear(old)
	if err != nil {
		return false, err
	}
	passphrase, err := ask.New()
	defer clear(passphrase)
	if err != nil {
		return false, err
	}
	if err := c.lock(ctx, waiting); err != nil {
		return false, err
	}
	return len(passphrase) > 0, c.store.ChangePassphrase(old, passphrase)
}

// askOld returns the passphrase of the roots' key files, which was tried, and
// nil if they have none. It fails with store.ErrNoSigningRoot if there is no key
// file.
func (c *CA) askOld(ask Passphrase) ([]byte, error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	root, found := keyFile(roots)
	if !found {
		_, err := c.store.SigningRoot()
		return nil, cmp.Or(err, errNoKeyFile)
	}
	ask, forget := askOnce(ask)
	defer forget()
	if _, err := c.key(root, ask); err != nil {
		return nil, err
	}
	encrypted, err := c.store.KeyEncrypted(root)
	if err != nil || !encrypted {
		return nil, err
	}
	return ask()
}

// errNoKeyFile says that no key has a passphrase of picoca's.
var errNoKeyFile = fault.New("no root key is in a file, so none has a passphrase",
	fault.Hintf("the SSH agent protects its keys itself; see %s", fault.Command{"show", TheCA}))

// keyFile returns the newest root that is not retired and has its key in a file.
func keyFile(roots []store.Root) (store.Root, bool) {
	for _, root := range slices.Backward(roots) {
		if root.Key == store.KeyFile && root.Retired == nil {
			return root, true
		}
	}
	return store.Root{}, false
}
