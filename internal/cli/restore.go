package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

type restoreOptions struct {
	file           string
	passphraseFile string
	paper          bool
}

func (a *app) restoreCommand() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use: "restore FILE",
		Long: `Restores what picoca backup wrote, into a folder that is empty or does not
exist. Everything is decrypted and verified first; after any fault nothing was
changed.

With --paper the file is the text of a printed page, in any order, typed or
scanned from its QR codes: zbarimg --raw PHOTO > FILE. A mistyped line is named.`,
		Example: `  picoca restore /media/usb/picoca.age
  picoca --home test restore picoca.age      # to try a backup
  zbarimg --raw photo.jpg | picoca restore --paper -`,
		Args: filled(1, 1, "a file, or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			if o.paper && o.passphraseFile != "" {
				return usageFault(cmd, errors.New("--paper needs no passphrase: the key stays encrypted as it is on the paper"))
			}
			return a.runRestore(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	addBackupPassphrase(cmd, &o.passphraseFile)
	f.BoolVar(&o.paper, "paper", false, "the file is the text of a printed page")
	a.addJSON(cmd)
	return cmd
}

func (a *app) runRestore(ctx context.Context, o restoreOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	if a.sudo() != nil {
		return errSudoInit
	}
	if err := pki.Restorable(ctx, dir, a.Now(), a.options(), a.waiting); err != nil {
		return err
	}
	file, err := a.openInput(o.file, o.paper)
	if err != nil {
		return err
	}
	defer file.Close()
	if o.paper {
		return a.restorePaper(ctx, dir, o, file)
	}
	return a.restoreBackup(ctx, dir, o, file)
}

// openInput opens a file, or standard input for "-".
func (a *app) openInput(name string, paper bool) (io.ReadCloser, error) {
	piped := fault.Command{"restore", "-"}
	if paper {
		piped = fault.Command{"restore", "--paper", "-"}
	}
	if name == "-" {
		return io.NopCloser(a.Stdin), nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, unreadable(fmt.Sprintf("backup %q", name), err)
	case info.IsDir():
		return nil, fault.With(fmt.Errorf("backup %q is a folder", name), fault.Hintf("name the file in it; a copy of a CA's folder is used as it is: %s", fault.Command{"--home", name, "list"}))
	case !info.Mode().IsRegular(): // opening a pipe could take forever
		return nil, fault.With(fmt.Errorf("backup %q is not a regular file", name), fault.Hintf("pipe it into %s", piped))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(fmt.Sprintf("backup %q", name), err)
	}
	return file, nil
}

func (a *app) restoreBackup(ctx context.Context, dir string, o restoreOptions, file io.Reader) error {
	backup, err := pki.ReadBackup(o.file, file)
	if err != nil {
		return err
	}
	passphrase, err := a.backupPassphrase(ctx, o.passphraseFile)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	restored, err := backup.Restore(ctx, dir, passphrase, a.Now(), a.options(), a.waiting)
	if err != nil {
		return err
	}
	return a.printRestored(o, dir, restored)
}

func (a *app) restorePaper(ctx context.Context, dir string, o restoreOptions, file io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(file, paper.MaxText+1))
	if err != nil {
		return unreadable(fmt.Sprintf("%q", o.file), err)
	}
	root, err := pki.RestorePaper(ctx, dir, text, a.Now(), a.options(), a.waiting)
	if err != nil {
		return err
	}
	return a.printRestoredPaper(o, dir, root)
}

type restoredJSON struct {
	inventoryJSON
	Made   time.Time `json:"made"`
	Folder string    `json:"folder"`
}

type restoredPaperJSON struct {
	Root   pki.RootDescription `json:"root"`
	Folder string              `json:"folder"`
}

func (a *app) printRestored(o restoreOptions, dir string, r pki.Restored) error {
	a.noteLacks(r.Inventory)
	if a.json {
		return a.printJSON(restoredJSON{inventoryToJSON(r.Inventory), r.Made, absolute(dir)})
	}
	a.say("%s: %s, restored to %s", r.CA, inventoryText(r.Inventory), absolute(dir))
	a.say("The backup was made on %s. Certificates issued later are not in it and keep working; what was revoked later, take over from the list that your servers have: %s",
		pki.Day(r.Made), a.command("revoke", "--from-crl", "FILE"))
	a.say("next: %s", a.command("list"))
	return nil
}

func (a *app) printRestoredPaper(o restoreOptions, dir string, root *x509.Certificate) error {
	if a.Now().After(root.NotAfter) {
		a.note("this root expired on %s", pki.Day(root.NotAfter))
	}
	if a.json {
		return a.printJSON(restoredPaperJSON{pki.DescribeRoot(root), absolute(dir)})
	}
	a.say("%s: its root, valid until %s, restored to %s", root.Subject.CommonName, pki.Day(root.NotAfter), absolute(dir))
	a.say("Its key opens with the passphrase that the paper names.")
	a.say("Paper has no certificates: those of your devices keep working, but this CA does not know them. Issue each again before it ends.")
	a.say("It has no revocations either. Before servers get a new revocation list, take over what theirs has: %s", a.command("revoke", "--from-crl", "FILE"))
	a.say("next: %s", a.command("issue", ca.ExampleName(root)))
	return nil
}
