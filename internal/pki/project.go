package pki

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// ProjectRequest is what the user wants of example. What is unset is as it was
// issued.
type ProjectRequest struct {
	Name      string
	For       device.Target
	Out       string
	MutualTLS bool
	// Broker is the name of an MQTT broker, a device: the project then publishes to
	// it, and Name is an identity.
	Broker string
	// Push adds messages to the devices that subscribe on the board's page. Contact
	// is whom push services may ask; unset, it is as before.
	Push    bool
	Contact example.Contact
	// Updates is the port at which the board takes its certificate over HTTPS; 0 if
	// only a cable brings it.
	Updates int
	// Force writes over a project that exists. What the user wrote stays: secrets
	// as they are, changed files as copies.
	Force bool
}

// Project is a whole project that can be written for a device.
type Project struct {
	ca      *CA
	request ProjectRequest
	issued  store.Issued
	target  device.Target
	files   []output.File
	// other are the files of the project with other choices: they are picoca's too.
	other []output.File
	// messages are for a board that sends some, with its key vapid.
	messages *example.Messages
	vapid    *ecdsa.PrivateKey
	// updates are for a board that takes updates, and owner is its update identity if
	// that is new.
	updates *example.Updates
	owner   []byte
	// trust is what the board serves to phones, with the roots in trusted;
	// trustBefore is what it did by an earlier project.
	trust, trustBefore []example.Public
	trusted            []*x509.Certificate

	Firmware example.Firmware
	Name     string // of the device or identity, as it is in the certificate
	Broker   string // that it publishes to, "" if it serves
	Dir      string // as the user would type it
}

// WrittenProject is a project that was written.
type WrittenProject struct {
	Files []Written `json:"files"`
	// Kept are files that the user has filled in; they stayed as they were.
	Kept []string `json:"kept"`
	// Copied are copies of files that the user had changed.
	Copied []string `json:"copied"`
	// EndsUpdates says that the board took updates until now, and its new project does
	// not.
	EndsUpdates bool `json:"-"`
}

// SmallDeviceError says that no example fits into a device.
type SmallDeviceError struct{ Device device.Device }

func (e *SmallDeviceError) Error() string {
	return fmt.Sprintf("%s has %d KB of memory; an example needs %d", e.Device.Name, e.Device.RAMKB, example.MinRAMKB)
}

// Hint suggests another one.
func (e *SmallDeviceError) Hint() fault.Hint { return fault.Hintf("use a board such as the Pico W") }

// OldFirmwareError says that a project does not run on a firmware's version.
type OldFirmwareError struct {
	Name     string
	Target   device.Target
	Firmware example.Firmware
}

func (e *OldFirmwareError) Error() string {
	_, release, _ := strings.Cut(e.Target.String(), "/")
	return fmt.Sprintf("firmware %q is older than %s, the first that runs the example", release, e.Firmware.Since)
}

// ExitCode is that of a wrong command line.
func (*OldFirmwareError) ExitCode() int { return fault.Usage }

// Hint leaves the version out.
func (e *OldFirmwareError) Hint() fault.Hint {
	return fault.Hintf("install a later version on the board, then run %s",
		fault.Command{"example", e.Name, "--for", e.Target.Device.ID + "/" + e.Firmware.ID})
}

// PlanProject decides everything about a project before anything is written.
func (c *CA) PlanProject(req ProjectRequest) (*Project, error) {
	issued, err := c.projectOf(req)
	if err != nil {
		return nil, err
	}
	p := &Project{ca: c, request: req, issued: issued, target: req.For, Name: issued.Record.Name}
	if p.target.Device.ID == "" {
		if p.target, err = targetOf(issued); err != nil {
			return nil, err
		}
	}
	if p.target.Device.ID == "" { // an identity for no device in particular
		if p.target, err = device.ParseTarget(DefaultDevice); err != nil {
			return nil, err
		}
	}
	if err := p.chooseFirmware(); err != nil {
		return nil, err
	}
	if err := p.findBroker(); err != nil {
		return nil, err
	}
	if err := errors.Join(p.findMessages(), p.findUpdates()); err != nil {
		return nil, err
	}
	if err := p.findTrust(); err != nil {
		return nil, err
	}
	p.Dir = cmp.Or(req.Out, issued.Record.Holder().Stem()+"-"+p.Firmware.ID)
	return p, p.render()
}

