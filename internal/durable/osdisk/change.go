package osdisk

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/picoca/picoca/internal/durable"
)

// A folder's owner shows who made it. Where others can rename what is not
// theirs that is not enough: they could give the name of a change to any folder
// of the user's. So there a change's folder has the sticky bit, which only its
// owner can set and which means nothing for a folder that only the owner can
// write to.
const mark = fs.ModeSticky

// change is the open folder of a change.
type change struct {
	*Disk
	up     *Disk
	name   string
	perm   fs.FileMode
	marked bool
}

// Begin makes the folder of a change. Others may be able to write to d: it
// fails with durable.ErrForeign if they have put something else in its place.
func (d *Disk) Begin(name string, mode fs.FileMode) (durable.Change, error) {
	c, err := d.begin(name, mode&0o755)
	if err != nil {
		return nil, named(err, name)
	}
	return c, nil
}

func (d *Disk) begin(name string, mode fs.FileMode) (*change, error) {
	exposed, err := d.exposed()
	if err != nil {
		return nil, err
	}
	if err := d.mkdirMarked(name, mode, exposed); err != nil {
		return nil, err
	}
	c, err := d.opened(name, mode, exposed)
	if err != nil {
		_ = d.rmdir(name)
		return nil, err
	}
	return c, nil
}

// exposed reports whether others can rename what is in the folder.
func (d *Disk) exposed() (bool, error) {
	if d.byPath {
		return false, nil // Windows has access lists instead
	}
	info, err := d.Root.Stat(d.base)
	if err != nil {
		return false, err
	}
	open := info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0
	return open || !owned(info, os.Geteuid()) && !owned(info, 0), nil
}

func (d *Disk) mkdirMarked(name string, mode fs.FileMode, marked bool) error {
	if !marked {
		return d.Root.Mkdir(d.at(name), mode)
	}
	self, err := d.handle()
	if err != nil {
		return err
	}
	return mkdirIn(self, name, mode)
}

// opened opens a folder that was just made, and proves that it is that one.
func (d *Disk) opened(name string, mode fs.FileMode, exposed bool) (*change, error) {
	info, err := d.Root.Lstat(d.at(name))
	if err != nil {
		return nil, err
	}
	state := harmless
	if !d.byPath && info.Mode()&0o700 != mode&0o700 {
		state = masking
		if info, err = d.unmask(name, mode); err != nil {
			return nil, err
		}
	}
	sub, err := d.enter(name, info)
	if err != nil {
		return nil, err
	}
	sub.umask = state
	c := &change{Disk: sub, up: d, name: name, perm: info.Mode().Perm(), marked: info.Mode()&mark != 0}
	if err := c.prove(info, exposed); err != nil {
		return nil, errors.Join(err, sub.Close())
	}
	return c, nil
}

// prove fails if the folder is not the one that was just made, marks it if
// others can rename it, and gives it to its owner.
func (c *change) prove(info fs.FileInfo, exposed bool) error {
	if c.byPath {
		return nil
	}
	if !owned(info, os.Geteuid()) {
		if err := c.proveOwner(info); err != nil {
			return err
		}
	}
	if exposed {
		if err := c.proveEmpty(); err != nil {
			return err
		}
		c.setMark()
	}
	if c.options.Owner == nil {
		return nil
	}
	self, err := c.handle()
	if err != nil {
		return err
	}
	return self.Chown(c.options.Owner.UID, c.options.Owner.GID)
}

// proveOwner fails if a new file in the folder gets another owner than the
// folder has. File systems without owners, and those of other computers, give
// all to one user.
func (c *change) proveOwner(info fs.FileInfo) error {
	name := rand.Text()
	file, err := c.Root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return durable.ErrForeign
	}
	if err != nil {
		return err
	}
	made, err := file.Stat()
	if err = errors.Join(err, file.Close(), c.Root.Remove(name)); err != nil {
		return err
	}
	if !sameOwner(info, made) {
		return durable.ErrForeign
	}
	return nil
}

