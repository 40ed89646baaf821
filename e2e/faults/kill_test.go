//go:build unix

package faults

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// start starts picoca in h's folder without waiting for it.
func start(h rig.Home, args ...string) (*exec.Cmd, *bytes.Buffer) {
	h.T.Helper()
	cmd := exec.Command(rig.Program(), args...)
	cmd.Dir = h.Dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		h.T.Fatal(err)
	}
	return cmd, &out
}

// TestKilledAtAnyMoment kills init and issue 200 times. Whatever the moment,
// the next run works, no half state is read, what was reported is there, and
// no key was ever readable by others.
func TestKilledAtAnyMoment(t *testing.T) {
	syscall.Umask(0) // the modes must not lean on it
	defer syscall.Umask(0o022)
	h := rig.EmptyHome(t)
	watch := watchModes(t, h.Dir)
	moments := killing{h: h, most: issueTime(t) * 3 / 2, reported: map[string]string{}}
	for i := 0; !moments.enough() && i < 3000; i++ {
		if i%20 == 0 { // a new store now and then, so that init is killed too
			verifyAll(t, h, moments.reported)
			clear(moments.reported)
			rig.Remove(t, h.Path("store"), h.Path("out"))
		}
		moments.killOne(i)
	}
	verifyAll(t, h, moments.reported)
	watch()
	found := fmt.Sprintf("killed %d runs, of which %d had signed and %d were in a commit; %d runs reported",
		moments.kills, moments.signed, moments.commits, moments.reports)
	if !moments.enough() {
		t.Error(found)
	}
	t.Log(found)
}

// issueTime measures how long a run of issue takes.
func issueTime(t *testing.T) time.Duration {
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	var all []time.Duration
	for range 15 {
		start := time.Now()
		h.Run("renew", "pico.local", "--json")
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// killing is a series of runs that are killed, each at a moment of its own.
type killing struct {
	h        rig.Home
	most     time.Duration     // that a run lives
	reported map[string]string // serial numbers to fingerprints, of this store
	kills    int               // of runs that had not ended
	reports  int               // runs that reported a certificate
	signed   int               // killed with the certificate in the store, and not reported
	commits  int               // killed with the files half replaced
}

// enough reports whether there were the moments without which the test proves
// nothing. A quick disk makes some of them rare.
func (k *killing) enough() bool {
	return k.kills >= 200 && k.reports >= 20 && k.signed >= 5 && k.commits >= 3
}

func (k *killing) killOne(i int) {
	t, h := k.h.T, k.h
	t.Helper()
	name := fmt.Sprintf("d%d.local", i%5)
	args := []string{"issue", name, "--force", "--json", "--out", "out"}
	if len(glob(h, "store", "issued", name, "*")) > 0 {
		args[0] = "renew"
	}
	if _, err := os.Stat(h.Path("store", "roots")); err != nil {
		args = []string{"init", "--no-passphrase"}
	}
	before := len(glob(h, "store", "issued", "*", "*"))
	cmd, out := start(h, args...)
	time.Sleep(rand.N(k.most))
	_ = cmd.Process.Kill()
	killed := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](killed); ok && exit.ExitCode() > 0 {
		t.Fatalf("run %d: picoca %v: %v", i, args, killed)
	}
	switch reported := note(k.reported, out.Bytes()); {
	case reported:
		k.reports++
	case len(glob(h, "store", "issued", "*", "*")) > before:
		k.signed++
	}
	if killed != nil {
		k.kills++
		k.commits += len(glob(h, "out", ".picoca-*.commit"))
	}
}

func glob(h rig.Home, elem ...string) []string {
	found, _ := filepath.Glob(h.Path(elem...)) // its only error is a bad pattern
	return found
}

// note remembers what a run reported, if anything: a line of JSON counts once it
// is whole.
func note(reported map[string]string, out []byte) bool {
	var result struct{ Name, Serial, SHA256 string }
	if json.Unmarshal(out, &result) != nil || result.Serial == "" {
		return false
	}
	reported[result.Serial] = result.SHA256
	return true
}

// verifyAll issues once more, and checks that every certificate in the store
// verifies, has its key, and that none of the reported ones is missing.
func verifyAll(t *testing.T, h rig.Home, reported map[string]string) {
	t.Helper()
	if _, err := os.Stat(h.Path("store", "roots")); err != nil {
		h.Run("init", "--no-passphrase")
	}
	h.Run("issue", "after.local", "--force", "--out", "out")
	if _, err := tls.LoadX509KeyPair(h.RootFile("store", "cert.pem"), h.RootFile("store", "key.pem")); err != nil {
		t.Fatal(err)
	}
	found := storeSerials(t, h)
	for serial := range reported {
		if !found[serial] {
			t.Errorf("certificate %s was reported, and is lost", serial)
		}
	}
	checkPair(t, h.Path("out"))
	for _, where := range []string{h.Path(".picoca-*"), h.Path("out", ".picoca-*"), h.Path("store", ".picoca-*")} {
		if stale, _ := filepath.Glob(where); len(stale) > 0 {
			t.Errorf("left over: %v", stale)
		}
	}
}

// checkPair checks that the certificate and the key for the board match.
func checkPair(t *testing.T, dir string) {
	t.Helper()
	cert, err := os.ReadFile(filepath.Join(dir, "cert.der"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "key.der"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tls.X509KeyPair(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}))
	if err != nil {
		t.Errorf("%s: %v", dir, err)
	}
}

// storeSerials verifies every certificate of a store and returns their serial
// numbers, which must differ.
func storeSerials(t testing.TB, h rig.Home) map[string]bool {
	t.Helper()
	rootPEM, err := os.ReadFile(h.RootFile("store", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(rootPEM)
	places, err := filepath.Glob(h.Path("store", "issued", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	serials := map[string]bool{}
	for _, place := range places {
		pair, err := tls.LoadX509KeyPair(filepath.Join(place, "cert.pem"), filepath.Join(place, "key.pem"))
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots}); err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		serial := fmt.Sprintf("%032x", pair.Leaf.SerialNumber)
		if serials[serial] {
			t.Errorf("serial number %s was used twice", serial)
		}
		serials[serial] = true
	}
	return serials
}

// watchModes looks for key files that others could read, until the function
// that it returns is called.
func watchModes(t testing.TB, dir string) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(d.Name(), "key.") {
			return nil
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	}
	go func() {
		defer close(finished)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				_ = filepath.WalkDir(dir, look)
			}
		}
	}()
	return func() { close(done); <-finished }
}

