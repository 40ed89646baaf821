package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/durable/faultdisk"
)

// change is one change of a store that may be interrupted.
type change struct {
	name string
	// prepare is done before, with the lock; it returns what is then changed.
	prepare func(t *testing.T, s *Store, root pair) func(s *Store) error
}

var changes = []change{
	{"put the first certificate", func(t *testing.T, s *Store, root pair) func(*Store) error {
		leaf := root.leaf(t, "pico.local")
		return func(s *Store) error { _, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key); return err }
	}},
	{"put another certificate", func(t *testing.T, s *Store, root pair) func(*Store) error {
		issue(t, s, root, "pico.local")
		leaf := root.leaf(t, "pico.local")
		return func(s *Store) error { _, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, nil); return err }
	}},
	{"set a record", func(t *testing.T, s *Store, root pair) func(*Store) error {
		issued := issue(t, s, root, "pico.local")
		record := issued.Record
		record.Folder = "/srv/pico"
		return func(s *Store) error { return s.SetRecord(issued, record) }
	}},
	{"add a root", func(t *testing.T, s *Store, root pair) func(*Store) error {
		second := newRoot(t)
		added := second.root()
		added.CRL, added.Passphrase = second.crl(t, 1), []byte("old")
		return func(s *Store) error { _, err := s.AddRoot(added); return err }
	}},
	{"retire a root", func(t *testing.T, s *Store, root pair) func(*Store) error {
		signing, err := s.SigningRoot()
		if err != nil {
			t.Fatal(err)
		}
		return func(s *Store) error { return s.Retire(signing, noon) }
	}},
	{"revoke", func(t *testing.T, s *Store, root pair) func(*Store) error {
		one, two := issue(t, s, root, "one.local"), issue(t, s, root, "two.local")
		if err := s.PutCRL(one.Root, root.crl(t, 1)); err != nil {
			t.Fatal(err)
		}
		list := []NewCRL{{one.Root, root.crl(t, 2, one.Leaf.SerialNumber, two.Leaf.SerialNumber)}}
		return func(s *Store) error {
			return s.Revoke([]Revocation{one.Revocation(noon, "keyCompromise"), two.Revocation(noon, "")}, list)
		}
	}},
	{"change the passphrase", func(t *testing.T, s *Store, root pair) func(*Store) error {
		second := newRoot(t)
		addRoot(t, s, NewRoot{Certificate: second.Cert, Key: second.Key, Passphrase: []byte("old")})
		if err := s.ChangePassphrase([]byte("old"), []byte("old")); err != nil {
			t.Fatal(err)
		}
		return func(s *Store) error { return s.ChangePassphrase([]byte("old"), []byte("new")) }
	}},
	{"put a device's file", func(t *testing.T, s *Store, root pair) func(*Store) error {
		return func(s *Store) error { return s.PutDeviceFile("pico.local", "vapid.pem", []byte("key")) }
	}},
}

// full describes a store, and a device's file.
func full(t testing.TB, s *Store) string {
	t.Helper()
	data, err := s.DeviceFile("pico.local", "vapid.pem")
	return state(t, s) + fmt.Sprintf("\nfile %q %v", data, err != nil)
}

// TestEachStepInterrupted ends each change before each operation of the disk,
// with a kill, with one error, and with an error for good. What the next process
// finds, once it has the lock, is the state before or the state after, and the
// change can be made again. Errors are reported, and then nothing has changed
// unless the change had been decided.
func TestEachStepInterrupted(t *testing.T) {
	for _, c := range changes {
		for _, plan := range []faultdisk.Plan{{}, {Err: syscall.EIO}, {Err: syscall.ENOSPC, ForGood: true}} {
			t.Run(fmt.Sprintf("%s, %v, for good %v", c.name, plan.Err, plan.ForGood), func(t *testing.T) {
				for at, more := 1, true; more; at++ {
					plan.At = at
					more = c.interrupt(t, plan)
				}
			})
		}
	}
}

