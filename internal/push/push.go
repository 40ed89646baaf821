// Package push gets files onto a device: a board's USB drive, a board's serial
// port, CircuitPython's web workflow, a board's own HTTPS, a computer that ssh
// reaches, or a folder.
// Whatever happens on the way, the device has its previous files or the new ones,
// and if neither can be promised, the error says so. It knows files, not
// certificates.
package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Kind is how a device is reached.
type Kind string

// The kinds of places.
const (
	Drive  Kind = "drive"  // the USB drive of a board with CircuitPython
	Folder Kind = "folder" // any other folder of this computer
	Port   Kind = "port"   // a serial port with a board behind it
	Web    Kind = "web"    // CircuitPython's web workflow
	Remote Kind = "remote" // a folder that ssh reaches
	HTTPS  Kind = "https"  // a board that takes updates from its owner
)

// IsBoard reports whether only boards are reached in that way that say who they
// are.
func (k Kind) IsBoard() bool { return k == Drive || k == Port || k == Web }

// Board is what a board says of itself.
type Board struct {
	// ID is unique to the board: hexadecimal, in capitals; "" if it has none or the
	// place is no board.
	ID string
	// Name is its maker's, such as "Raspberry Pi Pico W with rp2040".
	Name string
	// Firmware is micropython or circuitpython.
	Firmware string
}

// File is one file for a device.
type File struct {
	// Name is its path on the device, below the place.
	Name    string
	Data    []byte
	Private bool
	// Keep leaves a file that exists as it is: the user has filled it in.
	Keep bool
	// Ours reports whether a file that exists, and is different, may be replaced;
	// nil for any. Others are replaced only by Options.Force.
	Ours func(data []byte) bool
	// Copy keeps what is replaced by force as NAME.old.
	Copy bool
	// Public is for phones that do not trust the CA yet. A board that takes updates
	// and has an earlier program leaves it as it is.
	Public bool
}

// Options are how Put goes about it.
type Options struct {
	// Force replaces files that are not ours.
	Force bool
	// Familiar fails if none of the files exists: a folder where they were before
	// may be that of a disk which is not mounted now.
	Familiar bool
	// Progress is called while a file is written; nil if nobody watches.
	Progress func(name string, done, total int)
	// Updates is for a board that takes updates.
	Updates *Updates
}

// State is what became of a file.
type State string

// The states of files.
const (
	Written   State = "written"
	Unchanged State = "unchanged"
	Kept      State = "kept"
)

// Done is a file after Put.
type Done struct {
	Name    string `json:"name"`
	Bytes   int    `json:"bytes"`
	Private bool   `json:"private"`
	State   State  `json:"state"`
	// Copy is the name that the user's own version now has, "" if there was none.
	Copy string `json:"copy,omitempty"`
}

// conn is a device that was reached. Names are slash-separated, below its place.
type conn interface {
	// board returns what the device says of itself.
	board(ctx context.Context) (Board, error)
	// room returns how many bytes are free, in blocks of how many; unknown is -1.
	room(ctx context.Context) (free, block int64, err error)
	// read returns a file's first most bytes. It fails with fs.ErrNotExist.
	read(ctx context.Context, name string, most int) ([]byte, error)
	// write makes or replaces a file, with the owner and mode of the file like if
	// that exists, and has it on the medium before it returns.
	write(ctx context.Context, file File, like string, progress func(done int)) error
	// swap gives each file its name, and its previous version, if there is one,
	// another. If it fails, it may have done so with some of them.
	swap(ctx context.Context, moves []move) error
	// rename replaces the file that has the name.
	rename(ctx context.Context, from, to string) error
	// remove does nothing if there is no such file.
	remove(ctx context.Context, name string) error
	// restart restarts a board. hard is a reset as if by its button.
	restart(ctx context.Context, hard bool) error
	close() error
}

// Names beside a file while it is replaced.
const (
	newSuffix = ".new"
	oldSuffix = ".old"
)

// maxFile is the most that is read of a file on a device: what is larger is not
// ours.
const maxFile = 1 << 20

// Device is a device that was reached. Close it.
type Device struct {
	Kind Kind
	// Place is as the user would write it after --to. Put changes it if the board is
	// elsewhere.
	Place string
	Board Board

	conn    conn
	updates *updates // instead of conn
	closed  bool
}

