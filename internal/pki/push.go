package pki

import (
	"cmp"
	"context"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/store"
)

// PushRequest is what the user wants of push.
type PushRequest struct {
	// Name is a device's or an identity's.
	Name string
	// To is the place; "" is where the files were pushed last, else the only board
	// that is connected.
	To string
	// Example pushes the whole project, with MutualTLS as ProjectRequest has it.
	Example, MutualTLS bool
	// Reset restarts the board afterwards, as its button would.
	Reset bool
	// Force pushes to another board than before, and replaces files that are not
	// picoca's.
	Force  bool
	Access push.Access
	// Progress is called while a file is written; nil if nobody watches.
	Progress func(name string, done, total int)
}

// Push is a certificate and the device that it goes to.
type Push struct {
	ca      *CA
	request PushRequest
	device  *push.Device
	secrets string // a file of the project that the user fills in
	updates *Updates
	example *Project
	// pageRoots are the SHA-256 of the roots in the page for phones that is pushed,
	// nil if there is none in the folder of the pair.
	pageRoots []string

	Issued store.Issued
	Target device.Target
}

// Name returns the holder's name.
func (p *Push) Name() string { return p.Issued.Record.Name }

// Kind returns how the device is reached.
func (p *Push) Kind() push.Kind { return p.device.Kind }

// Place returns where the device is, as --to takes it.
func (p *Push) Place() string { return p.device.Place }

// Board returns what a board says of itself.
func (p *Push) Board() push.Board { return p.device.Board }

// Close ends the connection. A board whose program was stopped for it runs again.
func (p *Push) Close() error { return p.device.Close() }

