package terminal

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// MaxSecret is the longest secret: a file with a longer line holds none.
const MaxSecret = 4096

var (
	errEmpty = fault.New("is empty", fault.Hintf("write the secret on the first line of the file"))
	errLong  = fault.New("has a first line longer than 4096 bytes", fault.Hintf("write only the secret on the first line of the file"))
	errUTF16 = fault.New("is encoded in UTF-16", fault.Hintf("save it as UTF-8: in PowerShell, Set-Content -Encoding utf8 FILE"))
)

// SecretFile returns the first line of a file, which stands for what would be typed
// at a prompt; and the file's mode if other users can read it, else 0. Pipes and
// /dev/fd are common, and private. An error says what is wrong with the file, not
// which it is.
func SecretFile(name string) (secret []byte, open fs.FileMode, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot be read: %w", errno.WithoutPath(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		open = info.Mode().Perm()
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxSecret+5)) // and a mark, and the end of the line
	if err != nil {
		return nil, open, fmt.Errorf("cannot be read: %w", errno.WithoutPath(err))
	}
	secret, err = firstLine(data)
	return secret, open, err
}

// firstLine returns the first line. Windows' programs may begin a file with a mark,
// which no one types at a prompt.
func firstLine(data []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, errEmpty
	case bytes.HasPrefix(line, []byte("\xff\xfe")), bytes.HasPrefix(line, []byte("\xfe\xff")):
		return nil, errUTF16
	case len(line) > MaxSecret:
		return nil, errLong
	}
	return line, nil
}
