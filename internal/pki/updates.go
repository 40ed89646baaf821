package pki

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/store"
)

// updatesFile says how a board takes its certificate over HTTPS. The update
// identities, one for each root that its certificates came from, are beside it.
const updatesFile = "updates.json"

// Updates are how a board takes its certificate over HTTPS, and what else its
// project has: a project that is written for it again has the same.
type Updates struct {
	Port      int  `json:"port"` // 0 if it no longer takes any
	MutualTLS bool `json:"mutual_tls"`
	Push      bool `json:"push"`
	// Page are the SHA-256 of the roots in the page for phones that the board has, or
	// will have with its project; none if updates do not replace that.
	Page []string `json:"page,omitempty"`
}

// UpdatesOf returns how the board of a certificate takes updates, nil if only a
// cable reaches it.
func (c *CA) UpdatesOf(i store.Issued) (*Updates, error) {
	if KindOf(i) != Device {
		return nil, nil
	}
	data, err := c.store.DeviceFile(i.Record.Name, updatesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var u Updates
	if err == nil && (json.Unmarshal(data, &u) != nil || u.Port < 0 || u.Port > 65535) {
		err = fault.With(fmt.Errorf("file %q of %s is damaged", updatesFile, i.Record.Name), fault.Hintf("write the project again: %s", fault.Command{"example", i.Record.Name, "--updates", "--force"}))
	}
	if err != nil || u.Port == 0 {
		return nil, err
	}
	return &u, nil
}

// place is where a board takes updates, unless the user named another address.
func (u *Updates) place(name string) string { return push.UpdatesPlace(name, u.Port) }

// UpdateIdentity returns the certificate that a board with a certificate accepts
// updates from. It fails with fs.ErrNotExist if there is none yet.
func (c *CA) UpdateIdentity(i store.Issued) (*x509.Certificate, error) {
	pair, err := c.owner(i.Record.Name, i.Root)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

// ownerFile is an update identity's: a new root gets a new one, so that a copy of
// the CA's folder that was stolen updates no board any more.
func ownerFile(root store.Root) string { return "update-" + strings.ToLower(root.ID) + ".pem" }

// owner returns the update identity of a board with certificates of a root.
func (c *CA) owner(name string, root store.Root) (tls.Certificate, error) {
	data, err := c.store.DeviceFile(name, ownerFile(root))
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		err = fault.With(fmt.Errorf("update identity of %q: %w", name, err), fault.Hintf("restore the CA's folder from a backup"))
	}
	return pair, err
}

// newOwner makes an update identity, and what is stored of it.
func newOwner() (tls.Certificate, []byte, error) {
	key, err := ca.P256.Generate()
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	cert, err := ca.NewOwner(key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	data, err := store.EncryptKey(key, nil)
	data = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), data...)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, data, err
}

// keepOwner returns the update identity of a board with certificates of a root,
// which is made now if there is none. The lock must be held.
func (c *CA) keepOwner(name string, root store.Root) (tls.Certificate, error) {
	pair, err := c.owner(name, root)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	pair, data, err := newOwner()
	if err != nil {
		return pair, err
	}
	return pair, c.store.PutDeviceFile(name, ownerFile(root), data)
}

