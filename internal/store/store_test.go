package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

func TestOpenFindsNoCA(t *testing.T) {
	empty := t.TempDir()
	foreign := t.TempDir()
	put(t, filepath.Join(foreign, "thesis.txt"), "mine", 0o644)
	halfway := t.TempDir() // a Create that was interrupted
	put(t, filepath.Join(halfway, "layout"), "2\n", 0o600)
	older := t.TempDir()
	put(t, filepath.Join(older, "layout"), "1\n", 0o600)
	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/nonexistent", dangling); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"empty": empty, "foreign": foreign, "halfway": halfway, "older": older, "missing": filepath.Join(empty, "none"), "dangling": dangling,
	} {
		_, err := Open(dir, Options{})
		if !errors.Is(err, ErrNoCA) || fault.CodeOf(err) != fault.NoCA || !strings.Contains(hintText(err), "picoca init") {
			t.Errorf("%s: got %v, code %d, hint %q, want %v", name, err, fault.CodeOf(err), hintText(err), ErrNoCA)
		}
	}
	file := filepath.Join(foreign, "thesis.txt")
	if _, err := Open(file, Options{}); err == nil || errors.Is(err, ErrNoCA) || !strings.Contains(err.Error(), "is not a folder") {
		t.Errorf("a file: got %v, want an error that says so", err)
	}
}

func hintText(err error) string {
	hint := fault.HintOf(err)
	if hint.IsZero() {
		return ""
	}
	return hint.Text(func(c fault.Command) string { return "picoca " + strings.Join(c, " ") })
}

// TestNoSecondCAUnderSudo: the home is root's there, and empty.
func TestNoSecondCAUnderSudo(t *testing.T) {
	_, err := Open(t.TempDir(), Options{User: 1000})
	if got := hintText(err); os.Geteuid() == 0 && (strings.Contains(got, "init") || !strings.Contains(got, "sudo")) {
		t.Errorf("got hint %q", got)
	}
}

func TestOpenRefusesALaterLayout(t *testing.T) {
	for content, want := range map[string]string{
		"3\n": "3", "99999": "99999", "": "", "\n": "", "x": "x", "0": "0", "-1": "-1", "1.0": "1.0", "1 2": "1 2", "0x1": "0x1",
		strings.Repeat("G", maxLine): strings.Repeat("G", 20), "99999999999999999999999": "99999999999999999999", "\x1b[2J": "\x1b[2J",
	} {
		s, _ := create(t)
		put(t, s.Path("layout"), content, 0o600)
		_, err := Open(s.Path("."), Options{})
		if e, ok := errors.AsType[LayoutError](err); !ok || e.Got != want || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("layout %.20q: got %v, want a LayoutError of %q", content, err, want)
		}
		root := newRoot(t)
		if err := Create(t.Context(), s.Path("."), Options{}, []NewRoot{root.root()}, never(t)); !isA[LayoutError](err) {
			t.Errorf("layout %.20q: Create: got %v, want a LayoutError", content, err)
		}
	}
}

func TestOpenTakesItsOwnLayout(t *testing.T) {
	for _, content := range []string{"2\n", "2", " 2 \r\n"} {
		s, _ := create(t)
		put(t, s.Path("layout"), content, 0o600)
		open(t, s.Path("."))
	}
}

