package store

import (
	"crypto/sha256"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/picoca/picoca/internal/ca"
)

// Holder is whom certificates are for: a device (ca.KindServer or
// ca.KindBoth) by its own name, a client identity (ca.KindClient) or a
// delegated CA (ca.KindCA) by its common name.
type Holder struct {
	Kind ca.Kind
	Name string
}

// Device returns the holder that is the device of that name.
func Device(name string) Holder { return Holder{ca.KindServer, name} }

// Identity returns the holder that is the client identity of that name.
func Identity(name string) Holder { return Holder{ca.KindClient, name} }

func (h Holder) prefix() string {
	switch h.Kind {
	case ca.KindClient:
		return "client_"
	case ca.KindCA:
		return "ca_"
	}
	return ""
}

// Folder returns the name of the holder's folder below issued/: FolderName for
// a device. Otherwise it has what people can read of the name, and a part of
// the name's hash, so that two names never share a folder, not even on a file
// system that takes A for a. No device's folder looks like that.
func (h Holder) Folder() string {
	if h.prefix() == "" {
		return FolderName(h.Name)
	}
	sum := sha256.Sum256([]byte(h.Name))
	return fmt.Sprintf("%s%s_%x", h.prefix(), stem(h.Name), sum[:8])
}

// Stem returns a file name without its extension for the holder's files, which
// every file system takes.
func (h Holder) Stem() string {
	if h.prefix() == "" {
		return FolderName(h.Name)
	}
	return Stem(h.Name)
}

// FolderName returns the name of a folder for a device, different for
// different names. A wildcard's star and an address's colons, which some file
// systems refuse, become underscores, which no name has. Windows refuses con
// and con.local: there an underscore follows the first label.
func FolderName(name string) string {
	name = plainFolderName(name)
	first, rest, _ := strings.Cut(name, ".")
	if !reserved(first) {
		return name
	}
	return strings.TrimSuffix(first+"_."+rest, ".")
}

// plainFolderName is the folder of a name in layout 1.
func plainFolderName(name string) string {
	return strings.NewReplacer("*", "_", ":", "_").Replace(name)
}

// deviceOf returns the device that a folder below issued/ is for, "" if it is
// not a device's.
func deviceOf(folder string) string {
	if hashed().MatchString(folder) {
		return ""
	}
	if rest, ok := strings.CutPrefix(folder, "_."); ok {
		return "*." + rest
	}
	if first, rest, _ := strings.Cut(folder, "."); reserved(strings.TrimSuffix(first, "_")) {
		return strings.TrimSuffix(strings.TrimSuffix(first, "_")+"."+rest, ".")
	}
	return strings.ReplaceAll(folder, "_", ":")
}

// hashed matches the folders of identities and delegated CAs. A device's never
// ends in 16 hexadecimal digits after an underscore: an IPv6 group has four. Like
// all expressions it is compiled when it is needed: most runs need none.
var hashed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(client|ca)_.*_[0-9a-f]{16}$`) })

// holderOf returns the device that a file of the store belongs to, the zero
// Holder if it is not a device's.
func (s *Store) holderOf(name string) Holder {
	below, ok := strings.CutPrefix(name, "issued/")
	folder, _, _ := strings.Cut(below, "/")
	if device := deviceOf(folder); ok && device != "" {
		return Device(device)
	}
	return Holder{}
}

// folderOf returns a holder's folder. A store of layout 1 may have the folder
// of a name that Windows refuses: it stays in use.
func (s *Store) folderOf(h Holder) (string, error) {
	if checkFolderName(h.Folder()) != nil {
		return "", ErrNotIssued
	}
	dir, plain := path.Join("issued", h.Folder()), path.Join("issued", plainFolderName(h.Name))
	// os.Root does not even look for what Windows refuses.
	if h.prefix() != "" || dir == plain || !filepath.IsLocal(plain) {
		return dir, nil
	}
	isNew, err := s.exists(dir)
	if err != nil || isNew {
		return dir, err
	}
	isOld, err := s.exists(plain)
	if isOld {
		return plain, err
	}
	return dir, err
}

// maxStem bounds what a file's name keeps of a text.
const maxStem = 40

// Stem turns a name, which may hold anything, into a file name without its
// extension that every file system and shell takes: lower-case ASCII letters
// and digits without accents, and a hyphen for everything else between them.
// A name of other scripts only becomes "client". Different names may have the
// same stem.
func Stem(name string) string {
	switch stem := stem(name); {
	case stem == "":
		return "client"
	case reserved(stem):
		return stem + "-client"
	default:
		return stem
	}
}

// reserved reports whether Windows has a device of that name, which no file can
// have there (Microsoft, "Naming Files, Paths, and Namespaces").
func reserved(stem string) bool {
	stem = strings.ToLower(stem)
	numbered := len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
	return numbered || slices.Contains([]string{"con", "prn", "aux", "nul"}, stem)
}

func stem(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(name)) {
		switch {
		case b.Len() == maxStem:
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case !unicode.IsMark(r) && b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
