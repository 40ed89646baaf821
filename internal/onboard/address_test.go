package onboard

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func iface(name string, addresses ...string) Interface {
	i := Interface{Name: name, Up: true}
	for _, a := range addresses {
		i.Addresses = append(i.Addresses, netip.MustParseAddr(a))
	}
	return i
}

func down(i Interface) Interface {
	i.Up = false
	return i
}

func pointToPoint(i Interface) Interface {
	i.PointToPoint = true
	return i
}

func loop() Interface {
	i := iface("lo", "127.0.0.1", "::1")
	i.Loopback = true
	return i
}

func network(route string, interfaces ...Interface) Network {
	n := Network{Interfaces: interfaces}
	if route != "" {
		n.Route = netip.MustParseAddr(route)
	}
	return n
}

func TestChooseFindsTheAddressThatAPhoneReaches(t *testing.T) {
	tests := []struct {
		name   string
		n      Network
		want   string
		others string
	}{
		{"one interface", network("192.168.1.20", loop(), iface("eth0", "192.168.1.20")), "192.168.1.20 (eth0)", ""},
		{"the default route wins", network("10.0.0.5", iface("eth0", "192.168.1.20"), iface("wlan0", "10.0.0.5")), "10.0.0.5 (wlan0)", "192.168.1.20 (eth0)"},
		{"a container bridge loses", network("192.168.1.20", iface("docker0", "172.17.0.1"), iface("br-0123456789ab", "172.18.0.1"), iface("eth0", "192.168.1.20")),
			"192.168.1.20 (eth0)", "172.17.0.1 (docker0) 172.18.0.1 (br-0123456789ab)"},
		{"a VPN loses, even with the default route", network("10.8.0.2", iface("tun0", "10.8.0.2"), iface("wlan0", "192.168.1.20")), "192.168.1.20 (wlan0)", "10.8.0.2 (tun0)"},
		{"a VPN under any name loses", network("10.8.0.2", pointToPoint(iface("corp", "10.8.0.2")), iface("wlan0", "192.168.1.20")), "192.168.1.20 (wlan0)", "10.8.0.2 (corp)"},
		{"a VPN is better than nothing", network("10.8.0.2", loop(), iface("wg0", "10.8.0.2")), "10.8.0.2 (wg0)", ""},
		{"a router's own bridge is its LAN", network("203.0.113.9", iface("eth0", "203.0.113.9"), iface("br-lan", "192.168.1.1"), iface("veth12", "172.20.0.1")),
			"192.168.1.1 (br-lan)", "172.20.0.1 (veth12)"},
		{"a virtual machine host's bridge too", network("192.168.1.20", iface("br0", "192.168.1.20"), iface("virbr0", "192.168.122.1")), "192.168.1.20 (br0)", "192.168.122.1 (virbr0)"},
		{"an interface that is down is left out", network("", down(iface("eth0", "192.168.1.20")), iface("wlan0", "192.168.1.21")), "192.168.1.21 (wlan0)", ""},
		{"a public address is left out", network("203.0.113.7", iface("eth0", "203.0.113.7", "10.1.2.3")), "10.1.2.3 (eth0)", ""},
		{"a carrier's shared address is left out", network("100.64.1.2", iface("wwan0", "100.64.1.2"), iface("wlan0", "192.168.1.20")), "192.168.1.20 (wlan0)", ""},
		{"IPv4 before IPv6", network("192.168.1.20", iface("wlan0", "fd00::20", "fe80::1", "2001:db8::1", "192.168.1.20")), "192.168.1.20 (wlan0)", "fd00::20 (wlan0)"},
		{"only IPv6", network("", iface("wlan0", "fe80::1", "fd00::20")), "fd00::20 (wlan0)", ""},
		{"no DHCP is better than nothing", network("", iface("eth0", "169.254.9.9")), "169.254.9.9 (eth0)", ""},
		{"no DHCP comes after a real address", network("", iface("eth0", "169.254.9.9"), iface("wlan0", "192.168.1.20")), "192.168.1.20 (wlan0)", "169.254.9.9 (eth0)"},
		{"macOS", network("192.168.1.20", loop(), iface("utun3", "10.8.0.2"), iface("awdl0", "fd01::1"), iface("bridge100", "192.168.64.1"), iface("en0", "192.168.1.20")),
			"192.168.1.20 (en0)", "10.8.0.2 (utun3) 192.168.64.1 (bridge100) fd01::1 (awdl0)"},
		{"Windows", network("192.168.1.20", iface("vEthernet (WSL)", "172.28.0.1"), iface("Tailscale", "fd7a:115c::1"), iface("Wi-Fi", "192.168.1.20")),
			"192.168.1.20 (Wi-Fi)", "172.28.0.1 (vEthernet (WSL)) fd7a:115c::1 (Tailscale)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, others, err := test.n.Choose(Filter{})
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			var list []string
			for _, o := range others {
				list = append(list, o.String())
			}
			if strings.Join(list, " ") != test.others {
				t.Errorf("got others %q, want %q", list, test.others)
			}
		})
	}
}

