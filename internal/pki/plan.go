package pki

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// Request is what the user wants of a certificate. What is unset means "as
// before" for a renewal, and else the default.
type Request struct {
	// Names are those of a device, its own name first; Client is the name of an
	// identity instead.
	Names  ca.Names
	Client ca.ClientName
	// For is the device that will load the files; its ID is empty if it is
	// unset.
	For device.Target
	Key ca.KeyType
	// Days of validity; 0 is as before, and else the default.
	Days int
	// KeepKey leaves a renewal the key of the previous certificate, for clients
	// that pin it.
	KeepKey bool
	// CSR is a certificate request with the key, which stays where it was made; nil
	// lets picoca make a key.
	CSR *ca.CSR
	// ForgetKey keeps a new key out of the store, so that only the files have it:
	// nil is unset.
	ForgetKey *bool
	// AndClient makes a device's certificate an identity as well: nil is unset.
	AndClient *bool
	// BoardClock makes it valid from 2021-01-01 on: nil is unset.
	BoardClock *bool
	// ClockOf is the board whose clock BoardClock is about; without an ID it is any
	// with a clock that starts then.
	ClockOf device.Target
	// WiFi is the network that an identity's Apple profile sets up: nil is unset, one
	// without a name is none.
	WiFi *store.WiFi
	// Out is the folder for the files: the recorded one, or one of the holder's
	// name, if it is empty.
	Out string
	// Renew replaces a certificate that is still valid; there must be one.
	Renew bool
	// SkipValid leaves out the rows of a list whose names have a valid certificate.
	SkipValid bool
	// Force allows what is not recommended: slow keys, replacing files.
	Force bool
	// P12 says how a .p12 is encrypted, if there will be one.
	P12 export.P12

	batch string // identifies the list that asks for it
	trial *trial // nothing will be signed
}

// holder is who the certificate is for.
func (r *Request) holder() store.Holder {
	if name := r.Client.String(); name != "" {
		return store.Holder{Kind: ca.KindClient, Name: name}
	}
	return store.Holder{Kind: ca.KindServer, Name: r.Names.First().String()}
}

func (r *Request) isIdentity() bool { return r.Client.String() != "" }

// display returns the holder's name for people.
func (r *Request) display() string {
	if r.isIdentity() {
		return r.Client.String()
	}
	return r.Names.First().Display()
}

// Plan is a certificate that can be issued: everything that does not need the
// root's key is decided. A dry run stops here.
type Plan struct {
	ca       *CA
	request  Request
	previous *store.Issued // nil for a new name
	unsafe   bool          // what is not recommended was asked for, now or before
	public   crypto.PublicKey
	key      crypto.Signer // nil if the device keeps it
	prepared *ca.Prepared
	dir      string // of the files, absolute
	out      *output.Folder
	own      *ownFiles
	// fileNames are those of the files to write.
	fileNames []string

	// Names, Target and Key are those of the certificate; an identity has no
	// names.
	Names  ca.Names
	Target device.Target
	Key    ca.KeyType
	// KeyKept says who will have the key.
	KeyKept store.KeyKept
	// BoardClock reports whether the certificate begins where a board's clock stands
	// before it is set.
	BoardClock bool
	clockStart time.Time // zero: 2021-01-01
	// AndClient reports whether a device's certificate is an identity too.
	AndClient bool
	// WiFi is the network that an identity's Apple profile sets up, nil for none.
	WiFi *store.WiFi
	// Dir is the folder of the files, as the user would type it.
	Dir string
	// Lost says why the previous certificate could not be read as a whole: what
	// it would have decided is the default. Nil if nothing was lost.
	Lost error
}

