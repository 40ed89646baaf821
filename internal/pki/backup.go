package pki

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"time"

	"github.com/picoca/picoca/internal/backup"
	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// Inventory is what a store holds.
type Inventory struct {
	CA           string // name of the root that signs, or of the newest
	Roots        int
	Certificates int
	Revoked      int
	// InAgent are the names of roots whose keys are in an SSH agent, and so in no
	// backup.
	InAgent []string
	// Damaged are certificates, keys and revocations that are not what was
	// written, and were left as they are.
	Damaged []error
}

// inspect reads and verifies everything in a store. It fails if a root's
// certificate, or the key of the one that signs, is not what was written: no one
// could use such a store. Whether an encrypted key is
// its root's cannot be seen.
func inspect(s *store.Store) (Inventory, error) {
	roots, err := s.Roots()
	if err != nil {
		return Inventory{}, err
	}
	signing, err := s.SigningRoot()
	if err != nil && !errors.Is(err, store.ErrNoSigningRoot) {
		return Inventory{}, err
	}
	inventory := Inventory{Roots: len(roots)}
	for _, root := range roots {
		if err := checkRootKey(s, root); err != nil && root.ID == signing.ID {
			return Inventory{}, err
		} else if err != nil { // of an old root, which others can do without
			inventory.damaged(err)
		}
		if root.Key == store.KeyAgent {
			inventory.InAgent = append(inventory.InAgent, root.Certificate.Subject.CommonName)
		}
		if inventory.CA == "" || root.Key != store.KeyElsewhere && root.Retired == nil {
			inventory.CA = root.Certificate.Subject.CommonName
		}
	}
	inventory.inspectIssued(s)
	revoked, err := s.Revocations()
	inventory.Revoked = len(revoked)
	inventory.damaged(err)
	return inventory, nil
}

func (i *Inventory) inspectIssued(s *store.Store) {
	for issued, err := range s.All(false) {
		if err == nil {
			i.Certificates++
		}
		if err == nil && issued.Record.KeyKept == store.KeptInStore {
			_, err = s.Key(issued)
		}
		i.damaged(err)
	}
}

func (i *Inventory) damaged(err error) { i.Damaged = append(i.Damaged, fault.Flatten(err)...) }

func checkRootKey(s *store.Store, root store.Root) error {
	switch root.Key {
	case store.KeyAgent:
		_, err := s.RootAgentKey(root)
		return err
	case store.KeyElsewhere:
		return nil
	}
	encrypted, err := s.KeyEncrypted(root)
	if err != nil {
		return err
	}
	if encrypted {
		_, err = s.EncryptedKey(root, nil)
	} else {
		_, err = s.RootKey(root, nil)
	}
	return err
}

// Packed is a backup that was not written yet.
type Packed struct {
	Inventory
	Data []byte
}

// Pack encrypts everything in the store under a passphrase, and proves that the
// result can be decrypted and is the same. It takes the lock, so that no change
// is under way, unless the store cannot be written to.
func (c *CA) Pack(ctx context.Context, passphrase []byte, now time.Time, waiting Waiting) (Packed, error) {
	if err := c.lockForOutput(ctx, waiting); err != nil {
		return Packed{}, err
	}
	inventory, err := inspect(c.store)
	if err != nil {
		return Packed{}, err
	}
	var data bytes.Buffer
	sum, err := backup.Write(&data, passphrase, now, c.store.Files())
	if err != nil {
		return Packed{}, err
	}
	runtime.GC() // scrypt's 64 MiB, before it takes them again
	err = backup.Verify(bytes.NewReader(data.Bytes()), passphrase, sum)
	if entry, ok := errors.AsType[*backup.EntryError](err); ok {
		err = fault.With(fmt.Errorf("folder of the CA %w", entry), fault.Hintf("move that file out of the CA's folder: it could not be restored"))
	}
	return Packed{inventory, data.Bytes()}, err
}

// BackupPlace is where a private file will be written.
type BackupPlace struct {
	ca     *CA
	folder *output.Folder
	dir    string
	name   string
}

// BackupPlace looks at the place for a file, before anyone is asked for a
// passphrase: out, or name in it if that is a folder or ends like one. An
// existing file is replaced only by force. Close it.
func (c *CA) BackupPlace(out, name string, force bool) (*BackupPlace, error) {
	dir, name := output.Split(out, name)
	policy := output.Beside
	if force {
		policy = output.Overwrite
	}
	options := c.outputOptions(policy)
	options.Flag = "FILE"
	folder, err := output.Open(dir, options)
	if err != nil {
		return nil, err
	}
	err = folder.Check([]string{name})
	if err == nil && !folder.Exists() { // it may be a disk that is not connected
		err = fault.With(fmt.Errorf("folder %q does not exist", dir), fault.Hintf("connect the disk that it is on, or make it first"))
	}
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return &BackupPlace{c, folder, dir, name}, nil
}

// Close discards what was not written.
func (p *BackupPlace) Close() error { return p.folder.Close() }

// Write writes data for its owner only, and compares what the disk has of it
// before the file gets its name. It takes the lock.
func (p *BackupPlace) Write(ctx context.Context, data []byte, waiting Waiting) (Written, error) {
	if err := p.ca.lockForOutput(ctx, waiting); err != nil {
		return Written{}, err
	}
	files := []output.File{{Name: p.name, Data: data, Private: true}}
	if err := p.folder.Prepare([]string{p.name}); err != nil {
		return Written{}, err
	}
	if err := p.folder.Stage(files); err != nil {
		return Written{}, err
	}
	read, err := p.folder.ReadBack(p.name, int64(len(data)))
	if err != nil {
		return Written{}, err
	}
	if !bytes.Equal(read, data) {
		return Written{}, errReadBack
	}
	if err := p.folder.Commit(); err != nil {
		return Written{}, err
	}
	return written(p.dir, files)[0], nil
}

