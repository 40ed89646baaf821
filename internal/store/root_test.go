package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestCreateMakesAStoreThatOpens(t *testing.T) {
	s, root := create(t)
	checkRoot(t, s, root, nil)
	if sealed, err := s.RootKeySealed(); sealed || err != nil {
		t.Errorf("sealed %v, %v; want no passphrase", sealed, err)
	}
	if got, want := entries(t, s.Path(".")), []string{"layout", "lock", "root"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := entries(t, s.Path("root")), []string{"cert.pem", "key.pem"}; !slices.Equal(got, want) {
		t.Errorf("root: got %q, want %q", got, want)
	}
}

func TestCreateSealsTheKey(t *testing.T) {
	root := newPair(t, "Home CA TEST")
	dir := t.TempDir()
	passphrase := []byte("correct horse ü")
	if err := Create(t.Context(), dir, root.cert, root.key, passphrase, never(t)); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	checkRoot(t, s, root, passphrase)
	if sealed, err := s.RootKeySealed(); !sealed || err != nil {
		t.Errorf("sealed %v, %v", sealed, err)
	}
	for _, wrong := range []string{"", "correct horse"} {
		_, err := s.RootKey([]byte(wrong))
		if !errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), s.Path("root/key.pem")) {
			t.Errorf("passphrase %q: got %v, want %v", wrong, err, ErrPassphrase)
		}
		if strings.Contains(err.Error(), "horse") {
			t.Errorf("the error tells a passphrase: %v", err)
		}
	}
}

// modes returns the mode of each file and folder of a store.
func modes(t testing.TB, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[filepath.Base(name)] = info.Mode().Perm()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCreateMakesTheFoldersAbove(t *testing.T) {
	root := newPair(t, "Home CA TEST")
	above := t.TempDir()
	t.Chdir(above)
	for _, dir := range []string{filepath.Join(above, "a", "b", "store"), "relative", "./z/", "w//store"} {
		if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); err != nil {
			t.Errorf("create %q: %v", dir, err)
			continue
		}
		checkRoot(t, open(t, dir), root, nil)
	}
	for name, mode := range modes(t, filepath.Join(above, "a")) {
		if mode&0o077 != 0 && name != "cert.pem" {
			t.Errorf("%s has mode %04o", name, mode)
		}
	}
}

func TestCreateTakesAnEmptyOrAnInterruptedFolder(t *testing.T) {
	for name, setup := range map[string]func(dir string){
		"empty":    func(dir string) {},
		"0755":     func(dir string) { mkdir(t, dir, 0o755) },
		"lock":     func(dir string) { put(t, filepath.Join(dir, "lock"), "99", 0o600) },
		"layout":   func(dir string) { put(t, filepath.Join(dir, "layout"), "1\n", 0o600) },
		"leftover": func(dir string) { mkdir(t, filepath.Join(dir, ".picoca-A.stage"), 0o700) },
		"all of it": func(dir string) {
			mkdir(t, filepath.Join(dir, ".picoca-A.stage"), 0o700)
			put(t, filepath.Join(dir, ".picoca-A.stage", "cert.pem"), "half", 0o644)
			mkdir(t, filepath.Join(dir, ".picoca-B.commit"), 0o700)
			put(t, filepath.Join(dir, ".picoca-B.commit", "layout"), "1\n", 0o600)
			put(t, filepath.Join(dir, "lock"), "", 0o600)
		},
	} {
		dir := t.TempDir()
		mkdir(t, dir, 0o700)
		setup(dir)
		root := newPair(t, "Home CA TEST")
		if err := Vacant(dir); err != nil {
			t.Errorf("%s: not vacant: %v", name, err)
		}
		if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkRoot(t, open(t, dir), root, nil)
		if got, want := entries(t, dir), []string{"layout", "lock", "root"}; !slices.Equal(got, want) {
			t.Errorf("%s: left %q, want %q", name, got, want)
		}
	}
}

