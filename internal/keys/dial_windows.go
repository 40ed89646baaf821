package keys

import (
	"io"
	"os"
)

// systemAgent is the named pipe of the agent that comes with Windows
// (OpenSSH Authentication Agent).
const systemAgent = `\\.\pipe\openssh-ssh-agent`

func dial(pipe string) (io.ReadWriteCloser, error) { return os.OpenFile(pipe, os.O_RDWR, 0) }
