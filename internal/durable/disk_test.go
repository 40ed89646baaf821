package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/durable"
)

// disk is a file system in memory that forgets in a power cut what the
// interface durable.Disk allows it to forget: the bytes of a file that was not
// synced, and any of the changes of folders that were not synced, in any
// combination. A rename is one change, known to both of its folders.
type disk struct {
	*journal
	root *node
	up   *disk  // of the folder of a change: what it was begun in
	base string // its name there
}

// journal is what all open folders of one disk share.
type journal struct {
	changes []change // of folders, in order, since the disk was made
	step    int      // operations so far
	faults  func(step int, op string) error
	open    int // handles of folders
}

// node is a file or a folder. What a folder held when the disk was made and
// what a file holds for good is kept apart from what they hold now.
type node struct {
	dir       bool
	foreign   bool // another user's
	mode      fs.FileMode
	live      map[string]*node
	base      map[string]*node
	data      []byte
	lastsData []byte // what a power cut leaves for sure
}

// change is what one operation did to folders: each name now means another
// node, or none.
type change struct {
	links []link
	lasts bool
}

type link struct {
	in   *node
	name string
	to   *node
}

func newDisk() *disk {
	return &disk{journal: &journal{}, root: newFolder(0o700)}
}

func newFolder(mode fs.FileMode) *node {
	return &node{dir: true, mode: mode, live: map[string]*node{}, base: map[string]*node{}}
}

// interrupted is panicked with at the step where the process ends.
type interrupted struct{}

// begin counts an operation, and fails or ends the process there.
func (d *disk) begin(op, name string) error {
	d.step++
	if d.faults == nil {
		return nil
	}
	if err := d.faults(d.step, op); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (d *disk) find(name string) *node {
	at := d.root
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part != "." && at != nil {
			at = at.live[part]
		}
	}
	return at
}

