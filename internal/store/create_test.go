package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// makeStore is Create with one root without a passphrase.
func makeStore(t testing.TB, dir string, roots ...NewRoot) error {
	t.Helper()
	return Create(t.Context(), dir, Options{iterations: 1}, roots, never(t))
}

func TestCreateMakesAStoreThatOpens(t *testing.T) {
	s, root := create(t)
	signing := checkRoot(t, s, root, nil)
	if encrypted, err := s.KeyEncrypted(signing); encrypted || err != nil {
		t.Errorf("encrypted %v, %v; want no passphrase", encrypted, err)
	}
	if got, want := entries(t, s.Path(".")), []string{"layout", "lock", "roots"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := entries(t, s.Path("roots/"+signing.ID)), []string{"cert.pem", "key.pem"}; !slices.Equal(got, want) {
		t.Errorf("root: got %q, want %q", got, want)
	}
	if got, want := get(t, s.Path("layout")), "2\n"; got != want {
		t.Errorf("layout: got %q, want %q", got, want)
	}
}

// checkRoot checks a store against the root that signs, and returns it.
func checkRoot(t testing.TB, s *Store, root pair, passphrase []byte) Root {
	t.Helper()
	signing, err := s.SigningRoot()
	if err != nil || !signing.Certificate.Equal(root.Cert) {
		t.Fatalf("root certificate: got %v, %v", signing.Certificate, err)
	}
	key, err := s.RootKey(signing, passphrase)
	if err != nil || !equalKeys(root.Key, key) {
		t.Errorf("root key: got %v", err)
	}
	return signing
}

// TestRootFolderHasItsNumberAndSuffix: the four characters are those by which
// people recognize the CA.
func TestRootFolderHasItsNumberAndSuffix(t *testing.T) {
	s, root := create(t)
	signing, err := s.SigningRoot()
	if err != nil {
		t.Fatal(err)
	}
	suffix := strings.TrimPrefix(root.Cert.Subject.CommonName, "Home CA ")
	if want := "000001-" + suffix; signing.ID != want || signing.Number != 1 || len(suffix) != 4 {
		t.Errorf("got %q, number %d, want %q", signing.ID, signing.Number, want)
	}
}

func TestCreateStoresSeveralRootsInOneStep(t *testing.T) {
	main, spare := newRoot(t), newRoot(t)
	dir := filepath.Join(tempDir(t), "store")
	first := main.root()
	first.CRL = main.crl(t, 7)
	if err := makeStore(t, dir, first, NewRoot{Certificate: spare.Cert, CRL: spare.crl(t, 8)}); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	roots, err := s.Roots()
	if err != nil || len(roots) != 2 {
		t.Fatalf("got %d roots, %v", len(roots), err)
	}
	if roots[0].Key != KeyFile || roots[1].Key != KeyElsewhere || roots[0].CRL.Number.Int64() != 7 || roots[1].CRL.Number.Int64() != 8 {
		t.Errorf("got %+v", roots)
	}
	checkRoot(t, s, main, nil) // the spare has the higher number, and no key
}

func TestCreateEncryptsTheKey(t *testing.T) {
	root := newRoot(t)
	dir := t.TempDir()
	passphrase := []byte("correct horse ü")
	if err := Create(t.Context(), dir, Options{}, []NewRoot{{Certificate: root.Cert, Key: root.Key, Passphrase: passphrase}}, never(t)); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	signing := checkRoot(t, s, root, passphrase)
	if encrypted, err := s.KeyEncrypted(signing); !encrypted || err != nil {
		t.Errorf("encrypted %v, %v", encrypted, err)
	}
	for _, wrong := range []string{"", "correct horse"} {
		_, err := s.RootKey(signing, []byte(wrong))
		if !errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), "key.pem") || hintText(err) == "" {
			t.Errorf("passphrase %q: got %v, want %v", wrong, err, ErrPassphrase)
		}
		if strings.Contains(err.Error(), "horse") {
			t.Errorf("the error shows a passphrase: %v", err)
		}
	}
}

func TestCreateRefusesWhatWouldNotBeRead(t *testing.T) {
	root, other := newRoot(t), newRoot(t)
	for name, row := range map[string]struct {
		root NewRoot
		want func(error) bool
	}{
		"another key":   {NewRoot{Certificate: root.Cert, Key: other.Key}, is(ErrOtherKey)},
		"a leaf":        {root.leaf(t, "pico.local").root(), func(err error) bool { return err != nil }},
		"another CRL":   {NewRoot{Certificate: root.Cert, Key: root.Key, CRL: other.crl(t, 1)}, func(err error) bool { return err != nil }},
		"no CRL at all": {NewRoot{Certificate: root.Cert, Key: root.Key, CRL: []byte("x")}, func(err error) bool { return err != nil }},
	} {
		dir := filepath.Join(tempDir(t), "store")
		if err := makeStore(t, dir, row.root); !row.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: folder is left: %v", name, err)
		}
	}
}

