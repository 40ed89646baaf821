package probe

import (
	"context"
	"crypto/x509"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// responder answers multicast DNS at an address of loopback: to each question
// with the records of its name.
func responder(t *testing.T, records map[string][]dnsmessage.Resource) (Network, *atomic.Int32) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := new(atomic.Int32)
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buffer := make([]byte, mdnsPacket)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			asked.Add(1)
			for _, packet := range answersTo(buffer[:n], records) {
				_, _ = conn.WriteTo(packet, from)
			}
		}
	}()
	return Network{
		Interfaces: func() ([]Interface, error) {
			return []Interface{{"lo", netip.MustParsePrefix("127.0.0.1/8")}, {"lo", netip.MustParsePrefix("::1/128")}, {"eth0", netip.MustParsePrefix("192.0.2.1/24")}}, nil
		},
		Group: netip.MustParseAddrPort(conn.LocalAddr().String()), Wait: 10 * time.Second, // answers end it sooner
		Neighbours: func(context.Context) ([]netip.Addr, error) { return nil, nil },
	}, asked
}

// answersTo returns rubbish, and then the answers.
func answersTo(packet []byte, records map[string][]dnsmessage.Resource) [][]byte {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil {
		return nil
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	for _, q := range m.Questions {
		if q.Class != dnsmessage.ClassINET|unicast {
			return nil
		}
		for _, r := range records[strings.ToLower(q.Name.String())] {
			if r.Header.Type == q.Type {
				reply.Answers = append(reply.Answers, r)
			}
		}
	}
	if len(reply.Answers) == 0 {
		return nil
	}
	data, err := reply.Pack()
	if err != nil {
		return nil
	}
	return [][]byte{{}, []byte("rubbish"), packet, data[:len(data)-3], data}
}

func header(name string, kind dnsmessage.Type) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET | unicast, TTL: 120}
}

func a(name, addr string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()}}
}

func aaaa(name, addr string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeAAAA), Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(addr).As16()}}
}

func ptr(name, to string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypePTR), Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(to)}}
}

func srv(name, to string, port uint16) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(name, dnsmessage.TypeSRV), Body: &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(to), Port: port}}
}

func TestLocalNamesAreAskedByMulticast(t *testing.T) {
	n, asked := responder(t, map[string][]dnsmessage.Resource{
		"pico.local.":  {aaaa("pico.local.", "fe80::1"), a("Pico.local.", "192.168.1.42"), a("other.local.", "192.168.1.9")},
		"attic.local.": {aaaa("attic.local.", "fe80::2")},
	})
	for name, want := range map[string]string{"pico.local": "[192.168.1.42 fe80::1%lo]", "PICO.local.": "[192.168.1.42 fe80::1%lo]", "attic.local": "[fe80::2%lo]"} {
		got, err := n.localAddresses(t.Context(), name)
		if err != nil || strings.Trim(strings.ReplaceAll(sprint(got), ",", " "), " ") != want {
			t.Errorf("%s: got %v, %v; want %s", name, got, err, want)
		}
	}
	n.Wait = 10 * time.Millisecond
	asked.Store(0)
	if got, err := n.localAddresses(t.Context(), "nobody.local"); err != nil || len(got) > 0 || n.Group.IsValid() && asked.Load() > mdnsTries {
		t.Errorf("nobody.local: got %v, %v", got, err)
	}
	if _, err := n.localAddresses(t.Context(), strings.Repeat("a", 300)+".local"); err == nil {
		t.Error("a name of 306 characters was asked for")
	}
}

func sprint(addrs []netip.Addr) string {
	var all []string
	for _, addr := range addrs {
		all = append(all, addr.String())
	}
	return "[" + strings.Join(all, " ") + "]"
}

