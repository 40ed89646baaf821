package terminal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func TestSecretIsTheFirstLineOfItsFile(t *testing.T) {
	long := strings.Repeat("x", MaxSecret)
	for _, row := range []struct {
		name, content, want string
		err                 error
	}{
		{"one line", "tulip orbit\n", "tulip orbit", nil},
		{"no line break", "tulip orbit", "tulip orbit", nil},
		{"a line break of Windows", "tulip orbit\r\n", "tulip orbit", nil},
		{"spaces are part of it", "  tulip \n", "  tulip ", nil},
		{"more lines", "tulip\norbit\n", "tulip", nil},
		{"the longest", long + "\n", long, nil},
		{"the longest, on Windows", long + "\r\n", long, nil},
		{"Notepad's mark", "\xef\xbb\xbftulip orbit\r\n", "tulip orbit", nil},
		{"PowerShell's UTF-16", "\xff\xfet\x00u\x00\r\x00\n\x00", "", errUTF16},
		{"longer", long + "x\n", "", errLong},
		{"empty", "", "", errEmpty},
		{"an empty line", "\ntulip\n", "", errEmpty},
	} {
		name := filepath.Join(t.TempDir(), "phrase.txt")
		if err := os.WriteFile(name, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, _, err := SecretFile(name)
		if string(got) != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: got %d bytes, %v; want %d and %v", row.name, len(got), err, len(row.want), row.err)
		}
		if err != nil && (strings.Contains(err.Error(), "phrase.txt") || fault.HintOf(err).IsZero()) {
			t.Errorf("%s: got %v, want a hint, and no name", row.name, err)
		}
	}
}

func TestUnreadableSecretFileIsNotNamed(t *testing.T) {
	for name, want := range map[string]error{filepath.Join(t.TempDir(), "none"): fs.ErrNotExist, t.TempDir(): syscall.EISDIR} {
		_, _, err := SecretFile(name)
		if !errors.Is(err, want) || strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %v without the path", err, want)
		}
	}
}