// place returns the folder that holds name.
func (d *disk) place(op, name string) (*node, string, error) {
	in := d.find(path.Dir(name))
	if in == nil || !in.dir {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return in, path.Base(name), nil
}

func (d *disk) apply(links ...link) {
	for _, l := range links {
		if l.to == nil {
			delete(l.in.live, l.name)
		} else {
			l.in.live[l.name] = l.to
		}
	}
	d.changes = append(d.changes, change{links: links})
}

func (d *disk) add(op, name string, n *node) error {
	if err := d.begin(op, name); err != nil {
		return err
	}
	in, base, err := d.place(op, name)
	if err != nil {
		return err
	}
	if in.live[base] != nil {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	}
	d.apply(link{in, base, n})
	return nil
}

func (d *disk) Mkdir(name string, mode fs.FileMode) error {
	return d.add("mkdir", name, newFolder(mode))
}

func (d *disk) Create(name string, mode fs.FileMode) (durable.WriteSyncer, error) {
	n := &node{mode: mode}
	if err := d.add("create", name, n); err != nil {
		return nil, err
	}
	return &handle{d, n, name}, nil
}

func (d *disk) SyncFiles(files []durable.WriteSyncer) error {
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// Enter counts as an operation: a process may have too many files open.
func (d *disk) Enter(name string) (durable.Disk, error) {
	n, err := d.folder(name)
	if err != nil {
		return nil, err
	}
	d.open++
	return &disk{journal: d.journal, root: n}, nil
}

func (d *disk) folder(name string) (*node, error) {
	if err := d.begin("open", name); err != nil {
		return nil, err
	}
	switch n := d.find(name); {
	case n == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case !n.dir:
		return nil, &fs.PathError{Op: "open", Path: name, Err: durable.ErrNotFolder}
	default:
		return n, nil
	}
}

func (d *disk) Begin(name string, mode fs.FileMode) (durable.Change, error) {
	if err := d.Mkdir(name, mode); err != nil {
		return nil, err
	}
	d.open++
	return &disk{journal: d.journal, root: d.find(name), up: d, base: name}, nil
}

func (d *disk) Resume(name string) (durable.Change, error) {
	n, err := d.folder(name)
	if errors.Is(err, durable.ErrNotFolder) || n != nil && n.foreign {
		err = &fs.PathError{Op: "open", Path: name, Err: durable.ErrForeign}
	}
	if err != nil {
		return nil, err
	}
	d.open++
	return &disk{journal: d.journal, root: n, up: d, base: name}, nil
}

func (d *disk) Close() error { d.open--; return nil }

func (d *disk) Settle() error { return d.begin("settle", d.base) }

func (d *disk) Delete() error { return d.up.Remove(d.base) }

func (d *disk) Rename(name string) error {
	if err := d.rename(d.up, d.base, d.up, name); err != nil {
		return err
	}
	d.base = name
	return nil
}

func (d *disk) Move(name string, to durable.Disk) error {
	return d.rename(d, name, to.(*disk), name)
}

func (d *disk) rename(fromDisk *disk, oldName string, toDisk *disk, newName string) error {
	if err := d.begin("rename", oldName); err != nil {
		return err
	}
	from, oldBase, err := fromDisk.place("rename", oldName)
	if err != nil {
		return err
	}
	to, newBase, err := toDisk.place("rename", newName)
	if err != nil {
		return err
	}
	n, over := from.live[oldBase], to.live[newBase]
	switch {
	case n == nil:
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	case over != nil && (over.dir || n.dir):
		return &fs.PathError{Op: "rename", Path: newName, Err: fs.ErrExist}
	}
	d.apply(link{from, oldBase, nil}, link{to, newBase, n})
	return nil
}

var errNotEmpty = errors.New("folder is not empty")

func (d *disk) Remove(name string) error {
	if err := d.begin("remove", name); err != nil {
		return err
	}
	in, base, err := d.place("remove", name)
	if err != nil {
		return err
	}
	switch n := in.live[base]; {
	case n == nil:
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	case len(n.live) > 0:
		return &fs.PathError{Op: "remove", Path: name, Err: errNotEmpty}
	}
	d.apply(link{in, base, nil})
	return nil
}

func (d *disk) SyncDir(name string) error {
	if err := d.begin("syncdir", name); err != nil {
		return err
	}
	n := d.find(name)
	if n == nil || !n.dir {
		return &fs.PathError{Op: "syncdir", Path: name, Err: fs.ErrNotExist}
	}
	for i, c := range d.changes {
		if slices.ContainsFunc(c.links, func(l link) bool { return l.in == n }) {
			d.changes[i].lasts = true
		}
	}
	return nil
}

func (d *disk) Names(name string) ([]string, error) {
	if err := d.begin("readdir", name); err != nil {
		return nil, err
	}
	n := d.find(name)
	if n == nil || !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return slices.Sorted(maps.Keys(n.live)), nil
}

func (d *disk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.begin("lstat", name); err != nil {
		return nil, err
	}
	n := d.find(name)
	if n == nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return info{path.Base(name), n}, nil
}

type info struct {
	name string
	*node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.data)) }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return i.mode | fs.ModeDir
	}
	return i.mode
}

type handle struct {
	disk *disk
	node *node
	name string
}