// Close ends the connection. A board whose program was stopped for it runs again.
// A second Close does nothing.
func (d *Device) Close() error {
	if d.closed || d.updates != nil {
		return nil
	}
	d.closed = true
	return d.conn.close()
}

// Reset restarts a board as its button would. It fails with a NoResetError
// where that is not possible.
func (d *Device) Reset(ctx context.Context) error {
	if d.updates != nil {
		return &NoResetError{d.Kind}
	}
	return d.conn.restart(ctx, true)
}

// Has reports whether the device has a file.
func (d *Device) Has(ctx context.Context, name string) (bool, error) {
	_, err := d.conn.read(ctx, name, 1)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// Put puts files onto the device. They are written under other names, read back
// and compared; only then all take their places. The previous ones stay as
// NAME.old until the new ones have been read once more. What is equal is left
// alone.
//
// It fails with an ExistsError for files that may not be replaced, an
// EmptyFolderError, a SpaceError, and as the way to the device does. Then the
// device has what it had before, unless the error is a MixedError. Putting the
// same files again repairs that. After a LeftoverError it has the new files. What
// is returned is nil if the files that exist could not be looked at, or may not
// be replaced.
//
// A board that takes updates has its previous files until it has shown the new
// certificate. Put fails with a StrangerError or a LostError before anything is
// sent, with a RefusedError, an UpdateError or an UnprovenError.
func (d *Device) Put(ctx context.Context, files []File, o Options) ([]Done, error) {
	if d.updates != nil {
		done, err := d.updates.put(ctx, files, o)
		d.Place = d.updates.place
		return done, err
	}
	p := &put{Device: d, options: o, done: make([]Done, len(files))}
	if err := p.compare(ctx, files); err != nil {
		return nil, err
	}
	if err := p.checkRoom(ctx); err != nil {
		return p.done, err
	}
	if err := p.stage(ctx); err != nil {
		return p.done, errors.Join(err, p.discard(ctx))
	}
	// An interruption between two renames would leave a mixture.
	if err := p.commit(context.WithoutCancel(ctx)); err != nil {
		return p.done, err
	}
	return p.done, p.tidy(context.WithoutCancel(ctx), files)
}

// put is one run of Put.
type put struct {
	*Device
	options Options
	done    []Done
	changed []change
}

// change is a file that must be written.
type change struct {
	File
	before []byte
	exists bool
	old    string // name of the previous version meanwhile
	keeps  bool   // and afterwards
}

// move is a change of names: NAME becomes OLD, and NAME.new becomes NAME.
type move struct{ name, old string }

func (p *put) moves() []move {
	moves := make([]move, len(p.changed))
	for i, c := range p.changed {
		moves[i] = move{c.Name, c.old}
	}
	return moves
}

// compare finds out what must be written.
func (p *put) compare(ctx context.Context, files []File) error {
	var foreign []string
	found := false
	for i, file := range files {
		before, exists, err := p.look(ctx, file.Name)
		if err != nil {
			return err
		}
		found = found || exists
		p.done[i] = Done{Name: file.Name, Bytes: len(file.Data), Private: file.Private, State: Written}
		switch {
		case exists && file.Keep:
			p.done[i].State, p.done[i].Bytes = Kept, len(before)
			continue
		case exists && bytes.Equal(before, file.Data):
			p.done[i].State = Unchanged
			continue
		}
		c, err := p.change(ctx, file, before, exists)
		if err != nil {
			return err
		}
		if exists && file.Ours != nil && !file.Ours(before) {
			foreign = append(foreign, file.Name)
			if c.keeps = file.Copy; c.keeps {
				p.done[i].Copy = c.old
			}
		}
		p.changed = append(p.changed, c)
	}
	switch {
	case len(foreign) > 0 && !p.options.Force:
		return &ExistsError{p.Place, foreign}
	case p.options.Familiar && !found && !p.options.Force:
		return &EmptyFolderError{p.Place}
	}
	return nil
}

// change chooses the name of the previous version: NAME.old is picoca's, but for
// a file that the user may change, it may be the user's.
func (p *put) change(ctx context.Context, file File, before []byte, exists bool) (c change, err error) {
	c = change{File: file, before: before, exists: exists, old: file.Name + oldSuffix}
	if file.Copy && exists {
		c.old, err = p.freeName(ctx, file.Name)
	}
	return c, err
}

func (p *put) look(ctx context.Context, name string) (data []byte, exists bool, err error) {
	data, err = p.conn.read(ctx, name, maxFile)
	if isMissing(err) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// freeName returns a name for a copy: main.py.old, main.py.old2, ...
func (p *put) freeName(ctx context.Context, name string) (string, error) {
	candidate := name + oldSuffix
	for i := 2; ; i++ {
		_, exists, err := p.look(ctx, candidate)
		if err != nil || !exists {
			return candidate, err
		}
		candidate = fmt.Sprintf("%s%s%d", name, oldSuffix, i)
	}
}

// checkRoom fails unless all files fit beside those that they will replace.
func (p *put) checkRoom(ctx context.Context) error {
	if len(p.changed) == 0 {
		return nil
	}
	free, block, err := p.conn.room(ctx)
	if err != nil || free < 0 {
		return err
	}
	need := int64(0)
	for _, c := range p.changed {
		need += (int64(len(c.Data)) + block - 1) / block * block
	}
	if need > free {
		return &SpaceError{p.Place, need, free}
	}
	return nil
}

// stage writes the files beside those that they will replace, and reads them
// back.
func (p *put) stage(ctx context.Context) error {
	for _, c := range p.changed {
		if err := ctx.Err(); err != nil {
			return err
		}
		file := c.File
		file.Name += newSuffix
		if err := p.conn.write(ctx, file, c.Name, p.progress(c.File)); err != nil {
			return err
		}
		if err := p.verify(ctx, file); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (p *put) progress(file File) func(int) {
	if p.options.Progress == nil {
		return func(int) {}
	}
	return func(done int) { p.options.Progress(file.Name, done, len(file.Data)) }
}

// verify fails with a DamagedError if a file does not come back as it was
// written.
func (p *put) verify(ctx context.Context, file File) error {
	got, err := p.conn.read(ctx, file.Name, len(file.Data)+1)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, file.Data) {
		return &DamagedError{p.Place, file.Name}
	}
	return nil
}

// discard removes what stage wrote. What it cannot remove, the next run does:
// the error that led here says why.
func (p *put) discard(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	for _, c := range p.changed {
		if p.conn.remove(ctx, c.Name+newSuffix) != nil {
			break
		}
	}
	return nil
}

// commit lets the new files take their places, and puts the previous ones back
// if anything fails.
func (p *put) commit(ctx context.Context) error {
	if len(p.changed) == 0 {
		return nil
	}
	// Left over from an earlier run, they would be taken for this one's.
	for _, c := range p.changed {
		if err := p.conn.remove(ctx, c.old); err != nil {
			return errors.Join(err, p.discard(ctx))
		}
	}
	err := p.conn.swap(ctx, p.moves())
	for _, c := range p.changed {
		if err == nil {
			err = p.verify(ctx, c.File)
		}
	}
	if err == nil {
		return nil
	}
	for _, c := range p.changed {
		if p.restore(ctx, c) != nil {
			return &MixedError{p.Place, err}
		}
	}
	return errors.Join(err, p.discard(ctx))
}

// restore gives the previous version its name again, if it has lost it, and
// proves it.
func (p *put) restore(ctx context.Context, c change) error {
	_, moved, err := p.look(ctx, c.old)
	switch {
	case err != nil:
	case moved:
		err = p.conn.rename(ctx, c.old, c.Name)
	case !c.exists:
		err = p.conn.remove(ctx, c.Name)
	}
	if err != nil || !c.exists {
		return err
	}
	return p.verify(ctx, File{Name: c.Name, Data: c.before})
}

// tidy removes the previous versions, and what an earlier run left behind.
func (p *put) tidy(ctx context.Context, files []File) error {
	var left []string
	for _, c := range p.changed {
		if !c.keeps {
			left = append(left, c.old)
		}
	}
	for _, file := range files {
		if !file.Keep {
			left = append(left, file.Name+newSuffix)
		}
		if !file.Keep && !file.Copy {
			left = append(left, file.Name+oldSuffix)
		}
	}
	for _, name := range left {
		if err := p.conn.remove(ctx, name); err != nil {
			return &LeftoverError{p.Place, name, err}
		}
	}
	return nil
}

// swapOneByOne is swap for connections without a better way.
func swapOneByOne(ctx context.Context, c conn, moves []move) error {
	for _, m := range moves {
		if err := c.rename(ctx, m.name, m.old); err != nil && !isMissing(err) {
			return err
		}
		if err := c.rename(ctx, m.name+newSuffix, m.name); err != nil {
			return err
		}
	}
	return nil
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
