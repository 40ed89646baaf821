package onboard

import (
	"crypto/rand"
	"net/netip"
	"sync"
)

// proofs are the visits to the check page that wait for their proof image.
type proofs struct {
	mu      sync.Mutex
	waiting map[string]*attempt
}

// attempt is one visit to the check page.
type attempt struct {
	from    netip.Addr
	proven  chan struct{} // closed when the image was fetched
	refused bool          // a browser at from refused the image's certificate; guarded by proofs.mu
}

// begin starts a visit under a random name, and forgets it on end. There are
// never more visits than connections.
func (p *proofs) begin(from netip.Addr) (name string, a *attempt, end func()) {
	name = rand.Text()
	a = &attempt{from: from, proven: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[name] = a
	return name, a, func() { p.take(name) }
}

// prove ends the wait of the visit with that name. It reports false for a name
// that is unknown or was used before.
func (p *proofs) prove(name string) bool {
	a := p.take(name)
	if a != nil {
		close(a.proven)
	}
	return a != nil
}

func (p *proofs) take(name string) *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.waiting[name]
	delete(p.waiting, name)
	return a
}

// refuse notes that a browser at an address refused the image's certificate. It
// reports whether a visit from there is waiting.
func (p *proofs) refuse(from netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	waits := false
	for _, a := range p.waiting {
		if a.from == from {
			a.refused, waits = true, true
		}
	}
	return waits
}

// wasRefused reports whether a browser at a's address refused the image's
// certificate.
func (p *proofs) wasRefused(a *attempt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return a.refused
}
