// Package faultdisk lets a disk fail, or the process end, at its n-th
// operation. It is for tests.
package faultdisk

import (
	"errors"
	"io/fs"

	"github.com/picoca/picoca/internal/durable"
)

// Plan is what goes wrong, on all the disks that it wraps. Its zero value lets
// nothing go wrong and counts.
type Plan struct {
	At      int                 // the operation that fails, counted from 1; 0 for none
	Err     error               // that it fails with; nil ends the process there
	ForGood bool                // every later operation that changes something fails too
	Before  func(operation int) // is called before each, if not nil
	NoSync  bool                // syncs are counted and not done: quicker, as no power is cut

	count  int
	killed bool
}

// Killed is what a plan panics with where it ends the process, and at every
// later operation: no deferred call can change anything.
type Killed struct{ At int }

// Count returns the number of operations so far.
func (p *Plan) Count() int { return p.count }

// Reached reports whether the operation that fails was reached.
func (p *Plan) Reached() bool { return p.At > 0 && p.count >= p.At }

// Run calls f, and reports whether the plan ended it.
func (p *Plan) Run(f func() error) (err error, killed bool) {
	defer func() {
		r := recover()
		if _, ours := r.(Killed); ours {
			err, killed = nil, true
		} else if r != nil {
			panic(r)
		}
	}()
	return f(), false
}

// Wrap returns a disk on which the plan is carried out.
func (p *Plan) Wrap(d durable.Disk) durable.Disk { return &disk{d, p} }

// step counts an operation. It fails if the plan says so.
func (p *Plan) step(op, name string, changes bool) error {
	p.count++
	if p.Before != nil && !p.killed {
		p.Before(p.count)
	}
	switch {
	case p.killed, p.At == p.count && p.Err == nil:
		p.killed = true
		panic(Killed{p.At})
	case p.At > 0 && p.Err != nil && (p.count == p.At || p.ForGood && p.count > p.At && changes):
		return &fs.PathError{Op: op, Path: name, Err: p.Err}
	}
	return nil
}

type disk struct {
	durable.Disk
	plan *Plan
}

func (d *disk) Mkdir(name string, mode fs.FileMode) error {
	if err := d.plan.step("mkdir", name, true); err != nil {
		return err
	}
	return d.Disk.Mkdir(name, mode)
}

func (d *disk) Create(name string, mode fs.FileMode) (durable.WriteSyncer, error) {
	if err := d.plan.step("create", name, true); err != nil {
		return nil, err
	}
	f, err := d.Disk.Create(name, mode)
	if err != nil {
		return nil, err
	}
	return &file{f, d.plan, name}, nil
}

func (d *disk) SyncFiles(files []durable.WriteSyncer) error {
	if err := d.plan.step("sync", ".", true); err != nil {
		return err
	}
	if d.plan.NoSync {
		return nil
	}
	inner := make([]durable.WriteSyncer, len(files))
	for i, f := range files {
		inner[i] = f.(*file).WriteSyncer
	}
	return d.Disk.SyncFiles(inner)
}

func (d *disk) Remove(name string) error {
	if err := d.plan.step("remove", name, true); err != nil {
		return err
	}
	return d.Disk.Remove(name)
}

func (d *disk) SyncDir(name string) error {
	if err := d.plan.step("sync", name, true); err != nil || d.plan.NoSync {
		return err
	}
	return d.Disk.SyncDir(name)
}

func (d *disk) Names(dir string) ([]string, error) {
	if err := d.plan.step("readdir", dir, false); err != nil {
		return nil, err
	}
	return d.Disk.Names(dir)
}

func (d *disk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.plan.step("lstat", name, false); err != nil {
		return nil, err
	}
	return d.Disk.Lstat(name)
}

func (d *disk) Enter(name string) (durable.Disk, error) {
	if err := d.plan.step("open", name, false); err != nil {
		return nil, err
	}
	sub, err := d.Disk.Enter(name)
	if err != nil {
		return nil, err
	}
	return &disk{sub, d.plan}, nil
}

func (d *disk) Move(name string, to durable.Disk) error {
	if err := d.plan.step("rename", name, true); err != nil {
		return err
	}
	return d.Disk.Move(name, to.(interface{ inner() durable.Disk }).inner())
}

func (d *disk) inner() durable.Disk { return d.Disk }

func (d *disk) Begin(name string, mode fs.FileMode) (durable.Change, error) {
	if err := d.plan.step("mkdir", name, true); err != nil {
		return nil, err
	}
	return d.change(d.Disk.Begin(name, mode))
}

func (d *disk) Resume(name string) (durable.Change, error) {
	if err := d.plan.step("open", name, false); err != nil {
		return nil, err
	}
	return d.change(d.Disk.Resume(name))
}

func (d *disk) change(c durable.Change, err error) (durable.Change, error) {
	if err != nil {
		return nil, err
	}
	return &change{&disk{c, d.plan}, c}, nil
}

// change is a disk whose folder is that of a change.
type change struct {
	*disk
	moved durable.Change
}

func (c *change) Rename(name string) error {
	if err := c.plan.step("rename", name, true); err != nil {
		return err
	}
	return c.moved.Rename(name)
}

func (c *change) Settle() error {
	if err := c.plan.step("chmod", ".", true); err != nil {
		return err
	}
	return c.moved.Settle()
}

func (c *change) Delete() error {
	if err := c.plan.step("remove", ".", true); err != nil {
		return err
	}
	return c.moved.Delete()
}

type file struct {
	durable.WriteSyncer
	plan *Plan
	name string
}

// Write writes half of the bytes when it fails or the process ends, as a full
// disk does.
func (f *file) Write(data []byte) (n int, err error) {
	done := false
	defer func() {
		if !done && f.plan.count == f.plan.At {
			n, _ = f.WriteSyncer.Write(data[:len(data)/2])
		}
	}()
	if err := f.plan.step("write", f.name, true); err != nil {
		return 0, err
	}
	done = true
	return f.WriteSyncer.Write(data)
}

func (f *file) Sync() error {
	if err := f.plan.step("sync", f.name, true); err != nil || f.plan.NoSync {
		return err
	}
	return f.WriteSyncer.Sync()
}

// Close always closes the file, which changes nothing on the disk.
func (f *file) Close() error {
	closed := f.WriteSyncer.Close()
	if f.plan.killed {
		return closed
	}
	return errors.Join(f.plan.step("close", f.name, false), closed)
}