// Plan decides everything about a certificate that does not need the root's
// key, and reports all faults at once. It fails with a StillValidError if there
// is a certificate that need not be replaced, with a NotIssuedError if there is
// none to renew, or a RevokedError if that was revoked.
func (c *CA) Plan(req Request, now time.Time) (*Plan, error) {
	authority, err := c.Authority(now)
	if err != nil {
		return nil, err
	}
	if req, err = req.named(authority); err != nil {
		return nil, err
	}
	p := &Plan{ca: c, request: req, unsafe: req.Force}
	if !req.isIdentity() {
		if err := authority.Permits(req.Names); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(time.Time) error{p.lookBack, p.chooseKeeper, p.choose, p.chooseWiFi, p.generate, p.prepare, p.openFolder} {
		if err := step(now); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// IsRenewal reports whether the holder had a certificate before.
func (p *Plan) IsRenewal() bool { return p.previous != nil }

// Close gives up the folder. Nothing was written.
func (p *Plan) Close() error {
	if p.out == nil {
		return nil
	}
	out := p.out
	p.out = nil
	return out.Close()
}

// reopen looks at the folder again after Close: thousands of plans may wait for
// the passphrase, and files that are open are few.
func (p *Plan) reopen(now time.Time) error { return p.openFolder(now) }

// Name returns the holder's name as it is in the certificate.
func (p *Plan) Name() string { return p.request.holder().Name }

// Kind returns what the holder is.
func (p *Plan) Kind() Kind {
	if p.request.isIdentity() {
		return Identity
	}
	return Device
}

// NotBefore and NotAfter return the first and the last second of validity.
func (p *Plan) NotBefore() time.Time { return p.prepared.NotBefore() }

// NotAfter returns the last second of validity.
func (p *Plan) NotAfter() time.Time { return p.prepared.NotAfter() }

// Root returns the root that signs it.
func (p *Plan) Root() *x509.Certificate { return p.ca.authority.Certificate() }

// MaxBytes returns the most bytes of DER that the certificate will have. Finding
// out takes as long as signing.
func (p *Plan) MaxBytes() (int, error) { return p.prepared.Size() }

// StillValidError says that a holder has a certificate that need not be
// replaced.
type StillValidError struct {
	Kind  Kind
	Name  string
	Until time.Time
	// KeyKept says who has its key, CSR whether the request brought another.
	KeyKept store.KeyKept
	CSR     bool
}

func (e *StillValidError) Error() string {
	if e.Kind == Identity {
		return fmt.Sprintf("identity %q is valid until %s", e.Name, Day(e.Until))
	}
	return fmt.Sprintf("%s has a certificate that is valid until %s", e.Name, Day(e.Until))
}

// Hint says how to replace it all the same, or get its files again.
func (e *StillValidError) Hint() fault.Hint {
	renew := fault.Command{"renew", e.Name}
	switch {
	case e.CSR:
		return fault.Hintf("replace it with one for the key in the request: %s", append(renew, "--csr", "FILE"))
	case e.KeyKept == store.KeptByDevice:
		return fault.Hintf("%s for a new certificate of the same key, or with --csr FILE for another key", renew)
	case e.KeyKept == store.KeptInFiles:
		return fault.Hintf("%s for a new key; the old one is only in the files that were written", renew)
	}
	return fault.Hintf("%s for a new key, or %s to write its files again",
		renew, fault.Command{"export", e.Name, "--out", "FOLDER"})
}

// lookBack finds the holder's previous certificate, and what a renewal takes
// over from it.
func (p *Plan) lookBack(now time.Time) error {
	holder := p.request.holder()
	previous, err := p.ca.store.Latest(holder)
	switch {
	case errors.Is(err, store.ErrNotIssued) && p.request.Renew:
		return &NotIssuedError{Input: p.request.display()}
	case errors.Is(err, store.ErrNotIssued):
		return p.refuseDelegated()
	case isLost(err) && p.request.Renew:
		p.Lost = err // a new certificate is how it is mended
		if previous.Leaf != nil {
			p.previous = &previous
		}
		return nil
	case err != nil:
		return err
	}
	p.previous = &previous
	if err := p.issuedBefore(previous, InForce(previous, now)); err != nil {
		return err
	}
	if p.request.Renew && previous.Revoked != nil {
		return p.revokedError(previous)
	}
	if !p.request.Renew && InForce(previous, now) {
		return &StillValidError{p.Kind(), holder.Name, previous.Leaf.NotAfter, previous.Record.KeyKept, p.request.CSR != nil}
	}
	return nil
}

func (p *Plan) revokedError(previous store.Issued) error {
	err := &RevokedError{p.Kind(), previous.Record.Name, previous.Revoked.At, previous.Record.For}
	if previous.Record.KeyKept != store.KeptByDevice || p.Kind() == Identity {
		return err
	}
	return fault.With(err, fault.Hintf("let the device make a new key, and issue for its request: %s", fault.Command{"issue", err.Name, "--csr", "FILE"}))
}

// refuseDelegated keeps an identity from having the name of a delegated CA: no
// word names both.
func (p *Plan) refuseDelegated() error {
	if !p.request.isIdentity() {
		return nil
	}
	_, err := p.ca.store.Latest(store.Holder{Kind: ca.KindCA, Name: p.Name()})
	if errors.Is(err, store.ErrNotIssued) {
		return nil
	}
	return errors.Join(err, &CANameError{p.Name(), "is that of a delegated CA"})
}

// isLost reports whether a file of the store is missing or damaged.
func isLost(err error) bool {
	_, missing := errors.AsType[store.MissingError](err)
	_, damaged := errors.AsType[store.DamagedError](err)
	return missing || damaged
}

// InForce reports whether a certificate is one that need not be replaced: not
// revoked, and valid at now. One that begins later was made while the clock was
// wrong.
func InForce(i store.Issued, now time.Time) bool {
	return i.Revoked == nil && !now.After(i.Leaf.NotAfter) && !now.Before(i.Leaf.NotBefore)
}

// DefaultDevice is what files are for when the user names no device.
const DefaultDevice = "pico-w"

// otherDevice stands for any device: the default one makes no certificate
// requests.
const otherDevice = "computer"

// choose decides names, device, key type and clock: as asked for, else, for a
// renewal, as before, else the default.
func (p *Plan) choose(time.Time) (err error) {
	before := p.before()
	if p.Names, err = p.chooseNames(before); err != nil {
		return err
	}
	if p.Target, err = p.chooseTarget(before); err != nil {
		return err
	}
	if p.Key, err = p.chooseKey(before); err != nil {
		return err
	}
	if err := p.chooseClock(before); err != nil {
		return err
	}
	p.AndClient = chosen(p.request.AndClient, before != nil && IsAlsoClient(*before))
	return p.fits(0)
}

// chosen returns what the user set, else what is usual.
func chosen(set *bool, usual bool) bool {
	if set != nil {
		return *set
	}
	return usual
}

// chooseKey returns the type of a key that was given, else that asked for, else
// as before, else what suits the device.
func (p *Plan) chooseKey(before *store.Issued) (ca.KeyType, error) {
	switch {
	case p.public != nil:
		p.unsafe = true // the device has made its choice
		return ca.KeyTypeOf(p.public)
	case p.request.Key == "" && before != nil && p.sameDevice(*before):
		p.unsafe = true // as it was
		return ca.KeyTypeOf(before.Leaf.PublicKey)
	}
	return cmp.Or(p.request.Key, bestKey(p.Target)), nil
}

// sameDevice reports whether the certificate is for the device that an earlier one
// was for.
func (p *Plan) sameDevice(before store.Issued) bool {
	target, err := targetOf(before)
	return p.request.For.Device.ID == "" || err == nil && target.Device.ID == p.request.For.Device.ID
}

// before is the certificate whose settings a renewal keeps, nil if there is none.
func (p *Plan) before() *store.Issued {
	if !p.request.Renew {
		return nil
	}
	return p.previous
}

func (p *Plan) chooseNames(before *store.Issued) (ca.Names, error) {
	if before == nil || p.request.isIdentity() || len(p.request.Names.All()) > 1 {
		return p.request.Names, nil
	}
	own := p.request.holder().Name
	others := slices.DeleteFunc(ca.NamesOf(before.Leaf), func(name string) bool { return name == own })
	return ca.ParseNames(append([]string{own}, others...))
}

func (p *Plan) chooseTarget(before *store.Issued) (device.Target, error) {
	switch {
	case p.request.For.Device.ID != "":
		return p.request.For, nil
	case before != nil && before.Record.For != "":
		return targetOf(*before)
	case p.request.isIdentity():
		return device.Target{}, nil
	case p.KeyKept == store.KeptByDevice:
		return device.ParseTarget(otherDevice)
	}
	return device.ParseTarget(DefaultDevice)
}

// bestKey is the key type that suits a device best, P-256 for no particular one.
func bestKey(target device.Target) ca.KeyType {
	if target.Device.ID == "" || len(target.Keys()) == 0 {
		return ca.P256
	}
	return ca.KeyType(target.Keys()[0])
}

// fits checks the certificate against the device; 0 bytes if there is none yet.
func (p *Plan) fits(bytes int) error {
	if p.Target.Device.ID == "" {
		return nil
	}
	return p.Target.Fits(p.Facts(bytes), p.unsafe)
}

// Facts are what decides whether a certificate of so many bytes fits a device.
func (p *Plan) Facts(bytes int) device.Certificate {
	return device.Certificate{
		Key: string(p.Key), RootKey: string(p.ca.authority.KeyType()), Bytes: bytes, Names: len(p.Names.All()),
	}
}

// prepare makes the certificate up to its signature.
func (p *Plan) prepare(now time.Time) (err error) {
	profile := ca.Profile{
		Kind: p.certKind(), Life: ca.Days(p.days()), Cut: p.request.Days == 0, Force: p.unsafe || p.recommends(p.Key), BoardClock: p.BoardClock,
		ClockStart: p.clockStart,
	}
	holder := ca.Holder{Names: p.Names, Client: p.request.Client}
	if p.prepared, err = p.ca.authority.Prepare(profile, holder, p.public, now); err != nil {
		return err
	}
	return p.checkSize()
}

// checkSize checks the certificate's size, if the device has a limit that it may exceed.
func (p *Plan) checkSize() error {
	most, _ := p.Target.MaxCertificateBytes()
	if most == 0 {
		return nil
	}
	if exceeds, err := p.prepared.Exceeds(most); err != nil || !exceeds {
		return err
	}
	size, err := p.MaxBytes()
	return errors.Join(err, p.fits(size))
}

// days is how long the certificate will be valid, unless its root ends first.
func (p *Plan) days() int {
	return cmp.Or(p.request.Days, daysOf(p.before()), ca.DefaultLeafDays)
}

// recommends reports whether the device's own data recommend a key type.
func (p *Plan) recommends(key ca.KeyType) bool {
	return p.Target.Device.ID != "" && slices.Contains(p.Target.Keys(), string(key))
}

// certKind returns what the certificate is for.
func (p *Plan) certKind() ca.Kind {
	switch {
	case p.request.isIdentity():
		return ca.KindClient
	case p.AndClient:
		return ca.KindBoth
	}
	return ca.KindServer
}

// daysOf returns how many days a certificate was asked to be valid, 0 if that is not
// known: it ends with its root.
func daysOf(i *store.Issued) int {
	switch {
	case i == nil:
		return 0
	case ca.HasBoardClock(i.Leaf):
		return i.Record.Days
	case i.Root.Certificate == nil || i.Leaf.NotAfter.Equal(i.Root.Certificate.NotAfter):
		return 0
	}
	return int(i.Leaf.NotAfter.Add(time.Second).Sub(i.Leaf.NotBefore) / (24 * time.Hour))
}

// openFolder looks at the folder of the files before anything is signed.
func (p *Plan) openFolder(time.Time) (err error) {
	p.own = p.ca.ownFiles(p.request.holder(), p.previous)
	files, err := p.files()
	if err != nil {
		return err
	}
	p.fileNames = files.names(p.request.holder().Stem())
	p.chooseFolder()
	if p.request.trial != nil && p.request.trial.noFolders {
		return nil
	}
	p.out, err = output.Open(p.Dir, p.ca.outputOptions(p.policy()))
	switch {
	case p.recorded() && errors.Is(err, fs.ErrNotExist): // the folder above it, too
		return &FolderGoneError{p.Name(), p.Dir, "no longer exists"}
	case err != nil:
		return p.existsError(err)
	case p.recorded():
		err = p.checkRecorded()
	default:
		p.dir, err = recordable(p.out)
	}
	if err != nil {
		return err
	}
	return p.existsError(p.out.Check(p.fileNames))
}

// recordable returns the path of a folder as a record holds it, and fails if none can.
func recordable(folder *output.Folder) (string, error) {
	real, err := folder.Real()
	if err != nil {
		return "", err
	}
	return real, store.CheckFolder(real)
}

// recorded reports whether the files go to the folder that a certificate of
// this holder was written to last.
func (p *Plan) recorded() bool {
	return p.request.Out == "" && p.request.Renew && p.previous != nil && p.previous.Record.Folder != ""
}

// existsError adds to a folder that exists how to replace the files of a certificate
// that ended: --force would not take over its device.
func (p *Plan) existsError(err error) error {
	if _, exists := errors.AsType[*output.ExistsError](err); exists && p.previous != nil && p.previous.Revoked == nil && !p.request.Renew && p.request.Out == "" {
		return fault.With(err, fault.Hintf("%s replaces the files of the certificate that ended", fault.Command{"renew", p.Name()}))
	}
	return err
}

func (p *Plan) chooseFolder() {
	switch {
	case p.recorded():
		p.dir = p.previous.Record.Folder
		p.Dir = shorten(p.dir)
	case p.request.Out != "":
		p.Dir = p.request.Out
	default:
		p.Dir = p.request.holder().Stem()
	}
}

// policy is what may be replaced in the folder: by a renewal, or after a
// revocation, files of the same holder's certificates.
func (p *Plan) policy() output.Policy {
	switch {
	case p.request.Force:
		return output.Overwrite
	case p.request.Renew || p.previous != nil && p.previous.Revoked != nil:
		return output.Own(func(name string, data []byte) bool { return p.own.wroteIn(p.out, name, data) })
	}
	return output.Empty
}

// FolderGoneError says that the folder that files were written to last does not
// exist any more, or holds none of them.
type FolderGoneError struct{ Name, Dir, What string }

func (e *FolderGoneError) Error() string {
	return fmt.Sprintf("folder %q of %s %s", e.Dir, e.Name, e.What)
}

// Hint names another folder.
func (e *FolderGoneError) Hint() fault.Hint {
	return fault.Hintf("write the files somewhere else: %s", fault.Command{"renew", e.Name, "--out", "FOLDER"})
}

// checkRecorded fails unless the recorded folder still holds a file of the
// holder's certificates: what has taken its place is not ours to write to.
func (p *Plan) checkRecorded() error {
	if !p.out.Exists() {
		return &FolderGoneError{p.Name(), p.Dir, "no longer exists"}
	}
	if p.request.Force || p.out.Unfinished() {
		return nil
	}
	names, err := p.out.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if data, err := p.out.ReadIfAny(name); err == nil && p.own.wrote(name, data) {
			return nil
		}
	}
	return &FolderGoneError{p.Name(), p.Dir, "no longer holds files of its certificates"}
}

// HasExample reports whether there is a whole project for the device: one that
// serves, or for an identity one that publishes.
func (p *Plan) HasExample() bool {
	_, found := p.exampleFirmware()
	return found
}

// IsCopied reports whether the device is a board that loads the files as they are, so
// that push takes them there.
func (p *Plan) IsCopied() bool {
	firmware, found := p.exampleFirmware()
	return found && firmware.IsCopied()
}

func (p *Plan) exampleFirmware() (example.Firmware, bool) {
	if p.Target.Device.ID == "" || p.Target.Device.RAMKB < example.MinRAMKB || p.KeyKept != store.KeptInStore {
		return example.Firmware{}, false // it has no key, or too little memory
	}
	kind := example.Server
	if p.Kind() == Identity {
		kind = example.Publisher
	}
	firmware, err := example.Find(kind, p.Target.Device.ID, p.Target.Firmware[0].ID)
	return firmware, err == nil
}

// files are those to write.
func (p *Plan) files() (fileSet, error) {
	return filesFor(p.Target, p.Key, p.certKind(), p.KeyKept == store.KeptByDevice)
}

// Unable returns the firmware of the device that does not load the files.
func (p *Plan) Unable() []device.Row {
	files, err := p.files()
	if err != nil || !files.isDevices() {
		return nil
	}
	return p.Target.Unable(files.files, string(p.Key))
}

// Costs returns what a connection with a certificate of so many bytes costs the
// device.
func (p *Plan) Costs(bytes int) []device.Cost {
	if p.Target.Device.ID == "" || p.Kind() == Identity { // it serves nothing
		return []device.Cost{}
	}
	return p.Target.CostOf(p.Facts(bytes))
}

// ClientHeap returns the memory that a connection to a server takes the device of
// an identity: the least and the most, zero if that was not measured.
func (p *Plan) ClientHeap() (heap [2]int) {
	if p.Target.Device.ID == "" || p.Kind() != Identity {
		return heap
	}
	for _, row := range p.Target.Rows() {
		if one := p.Target.ClientHeap(row, string(p.Key)); heap[1] == 0 {
			heap = one
		} else if one[1] > 0 {
			heap = [2]int{min(heap[0], one[0]), max(heap[1], one[1])}
		}
	}
	return heap
}

// WritesP12 reports whether a .p12 is among the files.
func (p *Plan) WritesP12() bool {
	files, err := p.files()
	return err == nil && files.needsPassphrase()
}

// Stem returns the holder's name as a file name.
func (p *Plan) Stem() string { return p.request.holder().Stem() }

// Steps returns what the user does with the files on the device.
func (p *Plan) Steps(place device.Place) []device.Step {
	files, err := p.files()
	if err != nil || !files.isDevices() {
		return nil
	}
	return p.Target.Steps(files.files, useOf(p.certKind()), place)
}

// AddsAddress reports whether the certificate has an address, and the previous
// one had none, under a root that limits addresses: BoringSSL and wolfSSL then
// refuse it.
func (p *Plan) AddsAddress() bool {
	isAddress := func(name string) bool { _, err := netip.ParseAddr(name); return err == nil }
	before := p.before()
	return len(p.ca.signing.Certificate.PermittedIPRanges) > 0 && slices.ContainsFunc(p.Names.Strings(), isAddress) &&
		(before == nil || !slices.ContainsFunc(ca.NamesOf(before.Leaf), isAddress))
}

// P12HasRoot reports whether a .p12 among the files holds the root too.
func (p *Plan) P12HasRoot() bool {
	files, err := p.files()
	return err == nil && files.p12HasRoot()
}

// Writes reports whether files of these names will be written.
func (p *Plan) Writes(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(p.fileNames, name) })
}

// WritesOtherFiles reports whether the device's own files hold the key too, so
// that others are written while the device keeps it.
func (p *Plan) WritesOtherFiles() bool {
	files, err := p.files()
	return err == nil && files.instead
}
