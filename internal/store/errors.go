package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

var (
	// ErrNoCA means that the folder holds no certificate authority.
	ErrNoCA = errors.New("no certificate authority")
	// ErrForeign means that a folder holds something other than a store.
	ErrForeign = errors.New("folder is not empty and is not a store of picoca")
	// ErrNotRegular means that a folder, a link or a device is where a
	// file should: opening a pipe could take forever.
	ErrNotRegular = errors.New("not a regular file")
	// ErrNotIssued means that a holder has no certificate.
	ErrNotIssued = errors.New("no certificate was issued for this name")
	// ErrNoSigningRoot means that no root of the store has a key and is not
	// retired.
	ErrNoSigningRoot = errors.New("no root has a key to sign with")
	// ErrKeyElsewhere means that a private key is not in the store.
	ErrKeyElsewhere = errors.New("private key is not in the store")
	// ErrSameKey means that the store has a root with that key already.
	ErrSameKey = errors.New("key already has a root certificate in this store")
	// ErrRevoked means that a certificate was revoked before.
	ErrRevoked = errors.New("certificate is already revoked")
	// ErrRestoring means that a restore is under way, or was interrupted after the
	// point from which on it is completed.
	ErrRestoring = errors.New("a restore into this folder is not complete yet")
	// ErrUnlocked means that a change was asked for without the lock.
	ErrUnlocked = errors.New("store is changed only while its lock is held")
)

// KeyElsewhereError says that the store does not have the key of a certificate,
// and who has it. It is ErrKeyElsewhere.
type KeyElsewhereError struct{ Record Record }

func (e *KeyElsewhereError) Error() string {
	who := "the device keeps it"
	if e.Record.KeyKept == KeptInFiles {
		who = "it was only written to the output folder"
	}
	return fmt.Sprintf("%s: %v: %s", e.Record.Name, ErrKeyElsewhere, who)
}

// Unwrap returns ErrKeyElsewhere.
func (*KeyElsewhereError) Unwrap() error { return ErrKeyElsewhere }

// Hint says what can be done without the key, and how to get another.
func (e *KeyElsewhereError) Hint() fault.Hint {
	certificate := fault.Command{"export", e.Record.Name, "--format", "pem-cert"}
	if e.Record.KeyKept == KeptInFiles {
		return fault.Hintf("%s makes a new key and writes its files; %s writes only the certificate", fault.Command{"renew", e.Record.Name}, certificate)
	}
	return fault.Hintf("%s writes only the certificate", certificate)
}

// fromBackup restores a backup without touching what is left of the store.
var fromBackup = fault.Command{"--home", "FOLDER", "restore", "FILE"}

// bringBack is for a file that was lost.
var bringBack = fault.Hintf("restore it from a backup: %s, then copy it from there", fromBackup)

// LayoutError means that a store has a later version's format, or none.
type LayoutError struct{ Got string }

func (e LayoutError) Error() string {
	if !e.isLater() {
		return fmt.Sprintf("layout: got %q; expected the number 1 or %d", e.Got, layout)
	}
	return fmt.Sprintf("layout: got %q; this version knows only up to %d", e.Got, layout)
}

// Hint returns what to do about it.
func (e LayoutError) Hint() fault.Hint {
	if !e.isLater() {
		return bringBack
	}
	return fault.Hintf("install a later version of picoca, which knows this layout; or %s", bringBack)
}

func (e LayoutError) isLater() bool {
	n, err := strconv.Atoi(e.Got)
	return err == nil && n > layout
}

// ModeError means that other users can read or change a file that belongs to
// the owner only.
type ModeError struct {
	Store, Path string
	Got, Want   fs.FileMode
}

func (e ModeError) Error() string {
	others := "others must not have access"
	if e.Want&0o044 != 0 {
		others = "others must not be able to change it"
	}
	return fmt.Sprintf("%s has mode %04o; %s (%04o)", e.Path, e.Got, others, e.Want)
}

// Hint returns one command that narrows the modes of the whole store: a copy
// that went through a USB drive has wide modes everywhere.
func (e ModeError) Hint() fault.Hint {
	dir := fault.QuotePath(e.Store)
	return fault.Hintf("find %s/ -type d -exec chmod 700 {} + -o -type f -exec chmod 600 {} +", strings.TrimSuffix(dir, "/"))
}

// OwnerError means that a file of the store belongs to another user, who can
// change it at any time.
type OwnerError struct {
	Store, Path string
	Owner, User int // user IDs: the file's, and this process's
}

func (e OwnerError) Error() string {
	return fmt.Sprintf("%s belongs to user ID %d; expected %d or root", e.Path, e.Owner, e.User)
}

// Hint returns what to do about it.
func (e OwnerError) Hint() fault.Hint {
	if e.User == 0 {
		return fault.Hintf("run picoca as the user who owns the store, without sudo")
	}
	return fault.Hintf("if the store is yours: sudo chown -R %d %s", e.User, fault.QuotePath(e.Store))
}

// MissingError means that a file or folder of the store is gone. It is
// fs.ErrNotExist.
type MissingError struct {
	Path   string
	Holder Holder // whose certificate it belongs to; zero for the root's files
}

func (e MissingError) Error() string { return e.Path + " is missing" }

func (e MissingError) Unwrap() error { return fs.ErrNotExist }

// Hint returns what to do about it.
func (e MissingError) Hint() fault.Hint { return hintLost(e.Holder) }

// DamagedError means that a file of the store is not what was written.
type DamagedError struct {
	Path, What string
	Holder     Holder // as in MissingError
	cause      error
}

func (e DamagedError) Error() string { return e.Path + " " + e.What }

