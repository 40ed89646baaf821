package store

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newPair makes a certificate that the store takes for any: it looks at none
// of what it says.
func newPair(t testing.TB, name string) pair {
	t.Helper()
	key := newKey(t)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: noon, NotAfter: noon.AddDate(2, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{cert, key}
}

func (p pair) about(name string, more ...string) About {
	return About{
		Name: name, Names: append([]string{name}, more...), Board: "pico-w", Key: "p256",
		Serial: fmt.Sprintf("%032x", p.cert.SerialNumber), NotBefore: p.cert.NotBefore, NotAfter: p.cert.NotAfter,
		SHA256: fmt.Sprintf("%x", sha256.Sum256(p.cert.Raw)),
	}
}

// never fails a test in which nobody should have to wait.
func never(t testing.TB) func(string) {
	return func(holder string) { t.Errorf("waits for %q", holder) }
}

// create makes a store without a passphrase, and opens it.
func create(t testing.TB) (*Store, pair) {
	t.Helper()
	root := newPair(t, "Home CA TEST")
	dir := filepath.Join(t.TempDir(), "store")
	if err := Create(t.Context(), dir, root.cert, root.key, nil, never(t)); err != nil {
		t.Fatal(err)
	}
	return open(t, dir), root
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatalf("open %s: %v", dir, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func lock(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Lock(t.Context(), never(t)); err != nil {
		t.Fatal(err)
	}
}

// snapshot tells all files below a folder: their modes and bytes.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var data []byte
		if info.Mode().IsRegular() {
			data, err = os.ReadFile(name)
		}
		lines = append(lines, fmt.Sprintf("%s %v %q", strings.TrimPrefix(name, dir), info.Mode(), data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func put(t testing.TB, path string, data string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(data), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFindsNoCA(t *testing.T) {
	empty := t.TempDir()
	foreign := t.TempDir()
	put(t, filepath.Join(foreign, "thesis.txt"), "mine", 0o644)
	halfway := t.TempDir() // a Create that was interrupted
	put(t, filepath.Join(halfway, "layout"), "1\n", 0o600)
	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/nonexistent", dangling); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"empty": empty, "foreign": foreign, "halfway": halfway, "missing": filepath.Join(empty, "none"), "dangling": dangling,
	} {
		if _, err := Open(dir); !errors.Is(err, ErrNoCA) {
			t.Errorf("%s: got %v, want %v", name, err, ErrNoCA)
		}
	}
	file := filepath.Join(foreign, "thesis.txt")
	if _, err := Open(file); err == nil || errors.Is(err, ErrNoCA) {
		t.Errorf("a file: got %v, want an error that says so", err)
	}
}

func TestOpenRefusesALaterLayout(t *testing.T) {
	for content, want := range map[string]string{
		"2\n": "2", "99999": "99999", "": "", "\n": "", "x": "x", "0": "0", "-1": "-1", "1.0": "1.0", "1 2": "1 2", "0x1": "0x1",
		strings.Repeat("G", 100000): strings.Repeat("G", 20), "99999999999999999999999": "99999999999999999999",
	} {
		s, _ := create(t)
		put(t, s.Path("layout"), content, 0o600)
		_, err := Open(s.Path("."))
		if e, ok := errors.AsType[LayoutError](err); !ok || e.Have != want {
			t.Errorf("layout %.20q: got %v, want a LayoutError of %q", content, err, want)
		}
		root := newPair(t, "Home CA TWO")
		if err := Create(t.Context(), s.Path("."), root.cert, root.key, nil, never(t)); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("layout %.20q: Create: got %v, want a LayoutError", content, err)
		}
	}
}

func TestOpenTakesItsOwnLayout(t *testing.T) {
	for _, content := range []string{"1\n", "1", " 1 \r\n"} {
		s, _ := create(t)
		put(t, s.Path("layout"), content, 0o600)
		open(t, s.Path("."))
	}
}

func FuzzLayout(f *testing.F) {
	for _, seed := range []string{"1\n", "1", "2", "", "-1", "0", "+1", "01", "1\x00", "\xff", " 1", "18446744073709551617", "one"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := parseLayout(data)
		text := strings.TrimSpace(string(data))
		one := strings.TrimLeft(strings.TrimPrefix(text, "+"), "0") == "1"
		if (err == nil) != one {
			t.Fatalf("layout %q: got %v", data, err)
		}
		if e, ok := errors.AsType[LayoutError](err); err != nil && (!ok || !strings.HasPrefix(text, e.Have) || len(e.Have) > 20) {
			t.Errorf("layout %q: got %v", data, err)
		}
	})
}

func TestOpenRefusesFoldersThatOthersCanChange(t *testing.T) {
	for _, folder := range []string{".", "root"} {
		for mode, refused := range map[fs.FileMode]bool{
			0o777: true, 0o770: true, 0o722: true, 0o775: true, 0o702: true, 0o755: false, 0o700: false, 0o750: false, 0o500: false,
		} {
			s, _ := create(t)
			mkdir(t, s.Path(folder), mode)
			_, err := Open(s.Path("."))
			e, ok := errors.AsType[ModeError](err)
			if ok != refused || !refused && err != nil {
				t.Errorf("%s with mode %04o: got %v, want refused %v", folder, mode, err, refused)
			}
			if refused && (e.Have != mode || e.Want != 0o755 || e.Path != s.Path(folder)) {
				t.Errorf("%s with mode %04o: got %+v", folder, mode, e)
			}
		}
	}
	want := "/x has mode 0777, wider than 0755"
	if got := (ModeError{"/x", 0o777, 0o755}).Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// outside makes a file beside the store, and a link to it in the store.
func outside(t testing.TB, s *Store, name string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "target")
	data, err := os.ReadFile(s.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	put(t, target, string(data), 0o600)
	relink(t, s.Path(name), target)
	return target
}

func relink(t testing.TB, name, target string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(name), os.Symlink(target, name)); err != nil {
		t.Fatal(err)
	}
}

func TestLinksThatLeadOutAreNotFollowed(t *testing.T) {
	p := newPair(t, "pico.local")
	for name, read := range map[string]func(*Store) error{
		"layout":        func(s *Store) error { _, err := Open(s.Path(".")); return err },
		"root/key.pem":  func(s *Store) error { _, err := s.RootKey(nil); return err },
		"root/cert.pem": func(s *Store) error { _, err := s.RootCertificate(); return err },
		"PLACE/key.pem": func(s *Store) error { i, _ := s.Latest("pico.local"); _, err := s.Key(i); return err },
		"PLACE/cert.pem": func(s *Store) error {
			i, _ := s.Latest("pico.local")
			_, err := s.Certificate(i)
			return err
		},
		"PLACE/about.json": func(s *Store) error { i, _ := s.Latest("pico.local"); _, err := s.About(i); return err },
	} {
		s, _ := create(t)
		lock(t, s)
		issued, err := s.Put(p.about("pico.local"), p.cert, p.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(s); err != nil {
			t.Errorf("%s: before the link: %v", name, err)
		}
		outside(t, s, strings.Replace(name, "PLACE", issued.Place(), 1))
		if err := read(s); err == nil || !strings.Contains(err.Error(), "escapes") {
			t.Errorf("%s: got %v, want the link refused", name, err)
		}
	}
}

func TestFoldersThatLeadOutAreNotFollowed(t *testing.T) {
	for _, folder := range []string{"root", "issued", "issued/pico.local"} {
		s, _ := create(t)
		lock(t, s)
		p := newPair(t, "pico.local")
		if _, err := s.Put(p.about("pico.local"), p.cert, p.key); err != nil {
			t.Fatal(err)
		}
		target := t.TempDir()
		relink(t, s.Path(folder), target)
		_, openErr := Open(s.Path("."))
		_, latestErr := s.Latest("pico.local")
		_, putErr := s.Put(p.about("pico.local"), p.cert, p.key)
		if folder == "root" {
			if openErr == nil {
				t.Error("root that leads out is opened")
			}
		} else if latestErr == nil || errors.Is(latestErr, ErrNotIssued) || putErr == nil {
			t.Errorf("%s that leads out: Latest %v, Put %v", folder, latestErr, putErr)
		}
		if entries, err := os.ReadDir(target); err != nil || len(entries) != 0 {
			t.Errorf("%s that leads out: written to: %v, %v", folder, entries, err)
		}
	}
}

func TestSecondWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := create(t)
		lock(t, first)
		second := open(t, first.Path("."))
		waits := make(chan string, 10)
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- second.Lock(t.Context(), func(holder string) { waits <- holder }) }()
		time.Sleep(990 * time.Millisecond)
		synctest.Wait()
		if len(waits) != 0 {
			t.Errorf("after 0.99 s: told of waiting for %q", <-waits)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(waits) != 1 || <-waits != fmt.Sprint(os.Getpid()) {
			t.Error("after 3 s: not told once, of this process")
		}
		select {
		case err := <-done:
			t.Fatalf("second has the lock of the first: %v", err)
		default:
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("second: %v", err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("second has the lock after %s, want it as soon as the first let go", took)
		}
	})
}

func TestHolderIsAProcessIDOrNothing(t *testing.T) {
	s, _ := create(t)
	for content, want := range map[string]string{
		"4711": "4711", "": "", "\x1b[2Jevil": "", "-1": "", "0": "", "12 34": "", strings.Repeat("9", 1000): "",
	} {
		put(t, s.Path("lock"), content, 0o600)
		if got := s.holder(); got != want {
			t.Errorf("lock %.20q: got %q, want %q", content, got, want)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	for _, after := range []time.Duration{0, 300 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			first, _ := create(t)
			lock(t, first)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			told := 0
			err := open(t, first.Path(".")).Lock(ctx, func(string) { told++ })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %s: got %v, want %v", after, err, context.DeadlineExceeded)
			}
			if want := map[bool]int{true: 1}[after > time.Second]; told != want {
				t.Errorf("after %s: told of waiting %d times, want %d", after, told, want)
			}
		})
	}
}

func TestWaitEndsWhenCancelled(t *testing.T) {
	first, _ := create(t)
	lock(t, first)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := open(t, first.Path(".")).Lock(ctx, never(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	// Whoever gave up holds nothing.
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	lock(t, open(t, first.Path(".")))
}

func TestCloseReleasesTheLock(t *testing.T) {
	first, _ := create(t)
	for range 3 {
		s := open(t, first.Path("."))
		lock(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockSweepsWhatACrashLeft(t *testing.T) {
	s, _ := create(t)
	before := snapshot(t, s.Path("root"))
	mkdir(t, s.Path(".picoca-A.stage"), 0o700)
	put(t, s.Path(".picoca-A.stage/key.pem"), "half a key", 0o600)
	mkdir(t, s.Path(".picoca-B.stage"), 0o700)
	mkdir(t, s.Path(".picoca-C.commit"), 0o700)
	put(t, s.Path(".picoca-C.commit/layout"), "1\n", 0o600)
	mkdir(t, s.Path("notes"), 0o700)
	put(t, s.Path("notes/.picoca-D.stage"), "the user's", 0o600)
	lock(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries(t, s.Path(".")) {
		if strings.HasPrefix(entry, prefix) {
			t.Errorf("left %s", entry)
		}
	}
	if _, err := os.Stat(s.Path("notes/.picoca-D.stage")); err != nil {
		t.Error(err)
	}
	if got := snapshot(t, s.Path("root")); got != before {
		t.Errorf("root: got\n%s\nwant\n%s", got, before)
	}
}

func entries(t testing.TB, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range all {
		names = append(names, entry.Name())
	}
	return names
}

func TestOneOfManyCreates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "store")
	var wait sync.WaitGroup
	roots, errs := make([]pair, 20), make([]error, 20)
	start := make(chan struct{})
	for i := range 20 {
		roots[i] = newPair(t, fmt.Sprintf("Home CA %d", i))
		wait.Go(func() {
			<-start
			errs[i] = Create(t.Context(), dir, roots[i].cert, roots[i].key, nil, func(string) {})
		})
	}
	close(start)
	wait.Wait()
	var winners []int
	for i, err := range errs {
		if err == nil {
			winners = append(winners, i)
		} else if !errors.Is(err, fs.ErrExist) {
			t.Errorf("create %d: got %v, want %v", i, err, fs.ErrExist)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("won: %d, want one", winners)
	}
	checkRoot(t, open(t, dir), roots[winners[0]], nil)
	if got, want := entries(t, dir), []string{"layout", "lock", "root"}; !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}

// checkRoot holds a store against the root that it was made with.
func checkRoot(t testing.TB, s *Store, root pair, passphrase []byte) {
	t.Helper()
	cert, err := s.RootCertificate()
	if err != nil || !cert.Equal(root.cert) {
		t.Errorf("root certificate: got %v, %v", cert, err)
	}
	key, err := s.RootKey(passphrase)
	if err != nil || !root.key.(*ecdsa.PrivateKey).Equal(key) {
		t.Errorf("root key: got %v", err)
	}
}

func TestManyPutAtOnce(t *testing.T) {
	first, _ := create(t)
	var wait sync.WaitGroup
	issued, errs := make([]Issued, 50), make([]error, 50)
	pairs := make([]pair, 50)
	for i := range 50 {
		pairs[i] = newPair(t, "pico.local")
		s := open(t, first.Path("."))
		wait.Go(func() {
			defer s.Close()
			if errs[i] = s.Lock(t.Context(), func(string) {}); errs[i] == nil {
				issued[i], errs[i] = s.Put(pairs[i].about("pico.local"), pairs[i].cert, pairs[i].key)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	numbers := map[int]bool{}
	for i, p := range pairs {
		numbers[number(filepath.Base(issued[i].Place()))] = true
		cert, certErr := first.Certificate(issued[i])
		key, keyErr := first.Key(issued[i])
		if certErr != nil || keyErr != nil || !cert.Equal(p.cert) || !p.key.(*ecdsa.PrivateKey).Equal(key) {
			t.Errorf("%s: %v, %v", issued[i].Place(), certErr, keyErr)
		}
	}
	if len(numbers) != 50 || !numbers[1] || !numbers[50] {
		t.Errorf("got numbers %v, want 1 to 50", numbers)
	}
	serials := map[string]bool{}
	for about, err := range first.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		serials[about.Serial] = true
	}
	if len(serials) != 50 {
		t.Errorf("got %d serials, want 50", len(serials))
	}
}