// TestSizesAreLimited: a file larger than any that picoca writes is not read.
func TestSizesAreLimited(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	roots, err := s.Roots()
	if err != nil {
		t.Fatal(err)
	}
	place := "roots/" + roots[0].ID
	for name, read := range map[string]func() error{
		"layout":                       func() error { _, err := Open(s.Path("."), Options{}); return err },
		place + "/cert.pem":            func() error { _, err := s.Roots(); return err },
		place + "/key.pem":             func() error { _, err := s.RootKey(roots[0], nil); return err },
		place + "/retired.json":        func() error { _, err := s.Roots(); return err },
		place + "/crl.pem":             func() error { _, err := s.Roots(); return err },
		issued.Place + "/about.json":   func() error { _, err := s.Latest(Device("pico.local")); return err },
		issued.Place + "/cert.pem":     func() error { _, err := s.Latest(Device("pico.local")); return err },
		issued.Place + "/key.pem":      func() error { _, err := s.Key(issued); return err },
		"devices/pico.local/vapid.pem": func() error { _, err := s.DeviceFile("pico.local", "vapid.pem"); return err },
	} {
		before, readErr := os.ReadFile(s.Path(name))
		mkdir(t, filepath.Dir(s.Path(name)), 0o700)
		put(t, s.Path(name), "", 0o600)
		if err := os.Truncate(s.Path(name), 2<<30); err != nil { // a hole: it takes no space
			t.Fatal(err)
		}
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		s.known = nil
		if err := read(); !isDamaged(err, s.Path(name)) || hintText(err) == "" {
			t.Errorf("%s: got %v, want a DamagedError with a hint", name, err)
		}
		runtime.ReadMemStats(&end)
		if allocated := end.TotalAlloc - start.TotalAlloc; allocated > 8*maxCRL {
			t.Errorf("%s: %d bytes were allocated", name, allocated)
		}
		remove(t, s.Path(name))
		if readErr == nil {
			put(t, s.Path(name), string(before), 0o600)
		}
	}
}

func FuzzLayout(f *testing.F) {
	for _, seed := range []string{"1\n", "1", "2", "3", "", "-1", "0", "+1", "01", "1\x00", "\xff", " 1", "18446744073709551617", "one"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseLayout(data)
		text := strings.TrimSpace(string(data))
		digits := strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
		if known := digits == "1" || digits == "2"; (err == nil) != known || known && fmt.Sprint(got) != digits {
			t.Fatalf("layout %q: got %d, %v", data, got, err)
		}
		if e, ok := errors.AsType[LayoutError](err); err != nil && (!ok || !strings.HasPrefix(text, e.Got) || len(e.Got) > 20) {
			t.Errorf("layout %q: got %v", data, err)
		}
	})
}

func TestEncloses(t *testing.T) {
	s, _ := create(t)
	above := filepath.Dir(s.Path("."))
	link := filepath.Join(above, "link")
	if err := os.Symlink(s.Path("."), link); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(above, "layout"), "2\n", 0o600)
	old := copyFixture(t, "rsa")
	for dir, want := range map[string]bool{
		s.Path("."): true, s.Path("issued"): true, s.Path("roots/x/y"): true, link: true, filepath.Join(link, "x"): true,
		above: false, filepath.Join(above, "other"): false, filepath.Join(above, "layout", "x"): false, old: true, filepath.Join(old, "x"): true,
	} {
		if got := Encloses(dir); got != want {
			t.Errorf("%s: got %v, want %v", dir, got, want)
		}
	}
}

func TestSecondWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := createLocked(t)
		second := open(t, first.Path("."))
		waits := make(chan string, 10)
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- second.Lock(t.Context(), func(holder string) { waits <- holder }) }()
		time.Sleep(990 * time.Millisecond)
		synctest.Wait()
		if len(waits) != 0 {
			t.Errorf("after 0.99 s: waits for %q", <-waits)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(waits) != 1 || <-waits != fmt.Sprint(os.Getpid()) {
			t.Error("after 3 s: waiting was not called once, with this process")
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
			first, _ := createLocked(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			calls := 0
			err := open(t, first.Path(".")).Lock(ctx, func(string) { calls++ })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %s: got %v, want %v", after, err, context.DeadlineExceeded)
			}
			if want := map[bool]int{true: 1}[after > time.Second]; calls != want {
				t.Errorf("after %s: waiting was called %d times, want %d", after, calls, want)
			}
		})
	}
}

func TestWaitEndsWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := createLocked(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if err := open(t, first.Path(".")).Lock(ctx, never(t)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		// The one that gave up holds nothing.
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		lock(t, open(t, first.Path(".")))
	})
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

