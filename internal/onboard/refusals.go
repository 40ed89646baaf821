package onboard

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// refusals counts the requests that were turned away, by address and reason.
// The first of its kind is told at once, what follows together after a while:
// none is swallowed, and nobody can flood the terminal.
type refusals struct {
	quiet time.Duration // between two events of a kind
	mu    sync.Mutex
	kinds map[kind]*tally
}

type kind struct {
	from   netip.Addr
	reason string
}

type tally struct {
	told time.Time
	held int // since then
}

// maxKinds bounds the memory that strangers can take. Past it what was held is
// told, and everybody is forgotten.
const maxKinds = 256

// add counts one request, and returns what is to be told now.
func (r *refusals) add(from netip.Addr, reason string, now time.Time) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []Event
	k := kind{from, reason}
	if r.kinds[k] == nil {
		if len(r.kinds) >= maxKinds {
			events = r.take(func(*tally) bool { return true }, now)
			clear(r.kinds)
		}
		r.kinds[k] = &tally{told: now.Add(-r.quiet)}
	}
	t := r.kinds[k]
	t.held++
	if now.Sub(t.told) >= r.quiet {
		events = append(events, k.event(t, now))
	}
	return events
}

// due returns what was held long enough.
func (r *refusals) due(now time.Time) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take(func(t *tally) bool { return now.Sub(t.told) >= r.quiet }, now)
}

// rest returns all that was held.
func (r *refusals) rest(now time.Time) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take(func(*tally) bool { return true }, now)
}

// take is called with r.mu held. The order of the events is the same each time.
func (r *refusals) take(ripe func(*tally) bool, now time.Time) []Event {
	var events []Event
	for k, t := range r.kinds {
		if t.held > 0 && ripe(t) {
			events = append(events, k.event(t, now))
		}
	}
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Reason, b.Reason))
	})
	return events
}

func (k kind) event(t *tally, now time.Time) Event {
	e := Event{Time: now, Action: Refused, Address: k.from, Reason: k.reason, Count: t.held}
	t.told, t.held = now, 0
	return e
}
