package pki

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// named takes the names of a certificate request if the user gave none.
func (r Request) named(authority *ca.Authority) (Request, error) {
	if r.CSR == nil || r.isIdentity() || len(r.Names.All()) > 0 {
		return r, nil
	}
	asked := r.CSR.Names
	if len(asked.All()) == 0 {
		return r, errNamelessCSR
	}
	if err := authority.Permits(asked); err != nil {
		return r, &AskedNamesError{asked, err}
	}
	r.Names = asked
	return r, nil
}

// nameIt issues for a name of the user's choice.
var nameIt = fault.Command{"issue", "printer.local", "--csr", "FILE"}

var errNamelessCSR = fault.New("certificate request has no name that a certificate can have", fault.Hintf("name the device yourself: %s", nameIt))

// AskedNamesError says that a certificate request asks for names that the root
// cannot vouch for.
type AskedNamesError struct {
	Names ca.Names
	Err   error // joins one for each name
}

func (e *AskedNamesError) Error() string {
	var refused []string
	for _, one := range fault.Flatten(e.Err) {
		if name, ok := errors.AsType[*ca.NameError](one); ok {
			refused = append(refused, name.Input)
		}
	}
	return fmt.Sprintf("certificate request asks for %s; this root cannot vouch for %s", someOf(e.Names.Strings()), someOf(refused))
}

