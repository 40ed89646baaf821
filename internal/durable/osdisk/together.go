package osdisk

import "sync"

// Together lets the disks of several goroutines on one folder sync what they share
// together: one sync makes last what all of them did before it began. A folder of
// thousands is synced as often as they wait for it, instead of once for each. Its
// zero value is ready.
type Together struct {
	lock    sync.Mutex
	folders map[string]*rounds
}

// rounds are the syncs of one folder.
type rounds struct {
	running chan struct{} // holds a token while a round is under way
	lock    sync.Mutex
	next    *round // has not begun
}

type round struct {
	done chan struct{}
	err  error
}

func (t *Together) sync(name string, do func() error) error {
	t.lock.Lock()
	if t.folders == nil {
		t.folders = map[string]*rounds{}
	}
	folder := t.folders[name]
	if folder == nil {
		folder = &rounds{running: make(chan struct{}, 1)}
		t.folders[name] = folder
	}
	t.lock.Unlock()
	return folder.sync(do)
}

// sync joins the next round, or leads it once the one before is over: that may have
// begun before the caller's change.
func (r *rounds) sync(do func() error) error {
	r.lock.Lock()
	this, leads := r.next, r.next == nil
	if leads {
		this = &round{done: make(chan struct{})}
		r.next = this
	}
	r.lock.Unlock()
	if !leads {
		<-this.done
		return this.err
	}
	r.running <- struct{}{}
	r.lock.Lock()
	r.next = nil // a caller that comes from here on may be too late
	r.lock.Unlock()
	this.err = do()
	<-r.running
	close(this.done)
	return this.err
}