func TestChooseFollowsTheFilter(t *testing.T) {
	n := network("192.168.1.20", loop(), iface("docker0", "172.17.0.1"), down(iface("eth1", "10.9.9.9")), iface("wlan0", "192.168.1.20", "192.168.1.21", "203.0.113.7"), iface("ppp0", "203.0.113.8"))
	ip := netip.MustParseAddr
	tests := []struct {
		name   string
		filter Filter
		want   string // address, or part of the error
	}{
		{"interface", Filter{Interface: "docker0"}, "172.17.0.1 (docker0)"},
		{"address", Filter{Address: ip("192.168.1.21")}, "192.168.1.21 (wlan0)"},
		{"mapped address", Filter{Address: ip("::ffff:192.168.1.21")}, "192.168.1.21 (wlan0)"},
		{"both", Filter{"wlan0", ip("192.168.1.21")}, "192.168.1.21 (wlan0)"},
		{"loopback by address", Filter{Address: ip("127.0.0.1")}, "127.0.0.1 (lo)"},
		{"loopback by name", Filter{Interface: "lo"}, "127.0.0.1 (lo)"},
		{"both that do not fit", Filter{"docker0", ip("192.168.1.21")}, `interface "docker0" does not have the address 192.168.1.21; usable: 192.168.1.20 (wlan0), `},
		{"unknown interface", Filter{Interface: "wlan9"}, `interface "wlan9" does not exist on this computer; usable: 192.168.1.20 (wlan0), `},
		{"unknown interface and own address", Filter{"wlan9", ip("192.168.1.20")}, `interface "wlan9" does not exist on this computer; usable: 192.168.1.20 (wlan0), `},
		{"public interface", Filter{Interface: "ppp0"}, `interface "ppp0" has no private address; usable: 192.168.1.20 (wlan0), `},
		{"interface that is down", Filter{Interface: "eth1"}, `interface "eth1" is down`},
		{"another computer's address", Filter{Address: ip("192.168.1.99")}, "address 192.168.1.99 does not belong to this computer; usable: 192.168.1.20"},
		{"own public address", Filter{Address: ip("203.0.113.7")}, "address 203.0.113.7 is not private"},
		{"every address", Filter{Address: ip("0.0.0.0")}, "address 0.0.0.0 means every interface"},
		{"every IPv6 address", Filter{Address: ip("::")}, "address :: means every interface"},
		{"mapped public address", Filter{Address: ip("::ffff:8.8.8.8")}, "address 8.8.8.8 is not private"},
		{"multicast", Filter{Address: ip("224.0.0.1")}, "address 224.0.0.1 is not private"},
		{"zone", Filter{Address: ip("fe80::1%wlan0")}, "which browsers cannot open"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := n.Choose(test.filter)
			said := got.String()
			if err != nil {
				said = err.Error()
			}
			if !strings.HasPrefix(said, test.want) && !(err != nil && strings.Contains(said, test.want)) {
				t.Errorf("got %q, want %q", said, test.want)
			}
		})
	}
}

func TestChooseFailsWithoutALocalNetwork(t *testing.T) {
	for _, n := range []Network{
		{},
		network("", loop()),
		network("203.0.113.7", loop(), iface("eth0", "203.0.113.7")),
		network("", loop(), down(iface("eth0", "192.168.1.20"))),
	} {
		if got, _, err := n.Choose(Filter{}); !errors.Is(err, ErrNoAddress) {
			t.Errorf("%v: got %v, %v, want ErrNoAddress", n, got, err)
		}
	}
}

func TestChosenAddressesAreNeverPublic(t *testing.T) {
	for _, public := range []string{"8.8.8.8", "203.0.113.7", "100.64.0.1", "2001:db8::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "172.32.0.1", "11.0.0.1"} {
		n := network(public, iface("eth0", public))
		if got, _, err := n.Choose(Filter{}); err == nil {
			t.Errorf("chose %s", got)
		}
		if checkAddress(netip.MustParseAddr(public)) == nil {
			t.Errorf("%s is not refused", public)
		}
	}
	if checkAddress(netip.Addr{}) == nil {
		t.Error("no address at all is not refused")
	}
}

func TestReadNetworkSeesLoopback(t *testing.T) {
	n, err := ReadNetwork()
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := n.Choose(Filter{Address: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	if !got.IP().IsLoopback() {
		t.Errorf("got %s, want loopback", got)
	}
}

func TestOpenChoosesAndListens(t *testing.T) {
	place, err := Open("", "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	if got := place.Address.IP().String(); got != "127.0.0.1" || place.Page == nil || place.Check == nil || place.Proof == nil {
		t.Errorf("got %s and %+v", got, place.Listeners)
	}
	for name, address := range map[string]string{"": "x", "no-such-interface": "", "lo": "192.0.2.1"} {
		if place, err := Open(name, address, 0); err == nil {
			t.Errorf("interface %q, address %q: got %s, want an error", name, address, place.Address)
			place.Close()
		}
	}
}
