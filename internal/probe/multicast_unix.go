//go:build unix

package probe

import (
	"net/netip"
	"syscall"
)

// multicastFrom has a socket send multicast through the interface that has an
// address. Linux does so for a socket that is bound to it; macOS does not.
func multicastFrom(addr netip.Addr) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInet4Addr(int(fd), syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, addr.As4())
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}
}
