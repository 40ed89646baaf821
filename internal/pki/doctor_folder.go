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

// delegated checks the folder of a program that is a CA under the root. Its
// configuration is the user's to change.
func (d *doctor) delegated(i store.Issued) {
	dir, name := i.Record.Folder, i.Record.Name
	if dir == "" || i.Record.For == "" {
		return
	}
	anew := fault.Hintf("%s, then %s", fault.Command{"revoke", name}, setUp(i.Record.For, name))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		d.find("folder-gone", fault.Hintf("if you have moved it: %s; for a new key: %s", fault.Command{"renew", name, "--out", "FOLDER"}, anew),
			"folder of %s does not exist any more: %s", name, dir)
		return
	}
	path := filepath.Join(dir, delegate.IntermediateKey)
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		d.find("file-missing", anew, "folder of %s lacks %s: %s", name, delegate.IntermediateKey, dir)
	case err != nil:
		d.fault("folder", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		d.find("file-mode", fault.Hintf("chmod 600 -- %s", fault.Quote(path)), "other users can read the private key in %s (mode %04o)", path, info.Mode().Perm())
	}
}

// privateFiles checks the modes of the files with a private key.
func (d *doctor) privateFiles(i store.Issued) {
	if runtime.GOOS == "windows" {
		return // it has access lists instead
	}
	for _, name := range privateNames(i) {
		path := filepath.Join(i.Record.Folder, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if err == nil && i.Record.Files[name] != "" && info.Mode().Perm()&0o077 != 0 {
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
