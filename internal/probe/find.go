package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// The bounds of a search.
const (
	maxPlaces     = 256
	maxAdvertised = 8  // ports that one device may announce
	parallelDials = 64 // connections at once
	dialTimeout   = 2 * time.Second
	// SearchTime bounds a whole search.
	SearchTime = 3 * time.Minute
)

// searchPorts are where TLS servers of homes usually are, each with the device
// that it probably is, as --for takes it.
var searchPorts = []struct {
	port   int
	device string
}{
	{PortHTTPS, ""}, {8443, ""}, {PortMQTT, "mosquitto"}, {5001, "synology"}, {8006, "proxmox"}, {8123, "home-assistant/core"}, {9090, "cockpit"}, {9443, ""},
}

// place is an address of the home network, with what it is called there.
type place struct {
	addr  netip.Addr
	names []string
	ports []int
}

// Search is what a search found.
type Search struct {
	Places  int // addresses that were looked at
	Reports []Report
	// Cut reports whether the search ended before it was through.
	Cut bool
}

// Find looks for TLS servers in the home network: at the addresses that
// multicast DNS and the table of neighbours have, and at this computer's own,
// if they are private. expected returns what the CA expects of a name.
func (p Prober) Find(ctx context.Context, expected func(name string) Expected) (Search, error) {
	ctx, cancel := context.WithTimeout(ctx, SearchTime)
	defer cancel()
	places, err := p.Network.places(ctx)
	if err != nil {
		return Search{}, err
	}
	result := Search{Places: len(places), Cut: len(places) > maxPlaces}
	places = places[:min(len(places), maxPlaces)]
	var targets []Target
	for _, at := range places {
		targets = append(targets, at.targets()...)
	}
	for _, r := range p.CheckAll(ctx, targets, parallelDials, func(t Target) Expected { return expected(t.Name) }) {
		if !r.has(nobodyThere...) {
			result.Reports = append(result.Reports, r)
		}
	}
	result.Cut = result.Cut || ctx.Err() != nil
	return result, nil
}

// nobodyThere are the findings of a place without a TLS server. Something else
// may listen at a port; only at that of HTTPS or MQTT it is a fault.
var nobodyThere = []string{"refused", "unreachable", "connect-timeout", "name-unknown", "name-unanswered", "other-service"}

// targets are the servers that a place may have.
func (at *place) targets() []Target {
	name := at.addr.String()
	if len(at.names) > 0 {
		name = at.names[0]
	}
	target := Target{Name: name, Address: at.addr, Found: true}
	var all []Target
	for _, usual := range searchPorts {
		target.Port, target.For = usual.port, usual.device
		all = append(all, target)
	}
	for _, port := range at.ports[:min(len(at.ports), maxAdvertised)] {
		if target.Port, target.For = port, ""; !slices.ContainsFunc(all, func(t Target) bool { return t.Port == port }) {
			all = append(all, target)
		}
	}
	return all
}

// Devices returns the devices that a search takes servers for.
func Devices() []string {
	var all []string
	for _, usual := range searchPorts {
		if usual.device != "" {
			all = append(all, usual.device)
		}
	}
	return all
}

// CheckAll checks servers, some at once, and returns the reports in the same
// order.
func (p Prober) CheckAll(ctx context.Context, targets []Target, parallel int, expected func(Target) Expected) []Report {
	reports := make([]Report, len(targets))
	limit := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, t := range targets {
		limit <- struct{}{}
		wg.Go(func() {
			reports[i] = p.Check(ctx, t, expected(t))
			<-limit
		})
	}
	wg.Wait()
	return reports
}

// places returns the addresses of the home network that are known without
// trying any, in order.
func (n Network) places(ctx context.Context) ([]*place, error) {
	links, err := n.Interfaces()
	if err != nil {
		return nil, err
	}
	near, err := n.Neighbours(ctx)
	if err != nil {
		near = nil // multicast DNS may know them
	}
	for _, link := range links {
		near = append(near, link.Prefix.Addr())
	}
	found := newServices()
	if err := n.browse(ctx, found); err != nil {
		return nil, err
	}
	all := found.places()
	for _, addr := range near {
		addr = addr.Unmap()
		if isHome(addr) && !slices.ContainsFunc(all, func(at *place) bool { return at.addr == addr }) {
			all = append(all, &place{addr: addr})
		}
	}
	n.nameAll(ctx, all)
	slices.SortFunc(all, func(x, y *place) int { return x.addr.Compare(y.addr) })
	return all, nil
}

// isHome reports whether an address belongs to a home network: a search looks
// at no other.
func isHome(addr netip.Addr) bool {
	return addr.Is4() && (addr.IsPrivate() || addr.IsLinkLocalUnicast())
}
