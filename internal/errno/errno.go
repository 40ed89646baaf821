// Package errno knows the errors that operating systems have numbers for.
package errno

import (
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"syscall"
)

// Is is errors.Is, and on Windows also reports whether err has the number that
// Windows has for one of POSIX: Go has those names there, but no system call that
// returns them.
func Is(err, target error) bool { return is(runtime.GOOS, err, target) }

func is(system string, err, target error) bool {
	number, isNumber := target.(syscall.Errno)
	got, hasNumber := errors.AsType[syscall.Errno](err)
	if system == "windows" && isNumber && hasNumber {
		// Go's ENOTDIR is what Windows says of a folder that does not exist.
		return slices.Contains(ofWindows(number), got) || got == number && number != syscall.ENOTDIR
	}
	return errors.Is(err, target)
}

// ofWindows returns the numbers that Windows has for one of POSIX (Microsoft,
// "System Error Codes" and "Windows Sockets Error Codes").
func ofWindows(number syscall.Errno) []syscall.Errno {
	switch number {
	case syscall.EISDIR:
		return []syscall.Errno{1} // ERROR_INVALID_FUNCTION: a folder can be opened, but not read
	case syscall.EACCES:
		return []syscall.Errno{5, 10013}
	case syscall.EMFILE:
		return []syscall.Errno{4}
	case syscall.ENAMETOOLONG:
		return []syscall.Errno{206}
	case syscall.ELOOP:
		return []syscall.Errno{1921}
	case syscall.EROFS:
		return []syscall.Errno{19}
	case syscall.ENOSPC:
		return []syscall.Errno{39, 112}
	case syscall.ENOTDIR:
		return []syscall.Errno{267}
	case syscall.EIO:
		return []syscall.Errno{23, 1117} // a bad checksum, a fault of the device
	}
	return socketsOfWindows(number)
}

func socketsOfWindows(number syscall.Errno) []syscall.Errno {
	switch number {
	case syscall.EADDRINUSE:
		return []syscall.Errno{10048}
	case syscall.ENETUNREACH:
		return []syscall.Errno{10051}
	case syscall.ECONNABORTED:
		return []syscall.Errno{10053}
	case syscall.ECONNRESET:
		return []syscall.Errno{10054}
	case syscall.ETIMEDOUT:
		return []syscall.Errno{10060}
	case syscall.ECONNREFUSED:
		return []syscall.Errno{10061}
	case syscall.EHOSTDOWN:
		return []syscall.Errno{10064}
	case syscall.EHOSTUNREACH:
		return []syscall.Errno{10065}
	case syscall.EPIPE:
		return []syscall.Errno{109, 232} // the pipe was ended, is being closed
	}
	return nil
}

// WithoutPath returns what is wrong with a file without its name.
func WithoutPath(err error) error {
	if Is(err, syscall.EISDIR) {
		return syscall.EISDIR // Windows says that reading is no valid function
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
