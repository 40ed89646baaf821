package onboard

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Network is what is known of this computer's networks.
type Network struct {
	Interfaces []Interface
	// Route is the local address that traffic to the outside would leave from;
	// the zero value without a default route.
	Route netip.Addr
}

// Interface is one network interface. Up means that it is switched on and
// connected.
type Interface struct {
	Name                       string
	Up, Loopback, PointToPoint bool
	Addresses                  []netip.Addr
}

// Wish is what the user asked for: an interface by name, an address, both or
// neither.
type Wish struct {
	Interface string
	Address   netip.Addr
}

// Address is an address of this computer that may serve a root certificate:
// private, link-local or, when asked for, loopback. Choose makes it.
type Address struct {
	ip   netip.Addr
	name string
}

// IP is the address itself.
func (a Address) IP() netip.Addr { return a.ip }

// Interface is the name of its network interface.
func (a Address) Interface() string { return a.name }

// String names the address and its interface: "192.168.1.20 (wlan0)".
func (a Address) String() string { return fmt.Sprintf("%s (%s)", a.ip, a.name) }

// ReadNetwork asks the operating system. It sends nothing.
func ReadNetwork() (Network, error) {
	found, err := net.Interfaces()
	if err != nil {
		return Network{}, err
	}
	n := Network{Route: outgoing()}
	for _, i := range found {
		addrs, err := i.Addrs()
		if err != nil {
			return Network{}, fmt.Errorf("%s: %w", i.Name, err)
		}
		n.Interfaces = append(n.Interfaces, Interface{
			Name:         i.Name,
			Up:           i.Flags&(net.FlagUp|net.FlagRunning) == net.FlagUp|net.FlagRunning,
			Loopback:     i.Flags&net.FlagLoopback != 0,
			PointToPoint: i.Flags&net.FlagPointToPoint != 0,
			Addresses:    plain(addrs),
		})
	}
	return n, nil
}

func plain(addrs []net.Addr) []netip.Addr {
	var ips []netip.Addr
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			ips = append(ips, prefix.Addr().Unmap())
		}
	}
	return ips
}

// outgoing is the address of the default route. Connecting a UDP socket sends
// no packet; it only makes the system choose where one would leave. 192.0.2.1
// belongs to nobody (RFC 5737).
func outgoing() netip.Addr {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return local.AddrPort().Addr().Unmap()
}

// Choose picks the address that a phone in this home can most likely reach, and
// lists the others that would do, best first. It prefers real interfaces to
// container bridges and VPNs, then the one with the default route, then IPv4
// for its shorter QR code. Loopback is taken only when w asks for it. It fails
// when w names nothing usable or nothing is left, with ErrNoAddress.
func (n Network) Choose(w Wish) (Address, []Address, error) {
	if w.Address.IsValid() {
		if err := refusal(w.Address.Unmap()); err != nil {
			return Address{}, nil, err
		}
	}
	all := n.candidates()
	fits := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !w.allows(c) })
	if len(fits) == 0 {
		return Address{}, nil, n.explain(w, all)
	}
	chosen := fits[0]
	var others []Address
	for _, c := range all {
		if c.Address != chosen.Address && !c.loopback {
			others = append(others, c.Address)
		}
	}
	return chosen.Address, others, nil
}

func (w Wish) allows(c candidate) bool {
	asked := w.Interface != "" || w.Address.IsValid()
	return (asked || !c.loopback) &&
		(w.Interface == "" || w.Interface == c.name) &&
		(!w.Address.IsValid() || w.Address.Unmap() == c.ip)
}

func (n Network) explain(w Wish, all []candidate) error {
	named := slices.IndexFunc(n.Interfaces, func(i Interface) bool { return i.Name == w.Interface })
	if named >= 0 && !n.Interfaces[named].Up {
		return fmt.Errorf("interface %q is down", w.Interface)
	}
	var have []string
	for _, c := range all {
		have = append(have, c.String())
	}
	list := cmp.Or(strings.Join(have, ", "), "none")
	switch {
	case w.Interface != "" && named < 0:
		return fmt.Errorf("%q is not an interface of this computer: have %s", w.Interface, list)
	case w.Address.IsValid() && w.Interface != "":
		return fmt.Errorf("interface %q does not have the address %s: have %s", w.Interface, w.Address, list)
	case w.Address.IsValid():
		return fmt.Errorf("%s is not an address of this computer: have %s", w.Address, list)
	case w.Interface != "":
		return fmt.Errorf("interface %q has no private address: have %s", w.Interface, list)
	}
	return ErrNoAddress
}

// ErrNoAddress says that this computer has no address that a phone could reach.
var ErrNoAddress = fmt.Errorf("this computer has no address in a local network")

type candidate struct {
	Address
	loopback, virtual, routed bool
}

// candidates are the usable addresses, best first.
func (n Network) candidates() []candidate {
	var all []candidate
	for _, i := range n.Interfaces {
		if !i.Up {
			continue
		}
		for _, ip := range i.Addresses {
			if refusal(ip) == nil {
				all = append(all, candidate{
					Address:  Address{ip, i.Name},
					loopback: i.Loopback,
					virtual:  i.PointToPoint || isVirtual(i.Name),
					routed:   slices.Contains(i.Addresses, n.Route),
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(
			after(a.loopback, b.loopback),
			after(a.virtual, b.virtual),
			after(!a.routed, !b.routed),
			after(a.ip.IsLinkLocalUnicast(), b.ip.IsLinkLocalUnicast()),
			after(a.ip.Is6(), b.ip.Is6()),
		)
	})
	return all
}

// after sorts what is worse behind what is not.
func after(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// virtualNames start the names of interfaces that lead to containers, virtual
// machines or a VPN: a phone in the home cannot reach an address there.
var virtualNames = []string{
	"docker", "veth", "virbr", "vnet", "lxc", "lxd", "cni", "podman", "flannel", "cali", "cilium", "kube",
	"vboxnet", "vmnet", "vethernet", "bridge1", "hyper-v",
	"tun", "tap", "wg", "utun", "tailscale", "ppp", "zt", "zerotier", "nordlynx", "proton", "mullvad", "ipsec", "openvpn", "wireguard",
	"awdl", "llw", "anpi",
}

func isVirtual(name string) bool {
	name = strings.ToLower(name)
	if slices.ContainsFunc(virtualNames, func(start string) bool { return strings.HasPrefix(name, start) }) {
		return true
	}
	// Docker's own networks are br-<12 hex digits>; br0 and br-lan are the LAN
	// of a router or a virtual machine host.
	id, ok := strings.CutPrefix(name, "br-")
	return ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

// refusal says why a root certificate is not served on ip; nil when it may be.
func refusal(ip netip.Addr) error {
	switch {
	case !ip.IsValid():
		return fmt.Errorf("address is missing")
	case ip.IsUnspecified():
		return fmt.Errorf("%s means every interface of this computer: want one address", ip)
	case ip.Zone() != "" || ip.Is6() && ip.IsLinkLocalUnicast():
		return fmt.Errorf("%s is an IPv6 link-local address: browsers cannot open it", ip)
	case ip.IsPrivate(), ip.IsLoopback(), ip.IsLinkLocalUnicast():
		return nil
	}
	return fmt.Errorf("%s is not a private address: want one of the home network", ip)
}
