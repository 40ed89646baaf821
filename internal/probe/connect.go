package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// resolve returns the server's addresses in the order in which to try them,
// none after a finding.
func (v *visit) resolve(ctx context.Context) []netip.Addr {
	name := v.r.Target.Name
	if v.r.Target.Address.IsValid() {
		v.r.step(StepName, fmt.Sprintf("%s, as given", v.r.Target.Address), 0)
		return []netip.Addr{v.r.Target.Address}
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{addr}
	}
	ctx, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	began, how := v.Now(), "DNS"
	lookup := v.Network.Lookup
	if isLocal(name) {
		lookup, how = v.Network.localAddresses, "mDNS"
	}
	addrs, err := lookup(ctx, name)
	if addrs = inOrder(addrs); len(addrs) == 0 {
		v.unresolved(name, err)
		return nil
	}
	v.r.step(StepName, fmt.Sprintf("%s, by %s", addrs[0], how), v.since(began))
	return addrs
}

func (v *visit) unresolved(name string, err error) {
	try := fault.Command{"check", v.r.Target.again(), "--address", "ADDRESS"}
	if isLocal(name) {
		v.r.find("name-unanswered", fault.Hintf("switch the device on, in the same network as this computer; if you know its address: %s", try),
			"%s was asked for by mDNS in each network of this computer", name)
		return
	}
	cause := fmt.Sprintf("the resolver of this computer has no address of %s", name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && !e.IsNotFound {
		cause = fmt.Sprintf("the resolver of this computer cannot be asked for %s: %s", name, e.Err)
	}
	v.r.find("name-unknown", fault.Hintf("check the spelling, and the device's name in your router; if you know its address: %s", try), "%s", cause)
}

// again returns the server as the command line takes it.
func (t Target) again() string {
	if t.Port == PortHTTPS {
		return t.Name
	}
	return t.String()
}

// atPort is the command that tries another port of the server, at the address where
// this one was looked for.
func (t Target) atPort() fault.Command {
	command := fault.Command{"check", net.JoinHostPort(t.Name, "PORT")}
	if t.Address.IsValid() {
		command = append(command, "--address", t.Address.String())
	}
	return command
}

// connect connects to the first address that lets it. The time is shared among
// them.
func (v *visit) connect(ctx context.Context, addrs []netip.Addr) net.Conn {
	limit := v.Timeout / time.Duration(len(addrs))
	if v.r.Target.Found {
		limit = min(limit, dialTimeout)
	}
	began := v.Now()
	var first error
	for _, addr := range addrs {
		at := netip.AddrPortFrom(addr, uint16(v.r.Target.Port))
		conn, err := v.dial(ctx, at, limit)
		if err == nil {
			v.r.Address = at
			v.r.step(StepConnection, "TCP, "+at.String(), v.since(began))
			return conn
		}
		if first == nil {
			first = err
		}
	}
	v.unconnected(netip.AddrPortFrom(addrs[0], uint16(v.r.Target.Port)), first, limit)
	return nil
}

func (v *visit) dial(ctx context.Context, at netip.AddrPort, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return v.Network.Dial(ctx, at)
}

// unconnected explains why no connection came about.
func (v *visit) unconnected(at netip.AddrPort, err error, limit time.Duration) {
	switch {
	case errno.Is(err, syscall.ECONNREFUSED):
		v.r.find("refused", fault.Hintf("start the server on the device; if it has another port: %s", v.r.Target.atPort()),
			"nothing listens at %s", at)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errno.Is(err, syscall.ETIMEDOUT):
		v.r.find("connect-timeout", fault.Hintf("check that the device is on and in this network, not behind a guest Wi-Fi, a VPN or a firewall"),
			"%s did not answer within %.0f s", at, limit.Seconds())
	case errno.Is(err, syscall.EHOSTUNREACH), errno.Is(err, syscall.ENETUNREACH), errno.Is(err, syscall.EHOSTDOWN):
		v.r.find("unreachable", fault.Hintf("check that the device is on, and that this computer is in its network"),
			"no device answers at %s", at.Addr())
	default:
		v.r.find("unreachable", fault.Hintf("check that the device is on, and that this computer is in its network"), "%s: %s", at, bare(err))
	}
}

// bare returns the words of an error without the addresses that Go adds.
func bare(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}
