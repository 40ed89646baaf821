package store

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// tempDir is t.TempDir in memory where there is such a place: a disk takes its
// time to sync what the tests write.
func tempDir(t testing.TB) string {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "picoca-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// pair is a certificate with its key, and what a store gets of it.
type pair struct{ testpki.Pair }

// newRoot makes a root as init does.
func newRoot(t testing.TB) pair {
	t.Helper()
	return pair{testpki.Home(t, noon)}
}

func (p pair) root() NewRoot { return NewRoot{Certificate: p.Cert, Key: p.Key} }

// crl signs a CRL of a root.
func (p pair) crl(t testing.TB, number int64, serials ...*big.Int) []byte {
	t.Helper()
	return p.CRL(t, number, noon, serials...).Raw
}

// leaf issues a device's certificate. It is not held against ca's rules: what a
// store may find is wider.
func (p pair) leaf(t testing.TB, name string, more ...string) pair {
	t.Helper()
	template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range append([]string{name}, more...) {
		if addr, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return p.sign(t, template)
}

// identity issues a client identity's certificate.
func (p pair) identity(t testing.TB, name string) pair {
	t.Helper()
	return p.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

func (p pair) sign(t testing.TB, template *x509.Certificate) pair {
	t.Helper()
	template.NotBefore, template.NotAfter = noon, noon.AddDate(2, 0, 0)
	return pair{p.Sign(t, template, testpki.NewKey(t, ca.P256))}
}

// never fails a test in which nothing should have to wait.
func never(t testing.TB) func(string) {
	return func(holder string) { t.Errorf("waits for %q", holder) }
}

// create makes a store whose root key has no passphrase, and opens it.
func create(t testing.TB) (*Store, pair) {
	t.Helper()
	root := newRoot(t)
	dir := filepath.Join(tempDir(t), "store")
	if err := Create(t.Context(), dir, Options{}, []NewRoot{root.root()}, never(t)); err != nil {
		t.Fatal(err)
	}
	return open(t, dir), root
}

// createLocked makes a store and takes its lock.
func createLocked(t testing.TB) (*Store, pair) {
	t.Helper()
	s, root := create(t)
	lock(t, s)
	return s, root
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
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

// issue puts a new certificate for a device into a store whose lock is held.
func issue(t testing.TB, s *Store, root pair, name string) Issued {
	t.Helper()
	leaf := root.leaf(t, name)
	issued, err := s.Put(Record{Name: name, For: "pico-w"}, leaf.Cert, leaf.Key)
	if err != nil {
		t.Fatalf("put %q: %v", name, err)
	}
	return issued
}

// snapshot describes all files below a folder: their modes and bytes. The lock
// file is left out.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() == "lock" {
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

func get(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mkdir(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
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

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

func isA[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func isDamaged(err error, path string) bool {
	e, ok := errors.AsType[DamagedError](err)
	return ok && e.Path == path
}

func equalKeys(x, y crypto.Signer) bool {
	return x.(interface{ Equal(crypto.PrivateKey) bool }).Equal(y)
}

// copyFixture copies a store of layout 1 with the modes that it was written
// with: git keeps none.
func copyFixture(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(tempDir(t), "store")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../testdata/layout1", name))); err != nil {
		t.Fatal(err)
	}
	narrow(t, dir)
	return dir
}

// narrow gives everything in a store the modes that it was written with.
func narrow(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		mode := fs.FileMode(0o644)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			mode = 0o700
		case entry.Name() == "key.pem", entry.Name() == "layout":
			mode = 0o600
		}
		return os.Chmod(name, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// die is what the end of a process does to an open store: it loses its lock.
func die(s *Store) {
	if s.held != nil {
		s.held.Close()
	}
	s.root.Close()
}
