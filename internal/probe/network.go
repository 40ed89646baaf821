package probe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Interface is an address of this computer in a network.
type Interface struct {
	Name   string
	Prefix netip.Prefix // with the computer's own address
}

// Network is what a prober may use of the world.
type Network struct {
	// Lookup asks the system's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	Dial   func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// Interfaces returns the addresses of this computer.
	Interfaces func() ([]Interface, error)
	// Neighbours returns the addresses that this computer has spoken to lately.
	Neighbours func(ctx context.Context) ([]netip.Addr, error)
	// Group is where multicast DNS is spoken, and Wait how long the answers to one
	// question may take.
	Group netip.AddrPort
	Wait  time.Duration
}

// mdnsWait is how long answers may take: RFC 6762 section 6 lets a responder
// wait for up to half a second.
const mdnsWait = 600 * time.Millisecond

// ThisNetwork is the one that this computer is in.
func ThisNetwork() Network {
	return Network{
		Lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
		Dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr.String())
		},
		Interfaces: interfaces,
		Neighbours: neighbours,
		Group:      netip.MustParseAddrPort("224.0.0.251:5353"),
		Wait:       mdnsWait,
	}
}

// interfaces returns the addresses of the interfaces that are up.
func interfaces() ([]Interface, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []Interface
	for _, link := range links {
		addrs, err := link.Addrs()
		if err != nil || link.Flags&net.FlagUp == 0 {
			continue
		}
		for _, addr := range addrs {
			if prefix, err := netip.ParsePrefix(addr.String()); err == nil {
				all = append(all, Interface{link.Name, prefix})
			}
		}
	}
	return all, nil
}

// inOrder puts addresses in the order in which they should be tried: IPv4
// first, link-local IPv6 last, which needs a zone. None is there twice.
func inOrder(addrs []netip.Addr) []netip.Addr {
	var all, global, link []netip.Addr
	for _, addr := range addrs {
		switch addr = addr.Unmap(); {
		case addr.Is4():
			all = append(all, addr)
		case !addr.IsLinkLocalUnicast():
			global = append(global, addr)
		default:
			link = append(link, addr)
		}
	}
	return unique(slices.Concat(all, global, link))
}

func unique(addrs []netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, addr := range addrs {
		if !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all
}
