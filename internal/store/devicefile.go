package store

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/durable"
)

// sorted returns names in order.
func sorted(names []string) []string { slices.Sort(names); return names }

// DeviceFile returns a file that belongs to a device and outlives its
// certificates, such as "vapid.pem". It fails with a MissingError, which is
// fs.ErrNotExist, if there is none, or with a ModeError if others can read it.
func (s *Store) DeviceFile(name, file string) ([]byte, error) {
	place, err := devicePlace(name, file)
	if err != nil {
		return nil, err
	}
	return s.read(place, widestPrivate, maxFile)
}

// PutDeviceFile stores or replaces a file of a device durably. The lock must be
// held.
func (s *Store) PutDeviceFile(name, file string, data []byte) error {
	place, err := devicePlace(name, file)
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return fmt.Errorf("file %q has %d bytes; at most %d are allowed", file, len(data), maxFile)
	}
	if s.held == nil {
		return ErrUnlocked
	}
	if err := s.makeFolders("devices", path.Dir(place)); err != nil {
		return err
	}
	return s.replace(durable.File{Name: place, Data: data, Mode: 0o600})
}

// devicePlace returns the path of a device's file, both parts of which every
// file system takes.
func devicePlace(name, file string) (string, error) {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z') && !('0' <= r && r <= '9') && r != '.' && r != '-'
	}
	first, _, _ := strings.Cut(file, ".")
	if first == "" || strings.ContainsFunc(file, odd) || strings.HasSuffix(file, ".") || reserved(first) {
		return "", fmt.Errorf("%q cannot be the name of a device's file", file)
	}
	folder := FolderName(name)
	if err := checkFolderName(folder); err != nil {
		return "", err
	}
	return path.Join("devices", folder, file), nil
}
