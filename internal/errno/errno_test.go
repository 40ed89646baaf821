package errno

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

func TestNumbersOfWindowsStandForThoseOfPOSIX(t *testing.T) {
	for _, test := range []struct {
		system string
		got    syscall.Errno
		number syscall.Errno
		want   bool
	}{
		{"windows", 112, syscall.ENOSPC, true},
		{"windows", 10061, syscall.ECONNREFUSED, true},
		{"windows", 10061, syscall.ECONNRESET, false},
		{"windows", 112, syscall.EMFILE, false},
		{"windows", 206, syscall.ENAMETOOLONG, true},
		{"windows", syscall.ENOSPC, syscall.ENOSPC, true},
		{"windows", syscall.ENOTDIR, syscall.ENOTDIR, false},
		{"windows", 267, syscall.ENOTDIR, true},
		{"linux", syscall.ENOTDIR, syscall.ENOTDIR, true},
		{"linux", 112, syscall.ENOSPC, false},
		{"linux", syscall.ENOSPC, syscall.ENOSPC, true},
	} {
		err := &fs.PathError{Op: "write", Path: "x", Err: test.got}
		if got := is(test.system, err, test.number); got != test.want {
			t.Errorf("%s: %d for %d: got %t, want %t", test.system, test.got, test.number, got, test.want)
		}
	}
}

func TestWithoutPathLeavesTheReason(t *testing.T) {
	reason := &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}
	if got := WithoutPath(reason); got != syscall.ENOENT {
		t.Errorf("got %v", got)
	}
	if other := errors.New("other"); WithoutPath(other) != other {
		t.Error("another error has changed")
	}
}
