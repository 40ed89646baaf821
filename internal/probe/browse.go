package probe

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// serviceTypes are the services by which devices with a TLS server, or one that
// should have one, announce themselves.
var serviceTypes = []string{
	"_https._tcp.local.", "_http._tcp.local.", "_secure-mqtt._tcp.local.", "_mqtt._tcp.local.", "_ipps._tcp.local.", "_ipp._tcp.local.",
	"_home-assistant._tcp.local.", "_esphomelib._tcp.local.", "_shelly._tcp.local.", "_circuitpython._tcp.local.", "_workstation._tcp.local.",
}

// services are what answers to questions for services say.
type services struct {
	instances map[string]bool // those whose server is not known yet have false
	ports     map[string][]int
	addrs     map[string][]netip.Addr
	asked     map[question]bool
}

func newServices() *services {
	return &services{map[string]bool{}, map[string][]int{}, map[string][]netip.Addr{}, map[question]bool{}}
}

// add takes an answer, unless there are more than any home has. An address in
// another network is left out: what announces it could have this computer connect
// to anything that it reaches, such as its employer's servers.
func (s *services) add(r record) {
	switch {
	case len(s.instances)+len(s.ports)+len(s.addrs) > 8*maxPlaces:
	case r.port > 0:
		host := strings.ToLower(r.host)
		s.instances[r.name] = true
		if !slices.Contains(s.ports[host], r.port) {
			s.ports[host] = append(s.ports[host], r.port)
		}
	case r.host != "":
		if instance := strings.ToLower(r.host); !s.instances[instance] {
			s.instances[instance] = false
		}
	case isHome(r.addr) && r.near && !slices.Contains(s.addrs[r.name], r.addr):
		s.addrs[r.name] = append(s.addrs[r.name], r.addr)
	}
}

// open returns what must still be asked for: the servers of instances, and the
// addresses of servers. Nothing is asked for twice.
func (s *services) open() []question {
	var all []question
	ask := func(name string, kind dnsmessage.Type) {
		if q := (question{name, kind}); !s.asked[q] && len(s.asked) < maxPlaces {
			s.asked[q] = true
			all = append(all, q)
		}
	}
	for instance, known := range s.instances {
		if !known {
			ask(instance, dnsmessage.TypeSRV)
		}
	}
	for host := range s.ports {
		if len(s.addrs[host]) == 0 {
			ask(host, dnsmessage.TypeA)
		}
	}
	return all
}

// places returns the servers by their addresses.
func (s *services) places() []*place {
	var all []*place
	for host, addrs := range s.addrs {
		for _, addr := range addrs {
			i := slices.IndexFunc(all, func(at *place) bool { return at.addr == addr })
			if i < 0 {
				i, all = len(all), append(all, &place{addr: addr})
			}
			if isHostName(host) {
				all[i].names = append(all[i].names, strings.TrimSuffix(host, "."))
			}
			all[i].ports = append(all[i].ports, s.ports[host]...)
		}
	}
	for _, at := range all {
		slices.Sort(at.names)
		slices.Sort(at.ports)
	}
	return all
}

// browse asks for services, and then for what the answers leave open.
func (n Network) browse(ctx context.Context, s *services) error {
	var questions []question
	for _, service := range serviceTypes {
		questions = append(questions, question{service, dnsmessage.TypePTR})
	}
	for len(questions) > 0 {
		err := n.ask(ctx, oneEach(questions), func(r record) bool {
			s.add(r)
			return false // more devices may answer
		})
		if err != nil {
			return err
		}
		questions = s.open()
	}
	return nil
}

// oneEach puts each question into a packet of its own: avahi answers in 512
// bytes, with the questions among them, and drops what does not fit.
func oneEach(questions []question) [][]question {
	var rows [][]question
	for _, q := range questions {
		rows = append(rows, []question{q})
	}
	return rows
}

// nameAll asks the places without a name for theirs.
func (n Network) nameAll(ctx context.Context, all []*place) {
	byQuestion := map[string]int{}
	var questions []question
	for i, at := range all {
		if len(at.names) == 0 && len(questions) < maxPlaces {
			q := question{reverse(at.addr), dnsmessage.TypePTR}
			byQuestion[q.name], questions = i, append(questions, q)
		}
	}
	// A place without a name is called by its address.
	_ = n.ask(ctx, oneEach(questions), func(r record) bool {
		if i, ok := byQuestion[r.name]; ok && isHostName(strings.ToLower(r.host)) {
			all[i].names = []string{strings.ToLower(strings.TrimSuffix(r.host, "."))}
			delete(byQuestion, r.name)
		}
		return len(byQuestion) == 0
	})
}

// isHostName reports whether a name that somebody announced can stand in a
// command.
func isHostName(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && strings.Trim(name, "-.") != "" && name[0] != '-'
}

// reverse returns the name under which an IPv4 address has its own name.
func reverse(addr netip.Addr) string {
	b := addr.As4()
	parts := make([]string, 0, len(b))
	for _, octet := range slices.Backward(b[:]) {
		parts = append(parts, strconv.Itoa(int(octet)))
	}
	return strings.Join(parts, ".") + ".in-addr.arpa."
}