func TestCreateMakesTheFoldersAbove(t *testing.T) {
	root := newRoot(t)
	above := t.TempDir()
	t.Chdir(above)
	for _, dir := range []string{filepath.Join(above, "a", "b", "store"), "relative", "./z/", "w//store"} {
		if err := makeStore(t, dir, root.root()); err != nil {
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

func TestCreateTakesAnEmptyOrAnInterruptedFolder(t *testing.T) {
	for name, setup := range map[string]func(dir string){
		"empty":    func(dir string) {},
		"0755":     func(dir string) { mkdir(t, dir, 0o755) },
		"lock":     func(dir string) { put(t, filepath.Join(dir, "lock"), "99", 0o600) },
		"layout":   func(dir string) { put(t, filepath.Join(dir, "layout"), "2\n", 0o600) },
		"layout 1": func(dir string) { put(t, filepath.Join(dir, "layout"), "1\n", 0o600) },
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
		root := newRoot(t)
		if err := Vacant(dir, Options{}); err != nil {
			t.Errorf("%s: not vacant: %v", name, err)
		}
		if err := makeStore(t, dir, root.root()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkRoot(t, open(t, dir), root, nil)
		if got, want := entries(t, dir), []string{"layout", "lock", "roots"}; !slices.Equal(got, want) {
			t.Errorf("%s: left %q, want %q", name, got, want)
		}
	}
}

func TestCreateLeavesWhatExists(t *testing.T) {
	for name, row := range map[string]struct {
		setup func(dir string)
		want  func(error) bool
	}{
		"authority": {func(dir string) {
			if err := makeStore(t, dir, newRoot(t).root()); err != nil {
				t.Fatal(err)
			}
		}, is(fs.ErrExist)},
		"layout 1": {func(dir string) {
			if err := os.CopyFS(dir, os.DirFS("../../testdata/layout1/rsa")); err != nil {
				t.Fatal(err)
			}
			narrow(t, dir)
		}, is(fs.ErrExist)},
		"foreign file":    {func(dir string) { put(t, filepath.Join(dir, "thesis.txt"), "mine", 0o644) }, is(ErrForeign)},
		"hidden file":     {func(dir string) { put(t, filepath.Join(dir, ".bashrc"), "mine", 0o644) }, is(ErrForeign)},
		"foreign root":    {func(dir string) { mkdir(t, filepath.Join(dir, "root"), 0o755) }, is(ErrForeign)},
		"foreign issued":  {func(dir string) { mkdir(t, filepath.Join(dir, "issued"), 0o755) }, is(ErrForeign)},
		"foreign layout":  {func(dir string) { put(t, filepath.Join(dir, "layout"), "<html>", 0o644) }, isA[LayoutError]},
		"later layout":    {func(dir string) { put(t, filepath.Join(dir, "layout"), "3\n", 0o600) }, isA[LayoutError]},
		"others' folder":  {func(dir string) { mkdir(t, dir, 0o777) }, isA[ModeError]},
		"group's folder":  {func(dir string) { mkdir(t, dir, 0o770) }, isA[ModeError]},
		"layout a folder": {func(dir string) { mkdir(t, filepath.Join(dir, "layout"), 0o755) }, is(ErrNotRegular)},
	} {
		dir := t.TempDir()
		mkdir(t, dir, 0o700)
		row.setup(dir)
		before := snapshot(t, dir)
		if err := Vacant(dir, Options{}); !row.want(err) || hintText(err) == "" {
			t.Errorf("%s: Vacant: got %v, hint %q", name, err, hintText(err))
		}
		if err := makeStore(t, dir, newRoot(t).root()); !row.want(err) {
			t.Errorf("%s: Create: got %v", name, err)
		}
		if got := snapshot(t, dir); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, before)
		}
	}
}

// TestCreateThatFailsLeavesNothing: neither the folder that it made, nor what
// another Create has there.
func TestCreateThatFailsLeavesNothing(t *testing.T) {
	roots := []NewRoot{newRoot(t).root()}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	above := t.TempDir()
	mkdir(t, filepath.Join(above, "mine"), 0o700)
	dir := filepath.Join(above, "mine", "a", "b", "store")
	if err := Create(interrupted, dir, Options{}, roots, never(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if got := entries(t, above); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("folder above: got %q", got)
	}
	if got := entries(t, filepath.Join(above, "mine")); len(got) != 0 {
		t.Errorf("folders that it made are left: %q", got)
	}
	mkdir(t, dir, 0o700)
	if err := Create(interrupted, dir, Options{}, roots, never(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := os.Lstat(dir); err != nil {
		t.Errorf("folder that existed: got %v", err)
	}
}

func TestNewFolderIsRemovedOnlyWhenItIsOurs(t *testing.T) {
	for name, row := range map[string]struct {
		setup func(*Store)
		locks bool
		left  []string // nil when the folder goes
	}{
		"locked":        {func(s *Store) { put(t, s.Path("layout"), "2\n", 0o600) }, true, nil},
		"another's":     {func(s *Store) { put(t, s.Path("lock"), "1", 0o600) }, false, []string{"lock"}},
		"with roots":    {func(s *Store) { mkdir(t, s.Path("roots"), 0o700) }, true, []string{"lock", "roots"}},
		"with the user": {func(s *Store) { put(t, s.Path("thesis.txt"), "mine", 0o600) }, true, []string{"thesis.txt"}},
	} {
		dir := t.TempDir()
		s, err := openDir(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if row.locks {
			if err := s.lock(t.Context(), never(t)); err != nil {
				t.Fatal(err)
			}
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
	for _, dir := range []string{file, filepath.Join(file, "store")} {
		err := makeStore(t, dir, newRoot(t).root())
		if !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), "is not a folder") || hintText(err) == "" {
			t.Errorf("create %s: got %v, want %v", dir, err, syscall.ENOTDIR)
		}
	}
	if got := get(t, file); got != "mine" {
		t.Errorf("got %q", got)
	}
}

func TestVacantOfAMissingFolderMakesNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := Vacant(dir, Options{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestLostPartIsMissed: a store that lost its layout or its roots is no vacant
// folder, and the error says what to bring back.
func TestLostPartIsMissed(t *testing.T) {
	for name, row := range map[string]struct {
		lost   []string
		issued bool
		want   string
	}{
		"layout":                     {[]string{"layout"}, false, "layout"},
		"layout of a used store":     {[]string{"layout"}, true, "layout"},
		"roots":                      {[]string{"roots"}, true, "roots"},
		"both":                       {[]string{"layout", "roots"}, true, "layout"},
		"roots, nothing issued":      {[]string{"roots"}, false, ""},
		"layout, roots, none issued": {[]string{"layout", "roots"}, false, ""},
	} {
		s, root := createLocked(t)
		if row.issued {
			issue(t, s, root, "pico.local")
		}
		for _, lost := range row.lost {
			remove(t, s.Path(lost))
		}
		_, openErr := Open(s.Path("."), Options{})
		vacantErr := Vacant(s.Path("."), Options{})
		if row.want == "" { // as an interrupted Create leaves it
			if !errors.Is(openErr, ErrNoCA) || vacantErr != nil {
				t.Errorf("%s: Open %v, Vacant %v", name, openErr, vacantErr)
			}
			continue
		}
		before := snapshot(t, s.Path("."))
		createErr := makeStore(t, s.Path("."), root.root())
		for _, err := range []error{openErr, vacantErr, createErr} {
			if e, ok := errors.AsType[MissingError](err); !ok || e.Path != s.Path(row.want) || errors.Is(err, ErrNoCA) || hintText(err) == "" {
				t.Errorf("%s: got %v, want a MissingError of %s", name, err, row.want)
			}
		}
		if got := snapshot(t, s.Path(".")); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, before)
		}
	}
}

// TestOneOfManyCreates: of many first runs at once one makes the CA, and the
// others say that there is one.
func TestOneOfManyCreates(t *testing.T) {
	const many = 64
	for round := range 10 {
		dir := filepath.Join(tempDir(t), "a", "store")
		var wait sync.WaitGroup
		roots, errs := make([]pair, many), make([]error, many)
		start := make(chan struct{})
		for i := range many {
			roots[i] = newRoot(t)
			wait.Go(func() {
				<-start
				errs[i] = Create(t.Context(), dir, Options{}, []NewRoot{roots[i].root()}, func(string) {})
			})
		}
		close(start)
		wait.Wait()
		var winners []int
		for i, err := range errs {
			if err == nil {
				winners = append(winners, i)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Errorf("round %d, create %d: got %v, want %v", round, i, err, fs.ErrExist)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("won: %d, want one", winners)
		}
		checkRoot(t, open(t, dir), roots[winners[0]], nil)
		if got, want := entries(t, dir), []string{"layout", "lock", "roots"}; !slices.Equal(got, want) {
			t.Errorf("left %q, want %q", got, want)
		}
	}
}

// state describes what a store says of itself, whatever its layout: roots,
// certificates, revocations.
func state(t testing.TB, s *Store) string {
	t.Helper()
	var lines []string
	roots, err := s.Roots()
	for _, root := range roots {
		var line strings.Builder
		line.WriteString(fmt.Sprintf("root %s %x %s", root.ID, root.Certificate.SerialNumber, root.Key))
		if root.CRL != nil {
			line.WriteString(fmt.Sprintf(" crl %v %d", root.CRL.Number, len(root.CRL.RevokedCertificateEntries)))
		}
		if root.Retired != nil {
			line.WriteString(" retired")
		}
		for _, passphrase := range []string{"", "old", "new"} {
			if _, err := s.RootKey(root, []byte(passphrase)); err == nil {
				line.WriteString(fmt.Sprintf(" opens %q", passphrase))
			}
		}
		lines = append(lines, line.String())
	}
	for issued, err := range s.All(false) {
		if err != nil {
			t.Errorf("%s: %v", issued.Place, err)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %+v key %v revoked %v", issued.Place, issued.Record, issued.HasKey, issued.Revoked != nil))
	}
	revocations, revokedErr := s.Revocations()
	for _, r := range revocations {
		lines = append(lines, fmt.Sprintf("%+v", r))
	}
	if err := errors.Join(err, revokedErr); err != nil {
		t.Error(err)
	}
	return strings.Join(lines, "\n")
}
