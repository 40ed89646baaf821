package cli

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/probe"
)

// target reads NAME or NAME:PORT.
func (r *checkRun) target(c *pki.CA, address netip.Addr) (probe.Target, error) {
	host, port, err := splitPort(r.options.server)
	if err != nil {
		return probe.Target{}, err
	}
	switch kind, err := c.KindOfName(host); kind {
	case pki.CAItself:
		return probe.Target{}, err
	case pki.Identity, pki.Delegated:
		return probe.Target{}, &pki.WrongKindError{Input: host, Got: kind, Want: pki.Device}
	}
	names, err := ca.ParseNames([]string{host})
	if err != nil {
		return probe.Target{}, err
	}
	if strings.HasPrefix(names.First().String(), "*.") {
		return probe.Target{}, fault.New(fmt.Sprintf("name %q is a wildcard, which no server is reached by", host), fault.Hintf("name one of its hosts: %s", fault.Command{"check", "nas" + names.First().String()[1:]}))
	}
	t := probe.Target{Name: names.First().String(), Port: port, Address: address}
	if t.Port == 0 {
		t.Port = probe.PortHTTPS
		if s, ok := r.servers.Find(names.First()); ok {
			t.Port = s.Port
		}
	}
	return t, nil
}

// splitPort takes the port off a name or address, or off what people copy from
// a browser; 0 is none.
func splitPort(server string) (host string, port int, err error) {
	if page, ok := strings.CutPrefix(server, "https://"); ok {
		server = strings.TrimSuffix(page, "/")
	}
	if _, err := netip.ParseAddr(server); err == nil {
		return server, 0, nil
	}
	host, digits, err := net.SplitHostPort(server)
	if err != nil {
		return server, 0, nil // the name's own rules say what is wrong
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fault.New(fmt.Sprintf("port %q is not a number from 1 to 65535", digits), fault.Hintf("leave it out for the device's usual port: %s", fault.Command{"check", host}))
	}
	return host, port, nil
}

// expected is what the CA expects of a name.
func (r *checkRun) expected(name string) probe.Expected {
	e := probe.Expected{Intermediates: r.servers.Intermediates, Known: r.known, DueFrom: pki.DueFromLeaf, Of: r.expected}
	for _, root := range r.servers.Roots {
		e.Roots = append(e.Roots, probe.Root{Certificate: root.Certificate, Retired: root.Retired != nil})
	}
	names, err := ca.ParseNames([]string{name})
	if err != nil {
		return e
	}
	s, ok := r.servers.Find(names.First())
	if !ok {
		return e
	}
	e.Holder, e.Newest = s.Name, s.Newest.Leaf
	e.Predict = func(leaf *x509.Certificate) probe.Prediction {
		return probe.Prediction{Device: s.Target.Name(), Seconds: s.Seconds(leaf), Slow: s.IsSlow(leaf)}
	}
	return e
}

func (r *checkRun) known(leaf *x509.Certificate) (probe.Known, bool) {
	i, ok := r.servers.Issued(leaf)
	return probe.Known{Holder: i.Record.Name, Revoked: i.Revoked != nil}, ok
}