// setMark marks the folder where mkdir did not, if the file system can.
func (c *change) setMark() {
	if c.marked || c.self.Chmod(c.perm|mark) != nil {
		return
	}
	info, err := c.self.Stat()
	c.marked = err == nil && info.Mode()&mark != 0
}

// Rename gives the folder another name, relative to the one it was begun in.
func (c *change) Rename(name string) error {
	if err := c.up.Root.Rename(c.up.at(c.name), c.up.at(name)); err != nil {
		return named(err, name)
	}
	c.name = name
	if c.byPath {
		c.base = c.up.at(name)
	}
	return nil
}

// Delete removes the folder, which is empty.
func (c *change) Delete() error { return named(c.up.rmdir(c.name), ".") }

// rmdir removes an empty folder, and no file that has got its name.
func (d *Disk) rmdir(name string) error {
	if d.byPath {
		return remove(d.Root, d.at(name))
	}
	self, err := d.handle()
	if err != nil {
		return err
	}
	return rmdirIn(self, name)
}

// Settle takes the mark off.
func (c *change) Settle() error {
	if !c.marked {
		return nil
	}
	self, err := c.handle()
	if err == nil {
		err = self.Chmod(c.perm)
	}
	return named(err, ".")
}

// custom is how a file system treats what this process makes.
type custom struct {
	info  fs.FileInfo // of a new folder: its owner
	marks bool        // that are set are kept
}

// Resume opens a folder that Begin made for the same user in an earlier run.
func (d *Disk) Resume(name string) (durable.Change, error) {
	c, err := d.resume(name)
	if errors.Is(err, durable.ErrNotFolder) {
		err = durable.ErrForeign
	}
	if err != nil {
		return nil, named(err, name)
	}
	return c, nil
}

func (d *Disk) resume(name string) (*change, error) {
	info, err := d.Root.Lstat(d.at(name))
	if err != nil {
		return nil, err
	}
	if err := d.recognise(name, info); err != nil {
		return nil, err
	}
	sub, err := d.enter(name, info)
	if errors.Is(err, fs.ErrPermission) && d.rmdir(name) == nil {
		return nil, fs.ErrNotExist // a umask of 777 made it, and left it empty
	}
	if err != nil {
		return nil, err
	}
	return &change{Disk: sub, up: d, name: name, perm: info.Mode().Perm(), marked: info.Mode()&mark != 0}, nil
}

// recognise fails with durable.ErrForeign if info is not of a folder that Begin
// has made.
func (d *Disk) recognise(name string, info fs.FileInfo) error {
	if !info.IsDir() {
		return durable.ErrForeign
	}
	if d.byPath {
		return nil
	}
	exposed, err := d.exposed()
	if err != nil {
		return err
	}
	marked := !exposed || info.Mode()&mark != 0 && info.Mode()&0o022 == 0
	if d.mine(info) && marked {
		return nil
	}
	usual, err := d.learn(name)
	if err != nil {
		return durable.ErrForeign // nothing can be changed here
	}
	if (d.mine(info) || sameOwner(info, usual.info)) && (marked || !usual.marks) {
		return nil
	}
	return durable.ErrForeign
}

func (d *Disk) mine(info fs.FileInfo) bool {
	return owned(info, os.Geteuid()) || d.options.Owner != nil && owned(info, d.options.Owner.UID)
}

// learn finds out who owns what this process makes here, and whether a mark is
// kept. It makes a folder whose name begins as that of a change.
func (d *Disk) learn(name string) (*custom, error) {
	if d.usual != nil {
		return d.usual, nil
	}
	name = strings.TrimSuffix(name, ".commit") + rand.Text() + ".stage"
	here := &Disk{Root: d.Root, base: d.base, shared: true} // what it makes is not handed over
	defer here.Close()
	c, err := here.begin(name, 0o700)
	if err != nil {
		return nil, err
	}
	info, err := c.Root.Stat(".")
	if err = errors.Join(err, c.Close(), here.rmdir(name)); err != nil {
		return nil, err
	}
	d.usual = &custom{info, c.marked}
	return d.usual, nil
}
