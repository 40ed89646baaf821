package pki

import (
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/push"
)

// NoPlaceError says that it is not known where a device is.
type NoPlaceError struct {
	Name   string
	Target device.Target
}

func (e *NoPlaceError) Error() string {
	return fmt.Sprintf("%s was never pushed, so its place is not known", DisplayName(e.Name))
}

// Hint names the ways to it.
func (e *NoPlaceError) Hint() fault.Hint {
	if e.Target.Device.IsBoard() {
		return builtIn(e.Name, e.Target)
	}
	return fault.Hintf("over ssh: %s; or --to FOLDER", fault.Command{"push", e.Name, "--to", "HOST:FOLDER"})
}

// CAPlaceError says that a folder is in that of a CA, where keys would be
// replaced.
type CAPlaceError struct{ Name, Place string }

func (e *CAPlaceError) Error() string {
	return fmt.Sprintf("%s is in the folder of a certificate authority", e.Place)
}

// Hint names another place.
func (e *CAPlaceError) Hint() fault.Hint {
	return fault.Hintf("choose a folder outside it: %s", fault.Command{"push", e.Name, "--to", "FOLDER"})
}

// builtIn is the advice for boards whose program is built around the files.
func builtIn(name string, target device.Target) fault.Hint {
	return fault.Hintf("on %s the program is built with the certificate in it: build and upload it again (%s)", target.Name(), fault.Command{"example", name})
}

// NoBoardFoundError says that no board is connected.
type NoBoardFoundError struct {
	Name   string
	Target device.Target
}

func (e *NoBoardFoundError) Error() string {
	return "no board found: neither a CIRCUITPY drive, nor a USB port of MicroPython"
}

// Hint names what helps.
func (e *NoBoardFoundError) Hint() fault.Hint {
	return fault.Hintf("connect it by a USB cable that carries data; or name its place: %s", fault.Command{"push", e.Name, "--to", "PLACE"})
}

// ManyBoardsError says that several boards are connected.
type ManyBoardsError struct {
	Name  string
	Found []push.Candidate
}

func (e *ManyBoardsError) Error() string {
	var places []string
	for _, c := range e.Found {
		place := c.Place
		if c.Board.Name != "" {
			place += " (" + strings.TrimSpace(c.Board.Name+" "+c.Board.ID) + ")"
		}
		places = append(places, place)
	}
	return fmt.Sprintf("%d boards found: %s", len(e.Found), strings.Join(places, ", "))
}

// Hint names one.
func (e *ManyBoardsError) Hint() fault.Hint {
	return fault.Hintf("say which one: %s", fault.Command{"push", e.Name, "--to", e.Found[0].Place})
}

// OtherBoardError says that another board is where the name's board was.
type OtherBoardError struct {
	Name, Place, Got, Want string
	asked                  bool // --to was given
}

func (e *OtherBoardError) Error() string {
	if e.Got == "" {
		return fmt.Sprintf("the board at %s does not say which one it is; %s is on board %s", e.Place, DisplayName(e.Name), e.Want)
	}
	return fmt.Sprintf("%s is board %s, and %s is on board %s", e.Place, e.Got, DisplayName(e.Name), e.Want)
}

// Hint says how to insist.
func (e *OtherBoardError) Hint() fault.Hint {
	return fault.Hintf("connect the other board; if this one takes its place: %s", fault.Command{"push", e.Name, "--to", e.Place, "--force"})
}

// TakenBoardError says that a board is another name's.
type TakenBoardError struct{ Name, Place, Other string }

func (e *TakenBoardError) Error() string {
	return fmt.Sprintf("the board at %s is that of %s", e.Place, DisplayName(e.Other))
}

// Hint says how to insist.
func (e *TakenBoardError) Hint() fault.Hint {
	return fault.Hintf("connect the board for %s; if this one is to have that name: %s", DisplayName(e.Name), fault.Command{"push", e.Name, "--to", e.Place, "--force"})
}

// NamelessBoardError says that a board has no unique ID by which it could be
// recognised.
type NamelessBoardError struct{ Name, Place string }

func (e *NamelessBoardError) Error() string {
	return fmt.Sprintf("the board of %s has no ID, so picoca cannot recognise it", DisplayName(e.Name))
}

// Hint says how to take responsibility.
func (e *NamelessBoardError) Hint() fault.Hint {
	return fault.Hintf("if the board at %s is the right one: %s", e.Place, fault.Command{"push", e.Name, "--to", e.Place})
}

// NoDriveError says that a folder for a board's files is no board's drive.
type NoDriveError struct{ Name, Place string }

func (e *NoDriveError) Error() string {
	return fmt.Sprintf("%s is not a board's drive: it has no boot_out.txt", e.Place)
}

// Hint names the usual cause.
func (e *NoDriveError) Hint() fault.Hint {
	return fault.Hintf("check that the drive is mounted; to write the files to a folder of this computer: %s", fault.Command{"export", e.Name, "--out", "FOLDER"})
}

// NotLoadedError says that a board does not load files that are for another
// kind of device.
type NotLoadedError struct {
	Name, Place string
	Target      device.Target
}

func (e *NotLoadedError) Error() string {
	return fmt.Sprintf("%s is a board, and the certificate of %s is for %s", e.Place, DisplayName(e.Name), orNothing(e.Target))
}

func orNothing(target device.Target) string {
	if target.Device.ID == "" {
		return "phones and computers"
	}
	return target.Name()
}

// Hint says what to do.
func (e *NotLoadedError) Hint() fault.Hint {
	if e.Target.Device.IsBoard() {
		return builtIn(e.Name, e.Target)
	}
	return fault.Hintf("if it is for the board now: %s", fault.Command{"renew", e.Name, "--for", "DEVICE"})
}

// OtherFirmwareError says that a board runs other firmware than the files are
// for.
type OtherFirmwareError struct {
	Name, Place, Firmware string
	Target                device.Target
}

func (e *OtherFirmwareError) Error() string {
	return fmt.Sprintf("the board at %s runs %s, and the files of %s are for %s", e.Place, e.Target.Device.FirmwareName(e.Firmware), DisplayName(e.Name), e.Target.Name())
}

// Hint issues the files for it.
func (e *OtherFirmwareError) Hint() fault.Hint {
	if _, err := device.ParseTarget(e.Target.Device.ID + "/" + e.Firmware); err != nil { // the board says what it likes
		return fault.Hintf("put %s on the board", e.Target.Name())
	}
	return fault.Hintf("issue it for that firmware: %s", fault.Command{"renew", e.Name, "--for", e.Target.Device.ID + "/" + e.Firmware})
}

// ExamplePlaceError says that a project goes only to a board.
type ExamplePlaceError struct{ Name string }

func (e *ExamplePlaceError) Error() string { return "the example project runs only on a board" }

// Hint writes it to a folder.
func (e *ExamplePlaceError) Hint() fault.Hint {
	return fault.Hintf("to write it to a folder: %s", fault.Command{"example", e.Name})
}

// PassphraseError says that a file is encrypted anew each time, so that the one
// on the device would have another passphrase than the user knows.
type PassphraseError struct{ Name string }

func (e *PassphraseError) Error() string {
	return fmt.Sprintf("the files of %s have a .p12 with a passphrase of its own", DisplayName(e.Name))
}

// Hint says how to get it there.
func (e *PassphraseError) Hint() fault.Hint {
	return fault.Hintf("write it with a new passphrase, and copy it: %s", fault.Command{"export", e.Name})
}
