package osdisk

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// TestOneSyncServesAllWhoWaited: those who come while one is under way share the
// next, and never the one that may have begun before their change.
func TestOneSyncServesAllWhoWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var together Together
		begun, end, syncs := make(chan int), make(chan error), 0
		do := func() error {
			syncs++
			begun <- syncs
			return <-end
		}
		var first, others sync.WaitGroup
		ask := func(wg *sync.WaitGroup, want error) {
			wg.Go(func() {
				if err := together.sync("issued", do); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			})
		}
		full := errors.New("disk full")
		ask(&first, nil)
		<-begun
		for range 5 {
			ask(&others, full)
		}
		synctest.Wait() // all five wait
		end <- nil
		first.Wait()
		<-begun
		end <- full
		others.Wait()
		if syncs != 2 {
			t.Errorf("got %d syncs, want 2", syncs)
		}
	})
}

// TestDisksOfOneFolderSyncTogether: only the folder that they share, by its name.
func TestDisksOfOneFolderSyncTogether(t *testing.T) {
	dir, together := t.TempDir(), &Together{}
	var disks []*Disk
	for range 2 {
		d, err := Open(dir, Options{Together: together})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		disks = append(disks, d)
	}
	if err := disks[0].Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	sub, err := disks[1].Sub("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for _, sync := range []error{disks[0].SyncDir("."), disks[1].SyncDir("sub"), sub.SyncDir(".")} {
		if sync != nil {
			t.Error(sync)
		}
	}
	if err := disks[1].SyncDir("none"); err == nil && runtime.GOOS != "windows" {
		t.Error("a folder that does not exist was synced")
	}
}
