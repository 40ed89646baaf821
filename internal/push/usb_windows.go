package push

import (
	"go.bug.st/serial/enumerator"
	"golang.org/x/sys/windows"
)

// driveLetters returns the roots of removable drives.
func driveLetters() []string {
	letters, err := windows.GetLogicalDrives()
	if err != nil {
		return nil
	}
	var places []string
	for i := range 26 {
		place := string(rune('A'+i)) + `:\`
		path, err := windows.UTF16PtrFromString(place)
		if letters&(1<<i) != 0 && err == nil && windows.GetDriveType(path) == windows.DRIVE_REMOVABLE {
			places = append(places, place)
		}
	}
	return places
}

// usbPorts returns the serial ports that are MicroPython's.
func usbPorts() []string {
	all, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil
	}
	var places []string
	for _, port := range all {
		if port.IsUSB && isMicroPython(port.VID, port.PID) {
			places = append(places, port.Name)
		}
	}
	return places
}
