package onboard

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Network is what is known about this computer's networks.
type Network struct {
	Interfaces []Interface
	// Route is the local address that traffic to the outside would leave from;
	// the zero value without a default route.
	Route netip.Addr
}

// Interface is one network interface. Up means switched on and connected.
type Interface struct {
	Name                       string
	Up, Loopback, PointToPoint bool
	Addresses                  []netip.Addr
}

// Filter is what the user asked for: an interface by name, an address, both or
// neither.
type Filter struct {
	Interface string
	Address   netip.Addr
}

// ParseFilter reads both as the user typed them; empty stands for any.
func ParseFilter(name, address string) (Filter, error) {
	if address == "" {
		return Filter{Interface: name}, nil
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return Filter{}, fault.With(fmt.Errorf("address %q is not an IP address", address),
			fault.Hintf("leave --address out to let picoca choose, or give one such as 192.168.1.20"))
	}
	return Filter{name, ip}, nil
}

// Address is an address of this computer that may serve a root: private,
// link-local or, if asked for, loopback. Choose makes it.
type Address struct {
	ip   netip.Addr
	name string
}

// IP returns the address itself.
func (a Address) IP() netip.Addr { return a.ip }

// Interface returns the name of its network interface.
func (a Address) Interface() string { return a.name }

// String returns the address and its interface: "192.168.1.20 (wlan0)".
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

// outgoing returns the address of the default route. Connecting a UDP socket
// sends no packet; it only makes the system choose where one would leave.
// 192.0.2.1 is reserved for documentation (RFC 5737).
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

// Choose returns the address that a phone at home can most likely reach, and the
// other usable ones, best first. It prefers real interfaces to container bridges
// and VPNs, then the one with the default route, then IPv4 for its shorter QR
// code. Loopback is chosen only if f asks for it. It fails, with a hint that
// names a usable address, if f matches none; with ErrNoAddress if there is none.
func (n Network) Choose(f Filter) (Address, []Address, error) {
	all := n.candidates()
	if f.Address.IsValid() {
		if err := checkAddress(f.Address.Unmap()); err != nil {
			return Address{}, nil, fault.With(err, f.hint(all))
		}
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !f.allows(c) })
	if len(fits) == 0 {
		return Address{}, nil, fault.With(n.mismatch(f, all), f.hint(all))
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

func (f Filter) allows(c candidate) bool {
	asked := f.Interface != "" || f.Address.IsValid()
	return (asked || !c.loopback) &&
		(f.Interface == "" || f.Interface == c.name) &&
		(!f.Address.IsValid() || f.Address.Unmap() == c.ip)
}

// mismatch returns the reason why no candidate fits f.
func (n Network) mismatch(f Filter, all []candidate) error {
	named := slices.IndexFunc(n.Interfaces, func(i Interface) bool { return i.Name == f.Interface })
	if named >= 0 && !n.Interfaces[named].Up {
		return fmt.Errorf("interface %q is down", f.Interface)
	}
	var usable []string
	for _, c := range all {
		usable = append(usable, c.String())
	}
	list := cmp.Or(strings.Join(usable, ", "), "none")
	switch {
	case f.Interface != "" && named < 0:
		return fmt.Errorf("interface %q does not exist on this computer; usable: %s", f.Interface, list)
	case f.Address.IsValid() && f.Interface != "":
		return fmt.Errorf("interface %q does not have the address %s; usable: %s", f.Interface, f.Address, list)
	case f.Address.IsValid():
		return fmt.Errorf("address %s does not belong to this computer; usable: %s", f.Address, list)
	case f.Interface != "":
		return fmt.Errorf("interface %q has no private address; usable: %s", f.Interface, list)
	}
	return ErrNoAddress
}

// hint suggests the best usable address by the flag that the user gave.
func (f Filter) hint(all []candidate) fault.Hint {
	i := slices.IndexFunc(all, func(c candidate) bool { return !c.loopback })
	if i < 0 {
		return fault.Hintf("connect this computer to your home network")
	}
	if f.Interface != "" && !f.Address.IsValid() {
		return fault.Run("phone", "--interface", all[i].name)
	}
	return fault.Run("phone", "--address", all[i].ip.String())
}

// ErrNoAddress means that this computer has no address that a phone could reach.
var ErrNoAddress = errors.New("this computer has no address in a local network")

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
			if checkAddress(ip) == nil {
				all = append(all, candidate{
					Address:  Address{ip, i.Name},
					loopback: i.Loopback,
					virtual:  i.PointToPoint || isVirtual(i.Name),
					routed:   slices.Contains(i.Addresses, n.Route),
				})
			}
		}
	}
	// slices.SortStableFunc would be compiled once more for candidates: 7 KB.
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return cmp.Or(
			falseFirst(a.loopback, b.loopback),
			falseFirst(a.virtual, b.virtual),
			falseFirst(!a.routed, !b.routed),
			falseFirst(a.ip.IsLinkLocalUnicast(), b.ip.IsLinkLocalUnicast()),
			falseFirst(a.ip.Is6(), b.ip.Is6()),
		) < 0
	})
	return all
}

// falseFirst orders two conditions: what is worse comes last.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// virtualNames are how the names of interfaces begin that lead to containers,
// virtual machines or a VPN: a phone at home cannot reach an address there.
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

// checkAddress returns the reason why ip may not serve a root; nil if it may.
func checkAddress(ip netip.Addr) error {
	switch {
	case !ip.IsValid():
		return errors.New("address is missing")
	case ip.IsUnspecified():
		return fmt.Errorf("address %s means every interface of this computer; expected a single address", ip)
	case ip.Zone() != "" || ip.Is6() && ip.IsLinkLocalUnicast():
		return fmt.Errorf("address %s is an IPv6 link-local address, which browsers cannot open", ip)
	case ip.IsPrivate(), ip.IsLoopback(), ip.IsLinkLocalUnicast():
		return nil
	}
	return fmt.Errorf("address %s is not private; expected one of the home network", ip)
}
