package store

import (
	"bytes"
	"errors"
	"io/fs"
	"path"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// migrate turns layout 1 into layout 2. The lock must be held. The root is
// copied, the number replaced, which is the commit, and the old root removed:
// whatever interrupts it, the store has one layout or the other, and the next
// call goes on.
func (s *Store) migrate() error {
	if s.layout == 1 {
		if err := s.copyRoot(); err != nil {
			return err
		}
		if err := s.writeLayout(); err != nil {
			return err
		}
		s.layout = layout
	}
	return s.removeOldRoot()
}

// copyRoot publishes a copy of root/ as the only root. An earlier attempt may
// have done that already.
func (s *Store) copyRoot() error {
	root, err := s.readRoot("")
	if err != nil {
		return err
	}
	files, err := s.oldRootFiles()
	if err != nil {
		return err
	}
	place := path.Join("roots", root.ID)
	there, err := s.exists(place)
	if err != nil {
		return err
	}
	if there {
		return s.compareRoot(place, files)
	}
	if err := s.makeFolders("roots"); err != nil {
		return err
	}
	return s.publish(place, files)
}

// oldRootFiles returns the files of root/. A store whose key was lost has none:
// its root becomes one whose key is elsewhere.
func (s *Store) oldRootFiles() ([]durable.File, error) {
	f, err := s.folder("root")
	if err != nil {
		return nil, err
	}
	defer f.close()
	var files []durable.File
	for _, row := range []struct {
		name   string
		widest fs.FileMode
	}{{"cert.pem", widestFile}, {"key.pem", widestPrivate}} {
		data, err := f.readIfAny(row.name, row.widest, maxFile)
		if err != nil {
			return nil, err
		}
		if data != nil {
			files = append(files, durable.File{Name: row.name, Data: data, Mode: row.widest})
		}
	}
	return files, nil
}

// compareRoot fails unless a root's folder has exactly these files' contents.
func (s *Store) compareRoot(place string, files []durable.File) error {
	f, err := s.folder(place)
	if err != nil {
		return err
	}
	defer f.close()
	for _, file := range files {
		data, err := f.read(file.Name, file.Mode, maxFile)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, file.Data) {
			return fault.With(DamagedError{Path: s.Path(path.Join(place, file.Name)), What: "is not the same as in " + s.Path("root")},
				fault.Hintf("remove %s: the root is in %s", fault.Quote(s.Path("roots")), fault.Quote(s.Path("root"))))
		}
	}
	return nil
}

// removeOldRoot removes the root of layout 1, once layout 2 has it. What the
// user put beside its files stays.
func (s *Store) removeOldRoot() error {
	there, err := s.exists("root")
	if err != nil || !there {
		return err
	}
	files, err := s.oldRootFiles()
	if err != nil {
		return err
	}
	if copied, err := s.copied(files); err != nil || !copied {
		return err // a user put another root there
	}
	// The key goes first: without the certificate, nothing shows whose it is.
	for i := len(files) - 1; i >= 0; i-- {
		if err := s.disk.Remove("root/" + files[i].Name); err != nil {
			return s.named(err)
		}
	}
	// fs.ErrExist: the folder is not empty.
	if err := s.disk.Remove("root"); err != nil && !errors.Is(err, fs.ErrExist) {
		return s.named(err)
	}
	return s.named(s.disk.SyncDir("."))
}

// copied reports whether a root of layout 2 has the same files.
func (s *Store) copied(files []durable.File) (bool, error) {
	f, ids, err := s.rootIDs()
	if err != nil {
		return false, err
	}
	f.close()
	for _, id := range ids {
		err := s.compareRoot(path.Join("roots", id), files)
		_, differs := errors.AsType[DamagedError](err)
		if !differs && !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}