// Unwrap returns the reason, such as ErrNoKey or ErrOtherKey.
func (e DamagedError) Unwrap() error { return e.cause }

// Hint returns what to do about it.
func (e DamagedError) Hint() fault.Hint { return hintLost(e.Holder) }

func hintLost(h Holder) fault.Hint {
	if h.Name == "" {
		return bringBack
	}
	if h.Kind == ca.KindCA {
		return fault.Hintf("%s; or revoke it, and set up one with another name: %s", bringBack, fault.Command{"revoke", h.Name})
	}
	return fault.Hintf("%s; or make a new certificate: %s", bringBack, fault.Command{"renew", h.Name})
}

// FileError means that something other than the expected file or folder is
// at a place, or that the system refuses access to it.
type FileError struct {
	Path, What string
	cause      error
}

func (e FileError) Error() string { return e.Path + " " + e.What }

// Unwrap returns the system's reason.
func (e FileError) Unwrap() error { return e.cause }

// Hint returns what to do about it.
func (e FileError) Hint() fault.Hint {
	if hint := e.reason(); hint != "" {
		return fault.Hintf("%s", hint)
	}
	return fault.Hintf("move it away, then %s", bringBack)
}

// reason returns what to do about what the system said, "" if that is unknown.
func (e FileError) reason() string {
	for _, row := range reasons {
		if errno.Is(e.cause, row.err) {
			return row.hint
		}
	}
	return ""
}

// reasons are what a system refuses files for, in words.
var reasons = []struct {
	err        error
	what, hint string
}{
	{syscall.ELOOP, "is a symbolic link that leads in a circle", "put the file or folder itself in the link's place"},
	{fs.ErrPermission, "cannot be accessed: permission denied", "the store must belong to you: look at it with ls -l"},
	{syscall.ENOSPC, "cannot be written: no space left on the disk", "free some space, then try again"},
	{syscall.EROFS, "cannot be written: the medium is read-only", "copy the store to a disk that can be written to"},
	{syscall.EIO, "cannot be read or written: input/output error", "the disk may be failing: copy the store to another one"},
	{syscall.EMFILE, "cannot be opened: too many open files", "raise the limit (ulimit -n), then try again"},
	{syscall.ENFILE, "cannot be opened: too many open files on this system", "close other programs, then try again"},
}

// fault describes an error by the path that the user knows.
func (s *Store) fault(name string, err error) error {
	info, statErr := s.root.Lstat(filepath.FromSlash(name))
	isLink := statErr == nil && info.Mode()&fs.ModeSymlink != 0
	what := ""
	switch {
	case statErr == nil && (errno.Is(err, syscall.ENXIO) || errors.Is(err, ErrNotRegular)):
		what, err = "is "+kindOf(info.Mode())+", expected a file", ErrNotRegular
	case isLink && errors.Is(err, fs.ErrNotExist):
		what, err = "is a symbolic link to something that does not exist", ErrNotRegular
	case errors.Is(err, fs.ErrNotExist):
		return MissingError{s.Path(name), s.holderOf(name)}
	case errno.Is(err, syscall.ENOTDIR):
		what = "is not a folder"
	case escapes(err):
		name = s.firstLink(name)
		what, err = "is a symbolic link that leads out of the store", ErrNotRegular
	case errno.Is(err, syscall.ELOOP):
		name = s.firstLink(name)
	}
	return FileError{s.Path(name), orReason(what, err), bare(err)}
}

// escapes reports whether os.Root refused to follow a link out of its folder.
// Package os has no name for this error.
func escapes(err error) bool { return strings.Contains(bare(err).Error(), "escapes from parent") }

// firstLink returns the first part of a path that is a symbolic link, the whole
// path if there is none.
func (s *Store) firstLink(name string) string {
	for i, r := range name + "/" {
		if r != '/' {
			continue
		}
		if info, err := s.root.Lstat(filepath.FromSlash(name[:i])); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return name[:i]
		}
	}
	return name
}

func orReason(what string, err error) string {
	if what != "" {
		return what
	}
	for _, row := range reasons {
		if errno.Is(err, row.err) {
			return row.what
		}
	}
	return "cannot be used: " + bare(err).Error()
}

// bare returns an error without the operation and the path that Go adds, which
// may be those of a folder that exists only during a change.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "a device"
}

// named describes what went wrong with a change by a path that the user knows:
// those of package durable are relative, and some are of folders that exist
// only during the change.
func (s *Store) named(err error) error {
	name := ""
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		name = e.Path
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		name = e.New
	} else {
		return err
	}
	name = filepath.ToSlash(name)
	if strings.Contains("/"+name, "/"+prefix) || path.IsAbs(name) {
		name = "."
	}
	return FileError{s.Path(name), orReason("", err), bare(err)}
}

func (s *Store) damaged(name, what string, cause error) error {
	return DamagedError{s.Path(name), what, s.holderOf(name), cause}
}

// noCA is the error for a folder without an authority. Under sudo the home is
// root's, and a second CA there is never what was meant.
func (s *Store) noCA() error { return noCA(s.dir, s.opt) }

func noCA(dir string, opt Options) error {
	hint := fault.Hintf("make one with %s, bring one back with %s, or name the folder of one with --home", fault.Command{"init"}, fault.Command{"restore", "FILE"})
	if opt.User != 0 && os.Geteuid() == 0 {
		hint = fault.Hintf("run picoca without sudo: it never needs to run as root")
	}
	return fault.WithCode(fault.With(fmt.Errorf("%w in %s", ErrNoCA, dir), hint), fault.NoCA)
}