func (p *Project) chooseFirmware() (err error) {
	if d := p.target.Device; d.RAMKB > 0 && d.RAMKB < example.MinRAMKB {
		return &SmallDeviceError{d}
	}
	if p.Firmware, err = example.Find(p.kind(), p.target.Device.ID, p.target.Firmware[0].ID); err != nil {
		return err
	}
	if !p.target.CanBe(p.Firmware.ID, p.Firmware.Since) {
		return &OldFirmwareError{p.Name, p.target, p.Firmware}
	}
	if len(p.target.Firmware) > 1 { // the device's default: the first of several
		p.target, err = device.ParseTarget(p.target.Device.ID + "/" + p.Firmware.ID)
	}
	return err
}

func (p *Project) render() error {
	whole, err := filepath.Abs(p.Dir)
	if err != nil {
		return fmt.Errorf("output %q: %w", p.Dir, err)
	}
	bundle, err := p.ca.bundle(p.issued)
	if err != nil {
		return err
	}
	format, err := device.FormatFor(p.target.Rows(), keyOf(p.issued))
	if err != nil && p.Firmware.TakesFormat() {
		return err
	}
	project := example.Project{
		Name: p.Name, Bundle: bundle, Format: format, Folder: filepath.Base(whole), MutualTLS: p.request.MutualTLS,
		Broker: p.Broker, Device: p.target.Device.ID, Messages: p.messages, Updates: p.updates, Trust: p.trust,
	}
	files, err := p.Firmware.Render(project)
	if err != nil {
		return err
	}
	p.files = outputFiles(files)
	p.other = nil
	for _, variant := range p.variants(project) {
		if files, err := p.Firmware.Render(variant); err == nil { // not every firmware has each
			p.other = append(p.other, outputFiles(files)...)
		}
	}
	return nil
}

// variants are the project with mutual TLS, messages, updates and roots chosen
// otherwise.
func (p *Project) variants(project example.Project) (variants []example.Project) {
	all, allUpdates, trust := []*example.Messages{nil}, []*example.Updates{nil}, [][]example.Public{p.trust}
	if known := p.knownMessages(); known != nil {
		all = append(all, known)
	}
	if known := p.knownUpdates(); known != nil {
		allUpdates = append(allUpdates, known)
	}
	if p.trustBefore != nil {
		trust = append(trust, p.trustBefore)
	}
	for _, project.Messages = range all {
		for _, project.Updates = range allUpdates {
			for _, project.Trust = range trust {
				for _, project.MutualTLS = range []bool{false, true} {
					variants = append(variants, project)
				}
			}
		}
	}
	return variants
}

