package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestWeakPassphraseGetsANote(t *testing.T) {
	for passphrase, want := range map[string]bool{
		"":                             false, // none at all: it was asked about
		"x":                            true,
		"secret":                       true,
		"12345678":                     true,
		"correct horse battery staple": false,
		"kqwzep-hrmnba-xvtcyj":         false,
	} {
		var out bytes.Buffer
		(&app{Env: Env{Stderr: &out}}).noteWeak([]byte(passphrase))
		if got := strings.HasPrefix(out.String(), "note: this passphrase is easy to guess"); got != want {
			t.Errorf("%q: got %q, want a note: %t", passphrase, out.String(), want)
		}
		if passphrase != "" && len(passphrase) > 1 && strings.Contains(out.String(), passphrase) {
			t.Errorf("%q: the note shows it: %q", passphrase, out.String())
		}
	}
}

func TestPassphraseFileIsFound(t *testing.T) {
	dir := t.TempDir()
	named, fromEnv := filepath.Join(dir, "named"), filepath.Join(dir, "env")
	for name, text := range map[string]string{named: "one", fromEnv: "two"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name, flag, env, want string
		found                 bool
		err                   error
	}{
		{"nowhere", "", "", "", false, nil},
		{"by the flag", named, "", "one", true, nil},
		{"by the environment", "", fromEnv, "two", true, nil},
		{"by both", named, fromEnv, "one", true, nil},
		{"missing", filepath.Join(dir, "none"), "", "", false, fs.ErrNotExist},
	} {
		a := &app{Env: Env{Stderr: new(bytes.Buffer), Getenv: func(name string) string {
			return map[string]string{"PICOCA_PASSPHRASE_FILE": row.env}[name]
		}}}
		got, found, err := a.passphraseFromFile(row.flag)
		if string(got) != row.want || found != row.found || !errors.Is(err, row.err) {
			t.Errorf("%s: got %q, %t, %v; want %q, %t, %v", row.name, got, found, err, row.want, row.found, row.err)
		}
	}
}

func TestReadablePassphraseFileGetsANote(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	name := filepath.Join(t.TempDir(), "my phrase.txt")
	if err := os.WriteFile(name, []byte("tulip orbit canvas\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]string{
		0o600: "", 0o400: "",
		0o640: "note: other users can read '" + name + "' (mode 0640): chmod 600 '" + name + "'\n",
		0o604: "note: other users can read '" + name + "' (mode 0604): chmod 600 '" + name + "'\n",
	} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		a := &app{Env: Env{Stderr: &out, Getenv: func(string) string { return "" }}}
		if _, _, err := a.passphraseFromFile(name); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want {
			t.Errorf("mode %04o: got %q, want %q", mode, got, want)
		}
	}
}
