//go:build !windows

package push

// driveLetters and usbPorts are for Windows.
func driveLetters() []string { return nil }

func usbPorts() []string { return nil }
