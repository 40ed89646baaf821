package onboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/netip"
	"sync"
	"time"
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
	refused chan struct{} // closed when a browser at from refused the image's certificate
}

// begin starts a visit under a random name, and forgets it on end. There are
// never more visits than connections.
func (p *proofs) begin(from netip.Addr) (name string, a *attempt, end func()) {
	name = rand.Text()
	a = &attempt{from: from, proven: make(chan struct{}), refused: make(chan struct{})}
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
			waits = true
			if !a.wasRefused() {
				close(a.refused)
			}
		}
	}
	return waits
}

// wasRefused reports whether refused is closed. It is called with proofs.mu held.
func (a *attempt) wasRefused() bool {
	select {
	case <-a.refused:
		return true
	default:
		return false
	}
}

// await returns the reason why no proof has come for the visit, "" if it has.
// It waits for patience, or for grace after a refusal: another browser at the
// same address may have refused. It fails when ctx ends first.
func (a *attempt) await(ctx context.Context, patience, grace time.Duration) (reason string, err error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	refused := a.refused
	for {
		select {
		case <-a.proven:
			return "", nil
		case <-refused:
			refused, reason = nil, pastWarning
			late.Reset(grace)
		case <-late.C:
			return cmp.Or(reason, noImage), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
