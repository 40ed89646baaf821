package cli

import (
	"fmt"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// inventoryJSON is what a backup holds, as --json prints it.
type inventoryJSON struct {
	CA           string   `json:"ca"`
	Roots        int      `json:"roots"`
	Certificates int      `json:"certificates"`
	Revoked      int      `json:"revoked"`
	Damaged      []string `json:"damaged"`
}

func inventoryToJSON(i pki.Inventory) inventoryJSON {
	return inventoryJSON{i.CA, i.Roots, i.Certificates, i.Revoked, each(i.Damaged, error.Error)}
}

type backupJSON struct {
	inventoryJSON
	File pki.Written `json:"file"`
}

type paperJSON struct {
	Root pki.RootDescription `json:"root"`
	File pki.Written         `json:"file"`
}

func (a *app) printBackup(o backupOptions, i pki.Inventory, file pki.Written) error {
	if a.json {
		return a.printJSON(backupJSON{inventoryToJSON(i), file})
	}
	a.say("%s: %s", i.CA, inventoryText(i))
	a.say("written to %s, read back and compared (%s)", file.Path, terminal.Count(file.Bytes, "byte"))
	a.say("Without its passphrase it cannot be opened. Keep both, in different places, away from this computer.")
	a.say("to restore it: %s", a.commandElsewhere("restore", file.Path))
	return nil
}

func (a *app) printPaper(o backupOptions, root pki.PaperRoot, file pki.Written) error {
	cert := root.Certificate()
	if a.json {
		return a.printJSON(paperJSON{pki.DescribeRoot(cert), file})
	}
	a.say("%s: root certificate and encrypted key, written to %s (%s)", cert.Subject.CommonName, file.Path, terminal.Count(file.Bytes, "byte"))
	if root.Encrypted {
		a.say("The passphrase that the root key has today opens it, also if you change it later.")
	}
	a.say("next: open it in a browser and print it; then try it: %s", a.commandElsewhere("--home", "FOLDER", "restore", "--paper", file.Path))
	return nil
}

// commandElsewhere is command without this run's --home.
func (a *app) commandElsewhere(words ...string) string {
	elsewhere := app{Env: a.Env}
	return elsewhere.command(words...)
}

func inventoryText(i pki.Inventory) string {
	return fmt.Sprintf("%s, %s, %d revoked", terminal.Count(i.Roots, "root"), terminal.Count(i.Certificates, "certificate"), i.Revoked)
}

// maxNotes is how many damaged files are named.
const maxNotes = 10

// noteLacks says what a backup does not have whole.
func (a *app) noteLacks(i pki.Inventory) {
	for _, name := range i.InAgent {
		a.note("the key of %s is in an SSH agent: no backup has it", name)
	}
	for n, err := range i.Damaged {
		if n == maxNotes {
			a.note("%d more are damaged", len(i.Damaged)-n)
			return
		}
		a.note("%v; the backup has it as it is", err)
	}
}