func TestChangesNeedTheLock(t *testing.T) {
	s, root := create(t)
	before := snapshot(t, s.Path("."))
	roots, err := s.Roots()
	if err != nil {
		t.Fatal(err)
	}
	leaf := root.leaf(t, "pico.local")
	for name, change := range map[string]func() error{
		"Put":              func() error { _, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key); return err },
		"AddRoot":          func() error { _, err := s.AddRoot(newRoot(t).root()); return err },
		"PutCRL":           func() error { return s.PutCRL(roots[0], root.crl(t, 1)) },
		"Retire":           func() error { return s.Retire(roots[0], noon) },
		"ChangePassphrase": func() error { return s.ChangePassphrase(nil, []byte("x")) },
		"Revoke":           func() error { return s.Revoke(nil, []NewCRL{{roots[0], root.crl(t, 1)}}) },
		"PutDeviceFile":    func() error { return s.PutDeviceFile("pico.local", "vapid.pem", nil) },
		"SetRecord": func() error {
			return s.SetRecord(Issued{Place: "issued/x", Leaf: leaf.Cert, Record: Record{Name: "pico.local"}}, Record{Name: "pico.local"})
		},
	} {
		if err := change(); !errors.Is(err, ErrUnlocked) {
			t.Errorf("%s: got %v, want %v", name, err, ErrUnlocked)
		}
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestLockSweepsWhatACrashLeft(t *testing.T) {
	s, _ := create(t)
	before := snapshot(t, s.Path("roots"))
	mkdir(t, s.Path(".picoca-A.stage"), 0o700)
	put(t, s.Path(".picoca-A.stage/key.pem"), "half a key", 0o600)
	mkdir(t, s.Path(".picoca-B.stage"), 0o700)
	mkdir(t, s.Path(".picoca-C.commit"), 0o700)
	put(t, s.Path(".picoca-C.commit/layout"), "2\n", 0o600)
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
	if got := snapshot(t, s.Path("roots")); got != before {
		t.Errorf("roots: got\n%s\nwant\n%s", got, before)
	}
}

func TestManyPutAtOnce(t *testing.T) {
	first, root := create(t)
	var wait sync.WaitGroup
	issued, errs := make([]Issued, 50), make([]error, 50)
	leaves := make([]pair, 50)
	for i := range 50 {
		leaves[i] = root.leaf(t, "pico.local")
		s := open(t, first.Path("."))
		wait.Go(func() {
			defer s.Close()
			if errs[i] = s.Lock(t.Context(), func(string) {}); errs[i] == nil {
				issued[i], errs[i] = s.Put(Record{Name: "pico.local"}, leaves[i].Cert, leaves[i].Key)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	numbers := map[int]bool{}
	for i, leaf := range leaves {
		numbers[issued[i].Number()] = true
		key, err := first.Key(issued[i])
		if err != nil || !issued[i].Leaf.Equal(leaf.Cert) || !equalKeys(leaf.Key, key) {
			t.Errorf("%s: %v", issued[i].Place, err)
		}
	}
	if len(numbers) != 50 || !numbers[1] || !numbers[50] {
		t.Errorf("got numbers %v, want 1 to 50", numbers)
	}
	if all, err := first.History(Device("pico.local")); err != nil || len(all) != 50 {
		t.Errorf("history: got %d, %v, want 50", len(all), err)
	}
}

// TestReadingWritesNothing, so a store on a read-only medium can be read: nothing is written without the lock.
func TestReadingWritesNothing(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "pico.local")
	dir := s.Path(".")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, copyFixture(t, "encrypted")} {
		before := snapshot(t, dir)
		s := open(t, dir)
		if got := state(t, s); !strings.Contains(got, "pico.local") {
			t.Errorf("got %s", got)
		}
		if got := snapshot(t, dir); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", dir, got, before)
		}
	}
}
