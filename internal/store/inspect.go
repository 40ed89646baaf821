package store

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Inspection is what is wrong with the files of a store, whatever they hold.
type Inspection struct {
	// Modes and Owners are files that others can change, or private ones that
	// others can read.
	Modes  []ModeError
	Owners []OwnerError
	// Leftovers are folders of changes that were interrupted, or are under way.
	Leftovers []string
	// Foreign are files and folders that picoca does not write there; of a folder
	// only itself.
	Foreign []string
	// Unreadable are folders that cannot be looked into.
	Unreadable []error
	// Files is how many were looked at.
	Files int
	// Layout is that of the store, 0 if it cannot be told.
	Layout int
}

// Inspect looks at every file of the store in folder dir without opening any,
// and changes nothing. It fails with ErrNoCA if there is no store, or not even a
// folder; a store that is damaged is one.
func Inspect(dir string, opt Options) (Inspection, error) {
	s, err := openDir(dir, opt)
	if err != nil {
		if os.IsNotExist(err) {
			err = noCA(dir, opt)
		}
		return Inspection{}, err
	}
	defer s.Close()
	var found Inspection
	if s.readLayout() == nil {
		found.Layout = s.layout
	}
	err = fs.WalkDir(s.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			found.Unreadable = append(found.Unreadable, s.fault(name, err))
			return nil
		}
		return found.look(s, name, entry)
	})
	return found, err
}

func (found *Inspection) look(s *Store, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil { // it is gone: another picoca is at work
		return nil
	}
	found.Files++
	want, known := placeOf(name, entry.IsDir())
	switch {
	case strings.HasPrefix(name, prefix) && entry.IsDir():
		found.Leftovers = append(found.Leftovers, s.Path(name))
		return fs.SkipDir
	case !known && entry.Type()&fs.ModeSymlink == 0, known && !fits(name, entry):
		found.Foreign = append(found.Foreign, s.Path(name))
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	case entry.Type()&fs.ModeSymlink != 0: // reading it follows it, or fails
		return nil
	}
	switch fault := s.checkInfo(name, info, want).(type) {
	case ModeError:
		found.Modes = append(found.Modes, fault)
	case OwnerError:
		found.Owners = append(found.Owners, fault)
	}
	return nil
}

// fits reports whether a file or folder of a known name can be what picoca keeps
// there. Where it reads through a link, it says itself what is wrong with that.
func fits(name string, entry fs.DirEntry) bool {
	isLink := entry.Type()&fs.ModeSymlink != 0
	return entry.IsDir() || entry.Type().IsRegular() || isLink && name != "lock"
}

// places are the files and folders of a store, each with the widest mode that
// it may have. A folder's name ends in a slash.
var places = []struct {
	pattern string // of path.Match
	widest  fs.FileMode
}{
	{"./", widestFolder}, {"roots/", widestFolder}, {"issued/", widestFolder}, {"devices/", widestFolder}, {"revoked/", widestFolder}, {"root/", widestFolder},
	{"roots/*-*/", widestFolder}, {"issued/*/", widestFolder}, {"issued/*/*-*/", widestFolder}, {"devices/*/", widestFolder},
	{"layout", widestFile}, {"lock", widestPrivate}, {"revoked/*.json", widestFile}, {"devices/*/*", widestPrivate},
	{"root/cert.pem", widestFile}, {"root/key.pem", widestPrivate},
	{"roots/*/cert.pem", widestFile}, {"roots/*/key.pem", widestPrivate}, {"roots/*/key.json", widestFile}, {"roots/*/crl.pem", widestFile}, {"roots/*/retired.json", widestFile},
	{"issued/*/*/cert.pem", widestFile}, {"issued/*/*/key.pem", widestPrivate}, {"issued/*/*/about.json", widestFile},
}

// placeOf returns the widest mode of a file or folder, and whether the store
// has one of that name.
func placeOf(name string, isDir bool) (widest fs.FileMode, known bool) {
	if isDir {
		name += "/"
	}
	for _, place := range places {
		if ok, _ := path.Match(place.pattern, name); ok && !misnamed(name, place.pattern) {
			return place.widest, true
		}
	}
	return 0, false
}

// misnamed reports whether a name lacks the number of its folder, or its serial
// number.
func misnamed(name, pattern string) bool {
	base := path.Base(name)
	if pattern == "revoked/*.json" {
		return !isSerial(strings.TrimSuffix(base, ".json"))
	}
	return strings.HasSuffix(pattern, "/*-*/") && number(base) == 0
}

// Misnumbered is a certificate whose folder does not say what it holds.
type Misnumbered struct {
	// Path is its folder as the user would type it, and Want what it should be.
	Path, Want string
	// Twin is another folder with the same number, "" if there is none.
	Twin string
}

// Misnumbered returns the certificates among those of one holder whose folders
// have another date or serial number than their certificate. Of two with the
// highest number, as merged backups have, the one that counts as the newest gets
// the next.
func (s *Store) Misnumbered(history []Issued) []Misnumbered {
	var all []Misnumbered
	for at, i := range history {
		dir, base := path.Split(i.Place)
		want, twin := folderOfLeaf(i.Leaf, i.Number()), ""
		if at > 0 && at == len(history)-1 && history[at-1].Number() == i.Number() {
			want, twin = folderOfLeaf(i.Leaf, i.Number()+1), s.Path(history[at-1].Place)
		}
		if base != want {
			all = append(all, Misnumbered{s.Path(i.Place), filepath.Join(s.Path(dir), want), twin})
		}
	}
	return all
}
