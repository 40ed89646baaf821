package pki

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/delegate"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// KeyGoneError says that a delegated CA's key is not where its program reads it,
// so that a new certificate would be of no use.
type KeyGoneError struct {
	Name, Dir string
	What      string // "has no intermediate.key"
	hint      fault.Hint
}

func (e *KeyGoneError) Error() string {
	return fmt.Sprintf("folder %q of %s %s", e.Dir, e.Name, e.What)
}

// Hint sets the CA up again.
func (e *KeyGoneError) Hint() fault.Hint { return e.hint }

// startOver is for a key that nobody has, or that somebody else may have.
func (d *Delegation) startOver() fault.Hint { return startOver(d.request.Program, d.Name) }

func startOver(program, name string) fault.Hint {
	return fault.Hintf("for a new key: %s, then %s", fault.Command{"revoke", name}, setUp(program, name))
}

// setUp is the command that sets up a CA, of a program or with a request.
func setUp(program, name string) fault.Command {
	switch program {
	case "":
		return fault.Command{"issue", "--ca", name, "--csr", "FILE"}
	case name:
		return fault.Command{"delegate", program, "FOLDER"}
	}
	return fault.Command{"delegate", program, "FOLDER", "--name", name}
}

// folderGone is for the folder that the files were written to last.
func (d *Delegation) folderGone() error {
	err := &FolderGoneError{d.Name, d.Dir, "no longer exists"}
	if d.request.Program == "" {
		return err
	}
	return fault.With(err, fault.Hintf("if you have moved it: %s; %s", fault.Command{"renew", d.Name, "--out", "FOLDER"}, d.startOver()))
}

// unwritten is for files that could not be written although the certificate is in
// the store.
func (d *Delegation) unwritten(cause error) error {
	err := &UnwrittenError{Name: d.Name, Dir: d.Dir, KeyLost: d.key != nil, Err: cause}
	if err.KeyLost {
		return fault.With(err, fault.Hintf("fix that; %s", d.startOver()))
	}
	return fault.With(err, fault.Hintf("fix that, then renew it again: %s", fault.Command{"renew", d.Name, "--out", "FOLDER"}))
}

// checkKeyFile fails with a KeyGoneError unless a program that is renewed still has
// its key: in the folder to write to, or else in the recorded one, which then stays
// the recorded one.
func (d *Delegation) checkKeyFile(*ca.Authority, time.Time) error {
	if !d.request.Renew || d.request.Program == "" {
		return nil
	}
	err := d.hasKey(d.out, d.Dir)
	if err == nil || d.request.Out == "" || d.previous.Record.Folder == "" {
		return err
	}
	folder, openErr := output.Open(d.previous.Record.Folder, d.ca.outputOptions(output.Overwrite))
	if openErr != nil {
		return err
	}
	if d.hasKey(folder, d.previous.Record.Folder) == nil {
		d.keyDir, err = d.previous.Record.Folder, nil
	}
	return errors.Join(err, folder.Close())
}

// hasKey fails unless a folder has the key of the certificate.
func (d *Delegation) hasKey(folder *output.Folder, dir string) error {
	return programHasKey(d.program, folder, dir, *d.previous)
}

// programHasKey fails with a KeyGoneError unless a program's folder has the key of
// its certificate.
func programHasKey(program delegate.Program, folder *output.Folder, dir string, of store.Issued) error {
	data, err := read(folder, delegate.IntermediateKey)
	if err != nil {
		return err
	}
	var passphrase []byte
	if program.KeyEncrypted {
		if passphrase, err = read(folder, delegate.PasswordFile); err != nil {
			return err
		}
	}
	gone := &KeyGoneError{of.Record.Name, dir, "has no " + delegate.IntermediateKey, startOver(program.ID, of.Record.Name)}
	switch {
	case data == nil:
		return gone
	case program.KeyEncrypted && passphrase == nil:
		gone.What = fmt.Sprintf("has no file %s, which opens %s", delegate.PasswordFile, delegate.IntermediateKey)
		gone.hint = fault.Hintf("put it back; %s", gone.hint)
		return gone
	}
	key, err := store.DecryptKey(data, bytes.TrimRight(passphrase, "\r\n"))
	if err != nil {
		gone.What = fmt.Sprintf("has an %s that cannot be read: %v", delegate.IntermediateKey, err)
		return gone
	}
	if !ca.KeyMatches(of.Leaf, key.Public()) {
		gone.What = fmt.Sprintf("has an %s that is not the certificate's", delegate.IntermediateKey)
		return gone
	}
	return nil
}

// read returns a file's contents, nil if there is none.
func read(folder *output.Folder, name string) ([]byte, error) {
	if !folder.Exists() {
		return nil, nil
	}
	return folder.ReadIfAny(name)
}