// Write writes half of the bytes when it fails, as a full disk does.
func (h *handle) Write(p []byte) (int, error) {
	if err := h.disk.begin("write", h.name); err != nil {
		h.node.data = append(h.node.data, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	h.node.data = append(h.node.data, p...)
	return len(p), nil
}

func (h *handle) Sync() error {
	if err := h.disk.begin("sync", h.name); err != nil {
		return err
	}
	h.node.lastsData = slices.Clone(h.node.data)
	return nil
}

func (h *handle) Close() error { return h.disk.begin("close", h.name) }

// tree shows all that is on the disk: a line for each path with its mode and
// its bytes.
func (d *disk) tree() string {
	var lines []string
	var walk func(at string, n *node)
	walk = func(at string, n *node) {
		for _, name := range slices.Sorted(maps.Keys(n.live)) {
			child := n.live[name]
			lines = append(lines, fmt.Sprintf("%s %04o %q", path.Join(at, name), child.mode, child.data))
			walk(path.Join(at, name), child)
		}
	}
	walk("", d.root)
	return strings.Join(lines, "\n")
}

// powerCuts returns every disk that a power cut now may leave, each once.
func (d *disk) powerCuts() []*disk {
	var open []int
	for i, c := range d.changes {
		if !c.lasts {
			open = append(open, i)
		}
	}
	var all []*disk
	seen := map[string]bool{}
	for kept := range 1 << len(open) {
		for _, bytes := range []func(*node) []byte{lost, cut, whole} {
			after := d.afterCut(func(i int) bool {
				at, isOpen := slices.BinarySearch(open, i)
				return !isOpen || kept>>at&1 == 1
			}, bytes)
			if tree := after.tree(); !seen[tree] {
				seen[tree] = true
				all = append(all, after)
			}
		}
	}
	return all
}

// What a power cut may leave of the bytes that were not synced.
func lost(n *node) []byte  { return n.lastsData }
func whole(n *node) []byte { return n.data }
func cut(n *node) []byte {
	return n.data[:(len(n.data)+len(n.lastsData))/2]
}

// afterCut copies the disk as it is when only those changes lasted.
func (d *disk) afterCut(lasts func(i int) bool, bytes func(*node) []byte) *disk {
	held := map[*node]map[string]*node{}
	folder := func(n *node) map[string]*node {
		if held[n] == nil {
			held[n] = maps.Clone(n.base)
		}
		return held[n]
	}
	for i, c := range d.changes {
		for _, l := range c.links {
			if !lasts(i) {
				break
			}
			if l.to == nil {
				delete(folder(l.in), l.name)
			} else {
				folder(l.in)[l.name] = l.to
			}
		}
	}
	return &disk{journal: &journal{}, root: copyTree(d.root, folder, bytes)}
}

// clone copies a disk that only power cuts made: it has no open changes.
func (d *disk) clone() *disk {
	return d.afterCut(func(int) bool { return true }, whole)
}

func copyTree(n *node, folder func(*node) map[string]*node, bytes func(*node) []byte) *node {
	c := &node{dir: n.dir, foreign: n.foreign, mode: n.mode}
	if !n.dir {
		c.data = slices.Clone(bytes(n))
		c.lastsData = c.data
		return c
	}
	c.live, c.base = map[string]*node{}, map[string]*node{}
	for name, child := range folder(n) {
		c.live[name] = copyTree(child, folder, bytes)
		c.base[name] = c.live[name]
	}
	return c
}

// endsAt makes the process end before an operation.
func endsAt(step int) func(int, string) error {
	return func(at int, _ string) error {
		if at >= step {
			panic(interrupted{})
		}
		return nil
	}
}

// failsOnce makes one operation fail.
func failsOnce(step int, err error) func(int, string) error {
	return func(at int, _ string) error {
		if at == step {
			return err
		}
		return nil
	}
}

// failsFrom makes the disk fail from an operation on, as one that goes
// read-only does: reading still works.
func failsFrom(step int, err error) func(int, string) error {
	return func(at int, op string) error {
		if at >= step && op != "readdir" && op != "lstat" && op != "open" && op != "close" {
			return err
		}
		return nil
	}
}

// run runs f until it returns or the process ends; then ended is true.
func run(d *disk, faults func(int, string) error, f func(*disk) error) (err error, ended bool) {
	d.step, d.faults = 0, faults
	defer func() {
		d.faults = nil
		if r := recover(); r != nil {
			if _, ok := r.(interrupted); !ok {
				panic(r)
			}
			err, ended = nil, true
		}
	}()
	return f(d), false
}

var errFull = syscall.ENOSPC