// someOf lists names for a sentence: a request can have thousands.
func someOf(names []string) string {
	const most = 8
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Hint names the device by hand: the request's other names are not used then.
func (*AskedNamesError) Hint() fault.Hint {
	return fault.Hintf("name the device yourself: %s", nameIt)
}

// Ignored returns in words what the certificate request asks for and does not
// get.
func (p *Plan) Ignored() []string {
	csr := p.request.CSR
	if csr == nil {
		return nil
	}
	ignored := []string{}
	given := p.Names.Strings()
	for _, name := range csr.Names.Strings() {
		if !slices.Contains(given, name) {
			ignored = append(ignored, fmt.Sprintf("name %q", name))
		}
	}
	return append(ignored, csr.Wishes...)
}

// CSR returns the certificate request, nil if there is none.
func (p *Plan) CSR() *ca.CSR { return p.request.CSR }

// usageError is a fault of the request that the user can avoid by leaving
// something out.
func usageError(hint fault.Hint, format string, args ...any) error {
	return fault.WithCode(fault.With(fmt.Errorf(format, args...), hint), fault.Usage)
}

// chooseKeeper decides who will have the key, and takes over one that the device
// keeps.
func (p *Plan) chooseKeeper(time.Time) error {
	p.KeyKept = p.keeper()
	if p.request.isIdentity() && p.request.AndClient != nil {
		return usageError(fault.Hintf("leave out --and-client"), "%q is an identity already: --and-client is for devices", p.Name())
	}
	forget := p.request.ForgetKey != nil && *p.request.ForgetKey
	switch {
	case p.KeyKept == store.KeptByDevice:
		return p.takeDevicesKey(forget)
	case forget && p.request.KeepKey:
		return usageError(fault.Hintf("leave out --keep-key for a new key"), "key of %q is in the store, so it cannot be kept and forgotten", p.Name())
	}
	return nil
}

// keeper returns who will have the key: a new request's device, else as before.
func (p *Plan) keeper() store.KeyKept {
	before := p.before()
	switch {
	case p.request.CSR != nil, before != nil && p.deviceKept(*before):
		return store.KeptByDevice
	case chosen(p.request.ForgetKey, before != nil && before.Record.KeyKept == store.KeptInFiles):
		return store.KeptInFiles
	}
	return store.KeptInStore
}

// deviceKept reports whether a device kept the key of its certificate. If the
// record is lost, a key that is not in the store is taken for such a key: a new
// one would be written where none is expected.
func (p *Plan) deviceKept(before store.Issued) bool {
	return before.Record.KeyKept == store.KeptByDevice || p.Lost != nil && !before.HasKey
}

func (p *Plan) takeDevicesKey(forget bool) error {
	switch {
	case p.request.Key != "":
		return &DeviceKeyError{p.Name(), "--key", p.request.CSR != nil}
	case forget:
		return &DeviceKeyError{p.Name(), "--forget-key", p.request.CSR != nil}
	case p.request.CSR != nil && p.request.KeepKey:
		return &DeviceKeyError{p.Name(), "--keep-key", true}
	case p.request.CSR != nil:
		p.public = p.request.CSR.Public
	default:
		p.public = p.previous.Leaf.PublicKey
	}
	if ca.KeyMatches(p.ca.authority.Certificate(), p.public) {
		return errRootsKey
	}
	return p.checkNotRevoked()
}

// errRootsKey is for a request that was made with the root key: a device with
// that key could issue certificates.
var errRootsKey = fault.New("certificate request is for the root's own key", fault.Hintf("make a request with a key of the device's own"))

// DeviceKeyError says that a flag changes nothing about a key that the device
// keeps.
type DeviceKeyError struct {
	Name, Flag string
	// CSR reports whether the key came in a certificate request just now.
	CSR bool
}

func (e *DeviceKeyError) Error() string {
	if e.CSR {
		return fmt.Sprintf("%s has no effect: the key is that of the certificate request", e.Flag)
	}
	return fmt.Sprintf("%s has no effect: the device keeps the key of %q", e.Flag, e.Name)
}

// Hint says how to get another key.
func (e *DeviceKeyError) Hint() fault.Hint {
	if e.CSR {
		return fault.Hintf("leave out %s", e.Flag)
	}
	return fault.Hintf("for another key, make a new request on the device: %s", fault.Command{"renew", e.Name, "--csr", "FILE"})
}

// ExitCode is that of a wrong command line.
func (*DeviceKeyError) ExitCode() int { return fault.Usage }

func (p *Plan) generate(time.Time) (err error) {
	switch {
	case p.public != nil:
		return nil
	case p.request.KeepKey:
		p.key, err = p.keptKey()
	case p.request.trial != nil:
		p.key, err = p.request.trial.key(p.Key)
	default:
		p.key, err = p.Key.Generate()
	}
	if err == nil {
		p.public = p.key.Public()
	}
	return err
}

// storedKey is the key that the store will have, nil if it will have none.
func (p *Plan) storedKey() crypto.Signer {
	if p.KeyKept != store.KeptInStore {
		return nil
	}
	return p.key
}

// RevokedKeyError says that a key to be kept is that of a revoked certificate.
type RevokedKeyError struct {
	Name string
	At   time.Time
	// KeyKept says who has the key.
	KeyKept store.KeyKept
}

func (e *RevokedKeyError) Error() string {
	return fmt.Sprintf("key of %q belongs to a certificate that was revoked on %s", e.Name, Day(e.At))
}

// Hint makes a new key.
func (e *RevokedKeyError) Hint() fault.Hint {
	if e.KeyKept == store.KeptByDevice {
		return fault.Hintf("let the device make a new key, and a request with that")
	}
	return fault.Hintf("renew it with a new key: %s", fault.Command{"renew", e.Name})
}

// KeptTypeError says that a key to be kept has another type than was asked for.
type KeptTypeError struct {
	Name      string
	Got, Want ca.KeyType
}

func (e *KeptTypeError) Error() string {
	return fmt.Sprintf("key of %q is %s, not %s, so it cannot be kept", e.Name, e.Got, e.Want)
}

// Hint leaves one of the two out.
func (e *KeptTypeError) Hint() fault.Hint {
	return fault.Hintf("leave out --keep-key for a new key, or --key and --for")
}

// ExitCode is that of a wrong command line.
func (*KeptTypeError) ExitCode() int { return fault.Usage }

// errNoKeyToKeep says that only a renewal has a key to keep.
var errNoKeyToKeep = fault.New("previous certificate and its key cannot be read, so the key cannot be kept",
	fault.Hintf("leave out --keep-key for a new key"))

// keptKey returns the key of the previous certificate, unless any certificate
// with that key was revoked.
func (p *Plan) keptKey() (crypto.Signer, error) {
	before := p.before()
	if before == nil || p.Lost != nil {
		return nil, errNoKeyToKeep
	}
	if got := ca.KeyType(keyOf(*before)); got != p.Key {
		return nil, &KeptTypeError{p.Name(), got, p.Key}
	}
	p.public = before.Leaf.PublicKey
	if err := p.checkNotRevoked(); err != nil {
		return nil, err
	}
	return p.ca.store.Key(*before)
}

// revokedWith returns a certificate of any holder with a key that was revoked: who it
// was revoked against may have that key. It is nil if there is none.
func (c *CA) revokedWith(public crypto.PublicKey) (*store.Issued, error) {
	revoked, err := c.store.Revocations()
	if err != nil || len(revoked) == 0 {
		return nil, err
	}
	for issued, err := range c.All(false) {
		switch {
		case err != nil && !isLost(err): // what is damaged, doctor reports
			return nil, err
		case issued.Leaf != nil && issued.Revoked != nil && ca.KeyMatches(issued.Leaf, public):
			return &issued, nil
		}
	}
	return nil, nil
}

// checkNotRevoked fails if a certificate with the key was revoked: of the holder, or
// for a key that came in a request, of any.
func (p *Plan) checkNotRevoked() error {
	if p.request.CSR != nil {
		revoked, err := p.ca.revokedWith(p.public)
		if err != nil {
			return err
		}
		if revoked != nil {
			return &RevokedKeyError{revoked.Record.Name, revoked.Revoked.At, p.KeyKept}
		}
	}
	history, err := p.ca.store.History(p.request.holder())
	if err != nil && !isLost(err) && !errors.Is(err, store.ErrNotIssued) {
		return err
	}
	for _, earlier := range history {
		if earlier.Revoked != nil && ca.KeyMatches(earlier.Leaf, p.public) {
			return &RevokedKeyError{p.Name(), earlier.Revoked.At, p.KeyKept}
		}
	}
	return nil
}
