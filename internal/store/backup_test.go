package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/faultdisk"
)

// rich makes a store with all that one can have: two roots with keys, a retired
// one, the spare, certificates with and without keys, revocations, a device's
// file, and what a user put there. Its lock is held.
func rich(t testing.TB) *Store {
	t.Helper()
	s, root := createLocked(t)
	second, third, spare := newRoot(t), newRoot(t), newRoot(t)
	retired := addRoot(t, s, NewRoot{Certificate: second.Cert, Key: second.Key, CRL: second.crl(t, 1)})
	addRoot(t, s, NewRoot{Certificate: third.Cert, Agent: &AgentKey{Fingerprint: "SHA256:abc"}})
	addRoot(t, s, NewRoot{Certificate: spare.Cert})
	issued := issue(t, s, root, "pico.local")
	leaf := root.leaf(t, "own.local")
	_, err := s.Put(Record{Name: "own.local"}, leaf.Cert, nil)
	err = errors.Join(err, s.Retire(retired, noon), s.PutDeviceFile("pico.local", "vapid.pem", []byte("secret")),
		s.Revoke([]Revocation{issued.Revocation(noon, "")}, []NewCRL{{issued.Root, root.crl(t, 2, issued.Leaf.SerialNumber)}}))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.Path("notes.txt"), "mine", 0o600)
	return s
}

func filesOfStore(t testing.TB, s *Store) []durable.File {
	t.Helper()
	var all []durable.File
	for file, err := range s.Files() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, file)
	}
	return all
}

func accept(*Store) error { return nil }

func TestRestoredStoreIsTheSame(t *testing.T) {
	s := rich(t)
	mkdir(t, s.Path(prefix+"AAAA.stage"), 0o700)
	put(t, s.Path(prefix+"AAAA.stage/key.pem"), "left by a crash", 0o600)
	files := filesOfStore(t, s)
	if files[0].Name != "layout" || slices.ContainsFunc(files, func(f durable.File) bool { return f.Name == "lock" || strings.HasPrefix(f.Name, prefix) }) {
		t.Fatalf("got files %v", files)
	}
	remove(t, s.Path(prefix+"AAAA.stage"))
	for _, dir := range []string{filepath.Join(tempDir(t), "a/b/new"), tempDir(t)} {
		verified := false
		err := Restore(t.Context(), dir, Options{}, slices.Clone(files), func(staged *Store) error {
			roots, err := staged.Roots()
			verified = len(roots) == 4
			if got, want := staged.Path("x"), filepath.Join(dir, "x"); got != want {
				t.Errorf("path: got %s, want %s", got, want)
			}
			return err
		}, never(t))
		if err != nil || !verified {
			t.Fatalf("%s: %v, verified %t", dir, err, verified)
		}
		if got, want := snapshot(t, dir), snapshot(t, s.dir); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got, want := full(t, open(t, dir)), full(t, s); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if err := Restore(t.Context(), dir, Options{}, files, accept, never(t)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("again: got %v, want ErrExist", err)
		}
	}
}

// TestRestoredModesAreTheStores: whatever an archive says, keys are private.
func TestRestoredModesAreTheStores(t *testing.T) {
	files := filesOfStore(t, rich(t))
	for i := range files {
		files[i].Mode = 0o777
	}
	dir := filepath.Join(tempDir(t), "new")
	if err := Restore(t.Context(), dir, Options{}, files, accept, never(t)); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(filepath.Join(dir, file.Name))
		want := fs.FileMode(0o644)
		if base := filepath.Base(file.Name); base == "key.pem" || base == "vapid.pem" || base == "layout" || base == "notes.txt" {
			want = 0o600
		}
		if err != nil || info.Mode() != want {
			t.Errorf("%s: got mode %v, %v, want %v", file.Name, info.Mode(), err, want)
		}
	}
}

