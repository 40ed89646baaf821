package faultdisk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/durable/osdisk"
)

var files = []durable.File{{Name: "a", Data: []byte("new!"), Mode: 0o600}, {Name: "b/c", Data: []byte("new!"), Mode: 0o600}}

// publish runs a change on a new disk that the plan wraps.
func publish(t *testing.T, plan *faultdisk.Plan) (dir string, err error, killed bool) {
	t.Helper()
	dir = t.TempDir()
	d, err := osdisk.Open(dir, osdisk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err, killed = plan.Run(func() error {
		staged, err := durable.Stage(plan.Wrap(d), ".", ".test-", 0o755, files)
		if err != nil {
			return err
		}
		defer func() { _ = staged.Discard() }() // as a caller's clean-up
		return staged.Publish("out")
	})
	return dir, err, killed
}

func TestPlanOfNothingCounts(t *testing.T) {
	plan := &faultdisk.Plan{}
	dir, err, killed := publish(t, plan)
	if err != nil || killed || plan.Count() < 10 || plan.Reached() {
		t.Errorf("got %v, killed %v, %d operations", err, killed, plan.Count())
	}
	if data, err := os.ReadFile(filepath.Join(dir, "out", "b", "c")); string(data) != "new!" {
		t.Errorf("got %q, %v", data, err)
	}
}

// TestKilledChangesNothingMore: the clean-up that a caller has deferred does not
// reach the disk.
func TestKilledChangesNothingMore(t *testing.T) {
	steps := 0
	for at := 1; ; at++ {
		dir, err, killed := publish(t, &faultdisk.Plan{At: at, NoSync: true})
		if !killed {
			break
		}
		steps++
		stages, _ := filepath.Glob(filepath.Join(dir, ".test-*"))
		_, outErr := os.Stat(filepath.Join(dir, "out"))
		if got := len(stages) + map[bool]int{true: 1}[outErr == nil]; err != nil || at > 1 && got != 1 {
			t.Errorf("operation %d: got %v, %q, %v; want the stage or the folder", at, err, stages, outErr)
		}
	}
	if steps < 10 {
		t.Errorf("%d operations, want at least 10", steps)
	}
}

func TestErrorIsReturnedOnceOrForGood(t *testing.T) {
	for _, forGood := range []bool{false, true} {
		plan := &faultdisk.Plan{At: 4, Err: syscall.ENOSPC, ForGood: forGood, NoSync: true}
		dir, err, killed := publish(t, plan)
		stages, _ := filepath.Glob(filepath.Join(dir, ".test-*"))
		if !errors.Is(err, syscall.ENOSPC) || killed || (len(stages) > 0) != forGood {
			t.Errorf("for good %v: got %v, killed %v, left %q", forGood, err, killed, stages)
		}
	}
}

// TestWriteIsCutInHalf where it fails or the process ends.
func TestWriteIsCutInHalf(t *testing.T) {
	for _, cause := range []error{nil, syscall.ENOSPC} {
		halves := 0
		for at := 1; at < 10; at++ {
			dir, _, _ := publish(t, &faultdisk.Plan{At: at, Err: cause, ForGood: true, NoSync: true})
			cut, _ := filepath.Glob(filepath.Join(dir, ".test-*", "a"))
			for _, name := range cut {
				if data, err := os.ReadFile(name); err == nil && string(data) == "ne" {
					halves++
				}
			}
		}
		if halves != 1 {
			t.Errorf("%v: %d runs left half a file, want 1", cause, halves)
		}
	}
}