func TestCreateLeavesWhatStandsThere(t *testing.T) {
	for name, row := range map[string]struct {
		setup func(dir string)
		want  func(error) bool
	}{
		"authority": {func(dir string) {
			root := newPair(t, "Home CA ONE")
			if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); err != nil {
				t.Fatal(err)
			}
		}, is(fs.ErrExist)},
		"foreign file":    {func(dir string) { put(t, filepath.Join(dir, "thesis.txt"), "mine", 0o644) }, is(ErrForeign)},
		"hidden file":     {func(dir string) { put(t, filepath.Join(dir, ".bashrc"), "mine", 0o644) }, is(ErrForeign)},
		"foreign root":    {func(dir string) { mkdir(t, filepath.Join(dir, "root"), 0o755) }, is(ErrForeign)},
		"foreign issued":  {func(dir string) { mkdir(t, filepath.Join(dir, "issued"), 0o755) }, is(ErrForeign)},
		"foreign layout":  {func(dir string) { put(t, filepath.Join(dir, "layout"), "<html>", 0o644) }, isLayoutError},
		"later layout":    {func(dir string) { put(t, filepath.Join(dir, "layout"), "2\n", 0o600) }, isLayoutError},
		"others' folder":  {func(dir string) { mkdir(t, dir, 0o777) }, isModeError},
		"group's folder":  {func(dir string) { mkdir(t, dir, 0o770) }, isModeError},
		"layout a folder": {func(dir string) { mkdir(t, filepath.Join(dir, "layout"), 0o755) }, is(ErrNotRegular)},
	} {
		dir := t.TempDir()
		mkdir(t, dir, 0o700)
		row.setup(dir)
		before := snapshot(t, dir)
		root := newPair(t, "Home CA TWO")
		if err := Vacant(dir); !row.want(err) {
			t.Errorf("%s: Vacant: got %v", name, err)
		}
		if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); !row.want(err) {
			t.Errorf("%s: Create: got %v", name, err)
		}
		if got := snapshot(t, dir); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, before)
		}
	}
}

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

func isLayoutError(err error) bool { _, ok := errors.AsType[LayoutError](err); return ok }

func isModeError(err error) bool { _, ok := errors.AsType[ModeError](err); return ok }

// TestCreateThatFailsLeavesNothing: neither the folder that it made, nor what
// another Create has there.
func TestCreateThatFailsLeavesNothing(t *testing.T) {
	root := newPair(t, "Home CA TEST")
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	above := t.TempDir()
	mkdir(t, filepath.Join(above, "mine"), 0o700)
	dir := filepath.Join(above, "mine", "a", "b", "store")
	if err := Create(interrupted, dir, root.cert, root.key, nil, never(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if got := entries(t, above); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("folder above: got %q", got)
	}
	if got := entries(t, filepath.Join(above, "mine")); len(got) != 0 {
		t.Errorf("folders that it made are left: %q", got)
	}
	mkdir(t, dir, 0o700)
	if err := Create(interrupted, dir, root.cert, root.key, nil, never(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := os.Lstat(dir); err != nil {
		t.Errorf("folder that was there: got %v", err)
	}
}

func TestNewFolderIsRemovedOnlyWhenItIsOurs(t *testing.T) {
	for name, row := range map[string]struct {
		setup func(*Store)
		locks bool
		left  []string // nil when the folder goes
	}{
		"locked":        {func(s *Store) { put(t, s.Path("layout"), "1\n", 0o600) }, true, nil},
		"another's":     {func(s *Store) { put(t, s.Path("lock"), "1", 0o600) }, false, []string{"lock"}},
		"with a root":   {func(s *Store) { mkdir(t, s.Path("root"), 0o700) }, true, []string{"lock", "root"}},
		"with the user": {func(s *Store) { put(t, s.Path("thesis.txt"), "mine", 0o600) }, true, []string{"thesis.txt"}},
	} {
		dir := t.TempDir()
		s, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if row.locks {
			lock(t, s)
		}
		row.setup(s)
		s.removeNew()
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); (err == nil) != (row.left != nil) {
			t.Errorf("%s: folder: got %v", name, err)
		} else if err == nil && !slices.Equal(entries(t, dir), row.left) {
			t.Errorf("%s: left %q, want %q", name, entries(t, dir), row.left)
		}
	}
}

func TestCreateWhereAFileStands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "mine", 0o644)
	root := newPair(t, "Home CA TEST")
	for _, dir := range []string{file, filepath.Join(file, "store")} {
		if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("create %s: got %v, want %v", dir, err, syscall.ENOTDIR)
		}
	}
	if data, err := os.ReadFile(file); string(data) != "mine" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestVacantOfAMissingFolderMakesNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := Vacant(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	for mode, refused := range map[fs.FileMode]bool{
		0o644: true, 0o640: true, 0o604: true, 0o660: true, 0o666: true, 0o700: true, 0o601: true, 0o600: false, 0o400: false,
	} {
		s, _ := create(t)
		if err := os.Chmod(s.Path("root/key.pem"), mode); err != nil {
			t.Fatal(err)
		}
		_, keyErr := s.RootKey(nil)
		_, sealedErr := s.RootKeySealed()
		for which, err := range map[string]error{"RootKey": keyErr, "RootKeySealed": sealedErr} {
			e, ok := errors.AsType[ModeError](err)
			if ok != refused || !refused && err != nil {
				t.Errorf("%s with mode %04o: got %v, want refused %v", which, mode, err, refused)
			}
			if refused && (e.Have != mode || e.Want != 0o600 || e.Path != s.Path("root/key.pem")) {
				t.Errorf("%s with mode %04o: got %+v", which, mode, e)
			}
		}
	}
}