var errReadBack = fault.New("the disk returns other bytes than were written to it", fault.Hintf("write the backup to another disk"))

// Restored is a CA that was restored.
type Restored struct {
	Inventory
	Made time.Time // when the backup was made
}

// Restorable fails unless a CA can be restored into dir, as Vacant does. It
// completes a restore that was interrupted.
func Restorable(ctx context.Context, dir string, now time.Time, o Options, waiting Waiting) error {
	err := existsError(dir, now, o, store.Restorable(ctx, dir, o.store(), waiting))
	if errors.Is(err, fs.ErrExist) {
		return fault.With(err, fault.Hintf("restore into another folder: %s", fault.Command{"--home", "FOLDER", "restore", "FILE"}))
	}
	return err
}

// BackupFile is a file that begins as a backup does.
type BackupFile struct {
	name string
	data *bufio.Reader
}

// ReadBackup looks at the beginning of a backup, whose name is for errors. It
// fails with an error of package backup if the file is something else.
func ReadBackup(name string, data io.Reader) (BackupFile, error) {
	b := BackupFile{name, bufio.NewReader(data)}
	return b, b.fault(backup.Looks(b.data))
}

func (b BackupFile) fault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("backup %q %w", b.name, err)
}

// Restore makes the CA of a backup in dir, which must be vacant. Every byte of
// the backup is checked, and all roots, certificates and keys, before the CA
// appears there, in one step. It fails as Restorable does, or as backup.Read
// does.
func (b BackupFile) Restore(ctx context.Context, dir string, passphrase []byte, now time.Time, o Options, waiting Waiting) (Restored, error) {
	contents, err := backup.Read(b.data, passphrase)
	if err != nil {
		return Restored{}, b.fault(err)
	}
	restored := Restored{Made: contents.Made}
	err = store.Restore(ctx, dir, o.store(), contents.Files, func(s *store.Store) (err error) {
		restored.Inventory, err = inspect(s)
		return err
	}, waiting)
	if unusable, ok := errors.AsType[*store.UnusableError](err); ok {
		return Restored{}, b.unusable(unusable)
	}
	return restored, existsError(dir, now, o, err)
}

func (b BackupFile) unusable(err *store.UnusableError) error {
	hint := fault.Hintf("use another backup: this one was made of a damaged CA")
	if _, newer := errors.AsType[store.LayoutError](err); newer {
		hint = fault.Hintf("a later version of picoca made this backup: install that version")
	}
	return fault.With(fmt.Errorf("backup %q cannot be restored: %w", b.name, err), hint)
}

// RestorePaper makes a CA in dir, which must be vacant, from the text of a sheet
// of paper. It has the root on the sheet and no certificates; the key stays
// encrypted as it is. It fails as Vacant does, or as paper.Parse does.
func RestorePaper(ctx context.Context, dir string, text []byte, now time.Time, o Options, waiting Waiting) (*x509.Certificate, error) {
	sheet, err := paper.Parse(text)
	if err != nil {
		return nil, err
	}
	root := store.NewRoot{Certificate: sheet.Certificate, EncryptedKey: sheet.Key}
	return sheet.Certificate, existsError(dir, now, o, store.Create(ctx, dir, o.store(), []store.NewRoot{root}, waiting))
}

// PaperRoot is a root that can be printed.
type PaperRoot struct {
	ca   *CA
	root store.Root
	// Encrypted says that the key has a passphrase already, which will open the
	// sheet.
	Encrypted bool
}

// PaperRoot returns the root of that name, or the one that signs if it is empty.
// It fails with an UnknownRootError, or with store.ErrKeyElsewhere.
func (c *CA) PaperRoot(name string) (PaperRoot, error) {
	root, err := c.rootNamed(name)
	if err != nil {
		return PaperRoot{}, err
	}
	if root.Key != store.KeyFile {
		return PaperRoot{}, fault.With(fmt.Errorf("root %s cannot be printed: its %w", root.ID, store.ErrKeyElsewhere),
			fault.Hintf("choose another root with --root; all but that key is in %s", fault.Command{"backup", "FILE"}))
	}
	encrypted, err := c.store.KeyEncrypted(root)
	return PaperRoot{c, root, encrypted}, err
}

// rootNamed returns the root with a name, or the one that signs.
func (c *CA) rootNamed(name string) (store.Root, error) {
	if name == "" {
		return c.Root()
	}
	roots, err := c.Roots()
	if err != nil {
		return store.Root{}, err
	}
	return findRoot(roots, name)
}

// Certificate returns the root's certificate.
func (r PaperRoot) Certificate() *x509.Certificate { return r.root.Certificate }

// Page returns the sheet as HTML, which says that command restores from it, after
// proving that it can be read. A key that is stored in clear is encrypted under
// passphrase.
func (r PaperRoot) Page(passphrase []byte, command string, now time.Time) ([]byte, error) {
	key, err := r.ca.store.EncryptedKey(r.root, passphrase)
	if err != nil {
		return nil, err
	}
	sheet := paper.Sheet{Content: paper.Content{Certificate: r.root.Certificate, Key: key}, Date: now, Command: command}
	if !r.Encrypted {
		sheet.Passphrase = paper.OfSheet
	}
	page, err := sheet.HTML()
	if err == nil {
		_, err = paper.Parse(page)
	}
	return page, err
}
