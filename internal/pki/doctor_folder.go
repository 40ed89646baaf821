package pki

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/delegate"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// folder checks the folder that the files of a holder were last written to.
func (d *doctor) folder(i store.Issued) {
	dir, name := i.Record.Folder, DisplayName(i.Record.Name)
	if dir == "" || d.ca.first.Certificate == nil {
		return
	}
	folder, err := output.Open(dir, d.ca.outputOptions(output.Overwrite))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.fault("folder", err)
		return
	}
	write := fault.Command{"export", i.Record.Name, "--out", dir}
	if err != nil || !folder.Exists() {
		d.find("folder-gone", fault.Hintf("%s", write), "folder of %s does not exist any more: %s", name, dir)
		return
	}
	defer folder.Close()
	replace := fault.Hintf("%s", append(write, "--force"))
	if folder.Unfinished() {
		d.find("folder-unfinished", replace, "files of %s were not all written: %s", name, dir)
		return
	}
	for _, file := range slices.Sorted(maps.Keys(i.Record.Files)) {
		data, err := folder.ReadIfAny(file)
		switch {
		case err != nil:
			d.fault("folder", err)
		case data == nil:
			d.find("file-missing", replace, "folder of %s lacks %s: %s", name, file, dir)
		case FileSum(data) != i.Record.Files[file]:
			d.find("file-changed", replace, "%s of %s is not what was written: %s", file, name, dir)
		}
	}
	d.privateFiles(i)
}

// deviceFiles checks what outlives the certificates of a device: other commands read
// it only when its project is written again, or its files are pushed.
func (d *doctor) deviceFiles(i store.Issued) {
	if KindOf(i) != Device {
		return
	}
	name := i.Record.Name
	_, contact := d.ca.contact(name)
	_, vapid := d.ca.vapidKey(name)
	_, page := d.ca.trustPage(name)
	_, updates := d.ca.UpdatesOf(i)
	faults := []error{contact, vapid, page, updates}
	roots, _ := d.ca.Roots() // what is wrong with them was found before
	for _, root := range roots {
		_, err := d.ca.owner(name, root)
		faults = append(faults, err)
	}
	for _, err := range faults {
		if !errors.Is(err, fs.ErrNotExist) {
			d.fault("device-file", err)
		}
	}
}

// delegated checks the folder of a program that is a CA under the root: its key, and
// the certificates. Its configuration is the user's to change.
func (d *doctor) delegated(i store.Issued) {
	dir, name := i.Record.Folder, i.Record.Name
	program, err := delegate.Find(i.Record.For)
	if dir == "" || err != nil || d.ca.first.Certificate == nil {
		return // the CA made its own key, a later version of picoca knows its program, or the roots are damaged
	}
	folder, err := output.Open(dir, d.ca.outputOptions(output.Overwrite))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.fault("folder", err)
		return
	}
	if err != nil || !folder.Exists() {
		d.find("folder-gone", fault.Hintf("if you have moved it: %s; %s", fault.Command{"renew", name, "--out", "FOLDER"}, startOver(i.Record.For, name)),
			"folder of %s does not exist any more: %s", name, dir)
		return
	}
	defer folder.Close()
	if folder.Unfinished() {
		d.find("folder-unfinished", fault.Run("renew", name), "files of %s were not all written: %s", name, dir)
		return
	}
	d.fault("ca-key", programHasKey(program, folder, dir, i))
	for _, file := range []string{delegate.RootFile, delegate.IntermediateFile} {
		data, err := folder.ReadIfAny(file)
		d.fault("folder", err)
		if err == nil && FileSum(data) != i.Record.Files[file] {
			d.find("file-changed", fault.Run("renew", name), "%s of %s is not the newest, or is missing: %s", file, name, dir)
		}
	}
	d.modes(dir, program.Private())
}

// privateFiles checks the modes of the files with a private key.
func (d *doctor) privateFiles(i store.Issued) {
	names := slices.DeleteFunc(privateNames(i), func(name string) bool { return i.Record.Files[name] == "" })
	d.modes(i.Record.Folder, names)
}

// modes checks the modes of files in a folder that are for their owner only.
func (d *doctor) modes(dir string, names []string) {
	if runtime.GOOS == "windows" {
		return // it has access lists instead
	}
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			d.find("file-mode", fault.Hintf("chmod 600 -- %s", fault.Quote(path)), "other users can read the private key in %s (mode %04o)", path, info.Mode().Perm())
		}
	}
}

// privateNames returns the names of the files of a holder that have a key.
func privateNames(i store.Issued) []string {
	target, err := targetOf(i)
	if err != nil {
		return nil
	}
	set, err := filesFor(target, ca.KeyType(keyOf(i)), i.Record.Kind, i.Record.KeyKept != store.KeptInStore)
	if err != nil {
		return nil
	}
	set.specs = slices.DeleteFunc(slices.Clone(set.specs), func(s export.Spec) bool { return !s.Has(export.Key) })
	return set.names(i.Record.Holder().Stem())
}