// interrupt makes the change, which the plan ends, and reports whether it came
// to that.
func (c change) interrupt(t *testing.T, plan faultdisk.Plan) bool {
	t.Helper()
	root := newRoot(t)
	dir := filepath.Join(tempDir(t), "store")
	options := Options{iterations: 1}
	if err := makeStore(t, dir, NewRoot{Certificate: root.Cert, Key: root.Key, Passphrase: []byte("old")}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	lock(t, s)
	do := c.prepare(t, s, root)
	before := full(t, s)
	s.disk = plan.Wrap(s.disk)
	err, killed := plan.Run(func() error { return do(s) })
	reached := plan.Reached()
	when := fmt.Sprintf("%v at operation %d", plan.Err, plan.At)
	if killed != (reached && plan.Err == nil) || reached && !killed && err != nil && !errors.Is(err, plan.Err) {
		t.Fatalf("%s: killed %v, got %v", when, killed, err)
	}
	if !reached && err != nil {
		t.Fatal(err)
	}
	if err != nil && (strings.Contains(err.Error(), prefix) || hintText(err) == "") {
		t.Errorf("%s: got %q, hint %q", when, err, hintText(err))
	}
	die(s)
	next, openErr := Open(dir, options)
	if openErr != nil {
		t.Fatalf("%s: %v", when, openErr)
	}
	defer next.Close()
	lock(t, next)
	got := full(t, next)
	if left, _ := filepath.Glob(filepath.Join(dir, prefix+"*")); len(left) > 0 {
		t.Errorf("%s: left %q", when, left)
	}
	if !killed && err == nil && got == before {
		t.Fatalf("%s: no error, and nothing changed", when)
	}
	if publishes := strings.HasPrefix(c.name, "put a") && !strings.HasSuffix(c.name, "file") || strings.HasPrefix(c.name, "put the") || c.name == "add a root"; publishes && err != nil && !plan.ForGood && got != before {
		t.Fatalf("%s: %v, and it was made\n%s", when, err, got)
	}
	if got != before {
		checkAfter(t, c, dir, got, when)
		return reached
	}
	if err := do(next); err != nil {
		t.Fatalf("%s: again: %v", when, err)
	}
	checkAfter(t, c, dir, full(t, next), when)
	return reached
}

// checkAfter checks a state against the marks of the completed change.
func checkAfter(t *testing.T, c change, dir, got, when string) {
	t.Helper()
	marks := map[string][]string{
		"put the first certificate": {"issued/pico.local/000001-"},
		"put another certificate":   {"issued/pico.local/000001-", "issued/pico.local/000002-"},
		"set a record":              {"Folder:/srv/pico"},
		"add a root":                {"root 000001-", "root 000002-", "crl 1 0", `opens "old"`},
		"retire a root":             {" retired"},
		"revoke":                    {"crl 2 2", "Name:one.local", "Name:two.local"},
		"change the passphrase":     {`opens "new"`},
		"put a device's file":       {`file "key" false`},
	}[c.name]
	for _, mark := range marks {
		if !strings.Contains(got, mark) {
			t.Fatalf("%s: no %q in\n%s", when, mark, got)
		}
	}
	if c.name == "change the passphrase" && (strings.Count(got, `opens "new"`) != 2 || strings.Contains(got, `opens "old"`)) {
		t.Fatalf("%s: keys have two passphrases\n%s", when, got)
	}
	if c.name == "revoke" && strings.Count(got, "revoked true") != 2 {
		t.Fatalf("%s: half revoked\n%s", when, got)
	}
	if c.name == "put another certificate" && strings.Contains(got, "/000003-") {
		t.Fatalf("%s: twice\n%s", when, got)
	}
}

// TestCreateInterruptedAnywhere: there is no CA, and the folder is free for one,
// or there is the whole CA, also with two roots.
func TestCreateInterruptedAnywhere(t *testing.T) {
	for _, plan := range []faultdisk.Plan{{}, {Err: syscall.EIO}, {Err: syscall.ENOSPC, ForGood: true}} {
		for at, more := 1, true; more; at++ {
			plan := plan
			plan.At = at
			when := fmt.Sprintf("%v at operation %d, for good %v", plan.Err, at, plan.ForGood)
			main, spare := newRoot(t), newRoot(t)
			roots := []NewRoot{main.root(), {Certificate: spare.Cert}}
			dir := filepath.Join(tempDir(t), "store")
			err, killed := plan.Run(func() error {
				return Create(t.Context(), dir, Options{Wrap: plan.Wrap}, roots, never(t))
			})
			more = plan.Reached()
			if killed != (more && plan.Err == nil) {
				t.Fatalf("%s: killed %v", when, killed)
			}
			s, openErr := Open(dir, Options{})
			switch {
			case openErr == nil:
				if got := len(rootIDsOf(t, s)); got != 2 {
					t.Errorf("%s: %d roots", when, got)
				}
				s.Close()
				continue
			case !errors.Is(openErr, ErrNoCA), !killed && err == nil:
				t.Fatalf("%s: Create %v, Open %v", when, err, openErr)
			}
			if err := Vacant(dir, Options{}); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if killed {
				// The lock of a killed process is gone; this one has it still.
				releaseAll(t, dir)
			}
			if err := makeStore(t, dir, roots...); err != nil {
				t.Fatalf("%s: again: %v", when, err)
			}
			s = open(t, dir)
			if got := len(rootIDsOf(t, s)); got != 2 {
				t.Errorf("%s: again: %d roots", when, got)
			}
		}
	}
}

// releaseAll replaces the lock file, whose handle the killed run still has.
func releaseAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// TestFailedLstatIsNotAbsence: a number is never assigned twice, and no CA is
// made over another one.
func TestFailedLstatIsNotAbsence(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.EMFILE, syscall.EACCES} {
		s, root := createLocked(t)
		issue(t, s, root, "pico.local")
		leaf := root.leaf(t, "pico.local")
		refused := 0
		for at, more := 1, true; more; at++ {
			plan := faultdisk.Plan{At: at, Err: cause}
			real := s.disk
			s.disk = plan.Wrap(real)
			issued, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key)
			s.disk = real
			more = plan.Reached()
			if err == nil && issued.Number() != 2 {
				t.Errorf("%v at operation %d: got %q", cause, at, issued.Place)
			}
			if err == nil {
				remove(t, s.Path(issued.Place))
			} else {
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("%v: %d operations failed", cause, refused)
		}
		if got := entries(t, s.Path("issued/pico.local")); len(got) != 1 || number(got[0]) != 1 {
			t.Errorf("%v: got %q", cause, got)
		}
	}
}
