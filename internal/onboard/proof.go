package onboard

import (
	"crypto/rand"
	"sync"
)

// proofs are the visits to the check page that wait for their seal.
type proofs struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// begin names a new visit, tells when its seal is fetched, and forgets it on
// end. There are never more visits than connections.
func (p *proofs) begin() (name string, sealed <-chan struct{}, end func()) {
	name = rand.Text()
	done := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[name] = done
	return name, done, func() { p.take(name) }
}

// seal ends the wait of the visit with that name. It reports false for a name
// that is unknown or was used before.
func (p *proofs) seal(name string) bool {
	done := p.take(name)
	if done != nil {
		close(done)
	}
	return done != nil
}

func (p *proofs) take(name string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.waiting[name]
	delete(p.waiting, name)
	return done
}
