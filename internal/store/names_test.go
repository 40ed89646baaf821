package store

import (
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
)

var fileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestStemIsAFileNameEverywhere(t *testing.T) {
	for name, want := range map[string]string{
		"kitchen-tablet":          "kitchen-tablet",
		"Küchen/Tablet №2":        "kuchen-tablet-no2",
		"../../etc/passwd":        "etc-passwd",
		"平板":                      "client",
		"平板 2":                    "2",
		"a  --  b":                "a-b",
		strings.Repeat("x", 64):   strings.Repeat("x", 40),
		"; rm -rf / && $(reboot)": "rm-rf-reboot",
		"Straße":                  "stra-e",
		"CON":                     "con-client",
		"com1":                    "com1-client",
		"com10":                   "com10",
		"con.local":               "con-local",
	} {
		got := Stem(name)
		if got != want || !fileName.MatchString(got) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if got := Identity(name).Stem(); got != want {
			t.Errorf("identity %q: got %q, want %q", name, got, want)
		}
	}
	if got := Device("*.con.local").Stem(); got != "_.con.local" {
		t.Errorf("got %q", got)
	}
}

// TestFolderNameIsOneThatFileSystemsTake, different for different names.
func TestFolderNameIsOneThatFileSystemsTake(t *testing.T) {
	seen := map[string]string{}
	for name, want := range map[string]string{
		"pico.local": "pico.local", "*.pico.local": "_.pico.local", "fd00::1": "fd00__1", "::1": "__1", "192.168.1.1": "192.168.1.1",
		"con.local": "con_.local", "con": "con_", "prn.local": "prn_.local", "aux.home.arpa": "aux_.home.arpa", "nul": "nul_",
		"com1.local": "com1_.local", "lpt9.local": "lpt9_.local", "com0": "com0_", "com10.local": "com10.local", "com.local": "com.local", "lpt.local": "lpt.local",
		"x.con.local": "x.con.local", "*.con.local": "_.con.local", "conx.local": "conx.local", "con-.local": "con-.local", "ca::1": "ca__1", "ca:1::2": "ca_1__2",
	} {
		got := FolderName(name)
		if got != want || seen[got] != "" {
			t.Errorf("name %q: got %q, want %q, once", name, got, want)
		}
		seen[got] = name
		if first, _, _ := strings.Cut(got, "."); reserved(first) {
			t.Errorf("name %q: Windows has a device %q", name, got)
		}
		if back := deviceOf(got); back != name {
			t.Errorf("folder %q: got device %q, want %q", got, back, name)
		}
		if back := deviceOf(plainFolderName(name)); back != name {
			t.Errorf("folder %q of layout 1: got device %q, want %q", plainFolderName(name), back, name)
		}
	}
}

// FuzzFolderName: the folder of a name that a certificate can have leads back
// to the name, so no two names share one, and Windows takes it.
func FuzzFolderName(f *testing.F) {
	for _, seed := range []string{"pico.local", "*.con.local", "con.local", "con_.local", "ca::1", "fe80::1", "aux", "LPT1.local", "::ffff:10.0.0.1", "ca:1::2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		names, err := ca.ParseNames([]string{input})
		if err != nil {
			return
		}
		name := names.First().String()
		folder := FolderName(name)
		if back := deviceOf(folder); back != name || checkFolderName(folder) != nil || len(folder) > 255 {
			t.Errorf("name %q: folder %q, back %q", name, folder, back)
		}
		first, _, _ := strings.Cut(folder, ".")
		if reserved(first) || strings.ContainsAny(folder, `<>:"/\|?*`) || strings.HasSuffix(folder, ".") || strings.HasSuffix(folder, " ") {
			t.Errorf("name %q: Windows refuses %q", name, folder)
		}
		if strings.HasPrefix(folder, "client_") || hashed().MatchString(folder) {
			t.Errorf("name %q: folder %q looks like an identity's", name, folder)
		}
	})
}

// TestHoldersHaveFoldersOfTheirOwn: not even names that look alike to a file
// system share one, and none is a device's.
func TestHoldersHaveFoldersOfTheirOwn(t *testing.T) {
	seen := map[string]Holder{}
	for _, kind := range []ca.Kind{ca.KindClient, ca.KindCA} {
		for _, name := range []string{"tablet", "Tablet", "tablet!", "tablet ", "ta blet", "平板", "板平", strings.Repeat("x", 63), strings.Repeat("x", 64)} {
			h := Holder{kind, name}
			folder := strings.ToLower(h.Folder())
			if other, ok := seen[folder]; ok {
				t.Errorf("%v and %v share %s", h, other, folder)
			}
			seen[folder] = h
			if len(folder) > 80 || !strings.HasPrefix(folder, string(kind)+"_") || deviceOf(folder) != "" {
				t.Errorf("%v: folder is %q", h, folder)
			}
			if _, err := ca.ParseNames([]string{folder}); err == nil {
				t.Errorf("a device can have the name %q", folder)
			}
		}
	}
}

func TestHolderOfAFile(t *testing.T) {
	s := &Store{}
	for name, want := range map[string]string{
		"issued/pico.local/000001-x/about.json": "pico.local", "issued/_.pico.local/1/cert.pem": "*.pico.local", "issued/fd00__1": "fd00::1", "issued/con_.local/x": "con.local",
		"issued/" + Identity("tablet").Folder() + "/000001-x/about.json": "", "roots/000001-ABCD/cert.pem": "", "layout": "", "issued": "", ".": "", "issued/": "",
	} {
		if got := s.holderOf(name); got.Name != want {
			t.Errorf("%s: got %q, want %q", name, got.Name, want)
		}
	}
}