func TestBackupNeedsFilesOnly(t *testing.T) {
	for what, spoil := range map[string]func(t *testing.T, s *Store){
		"a symbolic link": func(t *testing.T, s *Store) {
			if err := os.Symlink("/etc/passwd", s.Path("issued/link")); err != nil {
				t.Fatal(err)
			}
		},
		"has mode 0644": func(t *testing.T, s *Store) {
			if err := os.Chmod(s.Path("roots/"+rootIDsOf(t, s)[0]+"/key.pem"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"notes.txt is damaged: larger": func(t *testing.T, s *Store) {
			if err := os.Truncate(s.Path("notes.txt"), maxCRL+1); err != nil {
				t.Fatal(err)
			}
		},
	} {
		s := rich(t)
		spoil(t, s)
		var err error
		for _, fileErr := range s.Files() {
			if err != nil {
				t.Errorf("%s: goes on after %v", what, err)
			}
			err = fileErr
		}
		if err == nil || !strings.Contains(err.Error(), what) || hintText(err) == "" {
			t.Errorf("got %v, hint %q, want %q", err, hintText(err), what)
		}
	}
}

func TestRestoreIntoSomethingElseChangesNothing(t *testing.T) {
	files := filesOfStore(t, rich(t))
	occupied := tempDir(t)
	put(t, filepath.Join(occupied, "holiday.jpg"), "x", 0o600)
	other, _ := create(t)
	file := filepath.Join(tempDir(t), "file")
	put(t, file, "x", 0o600)
	for dir, want := range map[string]func(error) bool{
		occupied:  is(ErrForeign),
		other.dir: is(fs.ErrExist),
		file:      isA[FileError],
	} {
		before := snapshot(t, dir)
		if err := Restore(t.Context(), dir, Options{}, files, accept, never(t)); !want(err) {
			t.Errorf("%s: got %v", dir, err)
		}
		if got := snapshot(t, dir); got != before {
			t.Errorf("%s: got\n%s\nwant\n%s", dir, got, before)
		}
	}
}

func TestUnusableFilesAreNotRestored(t *testing.T) {
	wrong := errors.New("wrong")
	fine := filesOfStore(t, rich(t))
	newer := slices.Clone(fine)
	newer[0].Data = []byte("3\n")
	for what, row := range map[string]struct {
		files  []durable.File
		verify error
		want   func(error) bool
	}{
		"refused":        {fine, wrong, is(wrong)},
		"a later layout": {newer, nil, isA[LayoutError]},
		"a lock":         {append(slices.Clone(fine), durable.File{Name: "lock"}), nil, isA[*UnusableError]},
		"a change":       {append(slices.Clone(fine), durable.File{Name: prefix + "A.commit/roots/x"}), nil, isA[*UnusableError]},
		"only a layout":  {fine[:1], nil, isA[MissingError]},
		"no roots": {slices.DeleteFunc(slices.Clone(fine), func(f durable.File) bool { return strings.HasPrefix(f.Name, "roots/") }),
			nil, isA[MissingError]},
	} {
		for _, dir := range []string{filepath.Join(tempDir(t), "new"), tempDir(t)} {
			err := Restore(t.Context(), dir, Options{}, slices.Clone(row.files), func(*Store) error { return row.verify }, never(t))
			if !row.want(err) || !isA[*UnusableError](err) {
				t.Errorf("%s: got %v", what, err)
			}
			if got, err := os.ReadDir(dir); err == nil && len(got) > 1 {
				t.Errorf("%s: left %v", what, got)
			}
			if err := Vacant(dir, Options{}); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// TestRestoreInterruptedAnywhere: afterwards the folder is vacant, or the next
// restore finds the whole store there.
func TestRestoreInterruptedAnywhere(t *testing.T) {
	s := rich(t)
	want := snapshot(t, s.dir)
	interruptRestore(t, filesOfStore(t, s), func(when string, s *Store) {
		if got := snapshot(t, s.dir); got != want {
			t.Fatalf("%s: got\n%s\nwant\n%s", when, got, want)
		}
	})
}

// TestRestoreOfLayout1InterruptedAnywhere: a store that could not be written to
// was backed up as it was.
func TestRestoreOfLayout1InterruptedAnywhere(t *testing.T) {
	s := open(t, copyFixture(t, "rsa"))
	interruptRestore(t, filesOfStore(t, s), func(when string, s *Store) {
		roots, err := s.Roots()
		issued := 0
		for _, issuedErr := range s.All(false) {
			err = errors.Join(err, issuedErr)
			issued++
		}
		if err != nil || len(roots) != 1 || issued != 1 {
			t.Fatalf("%s: got %d roots and %d certificates, %v", when, len(roots), issued, err)
		}
	})
}

// interruptRestore interrupts a restore at each operation of the disk, restores
// again, and calls check with the store, whose lock is held.
func interruptRestore(t *testing.T, files []durable.File, check func(when string, s *Store)) {
	t.Helper()
	completed := 0
	for _, plan := range []faultdisk.Plan{{}, {Err: syscall.EIO}, {Err: syscall.ENOSPC, ForGood: true}} {
		for at, more := 1, true; more; at++ {
			plan := plan
			plan.At = at
			when := fmt.Sprintf("%v at operation %d, for good %v", plan.Err, at, plan.ForGood)
			dir := filepath.Join(tempDir(t), "store")
			err, killed := plan.Run(func() error {
				return Restore(t.Context(), dir, Options{Wrap: plan.Wrap}, slices.Clone(files), accept, never(t))
			})
			more = plan.Reached()
			if killed != (more && plan.Err == nil) || !more && err != nil {
				t.Fatalf("%s: killed %t, %v", when, killed, err)
			}
			if err != nil && (strings.Contains(err.Error(), prefix) || hintText(err) == "") {
				t.Errorf("%s: got %q, hint %q", when, err, hintText(err))
			}
			if killed {
				releaseAll(t, dir)
			}
			completed += interruptedRestore(t, when, dir)
			next := Restore(t.Context(), dir, Options{}, slices.Clone(files), accept, never(t))
			if next != nil && !errors.Is(next, fs.ErrExist) {
				t.Fatalf("%s: again: %v", when, next)
			}
			if !killed && err == nil && next == nil {
				t.Errorf("%s: reported success and did nothing", when)
			}
			again := open(t, dir)
			lock(t, again) // which sweeps
			check(when, again)
			again.Close()
		}
	}
	if completed == 0 {
		t.Error("no interrupted restore was completed: the test sees no commit")
	}
}

// interruptedRestore returns 1 if a folder has a part of a store, which must be
// reported as such.
func interruptedRestore(t *testing.T, when, dir string) int {
	t.Helper()
	s, err := Open(dir, Options{})
	if err == nil {
		s.Close()
	}
	if err == nil || errors.Is(err, ErrNoCA) {
		return 0
	}
	if !errors.Is(err, ErrRestoring) || hintText(err) == "" {
		t.Errorf("%s: Open: got %v, want ErrRestoring", when, err)
	}
	return 1
}