// together runs n commands at once and returns how many succeeded.
func together(h rig.Home, n int, args func(i int) []string) (succeeded int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := h.Try(args(i)...); err == nil {
				mu.Lock()
				defer mu.Unlock()
				succeeded++
			}
		})
	}
	wg.Wait()
	return succeeded
}

func TestTwentyFirstInitsMakeOneCA(t *testing.T) {
	h := rig.EmptyHome(t)
	won := together(h, 20, func(int) []string { return []string{"init", "--no-passphrase"} })
	if won != 1 {
		t.Errorf("%d of 20 runs made a CA, want 1", won)
	}
	verifyAll(t, h, nil)
}

func TestFiftyIssuesAtOnce(t *testing.T) {
	h := rig.NewHome(t)
	won := together(h, 50, func(i int) []string { return []string{"issue", fmt.Sprintf("d%d.local", i)} })
	if won != 50 {
		t.Errorf("%d of 50 runs succeeded", won)
	}
	if serials := storeSerials(t, h); len(serials) != 50 {
		t.Errorf("the store has %d certificates, want 50", len(serials))
	}
	for i := range 50 {
		checkPair(t, h.Path(fmt.Sprintf("d%d.local", i)))
	}
}

func TestFiftyIssuesOfOneNameMakeOne(t *testing.T) {
	h := rig.NewHome(t)
	won := together(h, 50, func(i int) []string { return []string{"issue", "pico.local", "--out", fmt.Sprint("out", i)} })
	if serials := storeSerials(t, h); won != 1 || len(serials) != 1 {
		t.Errorf("%d runs succeeded and the store has %d certificates, want 1 and 1", won, len(serials))
	}
	if outs, _ := filepath.Glob(h.Path("out*")); len(outs) != 1 {
		t.Errorf("folders written: %v, want one", outs)
	}
}