// Reach finds the device that a certificate's files go to, and proves that it
// is the right one. It fails as Find does, with an ExpiredError or a
// RevokedError, with what is wrong with the place, with a CAPlaceError for the
// folder of a CA, and with an OtherBoardError or a TakenBoardError before
// anything is written to a board that is not the name's. Close the Push.
func (c *CA) Reach(ctx context.Context, computer push.Computer, req PushRequest, now time.Time) (*Push, error) {
	p := &Push{ca: c, request: req}
	if err := p.find(now); err != nil {
		return nil, err
	}
	reached, err := p.reach(ctx, computer)
	if err != nil {
		return nil, err
	}
	p.device = reached
	if err := p.check(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Push) find(now time.Time) (err error) {
	if p.request.Name == TheCA {
		return &WrongKindError{TheCA, CAItself, Device}
	}
	if p.Issued, err = p.ca.Find(p.request.Name); err != nil {
		return err
	}
	if KindOf(p.Issued) == Delegated {
		return &WrongKindError{p.request.Name, Delegated, Device}
	}
	if err := inUse(p.Issued, now); err != nil {
		return err
	}
	if p.Issued.Record.KeyKept == store.KeptInFiles { // the certificate by itself would not fit the key there
		return &store.KeyElsewhereError{Record: p.Issued.Record}
	}
	if p.Target, err = targetOf(p.Issued); err == nil && p.request.Example && !p.isForBoard() {
		err = &ExamplePlaceError{p.Name()}
	}
	if err == nil && p.isForBoard() && p.runs("micropython") {
		p.updates, err = p.ca.UpdatesOf(p.Issued)
	}
	return err
}

// reach opens the place that was asked for, else the one where the board takes
// updates, else the one of last time, else the only board.
func (p *Push) reach(ctx context.Context, computer push.Computer) (*push.Device, error) {
	last := p.Issued.Record.Pushed
	switch {
	case isUpdatePlace(p.request.To) && p.updates == nil:
		return nil, &NoUpdatesError{p.Name()}
	case p.request.To != "":
		return computer.Open(ctx, p.request.To, p.request.Access)
	case p.updatePlace() != "":
		return computer.Open(ctx, p.updatePlace(), p.request.Access)
	case last != nil && isUpdatePlace(last.To): // a whole project, or a board that takes no more updates
		return p.reachOnly(ctx, computer)
	case last != nil && last.BoardID != "":
		return p.reachBoard(ctx, computer, last)
	case last != nil:
		return p.reachAgain(ctx, computer, last)
	}
	return p.reachOnly(ctx, computer)
}

// reachAgain opens a place where no board said who it is.
func (p *Push) reachAgain(ctx context.Context, computer push.Computer, last *store.Pushed) (*push.Device, error) {
	d, err := computer.Open(ctx, last.To, p.request.Access)
	if err != nil {
		return nil, err
	}
	if d.Kind.IsBoard() {
		return nil, errors.Join(&NamelessBoardError{p.Name(), last.To}, d.Close())
	}
	return d, nil
}

// reachBoard looks for a board where it was last, and if it is not there, at
// other places of the same kind: drives and ports get other names.
func (p *Push) reachBoard(ctx context.Context, computer push.Computer, last *store.Pushed) (*push.Device, error) {
	d, firstErr := computer.Open(ctx, last.To, p.request.Access)
	if firstErr == nil && (d.Board.ID == last.BoardID || p.request.Force) {
		return d, nil
	}
	if firstErr == nil {
		firstErr = errors.Join(&OtherBoardError{p.Name(), d.Place, d.Board.ID, last.BoardID, false}, d.Close())
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, candidate := range computer.Find(ctx) {
		if candidate.Place == last.To || candidate.Kind != push.Port && candidate.Board.ID != last.BoardID {
			continue
		}
		d, err := computer.Open(ctx, candidate.Place, p.request.Access)
		if err == nil && d.Board.ID == last.BoardID {
			return d, nil
		}
		if err == nil {
			_ = d.Close() // another name's: what failed first is what matters
		}
	}
	return nil, firstErr
}

// reachOnly opens the only board that is connected and can load the files.
func (p *Push) reachOnly(ctx context.Context, computer push.Computer) (*push.Device, error) {
	if !p.isForBoard() {
		return nil, &NoPlaceError{p.Name(), p.Target}
	}
	found := slices.DeleteFunc(computer.Find(ctx), func(c push.Candidate) bool {
		return c.Kind == push.Drive && !p.runs("circuitpython") || c.Kind == push.Port && !p.runs("micropython")
	})
	switch len(found) {
	case 0:
		return nil, &NoBoardFoundError{p.Name(), p.Target}
	case 1:
		return computer.Open(ctx, found[0].Place, p.request.Access)
	}
	return nil, &ManyBoardsError{p.Name(), found}
}

// isForBoard reports whether the files are for firmware that reads them from its
// file system. Other boards' programs are built around them.
func (p *Push) isForBoard() bool {
	return p.Target.Device.IsBoard() && (p.runs("micropython") || p.runs("circuitpython"))
}

func (p *Push) runs(firmware string) bool {
	return slices.ContainsFunc(p.Target.Firmware, func(f device.Firmware) bool { return f.ID == firmware })
}

// check proves that the device is the one for the files.
func (p *Push) check() error {
	d, last := p.device, p.Issued.Record.Pushed
	switch {
	case (d.Kind == push.Folder || d.Kind == push.Drive) && inCA(d.Place):
		return &CAPlaceError{p.Name(), d.Place}
	case d.Kind.IsBoard() && !p.isForBoard():
		return &NotLoadedError{p.Name(), d.Place, p.Target}
	case d.Kind.IsBoard() && d.Board.Firmware != "" && !p.runs(d.Board.Firmware):
		return &OtherFirmwareError{p.Name(), d.Place, d.Board.Firmware, p.Target}
	case p.request.Example && d.Kind == push.HTTPS:
		return &CableError{p.Name()}
	case p.request.Example && !d.Kind.IsBoard():
		return &ExamplePlaceError{p.Name()}
	case p.request.Reset && d.Kind != push.Port:
		return &push.NoResetError{Kind: d.Kind}
	case p.request.Force:
		return nil
	case d.Kind == push.Folder && p.isForBoard():
		return &NoDriveError{p.Name(), d.Place}
	case last != nil && last.BoardID != "" && d.Kind.IsBoard() && d.Board.ID != last.BoardID:
		return &OtherBoardError{p.Name(), d.Place, d.Board.ID, last.BoardID, true}
	}
	return p.checkTaken()
}

// inCA reports whether a folder is in that of a CA, whose files have the same
// names.
func inCA(dir string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil { // Windows cannot for every drive
		dir = real
	}
	return store.Encloses(dir)
}

// checkTaken fails if the board is another name's.
func (p *Push) checkTaken() error {
	id := p.device.Board.ID
	if id == "" {
		return nil
	}
	for other, err := range p.ca.All(true) {
		if err != nil || other.Revoked != nil || other.Record.Pushed == nil || other.Record.Holder() == p.Issued.Record.Holder() {
			continue // what is damaged cannot object
		}
		if other.Record.Pushed.BoardID == id {
			return &TakenBoardError{p.Name(), p.device.Place, other.Record.Name}
		}
	}
	return nil
}

// PushedFiles are what was pushed.
type PushedFiles struct {
	Files []push.Done
	// Steps are what the user does on the device now.
	Steps []device.Step
	// ToFillIn is a file that the user writes the Wi-Fi's name and password into, ""
	// if that was done.
	ToFillIn string
	// MovedFrom is where the board was last, if it is elsewhere now; else "".
	MovedFrom string
	// KeptPage says that the board's program has left its page for phones as it was.
	KeptPage bool
}

// Run puts the files onto the device, and records where they are. It holds the
// store's lock, so that no two runs write to one device.
func (p *Push) Run(ctx context.Context, now time.Time, waiting Waiting) (w PushedFiles, err error) {
	if err := p.ca.lockFor(ctx, p.Issued, waiting); err != nil {
		return w, err
	}
	files, err := p.files(ctx, now)
	if err != nil {
		return w, err
	}
	access, err := p.access(now)
	if err != nil {
		return w, err
	}
	before := p.Place()
	w.Files, err = p.device.Put(ctx, files, push.Options{Force: p.request.Force, Familiar: p.isFamiliar() && p.device.Kind == push.Folder, Progress: p.request.Progress, Updates: access})
	switch _, leftover := errors.AsType[*push.LeftoverError](err); {
	case w.Files == nil:
		return w, err
	case err != nil && !leftover:
		return w, errors.Join(err, p.record(time.Time{}))
	}
	if p.Place() != before {
		w.MovedFrom = before
	}
	w.KeptPage = p.keptPage(w.Files)
	familiar := p.isFamiliar()
	if p.example != nil {
		err = errors.Join(err, p.example.keepTrust())
	}
	if err := errors.Join(err, p.keepPage(w), p.record(now)); err != nil {
		return w, err
	}
	w.Steps = p.steps(familiar)
	for _, file := range w.Files {
		if file.Name == p.secrets && file.State == push.Written {
			w.ToFillIn = p.secrets
		}
	}
	if p.request.Reset {
		err = p.device.Reset(ctx)
	}
	return w, err
}

// isFamiliar reports whether the name's files were pushed to this device before:
// what it has under their names is picoca's, even if it is damaged.
func (p *Push) isFamiliar() bool {
	last := p.Issued.Record.Pushed
	if last == nil {
		return false
	}
	if last.BoardID != "" && p.device.Kind != push.HTTPS {
		return last.BoardID == p.device.Board.ID
	}
	return last.To == p.device.Place
}

func (p *Push) files(ctx context.Context, now time.Time) ([]push.File, error) {
	if p.request.Example {
		return p.project()
	}
	updates, err := p.takesUpdates(ctx)
	switch {
	case err != nil:
		return nil, err
	case updates:
		return p.updateFiles()
	}
	e, err := p.ca.PlanExport(ExportRequest{Name: p.request.Name}, now)
	if err != nil {
		return nil, err
	}
	if e.NeedsPassphrase() {
		return nil, &PassphraseError{p.Name()}
	}
	files, err := e.Render()
	if err != nil {
		return nil, err
	}
	return p.credentials(files), nil
}

// credentials are certificate files. On a device that never had them, only those
// of this holder's certificates may be replaced.
func (p *Push) credentials(files []output.File) []push.File {
	all := make([]push.File, len(files))
	own := p.ca.ownFiles(p.Issued.Record.Holder(), &p.Issued)
	for i, file := range files {
		all[i] = push.File{Name: file.Name, Data: file.Data, Private: file.Private}
		if !p.isFamiliar() {
			all[i].Ours = func(data []byte) bool { return own.wrote(path.Base(file.Name), data) }
		}
	}
	return all
}

// project returns the example with its certificate.
func (p *Push) project() ([]push.File, error) {
	request, err := p.projectRequest()
	if err != nil {
		return nil, err
	}
	project, err := p.ca.PlanProject(request)
	if err != nil {
		return nil, err
	}
	p.example, p.secrets = project, project.Firmware.Secrets()
	if p.updates != nil {
		p.pageRoots = fingerprints(project.trusted)
	}
	own := p.ca.ownFiles(p.Issued.Record.Holder(), &p.Issued)
	var program []push.File
	var certificate []output.File
	for _, file := range project.files {
		one := push.File{Name: file.Name, Data: file.Data, Private: file.Private}
		switch {
		case file.Name == p.secrets:
			one.Keep = true
			program = append(program, p.filledIn(one))
		case own.wrote(path.Base(file.Name), file.Data):
			certificate = append(certificate, file)
		case file.Name == example.LiveFile, path.Dir(file.Name) == example.FirstFolder: // of no use to anybody else
			program = append(program, one)
		default:
			one.Copy = true
			one.Ours = func(data []byte) bool { return project.generated(file, data) }
			program = append(program, one)
		}
	}
	return append(p.credentials(certificate), program...), nil
}

// projectRequest asks for a project like the one that was written for a board that
// takes updates.
func (p *Push) projectRequest() (r ProjectRequest, err error) {
	r = ProjectRequest{Name: p.request.Name, For: p.Target, MutualTLS: p.request.MutualTLS, Out: "project"}
	if p.updates != nil {
		r.Updates, r.Push, r.MutualTLS = p.updates.Port, p.updates.Push, p.updates.MutualTLS || p.request.MutualTLS
		if _, err := p.ca.keepOwner(p.Name(), p.Issued.Root); err != nil {
			return r, err
		}
	}
	if len(p.Target.Firmware) > 1 { // the board says which
		if r.For, err = device.ParseTarget(p.Target.Device.ID + "/" + p.device.Board.Firmware); err != nil {
			return r, err
		}
	}
	if p.updates == nil && r.For.Firmware[0].ID == "micropython" { // no other sends messages
		r.Push, err = p.sendsMessages()
	}
	return r, err
}

// sendsMessages reports whether the project in its folder on this computer sends
// messages. If there is none, it goes by whether one was ever written.
func (p *Push) sendsMessages() (bool, error) {
	if contact, err := p.ca.contact(p.Name()); err != nil || contact == (example.Contact{}) {
		return false, err
	}
	return p.inProject("webpush.py") != nil || p.inProject("main.py") == nil, nil
}

// filledIn returns the file with the Wi-Fi's password as the user has filled it
// in in the folder of the project on this computer, if they have.
func (p *Push) filledIn(file push.File) push.File {
	data := p.inProject(file.Name)
	if data == nil || string(data) == string(file.Data) {
		return file
	}
	file.Data = data
	p.secrets = "" // nothing is left to do
	return file
}

// inProject returns a file of the project's folder on this computer, nil if it
// cannot be read.
func (p *Push) inProject(name string) []byte {
	dir := p.Issued.Record.Folder
	if dir == "" {
		return nil
	}
	if p.updates != nil && filepath.Base(dir) == example.FirstFolder {
		dir = filepath.Dir(dir)
	}
	folder, err := output.Open(dir, p.ca.outputOptions(output.Overwrite))
	if err != nil {
		return nil
	}
	defer folder.Close()
	data, err := folder.ReadIfAny(name)
	if err != nil {
		return nil
	}
	return data
}

// record remembers where the files are. A zero time says that they should be
// there, and that it went wrong: the next run tries again. What is on another
// device stays recorded.
func (p *Push) record(at time.Time) error {
	pushed := &store.Pushed{To: p.device.Place, BoardID: p.device.Board.ID, At: at.UTC()}
	last := p.Issued.Record.Pushed
	if last != nil && p.device.Kind == push.HTTPS {
		pushed.BoardID = last.BoardID // a later cable leads to the same board
	}
	if at.IsZero() && last != nil && !last.At.IsZero() && !p.isFamiliar() {
		return nil
	}
	record := p.Issued.Record
	record.Pushed = pushed
	err := p.ca.store.SetRecord(p.Issued, record)
	if isReadOnly(err) || errors.Is(err, store.ErrUnlocked) {
		return nil
	}
	p.Issued.Record = record
	return err
}

// IsUnpushed reports whether a certificate should be on a device, and is not: an
// earlier one of its name was pushed there, or a push failed.
func IsUnpushed(i store.Issued) bool {
	return i.Record.Pushed != nil && i.Record.Pushed.At.IsZero() && i.Revoked == nil
}

// Unpushed returns the newest certificates that should be on a device and are
// not. What cannot be read is in the error, and hides no other.
func (c *CA) Unpushed() (all []store.Issued, err error) {
	for issued, readErr := range c.All(true) {
		switch {
		case readErr != nil:
			err = errors.Join(err, readErr)
		case IsUnpushed(issued):
			all = append(all, issued)
		}
	}
	return all, err
}

// NextPlace returns where the files of the new certificate should go: to the
// device that has the previous one's, if it is still for that device; else nil.
func (p *Plan) NextPlace() *store.Pushed {
	if p.KeyKept == store.KeptInFiles || p.previous == nil || deviceOf(p.previous.Record.For) != deviceOf(p.Target.String()) {
		return nil
	}
	if next := p.nextUpdate(); next != nil {
		return next
	}
	if last := p.previous.Record.Pushed; last != nil {
		return &store.Pushed{To: last.To, BoardID: last.BoardID}
	}
	return nil
}

func deviceOf(target string) string {
	id, _, _ := strings.Cut(cmp.Or(target, DefaultDevice), "/")
	return id
}

// steps are what remains to be done on a server. What was done once, as in its
// configuration, is left out the second time.
func (p *Push) steps(familiar bool) []device.Step {
	if p.device.Kind.IsBoard() || p.device.Kind == push.HTTPS || p.Target.Device.ID == "" {
		return nil
	}
	set, err := filesFor(p.Target, ca.KeyType(keyOf(p.Issued)), p.Issued.Record.Kind, p.Issued.Record.KeyKept != store.KeptInStore)
	if err != nil || !set.isDevices() {
		return nil
	}
	dir := p.device.Place
	if p.device.Kind == push.Remote {
		_, dir, _ = push.ParseRemote(dir)
	}
	files := slices.DeleteFunc(set.files, func(f device.File) bool { return f.Path == path.Join(dir, f.Name) }) // in place already
	place := device.Place{Name: p.Name(), Stem: p.Issued.Record.Holder().Stem(), Folder: cmp.Or(strings.TrimSuffix(dir, "/"), ".")}
	return slices.DeleteFunc(p.Target.Steps(files, useOf(p.Issued.Record.Kind), place), func(step device.Step) bool {
		return strings.HasPrefix(step.Run, "scp ") || familiar && step.Run == ""
	})
}
