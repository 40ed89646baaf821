package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

type backupOptions struct {
	file           string
	passphraseFile string
	paper          bool
	root           string
	force          bool
}

func (a *app) backupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use: "backup FILE",
		Long: `Writes roots, certificates, keys and revocations into one file, encrypted under
a passphrase of its own, then reads it back and compares it. The file is an age
file (age-encryption.org): age -d FILE | tar -x unpacks it without picoca.

With --paper it writes a page to print: the root certificate and its encrypted
key, as text and as QR codes. That is enough to go on with the same root, but it
has no certificates of devices.`,
		Example: `  picoca backup /media/usb/picoca.age
  picoca backup - | ssh nas.local 'cat > picoca.age'
  picoca backup --paper root.html`,
		Args: args(1, 1, "a file to write to, or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			if err := o.check(cmd, a.json); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runBackup(cmd.Context(), c, o) })
		},
	}
	f := cmd.Flags()
	addBackupPassphrase(cmd, &o.passphraseFile)
	f.BoolVar(&o.paper, "paper", false, "write a page to print, with the root and its encrypted key")
	f.StringVar(&o.root, "root", "", "`ROOT` to print (default: the one that signs)")
	f.BoolVar(&o.force, "force", false, "replace an existing file")
	a.addJSON(cmd)
	return cmd
}

func (o backupOptions) check(cmd *cobra.Command, asJSON bool) error {
	switch {
	case o.file == "":
		return usageFault(cmd, errors.New("name of the file is empty"))
	case o.file == "-" && asJSON:
		return usageFault(cmd, errors.New("--json and - both need standard output"))
	case o.root != "" && !o.paper:
		return usageFault(cmd, errors.New("--root needs --paper: a backup file has all roots"))
	}
	return nil
}

func (a *app) runBackup(ctx context.Context, c *pki.CA, o backupOptions) (err error) {
	place, err := a.backupPlace(c, o)
	if err != nil {
		return err
	}
	if place != nil {
		defer func() { err = errors.Join(err, place.Close()) }()
	}
	if o.paper {
		return a.backupPaper(ctx, c, o, place)
	}
	return a.backupFile(ctx, c, o, place)
}

// backupPlace returns where the file goes, nil for standard output.
func (a *app) backupPlace(c *pki.CA, o backupOptions) (*pki.BackupPlace, error) {
	if o.file == "-" {
		if !o.paper && terminal.Is(a.Stdout) {
			return nil, errBackupTerminal
		}
		return nil, nil
	}
	name := "picoca-backup-" + pki.Day(a.Now()) + ".age"
	if o.paper {
		name = "picoca-paper.html"
	}
	return c.BackupPlace(o.file, name, o.force)
}

var errBackupTerminal = fault.New("a backup is not text for a terminal", fault.Hintf("name a file, or pipe it into another program"))

func (a *app) backupFile(ctx context.Context, c *pki.CA, o backupOptions, place *pki.BackupPlace) error {
	passphrase, err := a.newBackupPassphrase(ctx, o.passphraseFile, "the backup")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	packed, err := c.Pack(ctx, passphrase, a.Now(), a.waiting)
	if err != nil {
		return err
	}
	a.noteLacks(packed.Inventory)
	written, err := a.writeBackup(ctx, place, packed.Data)
	if err != nil || place == nil {
		return err
	}
	return a.printBackup(o, packed.Inventory, written)
}

// writeBackup writes to the place, or to standard output if that is nil.
func (a *app) writeBackup(ctx context.Context, place *pki.BackupPlace, data []byte) (pki.Written, error) {
	if place == nil {
		_, err := a.Stdout.Write(data)
		return pki.Written{}, err
	}
	return place.Write(ctx, data, a.waiting)
}

func (a *app) backupPaper(ctx context.Context, c *pki.CA, o backupOptions, place *pki.BackupPlace) error {
	root, err := c.PaperRoot(o.root)
	if err != nil {
		return err
	}
	passphrase, err := a.paperPassphrase(ctx, o, root)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	page, err := root.Page(passphrase, "picoca restore --paper FILE", a.Now())
	if err != nil {
		return err
	}
	written, err := a.writeBackup(ctx, place, page)
	if err != nil || place == nil {
		return err
	}
	return a.printPaper(o, root, written)
}

var errPaperPassphrase = misuse("--backup-passphrase-file is not used: the root key has a passphrase, which also opens the paper",
	fault.Hintf("leave it out"))

// paperPassphrase returns the passphrase for a key that has none.
func (a *app) paperPassphrase(ctx context.Context, o backupOptions, root pki.PaperRoot) ([]byte, error) {
	switch {
	case !root.Encrypted:
		return a.newBackupPassphrase(ctx, o.passphraseFile, "the paper")
	case o.passphraseFile != "":
		return nil, errPaperPassphrase
	}
	return nil, nil
}
