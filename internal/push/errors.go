package push

import (
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// ExistsError says that files on the device are not picoca's.
type ExistsError struct {
	Place string
	Names []string
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s already has another %s", e.Place, strings.Join(e.Names, ", "))
}

// Hint says how to replace them.
func (e *ExistsError) Hint() fault.Hint {
	return fault.Hintf("to replace what you no longer need: --force, which keeps a copy of a program that you changed")
}

// EmptyFolderError says that a folder has none of the files that were there.
type EmptyFolderError struct{ Place string }

func (e *EmptyFolderError) Error() string {
	return fmt.Sprintf("%s no longer has any of the device's files", e.Place)
}

// Hint names the usual cause.
func (e *EmptyFolderError) Hint() fault.Hint {
	return fault.Hintf("mount the disk that it belongs to; if that is right as it is: --force")
}

// SpaceError says that the files do not fit.
type SpaceError struct {
	Place      string
	Need, Free int64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s has %d bytes free; the new files take %d beside the previous ones", e.Place, e.Free, e.Need)
}

// Hint makes room.
func (e *SpaceError) Hint() fault.Hint {
	return fault.Hintf("delete files that the device no longer needs, then run the same command again")
}

// DamagedError says that a file does not read as it was written.
type DamagedError struct{ Place, Name string }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: %q does not read as it was written", e.Place, e.Name)
}

// Hint names the usual causes.
func (e *DamagedError) Hint() fault.Hint {
	return fault.Hintf("check the cable and the device's memory, then run the same command again")
}

// MixedError says that the device may have files of two certificates.
type MixedError struct {
	Place string
	Err   error
}

func (e *MixedError) Error() string {
	return fmt.Sprintf("%s may have files of two certificates: %v", e.Place, e.Err)
}

// Unwrap returns what went wrong.
func (e *MixedError) Unwrap() error { return e.Err }

// Hint repairs it.
func (e *MixedError) Hint() fault.Hint {
	return fault.Hintf("connect the device again, and run the same command again before it restarts")
}

// LeftoverError says that the new files are in place, and that something beside
// them could not be removed.
type LeftoverError struct {
	Place, Name string
	Err         error
}

func (e *LeftoverError) Error() string {
	return fmt.Sprintf("%s has the new files, but %q could not be removed: %v", e.Place, e.Name, e.Err)
}

// Unwrap returns why.
func (e *LeftoverError) Unwrap() error { return e.Err }

// Hint removes it.
func (e *LeftoverError) Hint() fault.Hint { return fault.Hintf("run the same command again") }

// NoResetError says that a device cannot be restarted from here.
type NoResetError struct{ Kind Kind }

func (e *NoResetError) Error() string {
	if e.Kind == HTTPS {
		return "a board that takes its certificate over HTTPS is not reset: it uses the new one at once"
	}
	if e.Kind.IsBoard() {
		return "CircuitPython cannot be reset in this way: it starts its program again by itself after its files have changed"
	}
	return "only boards can be reset"
}

// Hint says what to do instead.
func (e *NoResetError) Hint() fault.Hint { return fault.Hintf("leave out --reset") }

// GoneError says that a device stopped answering.
type GoneError struct {
	Place string
	Err   error
}

func (e *GoneError) Error() string { return fmt.Sprintf("%s: %v", e.Place, e.Err) }

// Unwrap returns how that showed.
func (e *GoneError) Unwrap() error { return e.Err }

// Hint names the usual cause.
func (e *GoneError) Hint() fault.Hint {
	return fault.Hintf("check the cable and the device, then run the same command again")
}
