package cli

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// stagePrefix begins the names of folders of changes under way, outside the
// store. Another CA has another prefix: its lock is not ours, so what it has
// under way must not be swept.
func stagePrefix(root *x509.Certificate) string {
	sum := sha256.Sum256(root.Raw)
	return fmt.Sprintf("%s%x-", stageMark, sum[:4])
}

const stageMark = ".picoca-"

// destination is a folder that files can be written to: it was looked at, and
// nothing stands in the way. The store's lock is held while it is used.
type destination struct {
	parent *os.Root
	prefix string // of folders of changes under way
	base   string // the folder in parent
	shown  string // the folder as the user knows it
	may    replacing
	exists bool
	staged *durable.Staged
}

// inTheWayError says what stands where files should go.
type inTheWayError struct {
	path, what  string
	replaceable bool // with --force
}

func (e inTheWayError) Error() string { return fmt.Sprintf("output %q %s", e.path, e.what) }

// inStoreError says that files should go where a CA keeps its own, which are
// called the same: the root's key would be replaced by a device's.
type inStoreError struct{ path string }

func (e inStoreError) Error() string {
	return fmt.Sprintf("output %q is in the folder of a certificate authority", e.path)
}

// openDestination checks folder out for files of the CA with that root. A
// folder that is there must be empty, unless the user wants its files replaced.
func openDestination(out string, root *x509.Certificate, force bool) (*destination, error) {
	if force {
		return openReplacing(out, root, everything)
	}
	return openReplacing(out, root, nil)
}

// openReplacing is openDestination for a folder of which some files may be
// replaced.
func openReplacing(out string, root *x509.Certificate, may replacing) (*destination, error) {
	folder := filepath.Clean(out)
	if filepath.Base(folder) == ".." { // it has no name in the folder above it
		var err error
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("output %q: %w", out, err)
		}
	}
	if store.Encloses(folder) {
		return nil, inStoreError{out}
	}
	above, base := filepath.Dir(folder), filepath.Base(folder)
	if folder == above { // the top of a disk
		base = "."
	}
	if info, err := os.Stat(above); err == nil && !info.IsDir() {
		return nil, inTheWayError{above, "is not a folder", false}
	}
	parent, err := os.OpenRoot(above)
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", out, err)
	}
	d := &destination{parent: parent, prefix: stagePrefix(root), base: base, shown: out, may: may}
	if err := d.check(); err != nil {
		return nil, errors.Join(err, parent.Close())
	}
	return d, nil
}

// check finds what stands in the way, and whether the folder is there.
func (d *destination) check() error {
	d.exists = false
	info, err := d.parent.Lstat(d.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("output %q: %w", d.shown, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return inTheWayError{d.shown, "is a symbolic link", false}
	case !info.IsDir():
		return inTheWayError{d.shown, "is not a folder", false}
	}
	d.exists = true
	names, err := d.disk().Names(d.base)
	if err != nil {
		return fmt.Errorf("output %q: %w", d.shown, err)
	}
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, stageMark): // a crash left it; prepare sweeps it
		case d.may == nil:
			return inTheWayError{d.shown, "is there already, and not empty", true}
		case !d.may(d, name):
			return inTheWayError{filepath.Join(d.shown, name), "is there already, and is not of the certificate that is renewed", true}
		}
	}
	return nil
}

// prepare looks again, since the lock and the passphrase may have taken hours,
// completes or sweeps what a crash left, and proves that the files can be
// written, before anything is signed. The lock must be held from here on: what
// a run has under way would be swept by another.
func (d *destination) prepare() error {
	if err := d.check(); err != nil {
		return err
	}
	if err := durable.Recover(d.disk(), d.prefix, d.work()); err != nil {
		return fmt.Errorf("output %q: %w", d.shown, err)
	}
	if err := durable.Probe(d.disk(), d.work(), d.prefix); err != nil {
		return fmt.Errorf("output %q: %w", d.shown, err)
	}
	return nil
}

func (d *destination) disk() store.Disk { return store.Disk{Root: d.parent} }

// work is where files are staged: in the folder itself, or beside its place.
func (d *destination) work() string {
	if d.exists {
		return d.base
	}
	return "."
}

// stage writes the files: all that can fill a disk happens here.
func (d *destination) stage(files []export.File) (err error) {
	mode := fs.FileMode(0o755)
	if d.exists {
		mode = 0o700
		if err := d.replaceable(files); err != nil {
			return err
		}
	}
	d.staged, err = durable.Stage(d.disk(), d.work(), d.prefix, mode, durableFiles(files))
	return err
}

// replaceable fails if something else than a file has the name of one.
func (d *destination) replaceable(files []export.File) error {
	for _, file := range files {
		info, err := d.parent.Lstat(filepath.Join(d.base, file.Name))
		if err == nil && !info.Mode().IsRegular() {
			return inTheWayError{filepath.Join(d.shown, file.Name), "is not a regular file", false}
		}
	}
	return nil
}

// commit makes the staged files appear in the folder, all or none.
func (d *destination) commit() error {
	staged := d.staged
	d.staged = nil
	if d.exists {
		return staged.Replace()
	}
	return staged.Publish(d.base)
}

// close discards what was staged and not committed.
func (d *destination) close() error {
	if d.staged != nil {
		return errors.Join(d.staged.Discard(), d.parent.Close())
	}
	return d.parent.Close()
}

func durableFiles(files []export.File) []durable.File {
	all := make([]durable.File, len(files))
	for i, file := range files {
		mode := fs.FileMode(0o644)
		if file.Private {
			mode = 0o600
		}
		all[i] = durable.File{Name: file.Name, Data: file.Data, Mode: mode}
	}
	return all
}

// writtenJSON is a written file as --json prints it.
type writtenJSON struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Private bool   `json:"private"`
}

func describeFiles(dir string, files []export.File) []writtenJSON {
	all := []writtenJSON{}
	for _, file := range files {
		all = append(all, writtenJSON{filepath.Join(dir, file.Name), len(file.Data), file.Private})
	}
	return all
}

// sayWritten tells each file on a line, their sizes in one column.
func (a *app) sayWritten(written []writtenJSON) {
	width := 0
	for _, file := range written {
		width = max(width, len(file.Path))
	}
	for _, file := range written {
		private := ""
		if file.Private {
			private = ", private"
		}
		a.say("wrote %-*s  (%s%s)", width, file.Path, bytesText(file.Bytes), private)
	}
}

// vacant fails if any of the files is there.
func (d *destination) vacant(files []export.File) error {
	for _, file := range files {
		name := filepath.Join(d.base, file.Name)
		if _, err := d.parent.Lstat(name); err == nil {
			return inTheWayError{filepath.Join(d.shown, file.Name), "is there already", true}
		}
	}
	return nil
}
