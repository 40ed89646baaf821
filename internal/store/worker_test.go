package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// TestWorkersPutUnderTheLockOfTheirStore: at once, each for its own holders.
func TestWorkersPutUnderTheLockOfTheirStore(t *testing.T) {
	s, root := createLocked(t)
	var all sync.WaitGroup
	for n := range 4 {
		leaves := []pair{root.leaf(t, fmt.Sprintf("a%d.local", n)), root.leaf(t, fmt.Sprintf("b%d.local", n))}
		all.Go(func() {
			w, err := s.Worker()
			if err != nil {
				t.Error(err)
				return
			}
			for _, leaf := range leaves {
				if _, err := w.Put(Record{Name: leaf.Cert.DNSNames[0]}, leaf.Cert, leaf.Key); err != nil {
					t.Error(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	// The lock is still held, and the store sees what the workers put.
	issue(t, s, root, "own.local")
	found := 0
	for _, err := range s.All(false) {
		if err != nil {
			t.Error(err)
		}
		found++
	}
	if found != 9 {
		t.Errorf("got %d certificates, want 9", found)
	}
}

func TestWorkerOfAnUnlockedStoreOnlyReads(t *testing.T) {
	s, root := create(t)
	w, err := s.Worker()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	leaf := root.leaf(t, "a.local")
	if _, err := w.Put(Record{Name: "a.local"}, leaf.Cert, leaf.Key); !errors.Is(err, ErrUnlocked) {
		t.Errorf("got %v, want ErrUnlocked", err)
	}
	if _, err := w.Latest(Device("a.local")); !errors.Is(err, ErrNotIssued) {
		t.Errorf("got %v, want ErrNotIssued", err)
	}
}
