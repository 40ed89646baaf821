package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

// Contents are the files of a backup.
type Contents struct {
	Made  time.Time
	Files []durable.File
}

// The faults of a backup file.
var (
	ErrEmpty      = fault.New("is empty", another)
	ErrForeign    = fault.New("is not a backup that picoca made", fault.Hintf("choose a file that picoca backup wrote"))
	ErrArchive    = fault.New("is an archive that is not encrypted", fault.Hintf("a copy of the folder that was packed by hand is unpacked by hand: see docs/keep.md"))
	ErrPaper      = fault.New("is the text of a sheet of paper", fault.Run("restore", "--paper", "FILE"))
	ErrArmored    = fault.New("is an age file in text form", fault.Hintf("picoca reads the binary form: grep -v -e ----- FILE | base64 -d > backup.age"))
	ErrRecipient  = fault.New("is encrypted to a key, not under a passphrase: picoca did not make it", fault.Hintf("decrypt it with age, and see docs/keep.md"))
	ErrPassphrase = fault.New("cannot be opened: passphrase is wrong",
		fault.Hintf("try again: it is the one that the backup was made with, not that of the root key. If you are sure of it, the beginning of the file is damaged: use another backup"))
	ErrDamaged = fault.New("is damaged or incomplete", another)
	ErrCost    = fault.New("needs more work to open than any backup that picoca makes", another)
)

var another = fault.Hintf("copy the file again from where you keep it, or use another backup")

// maxWorkFactor is the most that a file may ask for: 1 GiB of memory. age's own
// command uses 2^18.
const maxWorkFactor = 20

// The most that is unpacked: hundreds of thousands of certificates.
const (
	maxFiles = 1 << 20
	maxFile  = 64 << 20 // a revocation list
	maxTotal = 1 << 30
)

// Read decrypts a backup and checks every byte of it before it returns. What
// the files are worth is not looked at. It fails with one of the errors of this
// package, or an EntryError.
func Read(r io.Reader, passphrase []byte) (contents Contents, err error) {
	err = open(r, passphrase, func(plain io.Reader) error {
		contents, err = readArchive(plain)
		return err
	})
	if err != nil {
		return Contents{}, err
	}
	return contents, nil
}

// Looks fails unless a file begins as a backup does, so that no one is asked for
// its passphrase in vain. It takes nothing from r.
func Looks(r *bufio.Reader) error {
	begin, err := r.Peek(1024)
	if err != nil && err != io.EOF {
		return err
	}
	for _, row := range kinds {
		if row.is(begin) {
			return row.err
		}
	}
	return ErrForeign
}

// ageLine begins every age file.
const ageLine = "age-encryption.org/v1\n"

var kinds = []struct {
	is  func(begin []byte) bool
	err error
}{
	{func(b []byte) bool { return len(b) == 0 }, ErrEmpty},
	{func(b []byte) bool { return len(b) < len(ageLine) && strings.HasPrefix(ageLine, string(b)) }, ErrDamaged},
	{begins(ageLine + "-> scrypt "), nil},
	{begins(ageLine), ErrRecipient},
	{begins("-----BEGIN AGE ENCRYPTED FILE-----"), ErrArmored},
	{begins("\x1f\x8b"), ErrArchive},
	{begins("PK\x03\x04"), ErrArchive},
	{func(b []byte) bool { return len(b) > 262 && string(b[257:262]) == "ustar" }, ErrArchive},
	{func(b []byte) bool {
		return bytes.Contains(b, []byte("H01:")) || bytes.HasPrefix(b, []byte("<!doctype html>"))
	}, ErrPaper},
}

func begins(with string) func([]byte) bool {
	return func(begin []byte) bool { return bytes.HasPrefix(begin, []byte(with)) }
}