func TestOnlyLocalIsMulticast(t *testing.T) {
	for name, want := range map[string]bool{"pico.local": true, "PICO.LOCAL.": true, "local": false, "pico.local.lan": false, "mylocal": false} {
		if got := isLocal(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// TestFindLooksAroundTheHome: at what announces itself, at neighbours and at
// this computer, and nowhere else.
func TestFindLooksAroundTheHome(t *testing.T) {
	h := newHome(t)
	good := serveTLS(t, h.issue(now, "pico.local").TLS(), nil)
	n, _ := responder(t, map[string][]dnsmessage.Resource{
		"_https._tcp.local.":           {ptr("_https._tcp.local.", "NAS._https._tcp.local.")},
		"nas._https._tcp.local.":       {srv("NAS._https._tcp.local.", "nas.local.", 5555)},
		"nas.local.":                   {a("nas.local.", "192.168.1.7"), a("nas.local.", "203.0.113.7"), a("nas.local.", "10.9.9.9")},
		"42.1.168.192.in-addr.arpa.":   {ptr("42.1.168.192.in-addr.arpa.", "pico.local.")},
		"1.113.0.203.in-addr.arpa.":    {ptr("1.113.0.203.in-addr.arpa.", "public.example.")},
		"_secure-mqtt._tcp.local.":     {ptr("_secure-mqtt._tcp.local.", "lost._secure-mqtt._tcp.local.")},
		"unrelated._https._tcp.local.": {a("unrelated.local.", "192.168.1.8")},
	})
	// Its own address in the home network, from which a test cannot speak.
	n.Interfaces = func() ([]Interface, error) {
		return []Interface{{"lo", netip.MustParsePrefix("127.0.0.1/8")}, {"lo", netip.MustParsePrefix("192.168.1.5/24")}, {"vpn", netip.MustParsePrefix("10.9.9.1/24")}}, nil
	}
	n.Neighbours = func(context.Context) ([]netip.Addr, error) {
		return parseARP([]byte(`IP address       HW type     Flags       HW address            Mask     Device
192.168.1.42     0x1         0x2         aa:bb:cc:dd:ee:ff     *        eth0
192.168.1.43     0x1         0x0         00:00:00:00:00:00     *        eth0
203.0.113.1      0x1         0x2         aa:bb:cc:dd:ee:fe     *        eth0
`)), nil
	}
	dialled := map[string]bool{}
	var lock = make(chan struct{}, 1)
	n.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		lock <- struct{}{}
		dialled[to.Addr().String()] = true
		<-lock
		switch to.String() {
		case "192.168.1.42:443", "192.168.1.7:5555":
			return new(net.Dialer).DialContext(ctx, "tcp", good.String())
		}
		return nil, syscall.ECONNREFUSED
	}
	known := h.e
	expected := func(name string) Expected {
		if name == "pico.local" {
			return known
		}
		return Expected{Roots: known.Roots, Known: known.Known, System: x509.NewCertPool(), Of: func(string) Expected { return known }}
	}
	var found Search
	// On a busy machine answers take longer.
	for n.Wait = 50 * time.Millisecond; len(found.Reports) < 2 && n.Wait < time.Minute; n.Wait *= 10 {
		var err error
		if found, err = (Prober{Network: n, Now: h.now, Timeout: time.Minute}).Find(t.Context(), expected); err != nil {
			t.Fatal(err)
		}
	}
	if found.Places != 4 || found.Cut || dialled["10.9.9.9"] || dialled["203.0.113.7"] || dialled["203.0.113.1"] || dialled["192.168.1.43"] || dialled["127.0.0.1"] {
		t.Errorf("got %d places, cut %v; dialled %v", found.Places, found.Cut, dialled)
	}
	var got []string
	for _, r := range found.Reports {
		got = append(got, r.Target.String()+" "+strings.Join(ids(r), ","))
	}
	if want := []string{"nas.local:5555 ", "pico.local:443 "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnlyTheOwnNetworkAnswers: not a source outside the interface's networks, and
// what one inside says of addresses outside is marked.
func TestOnlyTheOwnNetworkAnswers(t *testing.T) {
	packet := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{
		a("a.local.", "192.168.1.7"), a("b.local.", "192.168.2.7"), a("c.local.", "169.254.3.4"), aaaa("d.local.", "fd00::7"), aaaa("e.local.", "fe80::7"), aaaa("f.local.", "2001:db8::7"),
	}}
	data, err := packet.Pack()
	if err != nil {
		t.Fatal(err)
	}
	links := []Interface{
		{"eth0", netip.MustParsePrefix("192.168.1.5/24")}, {"eth0", netip.MustParsePrefix("fd00::5/64")}, {"eth1", netip.MustParsePrefix("192.168.2.5/24")},
	}
	s := speaker{zone: "eth0", networks: networksOf(links, "eth0")}
	for from, want := range map[string]string{
		"192.168.1.9": "a cde ", "169.254.1.1": "a cde ", "192.168.2.9": "none", "10.0.0.1": "none", "127.0.0.1": "none", "203.0.113.1": "none",
	} {
		got := ""
		for _, r := range s.records(netip.MustParseAddr(from), data) {
			name := r.name[:1]
			if !r.near {
				name = " "
			}
			got += name
		}
		if got == "" {
			got = "none"
		}
		if got != want {
			t.Errorf("from %s: got %q, want %q", from, got, want)
		}
	}
}

func TestTablesOfNeighboursAreRead(t *testing.T) {
	for name, table := range map[string]string{
		"macOS":   "? (192.168.1.1) at aa:bb:cc:dd:ee:ff on en0 ifscope [ethernet]\n? (192.168.1.9) at (incomplete) on en0 ifscope [ethernet]\n",
		"Windows": "\r\nInternet Address      Physical Address      Type\r\n  192.168.1.1           aa-bb-cc-dd-ee-ff     dynamic\r\n",
		"nothing": "\x00\xff",
	} {
		got := sprint(parseARP([]byte(table)))
		if want := "[192.168.1.1]"; got != want && name != "nothing" || name == "nothing" && got != "[]" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestASearchIsBounded: what a network of strangers announces has no end.
func TestASearchIsBounded(t *testing.T) {
	h := newHome(t)
	n, _ := responder(t, nil)
	n.Wait = time.Millisecond // nobody answers
	n.Neighbours = func(context.Context) ([]netip.Addr, error) {
		var all []netip.Addr
		for addr := netip.MustParseAddr("10.0.0.1"); len(all) < 1000; addr = addr.Next() {
			all = append(all, addr)
		}
		return all, nil
	}
	var dials atomic.Int32
	n.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
		dials.Add(1)
		return nil, syscall.ECONNREFUSED
	}
	found, err := Prober{Network: n, Now: h.now, Timeout: time.Minute}.Find(t.Context(), func(string) Expected { return h.e })
	if err != nil || !found.Cut || len(found.Reports) > 0 {
		t.Errorf("got %+v, %v", found, err)
	}
	if got, most := int(dials.Load()), maxPlaces*len(searchPorts); got > most {
		t.Errorf("got %d connections, want at most %d", got, most)
	}
}

// TestThisNetworkWorks: the system's own parts, which the other tests replace.
func TestThisNetworkWorks(t *testing.T) {
	n := ThisNetwork()
	links, err := n.Interfaces()
	if err != nil || !slices.ContainsFunc(links, func(i Interface) bool { return i.Prefix.Addr().IsLoopback() }) {
		t.Errorf("interfaces: got %v, %v", links, err)
	}
	if _, err := n.Neighbours(t.Context()); err != nil {
		t.Logf("neighbours: %v", err) // a container may have no table
	}
	at := listen(t, func(net.Conn) {})
	conn, err := n.Dial(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if addrs, err := n.Lookup(t.Context(), "localhost"); err != nil || !addrs[0].IsLoopback() {
		t.Errorf("localhost: got %v, %v", addrs, err)
	}
}

// TestAnAddressThatDoesNotAnswerLeavesTimeForTheNext: its time is limited, that of
// the last one is the caller's.
func TestAnAddressThatDoesNotAnswerLeavesTimeForTheNext(t *testing.T) {
	n, _ := responder(t, map[string][]dnsmessage.Resource{"pico.local.": {a("pico.local.", "127.0.0.2"), a("pico.local.", "127.0.0.3")}})
	ours, theirs := net.Pipe()
	defer theirs.Close()
	limited := map[string]bool{}
	n.Dial = func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
		_, limited[at.String()] = ctx.Deadline()
		if at.Addr().String() == "127.0.0.2" {
			return nil, context.DeadlineExceeded
		}
		return ours, nil
	}
	conn, err := n.DialName(t.Context(), "tcp", "pico.local:8443")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if want := map[string]bool{"127.0.0.2:8443": true, "127.0.0.3:8443": false}; !maps.Equal(limited, want) {
		t.Errorf("got limits %v, want %v", limited, want)
	}
}

func TestDialingANameAsksByMulticast(t *testing.T) {
	n, asked := responder(t, map[string][]dnsmessage.Resource{"pico.local.": {a("pico.local.", "127.0.0.1")}})
	n.Dial = ThisNetwork().Dial
	at := listen(t, func(net.Conn) {})
	port := strconv.Itoa(int(at.Port()))
	for _, host := range []string{"pico.local", "127.0.0.1"} {
		asked.Store(0)
		conn, err := n.DialName(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err != nil || (asked.Load() > 0) != (host == "pico.local") {
			t.Errorf("%s: got %v after %d questions", host, err, asked.Load())
			continue
		}
		conn.Close()
	}
	n.Wait = 10 * time.Millisecond
	if _, err := n.DialName(t.Context(), "tcp", "nobody.local:443"); err == nil || !strings.Contains(err.Error(), "no answer by mDNS") {
		t.Errorf("nobody.local: got %v", err)
	}
}