// owners are the update identities that a board may accept, the one for a root
// first, then those for the other roots, the newest first.
func (c *CA) owners(name string, root store.Root) ([]tls.Certificate, error) {
	first, err := c.keepOwner(name, root)
	if err != nil {
		return nil, err
	}
	all := []tls.Certificate{first}
	roots, err := c.Roots()
	for _, other := range slices.Backward(roots) {
		if other.ID == root.ID {
			continue
		}
		pair, err := c.owner(name, other)
		switch {
		case err == nil:
			all = append(all, pair)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return all, err
}

// findUpdates decides how the board of a project takes updates. An update identity
// that is new is stored by keepOwner.
func (p *Project) findUpdates() error {
	if p.request.Updates == 0 {
		return nil
	}
	pair, err := p.ca.owner(p.Name, p.issued.Root)
	if errors.Is(err, fs.ErrNotExist) {
		pair, p.owner, err = newOwner()
	}
	if err == nil {
		p.updates = &example.Updates{Port: p.request.Updates, Owner: pair.Certificate[0]}
	}
	return err
}

// keepOwner stores a new update identity, now that the lock is held. If another run
// was faster, its identity is the board's.
func (p *Project) keepOwner() error {
	if p.owner == nil {
		return nil
	}
	stored, err := p.ca.owner(p.Name, p.issued.Root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.ca.store.PutDeviceFile(p.Name, ownerFile(p.issued.Root), p.owner)
	case err != nil:
		return err
	}
	p.updates.Owner = stored.Certificate[0]
	return p.render()
}

// recordUpdates stores how the board of a project that was written takes updates,
// and reports whether it took some until now and no longer does.
func (p *Project) recordUpdates() (ended bool, err error) {
	before, err := p.ca.UpdatesOf(p.issued)
	if p.updates == nil && (before == nil || err != nil) {
		return false, nil // push says what is wrong
	}
	settings := &Updates{Port: p.request.Updates, MutualTLS: p.request.MutualTLS, Push: p.request.Push}
	if p.updates != nil {
		settings.Page = fingerprints(p.trusted)
	}
	return p.updates == nil, p.ca.keepUpdates(p.Name, settings)
}

// keepUpdates stores how a board takes updates. A store that cannot be written to
// keeps nothing.
func (c *CA) keepUpdates(name string, u *Updates) error {
	data, err := json.Marshal(u)
	if err != nil {
		return err
	}
	err = c.store.PutDeviceFile(name, updatesFile, append(data, '\n'))
	if isReadOnly(err) || errors.Is(err, store.ErrUnlocked) {
		return nil
	}
	return err
}

// knownUpdates returns what the board's project had until now, nil if it took no
// updates.
func (p *Project) knownUpdates() *example.Updates {
	if p.updates != nil {
		return p.updates
	}
	settings, err := p.ca.UpdatesOf(p.issued)
	if settings == nil || err != nil {
		return nil
	}
	pair, err := p.ca.owner(p.Name, p.issued.Root)
	if err != nil {
		return nil
	}
	return &example.Updates{Port: settings.Port, Owner: pair.Certificate[0]}
}

// NoUpdatesError says that a board takes no updates.
type NoUpdatesError struct{ Name string }

func (e *NoUpdatesError) Error() string {
	return fmt.Sprintf("%s has no update identity, so its board takes no updates over https", DisplayName(e.Name))
}

// Hint makes one.
func (e *NoUpdatesError) Hint() fault.Hint {
	return fault.Hintf("for MicroPython: %s; CircuitPython's web workflow speaks only http://", fault.Command{"example", e.Name, "--updates"})
}

// CableError says that only a cable brings a whole project.
type CableError struct{ Name string }

func (e *CableError) Error() string { return "a whole project goes over a cable, not over https" }

// Hint names the two ways.
func (e *CableError) Hint() fault.Hint {
	return fault.Hintf("connect the board by USB: %s; only the certificate: %s", fault.Command{"push", e.Name, "--example", "--to", "PORT"}, fault.Command{"push", e.Name})
}

// updatePlace is where the board takes updates: at the address of last time, or
// under its own name; "" if something else was asked for.
func (p *Push) updatePlace() string {
	last := p.Issued.Record.Pushed
	switch {
	case p.updates == nil || p.request.Example || p.request.Reset:
		return ""
	case last != nil && isUpdatePlace(last.To):
		return last.To
	}
	return p.updates.place(p.Name())
}

// maxElsewhere bounds the time that looking for a board takes.
const maxElsewhere = 3

// elsewhere are the other places where a board that takes updates may be, by the
// names and addresses in its certificate: the router may have given it another
// address than the one that is remembered. One that the user names is the only one.
func (p *Push) elsewhere() (places []string) {
	if p.request.To != "" {
		return nil
	}
	leaf := p.Issued.Leaf
	names := slices.Concat([]string{p.Name()}, leaf.DNSNames)
	for _, address := range leaf.IPAddresses {
		names = append(names, address.String())
	}
	for _, name := range names {
		place := p.updates.place(name)
		if place != p.device.Place && !strings.HasPrefix(name, "*.") && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places[:min(maxElsewhere, len(places))]
}

func isUpdatePlace(place string) bool { return strings.HasPrefix(place, "https://") }

// takesUpdates reports whether the device has folders for two pairs. A board that a
// cable reaches may have another program than the project that was written for it.
func (p *Push) takesUpdates(ctx context.Context) (bool, error) {
	switch {
	case p.updates == nil:
		return false, nil
	case p.device.Kind == push.Port:
		return p.device.Has(ctx, example.UpdatesProgram)
	}
	return p.device.Kind == push.HTTPS, nil
}

// updateFiles are those of a board that takes updates: it loads DER, whatever else
// its kind of board would load.
func (p *Push) updateFiles() ([]push.File, error) {
	format, err := export.Find("der")
	if err != nil {
		return nil, err
	}
	bundle, err := p.ca.bundle(p.Issued)
	if err != nil {
		return nil, err
	}
	// The root is for mutual TLS. Another one than the certificate's would lock out all
	// visitors when only the page for phones is out of date.
	bundle.Root = p.Issued.Root.Certificate
	files, err := export.Render(bundle, slices.Concat(format.Device, format.CA)...)
	if err != nil {
		return nil, err
	}
	owner, err := p.ca.keepOwner(p.Name(), p.Issued.Root)
	if err != nil {
		return nil, err
	}
	page, err := p.page()
	if err != nil {
		return nil, err
	}
	all := append(p.credentials(outputFiles(files)), page...)
	if p.device.Kind == push.HTTPS {
		return append(all, push.File{Name: example.OwnerFile, Data: owner.Certificate[0]}), nil
	}
	for i := range all {
		all[i].Name = example.FirstFolder + "/" + all[i].Name
	}
	for _, file := range (&example.Updates{Owner: owner.Certificate[0]}).Files() {
		all = append(all, push.File{Name: file.Name, Data: file.Data}) // the name of the folder in use comes last
	}
	return all, nil
}

// page are the files that the board serves to phones, none if its project has them
// elsewhere.
func (p *Push) page() (files []push.File, err error) {
	if len(p.updates.Page) == 0 {
		return nil, nil
	}
	roots, err := p.ca.trusted()
	if err != nil {
		return nil, err
	}
	public, err := trustFiles(p.Name(), certificatesOf(roots))
	for _, one := range public {
		files = append(files, push.File{Name: one.File.Name, Data: one.File.Data, Public: true})
	}
	p.pageRoots = fingerprints(certificatesOf(roots))
	return files, err
}

// keepPage remembers which roots the board has for phones now.
func (p *Push) keepPage(w PushedFiles) error {
	if p.updates == nil || p.pageRoots == nil || w.KeptPage {
		return nil
	}
	settings := *p.updates
	settings.Page = p.pageRoots
	return p.ca.keepUpdates(p.Name(), &settings)
}

// keptPage reports whether the board's program has left its page for phones as it
// was.
func (p *Push) keptPage(done []push.Done) bool {
	isKept := func(file push.Done) bool { return file.State == push.Kept }
	return p.device.Kind == push.HTTPS && slices.ContainsFunc(done, isKept)
}

// access is what picoca and the board prove to each other.
func (p *Push) access(now time.Time) (*push.Updates, error) {
	if p.device.Kind != push.HTTPS {
		return nil, nil
	}
	owners, err := p.ca.owners(p.Name(), p.Issued.Root)
	if err != nil {
		return nil, err
	}
	revoked, err := p.ca.store.Revocations()
	if err != nil {
		return nil, err
	}
	roots, err := p.ca.trusted()
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root.Certificate)
	}
	return &push.Updates{Name: p.Name(), Port: p.updates.Port, Elsewhere: p.elsewhere(), Roots: pool, Now: now, Known: p.mayHave, Revoked: revokedIn(revoked), Newest: p.Issued.Leaf.Raw, Owners: owners}, err
}

// revokedIn finds certificates in a list of the revoked ones.
func revokedIn(all []store.Revocation) func(*x509.Certificate) bool {
	return func(leaf *x509.Certificate) bool {
		return slices.ContainsFunc(all, func(r store.Revocation) bool {
			return r.Serial == ca.Serial(leaf) && r.Authority == fmt.Sprintf("%x", leaf.AuthorityKeyId)
		})
	}
}

// mayHave reports whether the board may still have a certificate: it was issued for
// it, and not revoked. What is damaged proves nothing.
func (p *Push) mayHave(der []byte) bool {
	history, _ := p.ca.store.History(p.Issued.Record.Holder())
	return slices.ContainsFunc(history, func(i store.Issued) bool { return i.Revoked == nil && bytes.Equal(i.Leaf.Raw, der) })
}

// nextUpdate is where a renewed certificate goes by itself, nil if the board takes
// no updates.
func (p *Plan) nextUpdate() *store.Pushed {
	if p.previous == nil {
		return nil
	}
	settings, err := p.ca.UpdatesOf(*p.previous)
	if settings == nil || err != nil {
		return nil // what is damaged is reported by push
	}
	next := &store.Pushed{To: settings.place(p.previous.Record.Name)}
	if last := p.previous.Record.Pushed; last != nil {
		next.BoardID = last.BoardID
		if isUpdatePlace(last.To) {
			next.To = last.To
		}
	}
	return next
}
