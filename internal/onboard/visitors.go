package onboard

import (
	"net/netip"
	"sync"
	"time"
)

// visitors remembers, for each address, what kind of device it is and when it
// was last reported for something that repeats.
type visitors struct {
	mu   sync.Mutex
	seen map[netip.Addr]*visitor
}

type visitor struct {
	device     Platform
	distrusted time.Time
}

// maxVisitors bounds the memory that strangers can take. Past it everybody is
// forgotten, which costs a word in an event.
const maxVisitors = 256

// quiet is how long a repeated event of one address is held back.
const quiet = 5 * time.Second

func (v *visitors) get(from netip.Addr) *visitor {
	if v.seen[from] == nil {
		if len(v.seen) >= maxVisitors {
			clear(v.seen)
		}
		v.seen[from] = &visitor{}
	}
	return v.seen[from]
}

// meet notes the device at an address, and returns what is known of it. What
// was picked as an iPad stays one, whatever its browser claims.
func (v *visitors) meet(from netip.Addr, device Platform) Platform {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.get(from)
	if device != "" && !(device == Mac && known.device == IPad) {
		known.device = device
	}
	return known.device
}

// distrust reports whether a refused certificate is worth telling: a browser
// tries several connections at once.
func (v *visitors) distrust(from netip.Addr, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.get(from)
	if now.Sub(known.distrusted) < quiet {
		return false
	}
	known.distrusted = now
	return true
}
