// Package devices opens the files of every device in internal/device with the
// programs that read such files.
package devices
