package onboard

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Action is what happened.
type Action string

// The actions, in the order of a visit that goes well.
const (
	Opened     Action = "opened"     // the page was opened
	Downloaded Action = "downloaded" // File was downloaded
	Distrusted Action = "distrusted" // a certificate of the root was refused: no trust yet
	Checking   Action = "checking"   // the check page was opened, which proves nothing yet
	Trusted    Action = "trusted"    // the proof image was fetched: this browser trusts the root
	Unproven   Action = "unproven"   // the check page was opened and no proof came, for Reason
	Delivered  Action = "delivered"  // the identity File was downloaded; there is no second time
	Rejected   Action = "rejected"   // a request was rejected for Reason
)

var actions = []Action{Opened, Downloaded, Distrusted, Checking, Trusted, Unproven, Delivered, Rejected}

// Event is something that a visitor did, once or repeatedly. No field contains
// text that a visitor chose, so an event can be printed in a terminal as it is.
type Event struct {
	Time    time.Time  `json:"time"`
	Action  Action     `json:"event"`
	Address netip.Addr `json:"address"` // not valid for many visitors together
	Device  Platform   `json:"device,omitempty"`
	File    string     `json:"file,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	// Count is how many times it happened since it was last reported, Total how
	// many times so far; both are 1 for something new.
	Count int `json:"count"`
	Total int `json:"total"`
}

// Visitor returns the visitor's address and, if known, the kind of device:
// "192.168.1.33 (iPhone)".
func (e Event) Visitor() string {
	switch {
	case !e.Address.IsValid():
		return "other visitors"
	case e.Device == "":
		return e.Address.String()
	}
	return fmt.Sprintf("%s (%s)", e.Address, e.Device)
}

// String returns one line of English without the time.
func (e Event) String() string { return e.Visitor() + " " + e.did() + e.times() }

func (e Event) did() string {
	switch e.Action {
	case Opened:
		return "opened the page"
	case Downloaded, Delivered:
		return "downloaded " + e.File
	case Distrusted:
		return "refused the certificate: it does not trust the root yet"
	case Checking:
		return "opened the check page"
	case Trusted:
		return "trusts the root (checked over HTTPS)"
	case Unproven:
		return "opened the check page, but sent no proof of trust: " + e.Reason
	}
	return "sent a request that was rejected: " + e.Reason
}

func (e Event) times() string {
	switch {
	case e.Total <= 1:
		return ""
	case e.Total == e.Count:
		return fmt.Sprintf(" (%d times)", e.Count)
	case e.Count == 1:
		return " (again)"
	}
	return fmt.Sprintf(" (%d more times)", e.Count)
}

// The reasons of Unproven.
const (
	pastWarning = "went past a warning, does not trust the root"
	noImage     = "a warning was tapped away, or images are blocked"
)

// The reasons of Rejected.
const (
	wrongHost   = "wrong Host header"
	wrongPath   = "unknown path"
	wrongMethod = "method other than GET and HEAD"
	wrongBody   = "request with a body"
	usedUp      = "identity was already downloaded"
)

// Bounds of what is remembered and printed, whatever visitors do: at most
// maxLines lines for each of maxVisitors addresses and for all other addresses
// together, and a summary at the end.
const (
	maxVisitors = 32
	maxLines    = 12
	repeatAfter = 5 * time.Second
)

// tally decides which events are reported. What is new is reported at once;
// repeats of it are counted and reported together, after repeatAfter at first
// and after twice as long each time. None is left out, except a refused
// certificate within repeatAfter of the previous one: rest returns what is still
// held back. Only one goroutine may use it.
type tally struct {
	repeatAfter time.Duration
	kinds       map[kind]*count
	lines       map[netip.Addr]int // reported so far, for each visitor
}

// kind is what repeated events have in common.
type kind struct {
	from         netip.Addr
	action       Action
	file, reason string
}

type count struct {
	event Event // the last one
	total int
	held  int           // since the last report
	next  time.Time     // when repeats are reported
	wait  time.Duration // from the next report to the one after it
}

func newTally(repeatAfter time.Duration) *tally {
	return &tally{repeatAfter: repeatAfter, kinds: map[kind]*count{}, lines: map[netip.Addr]int{}}
}

// add counts an event. It returns the event to report now, if there is one.
func (t *tally) add(e Event) (Event, bool) {
	if _, known := t.lines[e.Address]; !known && len(t.lines) >= maxVisitors {
		e.Address, e.Device = netip.Addr{}, ""
	}
	t.lines[e.Address] += 0
	k := kind{e.Address, e.Action, e.File, e.Reason}
	if t.kinds[k] == nil {
		t.kinds[k] = &count{next: e.Time, wait: t.repeatAfter}
	}
	c := t.kinds[k]
	if e.Action == Distrusted && c.total > 0 && e.Time.Sub(c.event.Time) < t.repeatAfter {
		return Event{}, false // a browser tries several connections at once
	}
	c.event = e
	c.total++
	c.held++
	if !t.ripe(c, e.Time) {
		return Event{}, false
	}
	return t.report(c, e.Time), true
}

// ripe reports whether held events of a kind may be reported. The first proof
// and the first delivery always may.
func (t *tally) ripe(c *count, now time.Time) bool {
	if c.total == 1 && (c.event.Action == Trusted || c.event.Action == Delivered) {
		return true
	}
	return !now.Before(c.next) && t.lines[c.event.Address] < maxLines
}

func (t *tally) report(c *count, now time.Time) Event {
	e := c.event
	e.Time, e.Count, e.Total = now, c.held, c.total
	t.lines[e.Address]++
	c.held, c.next, c.wait = 0, now.Add(c.wait), 2*c.wait
	return e
}

// due returns what was held back for long enough.
func (t *tally) due(now time.Time) []Event {
	return t.take(now, func(c *count) bool { return t.ripe(c, now) })
}

// rest returns everything that was held back.
func (t *tally) rest(now time.Time) []Event {
	return t.take(now, func(*count) bool { return true })
}

func (t *tally) take(now time.Time, ripe func(*count) bool) []Event {
	var events []Event
	for _, c := range t.held() {
		if ripe(c) {
			events = append(events, t.report(c, now))
		}
	}
	return events
}

// held returns the kinds with something held back, in the order of their report.
func (t *tally) held() []*count {
	var all []*count
	for _, c := range t.kinds {
		if c.held > 0 {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *count) int {
		return cmp.Or(
			a.event.Address.Compare(b.event.Address),
			cmp.Compare(slices.Index(actions, a.event.Action), slices.Index(actions, b.event.Action)),
			cmp.Compare(a.event.File+a.event.Reason, b.event.File+b.event.Reason),
		)
	})
	return all
}