func TestDamagedRootKeyIsNoKey(t *testing.T) {
	s, _ := create(t)
	whole, err := os.ReadFile(s.Path("root/key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 1 { // without its last line break it is whole
		put(t, s.Path("root/key.pem"), string(whole[:n]), 0o600)
		if _, err := s.RootKey(nil); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), s.Path("root/key.pem")) {
			t.Fatalf("cut to %d bytes: got %v, want %v", n, err, ErrNoKey)
		}
	}
	if err := os.Remove(s.Path("root/key.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RootKey(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestDamagedRootCertificateIsAnError(t *testing.T) {
	s, _ := create(t)
	key, err := os.ReadFile(s.Path("root/key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := os.ReadFile(s.Path("root/cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"empty": "", "garbage": "garbage", "a key": string(key), "another label": strings.ReplaceAll(string(cert), "CERTIFICATE", "X509 CRL"), "cut": string(cert[:len(cert)/2]),
		"not a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		put(t, s.Path("root/cert.pem"), data, 0o644)
		if _, err := s.RootCertificate(); !isDamaged(err, s.Path("root/cert.pem"), "") {
			t.Errorf("%s: got %v, want a DamagedError", name, err)
		}
	}
}

// TestLostPartIsMissed: a store that lost its layout or its root is no vacant
// folder, and says what to bring back.
func TestLostPartIsMissed(t *testing.T) {
	for name, row := range map[string]struct {
		lost   []string
		issued bool
		want   string
	}{
		"layout":                    {[]string{"layout"}, false, "layout"},
		"layout of a used store":    {[]string{"layout"}, true, "layout"},
		"root":                      {[]string{"root"}, true, "root"},
		"both":                      {[]string{"layout", "root"}, true, "layout"},
		"layout, certificate":       {[]string{"layout", "root/cert.pem"}, false, "layout"},
		"layout, key":               {[]string{"layout", "root/key.pem"}, false, "layout"},
		"root, nothing issued":      {[]string{"root"}, false, ""},
		"layout, root, none issued": {[]string{"layout", "root"}, false, ""},
	} {
		s, root := create(t)
		if row.issued {
			lock(t, s)
			issue(t, s, "pico.local")
		}
		for _, lost := range row.lost {
			if err := os.RemoveAll(s.Path(lost)); err != nil {
				t.Fatal(err)
			}
		}
		_, openErr := Open(s.Path("."))
		vacantErr := Vacant(s.Path("."))
		if row.want == "" { // as an interrupted Create leaves it
			if !errors.Is(openErr, ErrNoCA) || vacantErr != nil {
				t.Errorf("%s: Open %v, Vacant %v", name, openErr, vacantErr)
			}
			continue
		}
		before := snapshot(t, s.Path("."))
		createErr := Create(t.Context(), s.Path("."), root.cert, root.key, nil, never(t))
		for _, err := range []error{openErr, vacantErr, createErr} {
			if e, ok := errors.AsType[MissingError](err); !ok || e.Path != s.Path(row.want) || errors.Is(err, ErrNoCA) {
				t.Errorf("%s: got %v, want a MissingError of %s", name, err, row.want)
			}
		}
		if got := snapshot(t, s.Path(".")); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, before)
		}
	}
}

func TestRootCertificateThatOthersCanChangeIsRefused(t *testing.T) {
	s, _ := create(t)
	for mode, refused := range map[fs.FileMode]bool{0o666: true, 0o664: true, 0o646: true, 0o755: true, 0o644: false, 0o600: false, 0o444: false} {
		if err := os.Chmod(s.Path(rootCert), mode); err != nil {
			t.Fatal(err)
		}
		_, err := s.RootCertificate()
		e, ok := errors.AsType[ModeError](err)
		if ok != refused || !refused && err != nil || refused && (e.Want != 0o644 || e.Path != s.Path(rootCert)) {
			t.Errorf("mode %04o: got %v, want refused %v", mode, err, refused)
		}
	}
}
