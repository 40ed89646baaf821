package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Go's resolver never speaks multicast DNS: it would ask the DNS server for a
// name in .local, which does not know it, and learns it.

// The bounds of a question.
const (
	mdnsPacket = 9000 // RFC 6762 section 17
	mdnsTries  = 3
)

// unicast in a question's class asks for an answer to this port, and in an
// answer's class says that it replaces earlier ones (RFC 6762 sections 5.4 and
// 10.2).
const unicast = 1 << 15

// question is one question of multicast DNS.
type question struct {
	name string // with the dot at its end
	kind dnsmessage.Type
}

// record is an answer: an address, or what a name stands for.
type record struct {
	name string // in lower case, with the dot at its end
	addr netip.Addr
	// near reports whether the address is in the network that the answer came from.
	near bool
	// host is a name that a PTR or SRV record leads to, port that of the latter.
	host string
	port int
}

// isLocal reports whether a name belongs to multicast DNS (RFC 6762 section 3).
func isLocal(name string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), ".local")
}

// DialName connects to a host, as net.Dialer does, but asks for names in .local by
// multicast DNS. An address that does not answer leaves time for the next one.
func (n Network) DialName(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isLocal(host) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	addrs, err := n.localAddresses(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no answer by mDNS", Name: host, IsNotFound: true}
	}
	for i, addr := range addrs {
		var conn net.Conn
		if conn, err = n.dialPort(ctx, addr, port, i+1 < len(addrs)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// dialPort connects to a port of an address, for a short time if there are more
// addresses to try.
func (n Network) dialPort(ctx context.Context, addr netip.Addr, port string, more bool) (net.Conn, error) {
	at, err := netip.ParseAddrPort(net.JoinHostPort(addr.String(), port))
	if err != nil {
		return nil, err
	}
	if more {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, dialTimeout)
		defer cancel()
	}
	return n.Dial(ctx, at)
}

// localAddresses asks every network that this computer is in for a name.
func (n Network) localAddresses(ctx context.Context, name string) ([]netip.Addr, error) {
	fqdn := strings.TrimSuffix(name, ".") + "."
	questions := []question{{fqdn, dnsmessage.TypeA}, {fqdn, dnsmessage.TypeAAAA}}
	var addrs []netip.Addr
	err := n.ask(ctx, [][]question{questions}, func(r record) bool {
		if r.addr.IsValid() && r.name == strings.ToLower(fqdn) {
			addrs = append(addrs, r.addr)
		}
		// The A record comes in the same packet, if there is one.
		return len(addrs) > 0
	})
	return inOrder(addrs), err
}

// ask sends questions, each row in a packet of its own, through every interface,
// a few times, and calls each with each answer. Once a packet after which each was satisfied has been read, or
// when ctx ends, it returns.
func (n Network) ask(ctx context.Context, rows [][]question, each func(record) (satisfied bool)) error {
	var packets [][]byte
	for _, questions := range rows {
		packet, err := pack(questions)
		if err != nil {
			return err
		}
		packets = append(packets, packet)
	}
	conns, err := n.speakers(ctx)
	if err != nil || len(conns) == 0 || len(packets) == 0 {
		return err
	}
	listen, cancel := context.WithCancel(ctx)
	answers := make(chan []record)
	var wg sync.WaitGroup
	for _, conn := range conns {
		context.AfterFunc(listen, func() { conn.Close() })
		wg.Go(func() { conn.read(listen, answers) })
	}
	defer func() {
		cancel()
		wg.Wait()
	}()
	return n.repeat(ctx, conns, packets, answers, each)
}

// repeat sends packets several times, and hands out what comes back.
func (n Network) repeat(ctx context.Context, conns []speaker, packets [][]byte, answers <-chan []record, each func(record) bool) error {
	for range mdnsTries {
		for _, conn := range conns {
			for _, packet := range packets {
				// One interface of several may have no route; the others answer.
				_, _ = conn.WriteToUDPAddrPort(packet, n.Group)
			}
		}
		try, cancel := context.WithTimeout(ctx, n.Wait)
		satisfied := hear(try, answers, each)
		cancel()
		if satisfied || ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// hear hands out answers until each is satisfied or ctx ends.
func hear(ctx context.Context, answers <-chan []record, each func(record) bool) bool {
	for {
		select {
		case records := <-answers:
			satisfied := false
			for _, r := range records {
				satisfied = each(r) || satisfied
			}
			if satisfied {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

func pack(questions []question) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	err := b.StartQuestions()
	for _, q := range questions {
		name, nameErr := dnsmessage.NewName(q.name)
		err = errors.Join(err, nameErr, b.Question(dnsmessage.Question{Name: name, Type: q.kind, Class: dnsmessage.ClassINET | unicast}))
	}
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

// speaker is a socket on one interface.
type speaker struct {
	*net.UDPConn
	zone     string         // the interface's name
	networks []netip.Prefix // that the interface is in
}

// near reports whether an address is in a network of the interface. Routers pass
// on no link-local address.
func (s speaker) near(addr netip.Addr) bool {
	return addr.IsLinkLocalUnicast() || slices.ContainsFunc(s.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// speakers opens a free port on each interface with an IPv4 address: a question
// from there is answered by unicast (RFC 6762 section 5.1). Without its address
// a computer that has no default route could not send at all.
func (n Network) speakers(ctx context.Context) ([]speaker, error) {
	links, err := n.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []speaker
	for _, link := range links {
		addr := link.Prefix.Addr()
		if !addr.Is4() || addr.IsLoopback() != n.Group.Addr().IsLoopback() {
			continue
		}
		config := net.ListenConfig{Control: multicastFrom(addr)}
		conn, err := config.ListenPacket(ctx, "udp4", netip.AddrPortFrom(addr, 0).String())
		if err == nil {
			all = append(all, speaker{conn.(*net.UDPConn), link.Name, networksOf(links, link.Name)})
		}
	}
	return all, nil
}

// networksOf returns the networks that an interface is in.
func networksOf(links []Interface, name string) (all []netip.Prefix) {
	for _, link := range links {
		if link.Name == name {
			all = append(all, link.Prefix.Masked())
		}
	}
	return all
}

// read passes on what comes back until the socket is closed.
func (s speaker) read(ctx context.Context, answers chan<- []record) {
	buffer := make([]byte, mdnsPacket)
	for {
		size, from, err := s.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		select {
		case answers <- s.records(from.Addr().Unmap(), buffer[:size]):
		case <-ctx.Done():
			return
		}
	}
}

// records returns what an answer says: nothing if it comes from outside the
// interface's networks (RFC 6762 section 11).
func (s speaker) records(from netip.Addr, packet []byte) []record {
	if !s.near(from) {
		return nil
	}
	all := unpack(packet, s.zone)
	for i, r := range all {
		all[i].near = s.near(r.addr)
	}
	return all
}

// unpack returns the records of an answer, also those that were not asked for.
// One that cannot be read to its end has none.
func unpack(packet []byte, zone string) []record {
	var p dnsmessage.Parser
	header, err := p.Start(packet)
	if err != nil || !header.Response || p.SkipAllQuestions() != nil {
		return nil
	}
	var all []record
	for _, section := range []section{{p.AnswerHeader, p.SkipAnswer}, {p.AuthorityHeader, p.SkipAuthority}, {p.AdditionalHeader, p.SkipAdditional}} {
		records, err := section.read(&p, zone)
		if !errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		all = append(all, records...)
	}
	return all
}

// section is a part of a message with records.
type section struct {
	next func() (dnsmessage.ResourceHeader, error)
	skip func() error
}

// read returns the records of a section. At its end the error is ErrSectionDone.
func (s section) read(p *dnsmessage.Parser, zone string) (all []record, err error) {
	for {
		header, err := s.next()
		if err != nil {
			return all, err
		}
		r, err := body(p, header, s.skip)
		if err != nil {
			return nil, err
		}
		r.name = strings.ToLower(header.Name.String())
		if r.addr.Is6() && r.addr.IsLinkLocalUnicast() {
			r.addr = r.addr.WithZone(zone)
		}
		if header.Class&^unicast == dnsmessage.ClassINET {
			all = append(all, r)
		}
	}
}

// body reads what a record says. Reading only these kinds keeps the others out
// of the program.
func body(p *dnsmessage.Parser, header dnsmessage.ResourceHeader, skip func() error) (r record, err error) {
	switch header.Type {
	case dnsmessage.TypeA:
		var a dnsmessage.AResource
		a, err = p.AResource()
		r.addr = netip.AddrFrom4(a.A)
	case dnsmessage.TypeAAAA:
		var aaaa dnsmessage.AAAAResource
		aaaa, err = p.AAAAResource()
		r.addr = netip.AddrFrom16(aaaa.AAAA).Unmap()
	case dnsmessage.TypePTR:
		var ptr dnsmessage.PTRResource
		ptr, err = p.PTRResource()
		r.host = ptr.PTR.String()
	case dnsmessage.TypeSRV:
		var srv dnsmessage.SRVResource
		srv, err = p.SRVResource()
		r.host, r.port = srv.Target.String(), int(srv.Port)
	default:
		err = skip()
	}
	return r, err
}