// Write writes the project as a whole, and records where the certificate's files
// are, so that a renewal replaces those and nothing else.
func (p *Project) Write(ctx context.Context, waiting Waiting) (_ WrittenProject, err error) {
	if err := p.ca.lockFor(ctx, p.issued, waiting); err != nil {
		return WrittenProject{}, err
	}
	if err := errors.Join(p.keepMessages(), p.keepOwner()); err != nil {
		return WrittenProject{}, err
	}
	folder, err := output.Open(p.Dir, p.ca.outputOptions(p.policy()))
	if err != nil {
		return WrittenProject{}, p.existsError(err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	real, err := recordable(folder)
	if err != nil {
		return WrittenProject{}, err
	}
	if err := folder.Prepare(fileNames(p.files)); err != nil {
		return WrittenProject{}, p.existsError(err)
	}
	w, files, err := p.keep(folder)
	if err != nil {
		return w, err
	}
	if err := folder.Prepare(fileNames(files)); err != nil { // with the copies
		return w, p.existsError(err)
	}
	if err := folder.Stage(files); err != nil {
		return w, err
	}
	if err := folder.Commit(); err != nil {
		return w, err
	}
	w.Files = written(p.Dir, files)
	if w.EndsUpdates, err = p.recordUpdates(); err != nil {
		return w, err
	}
	return w, errors.Join(p.record(real), p.keepTrust())
}

// Ended returns an ExpiredError or a RevokedError if the project's certificate is no
// longer valid.
func (p *Project) Ended(now time.Time) error { return inUse(p.issued, now) }

func (p *Project) policy() output.Policy {
	if p.request.Force {
		return output.Overwrite
	}
	return output.Empty
}

// existsError adds to a folder that exists how to renew only the certificate in it.
func (p *Project) existsError(err error) error {
	exists, ok := errors.AsType[*output.ExistsError](err)
	if !ok || !exists.Force {
		return err
	}
	return fault.With(err, fault.Hintf(
		"to replace only the certificate: %s; --force rewrites the project too, and keeps copies of files that you changed",
		fault.Command{"export", p.Name, "--for", p.target.String(), "--out", filepath.Join(p.Dir, filepath.FromSlash(p.Folder())), "--force"}))
}

// keep leaves out the file for the Wi-Fi's password if the user has filled it in,
// and adds a copy of every other file that the user has changed.
func (p *Project) keep(folder *output.Folder) (w WrittenProject, files []output.File, err error) {
	w.Kept, w.Copied = []string{}, []string{}
	own := p.ca.ownFiles(p.issued.Record.Holder(), &p.issued)
	for _, file := range p.files {
		before, err := folder.ReadIfAny(file.Name)
		if err != nil {
			return w, nil, err
		}
		switch {
		case before == nil || p.generated(file, before) || own.wrote(path.Base(file.Name), before):
			files = append(files, file)
		case path.Base(file.Name) == p.Firmware.Secrets():
			w.Kept = append(w.Kept, p.path(file.Name))
		default:
			backup := output.File{Name: freeName(folder, file.Name, before), Data: before, Private: true}
			files = append(files, file, backup)
			w.Copied = append(w.Copied, p.path(backup.Name))
		}
	}
	return w, files, nil
}

// generated reports whether a file is what picoca writes.
func (p *Project) generated(file output.File, data []byte) bool {
	return bytes.Equal(data, file.Data) || slices.ContainsFunc(p.other, func(other output.File) bool {
		return other.Name == file.Name && bytes.Equal(data, other.Data)
	})
}

func (p *Project) path(name string) string { return filepath.Join(p.Dir, filepath.FromSlash(name)) }

// freeName returns a name for a copy: main.py.old, main.py.old2, ... of which
// none is taken by another text.
func freeName(folder *output.Folder, name string, data []byte) string {
	candidate := name + ".old"
	for i := 2; ; i++ {
		there, err := folder.ReadIfAny(candidate)
		if err != nil || there == nil || bytes.Equal(there, data) {
			return candidate
		}
		candidate = fmt.Sprintf("%s.old%d", name, i)
	}
}

// record remembers where the device loads its certificate from, if the project
// is for what the certificate was issued for.
func (p *Project) record(dir string) error {
	if issued, err := targetOf(p.issued); err != nil || issued.Device.ID != p.target.Device.ID || !issued.CanBe(p.Firmware.ID, p.Firmware.Since) {
		return err
	}
	bundle, err := p.ca.bundle(p.issued)
	if err != nil {
		return err
	}
	set, err := filesFor(p.target, ca.KeyType(keyOf(p.issued)), p.issued.Record.Kind, false)
	if err != nil {
		return nil // a renewal has no files only for it
	}
	files, err := set.render(bundle)
	if err != nil {
		return nil
	}
	return p.ca.recordFolder(p.issued, p.issued.Record.For, filepath.Join(dir, filepath.FromSlash(p.Folder())), outputFiles(files))
}

// Folder is where the certificate and its key are, below the project's own folder.
func (p *Project) Folder() string { return p.Firmware.Folder(p.updates != nil) }

// Target returns what the project is for.
func (p *Project) Target() device.Target { return p.target }

// Reach says how phones find the board, or the board its broker.
func (p *Project) Reach() example.Reach { return example.ReachOf(cmp.Or(p.Broker, p.Name)) }
