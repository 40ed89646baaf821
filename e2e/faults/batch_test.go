//go:build unix

package faults

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// batchRows are the devices of one list.
const batchRows = 30

// batches are lists that are issued one after the other, each by a command that is
// killed until it comes to its end.
type batches struct {
	h        rig.Home
	most     time.Duration // that a run lives
	lists    int
	reported map[string]string // serial numbers to fingerprints
	kills    int               // of runs that had not ended
	halfway  int               // of those, how many had reported something
}

// TestKilledBatchContinues kills issue --from: the same command continues, issues
// nothing twice, loses nothing that it reported, and leaves no half-written file.
func TestKilledBatchContinues(t *testing.T) {
	kills, halfway := 10, 3
	if os.Getenv("PICOCA_TEST_ALL") != "" {
		kills, halfway = 300, 60
	}
	syscall.Umask(0) // the modes must not lean on it
	defer syscall.Umask(0o022)
	h := rig.NewHome(t)
	b := &batches{h: h, most: time.Hour, reported: map[string]string{}}
	start := time.Now()
	b.issueList() // which nothing kills
	b.most = time.Since(start) * 2 / 3
	watch := watchModes(t, h.Dir)
	for b.lists < 200 && (b.kills < kills || b.halfway < halfway) {
		b.issueList()
	}
	watch()
	b.verify()
	found := fmt.Sprintf("%d lists, %d runs killed, %d of them halfway", b.lists, b.kills, b.halfway)
	if b.kills < kills || b.halfway < halfway {
		t.Error(found)
	}
	t.Log(found)
}

// issueList issues the next list.
func (b *batches) issueList() {
	t := b.h.T
	t.Helper()
	var rows strings.Builder
	for i := range batchRows {
		fmt.Fprintf(&rows, "d%d-%d.local\n", b.lists, i)
	}
	list := fmt.Sprintf("list-%d.txt", b.lists)
	rig.WriteFile(t, b.h.Path(list), rows.String())
	b.lists++
	for range 200 {
		if b.run(list) {
			return
		}
	}
	t.Fatalf("%s is not issued after 200 runs", list)
}

// run runs the command once, and reports whether it came to its end.
func (b *batches) run(list string) bool {
	t := b.h.T
	t.Helper()
	cmd, out := start(b.h, "issue", "--from", list, "--for", "computer", "--out", "out", "--json")
	if b.most != time.Hour {
		time.Sleep(rand.N(b.most))
		_ = cmd.Process.Kill()
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		t.Fatalf("issue --from %s: %v", list, err)
	}
	some := false
	for line := range bytes.Lines(out.Bytes()) {
		some = note(b.reported, line) || some
	}
	if err == nil {
		return true
	}
	b.kills++
	if some {
		b.halfway++
	}
	return false
}

// verify looks at everything that the lists have left.
func (b *batches) verify() {
	t, h := b.h.T, b.h
	t.Helper()
	found := storeSerials(t, h)
	if len(found) != b.lists*batchRows {
		t.Errorf("got %d certificates, want %d", len(found), b.lists*batchRows)
	}
	for serial := range b.reported {
		if !found[serial] {
			t.Errorf("certificate %s was reported, and is lost", serial)
		}
	}
	if len(b.reported) != len(found) {
		t.Errorf("got %d certificates reported, want %d", len(b.reported), len(found))
	}
	for _, place := range glob(h, "store", "issued", "*", "*", "cert.pem") {
		name := filepath.Base(filepath.Dir(filepath.Dir(place)))
		if _, err := tls.LoadX509KeyPair(h.Path("out", name, "cert.pem"), h.Path("out", name, "key.pem")); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(rig.ReadFile(t, place), rig.ReadFile(t, h.Path("out", name, "cert.pem"))) {
			t.Errorf("%s: the file is not the certificate in the store", name)
		}
	}
	for _, where := range [][]string{{".picoca-*"}, {"out", ".picoca-*"}, {"out", "*", ".picoca-*"}, {"store", ".picoca-*"}, {"store", "issued", ".*"}, {"store", "issued", "*", ".*"}} {
		if left := glob(h, where...); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}