// open decrypts r and calls read, then proves that nothing of r is left, so that
// all of it is authentic. Its error comes before those of read, which may have
// been given less than there was.
func open(r io.Reader, passphrase []byte, read func(plain io.Reader) error) error {
	buffered := bufio.NewReader(r)
	if err := Looks(buffered); err != nil {
		return err
	}
	if err := checkCost(buffered); err != nil {
		return err
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return ErrPassphrase // it is empty
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	plain, err := age.Decrypt(buffered, identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return ErrPassphrase
	}
	if err != nil {
		return damaged(err)
	}
	return readAll(plain, read)
}

func readAll(plain io.Reader, read func(io.Reader) error) error {
	w := &watched{Reader: plain}
	err := read(w)
	if w.err == nil {
		_, w.err = io.Copy(io.Discard, w.Reader)
	}
	if w.err != nil {
		return damaged(w.err)
	}
	return err
}

// watched remembers what a reader failed with.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// damaged keeps errors of the disk, which are not the file's.
func damaged(err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return ErrDamaged
}

// checkCost reads the work factor: "-> scrypt SALT 16".
func checkCost(r *bufio.Reader) error {
	begin, _ := r.Peek(256)
	_, rest, _ := bytes.Cut(begin, []byte("\n"))
	line, _, _ := strings.Cut(string(rest), "\n")
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return ErrDamaged
	}
	n, err := strconv.Atoi(fields[3])
	switch {
	case err != nil || n < 1:
		return ErrDamaged
	case n > maxWorkFactor:
		return ErrCost
	}
	return nil
}

// EntryError says that an archive holds something that picoca puts in none.
type EntryError struct{ Name, Text string }

func (e *EntryError) Error() string { return fmt.Sprintf("holds %.100q, %s", e.Name, e.Text) }

// Hint says what to do about it.
func (e *EntryError) Hint() fault.Hint {
	return fault.Hintf("picoca did not make this backup: unpack it by hand, and look at what it holds: see docs/keep.md")
}

// readArchive reads the files of an archive.
func readArchive(r io.Reader) (Contents, error) {
	u := unpacking{seen: map[string]bool{}}
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		switch {
		case err == io.EOF && len(u.Files) > 0:
			return u.Contents, nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath): // which check names
			return Contents{}, ErrForeign
		}
		if err := u.check(header); err != nil {
			return Contents{}, err
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return Contents{}, ErrForeign
		}
		if len(u.Files) == 0 {
			u.Made = header.ModTime.UTC()
		}
		u.Files = append(u.Files, durable.File{Name: header.Name, Data: data, Mode: fs.FileMode(header.Mode) & 0o644})
	}
}

// unpacking is an archive of which a part was read.
type unpacking struct {
	Contents
	seen  map[string]bool // files and folders
	total int64
}

func (u *unpacking) check(e *tar.Header) error {
	wrong := func(text string) error { return &EntryError{e.Name, text} }
	u.total += e.Size
	switch {
	case len(u.Files) == 0 && e.Name != first:
		return ErrForeign
	case e.Typeflag != tar.TypeReg:
		return wrong("which is no file")
	case !isPath(e.Name):
		return wrong("which is not a path below a folder")
	case u.taken(e.Name):
		return wrong("which it holds already")
	case e.Size > maxFile:
		return wrong(fmt.Sprintf("which has %d bytes; at most %d are allowed", e.Size, maxFile))
	case u.total > maxTotal:
		return wrong("after which it is larger than any store")
	case len(u.Files) == maxFiles:
		return wrong("after more files than any store has")
	}
	return nil
}

// isPath reports whether a name leads to a place below a folder on every
// system.
func isPath(name string) bool {
	const longest, deepest = 1024, 8
	return fs.ValidPath(name) && name != "." && filepath.IsLocal(name) && len(name) <= longest && strings.Count(name, "/") < deepest &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
}

// taken reports whether a name was used before, also as a folder or below a
// file, and remembers it.
func (u *unpacking) taken(name string) bool {
	_, before := u.seen[name]
	u.seen[name] = true
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		isFile, known := u.seen[dir]
		before = before || known && isFile
		u.seen[dir] = false
	}
	return before
}
