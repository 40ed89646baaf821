//go:build !windows

package keys

import (
	"io"
	"net"
)

// systemAgent is used without SSH_AUTH_SOCK: there is none.
const systemAgent = ""

func dial(socket string) (io.ReadWriteCloser, error) { return net.Dial("unix", socket) }
