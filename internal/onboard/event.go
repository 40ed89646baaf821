package onboard

import (
	"fmt"
	"net/netip"
	"time"
)

// Action is what happened.
type Action string

// The actions, in the order of a good visit.
const (
	Opened     Action = "opened"     // the page was opened
	Downloaded Action = "downloaded" // File was fetched
	Distrusted Action = "distrusted" // a certificate of the root was refused: no trust yet
	Checking   Action = "checking"   // the check page was opened; alone it proves nothing
	Trusted    Action = "trusted"    // the seal was fetched: this browser trusts the root
	Unproven   Action = "unproven"   // the check page was opened past a warning: no seal came
	Delivered  Action = "delivered"  // the identity File went out; there is no second time
	Refused    Action = "refused"    // Count requests were turned away for Reason
)

// Event is one thing that a visitor did. No field holds text that a visitor
// chose, so an event can be printed in a terminal as it is.
type Event struct {
	Time    time.Time  `json:"time"`
	Action  Action     `json:"event"`
	Address netip.Addr `json:"address"`
	Device  Platform   `json:"device,omitempty"`
	File    string     `json:"file,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Count   int        `json:"count,omitempty"`
}

// Who is the visitor's address, with the kind of device where it is known:
// "192.168.1.33 (iPhone)".
func (e Event) Who() string {
	if e.Device == "" {
		return e.Address.String()
	}
	return fmt.Sprintf("%s (%s)", e.Address, e.Device)
}

// String is one line in English without the time.
func (e Event) String() string {
	switch e.Action {
	case Opened:
		return e.Who() + " opened the page"
	case Downloaded, Delivered:
		return e.Who() + " downloaded " + e.File
	case Distrusted:
		return e.Who() + " does not trust the root yet"
	case Checking:
		return e.Who() + " opened the check page"
	case Trusted:
		return e.Who() + " trusts the root, checked over HTTPS"
	case Unproven:
		return e.Who() + " opened the check page past a warning: no proof of trust"
	}
	return fmt.Sprintf("%s was refused: %s (%d)", e.Who(), e.Reason, e.Count)
}

// The reasons of Refused.
const (
	wrongHost   = "wrong Host header"
	wrongPath   = "unknown path"
	wrongMethod = "method other than GET and HEAD"
	wrongBody   = "request with a body"
	usedUp      = "identity was already downloaded"
)
