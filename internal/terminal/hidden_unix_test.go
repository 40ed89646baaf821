//go:build unix

package terminal

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTypedLineIsReadInParts(t *testing.T) {
	type read struct {
		text string
		err  error
	}
	for _, row := range []struct {
		name  string
		reads []read
		want  string
		err   error
	}{
		{"at once", []read{{"tulip\n", nil}}, "tulip", nil},
		{"in parts", []read{{"tu", nil}, {"lip\n", nil}}, "tulip", nil},
		{"empty", []read{{"\n", nil}}, "", nil},
		{"after a signal", []read{{"", unix.EINTR}, {"tulip\n", nil}}, "tulip", nil},
		{"Ctrl-D at once", []read{{"", nil}}, "", ErrEnded},
		{"Ctrl-D within", []read{{"tu", nil}, {"", nil}}, "", ErrEnded},
		{"a fault", []read{{"", fs.ErrPermission}}, "", fs.ErrPermission},
	} {
		next := 0
		got, err := readLine(func(buf []byte) (int, error) {
			if next == len(row.reads) {
				t.Fatalf("%s: it reads on", row.name)
			}
			next++
			return copy(buf, row.reads[next-1].text), row.reads[next-1].err
		})
		if string(got) != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", row.name, got, err, row.want, row.err)
		}
	}
}
