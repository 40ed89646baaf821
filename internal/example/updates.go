package example

import (
	"errors"
	"path"
	"strconv"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
)

// Updates is what a board needs to have its certificate replaced over its own
// HTTPS, without a cable.
type Updates struct {
	// Port is where the board takes updates.
	Port int
	// Owner is the only client certificate that the board lets in there, in DER.
	Owner []byte
}

// The files of a board with updates, beside the certificate and its key.
const (
	// FirstFolder is the folder of the pair that a cable brings. LiveFile holds the
	// name of the folder in use; without it, that is FirstFolder.
	FirstFolder = "a"
	LiveFile    = "live"
	// OwnerFile is in the folder of each pair.
	OwnerFile = "owner.der"
	// UpdatesProgram is the part of the program that knows these files.
	UpdatesProgram = "updates.py"
)

// ErrNoUpdates says that a firmware's project takes no updates over HTTPS.
var ErrNoUpdates = fault.WithCode(errors.New("the example for this firmware takes no updates over HTTPS"), fault.Usage)

// withoutUpdates says how a board gets its next certificate. CircuitPython's programs
// cannot write files while a computer may use the board's drive; others are built
// with the certificate in them.
func (f Firmware) withoutUpdates(p Project) fault.Hint {
	if f.ID == "circuitpython" {
		return fault.Hintf("choose MicroPython: %s; or copy over a cable: %s", instead(p.Device), fault.Command{"push", p.Name})
	}
	return fault.Hintf("choose MicroPython: %s", instead(p.Device))
}

// updatesProgram is added to a firmware's program.
var updatesProgram = []template{{source: "micropython/" + UpdatesProgram}}

// updates are the files that a board needs only for updates.
func (p Project) updates(with filling) ([]export.File, error) {
	if p.Updates == nil {
		return nil, nil
	}
	files, err := fillAll(updatesProgram, with)
	return append(files, p.Updates.Files()...), err
}

// Files are who may update the board, and which pair is in use.
func (u *Updates) Files() []export.File {
	return []export.File{
		{Name: path.Join(FirstFolder, OwnerFile), Data: u.Owner},
		{Name: LiveFile, Data: []byte(FirstFolder)},
	}
}

// fill adds what the templates of updates need.
func (u *Updates) fill(with filling) {
	with.marks["updates"], with.marks["fixed"] = u != nil, u == nil
	if u != nil {
		with.marks["room"] = true
		with.values["UPDATES"] = strconv.Itoa(u.Port)
	}
}
