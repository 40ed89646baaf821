package cli

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/export"
)

// TestFolderIsLookedAtAgainUnderTheLock: a passphrase prompt may stand for
// hours, and another picoca may have had the lock.
func TestFolderIsLookedAtAgainUnderTheLock(t *testing.T) {
	for name, appear := range map[string]func(folder string) error{
		"a file in the folder": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "key.der"), []byte("mine"), 0o600)
		},
		"a file in its place": func(folder string) error {
			return errors.Join(os.Remove(folder), os.WriteFile(folder, []byte("mine"), 0o600))
		},
	} {
		folder := filepath.Join(t.TempDir(), "pico.local")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		d, err := openDestination(folder, &x509.Certificate{Raw: []byte("root")}, false)
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		if err := d.prepare(); err != nil {
			t.Errorf("nothing changed: %v", err)
		}
		if err := appear(folder); err != nil {
			t.Fatal(err)
		}
		if err := d.prepare(); !isA[inTheWayError](err) {
			t.Errorf("%s: have %v, want it in the way", name, err)
		}
	}
}

// TestFolderThatAppearsIsWrittenInto: what the lock's last holder made and left
// empty is no reason to fail after the signature.
func TestFolderThatAppearsIsWrittenInto(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "pico.local")
	d, err := openDestination(folder, &x509.Certificate{Raw: []byte("root")}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.prepare(), d.stage([]export.File{{Name: "cert.der", Data: []byte("x")}}), d.commit()); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "cert.der")); err != nil || string(data) != "x" {
		t.Errorf("have %q, %v", data, err)
	}
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 5, ""}, {"a b c", 5, "a b c|"}, {"a b c", 3, "a b|c|"}, {"longer than", 3, "longer|than|"}, {"ä ö ü", 5, "ä ö ü|"},
	} {
		var have strings.Builder
		for _, line := range fold(test.text, test.width) {
			if line != "" {
				have.WriteString(line + "|")
			}
		}
		if have.String() != test.want {
			t.Errorf("%q in %d: have %q, want %q", test.text, test.width, have.String(), test.want)
		}
	}
}

func TestHintsNameTheStoreInCommandsAlone(t *testing.T) {
	a := &app{homeFlag: "/x"}
	for text, want := range map[string]string{
		"make one with: picoca init":                                               "make one with: picoca --home /x init",
		"run picoca as the owner of that folder":                                   "run picoca as the owner of that folder",
		"a later picoca wrote this folder":                                         "a later picoca wrote this folder",
		"picoca list shows what there is; picoca issue a.local too":                "picoca --home /x list shows what there is; picoca --home /x issue a.local too",
		"did you mean: picoca issue or picoca list":                                "did you mean: picoca --home /x issue or picoca --home /x list",
		"picoca issue --renew --client 'a, picoca issue b'":                        "picoca --home /x issue --renew --client 'a, picoca issue b'",
		"picoca issue --renew --client picoca":                                     "picoca --home /x issue --renew --client picoca",
		"picoca issue --renew --client 'Anna'\\''s' for a new key, or picoca list": "picoca --home /x issue --renew --client 'Anna'\\''s' for a new key, or picoca --home /x list",
		"did you mean foo.local? picoca list shows what there is":                  "did you mean foo.local? picoca --home /x list shows what there is",
		"picoca --home FOLDER init":                                                "picoca --home FOLDER init",
		"picoca export picoca issue":                                               "picoca --home /x export picoca issue",
	} {
		if have := a.here(text); have != want {
			t.Errorf("%q: have %q, want %q", text, have, want)
		}
	}
}
