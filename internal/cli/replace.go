package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// replacing tells whether a file of a folder that is not empty may stay there
// or be replaced. nil lets nothing stay: the folder has to be empty.
type replacing func(d *destination, name string) bool

// everything is what --force replaces.
func everything(*destination, string) bool { return true }

// maxOwnFile bounds what is read to recognise a file: the largest that picoca
// writes for one certificate has 30 KB.
const maxOwnFile = 1 << 18

// read returns a file of the folder, nil if it is none that picoca wrote.
func (d *destination) read(name string) []byte {
	path := filepath.Join(d.base, name)
	// Opening a named pipe would wait for a writer.
	if info, err := d.parent.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxOwnFile {
		return nil
	}
	file, err := d.parent.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxOwnFile))
	if err != nil {
		return nil
	}
	return data
}

// earlier are the files of a device's last certificate in every format, by name.
type earlier map[string][][]byte

// earlierFiles returns the files of a certificate in the store. One that is
// damaged has none.
func earlierFiles(s *store.Store, issued store.Issued) earlier {
	root, err := s.RootCertificate()
	if err != nil {
		return nil
	}
	leaf, err := s.Certificate(issued)
	if err != nil {
		return nil
	}
	key, err := s.Key(issued)
	if err != nil {
		return nil
	}
	all := earlier{}
	for _, format := range export.Formats() {
		form := formFor(format, aDevice)
		if form == nil {
			continue
		}
		files, err := form(export.Bundle{Root: root, Leaf: leaf, Key: key})
		if err != nil {
			continue // a .p12 is different each time
		}
		for _, file := range files {
			if !isRoot(file.Data, root) {
				all[file.Name] = append(all[file.Name], file.Data)
			}
		}
	}
	return all
}

// isRoot reports whether a file is the root's certificate, which a renewal leaves
// as it is.
func isRoot(data []byte, root *x509.Certificate) bool {
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	return bytes.Equal(data, root.Raw)
}

// wrote reports whether data is what picoca wrote under that name.
func (e earlier) wrote(name string, data []byte) bool {
	return data != nil && slices.ContainsFunc(e[name], func(own []byte) bool { return bytes.Equal(own, data) })
}

// renewal replaces the files of the certificate before, and leaves all others
// that have names of their own.
func (e earlier) renewal(targets []string) replacing {
	return func(d *destination, name string) bool {
		return !slices.Contains(targets, name) || e.wrote(name, d.read(name))
	}
}

// fileNames returns the names of a device's files in some formats.
func fileNames(formats []string, b export.Bundle) ([]string, error) {
	files, err := renderAll(formats, aDevice, b)
	var names []string
	for _, file := range files {
		names = append(names, file.Name)
	}
	return names, err
}

// clientRenewal replaces the two files of a client identity, if the profile is of
// that identity. What is in the .p12 beside it nobody can see without its
// passphrase.
func clientRenewal(stem, profileID string) replacing {
	return func(d *destination, name string) bool {
		if name != stem+".p12" && name != stem+".mobileconfig" {
			return true
		}
		return bytes.Contains(d.read(stem+".mobileconfig"), []byte(profileID))
	}
}

// stale returns the files of the certificate before that a renewal has left: of
// another board, or exported by hand.
func (d *destination) stale(before earlier, written []export.File) []string {
	var left []string
	names, err := d.disk().Names(d.base)
	if err != nil {
		return nil
	}
	for _, name := range names {
		now := func(file export.File) bool { return file.Name == name }
		if !strings.HasPrefix(name, stageMark) && !slices.ContainsFunc(written, now) && before.wrote(name, d.read(name)) {
			left = append(left, filepath.Join(d.shown, name))
		}
	}
	return left
}
