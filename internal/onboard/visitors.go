package onboard

import (
	"net/netip"
	"sync"
)

// visitors remembers what kind of device is at each address.
type visitors struct {
	mu      sync.Mutex
	devices map[netip.Addr]Platform
}

// maxDevices bounds the memory that strangers can take. Past it everything is
// forgotten, which costs a word in an event.
const maxDevices = 256

// meet notes the device at an address, and returns what is known of it. A device
// that was picked as an iPad or a Samsung stays one, whatever its browser claims.
func (v *visitors) meet(from netip.Addr, device Platform) Platform {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.devices[from]
	if device == "" || known.claimsToBe(device) {
		return known
	}
	if len(v.devices) >= maxDevices {
		clear(v.devices)
	}
	v.devices[from] = device
	return device
}
