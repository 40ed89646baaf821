package rig

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// SerialBoard is the real MicroPython behind a serial port: two terminals, one
// for each side, and a cable between them.
type SerialBoard struct {
	Port string // what picoca opens
	Dir  string // the board's files
	hub  *cable
}

// machine is what a board has, and a computer has not: an ID, and a reset.
const machine = `def unique_id():
    return bytes([%s])


def reset():
    open("was-reset", "w").close()
    raise SystemExit
`

// NewSerialBoard starts a board whose ID has the given bytes, such as "1, 2".
// Its program, main.py, is among the files of dir.
func (b Bench) NewSerialBoard(t testing.TB, dir, id string) *SerialBoard {
	t.Helper()
	lib := t.TempDir()
	WriteFile(t, filepath.Join(lib, "machine.py"), fmt.Sprintf(machine, id))
	computer, port := NewPort(t)
	board, console := NewPort(t)
	cmd := exec.Command(filepath.Join(b.Dir, "micropython"))
	cmd.Dir = dir
	cmd.Env = []string{"MICROPYPATH=" + lib + ":" + filepath.Join(b.Dir, "lib"), "HOME=" + lib}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = console, console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &SerialBoard{Port: port.Name(), Dir: dir, hub: &cable{}}
	go s.hub.carry(board, computer)
	go s.hub.carry(computer, board)
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return s
}

// Cut unplugs the board after so many more bytes, in both directions together.
func (s *SerialBoard) Cut(bytes int64) { s.hub.cut(bytes) }

// NewPort returns both ends of a terminal that passes every byte through.
// They are open until the test ends.
func NewPort(t testing.TB) (master, slave *os.File) {
	t.Helper()
	master, slave = OpenTerminal(t)
	mode, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	mode.Iflag, mode.Oflag, mode.Lflag = 0, 0, 0
	mode.Cflag |= unix.CS8
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, mode); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// OpenTerminal returns both ends of a terminal: what a user has before them, and
// what a program reads and writes. They are open until the test ends.
func OpenTerminal(t testing.TB) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	number, numberErr := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(numberErr, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close(); master.Close() })
	return master, slave
}

// cable carries bytes both ways, until it is cut.
type cable struct{ left atomic.Int64 }

func (c *cable) cut(bytes int64) { c.left.Store(bytes + 1) }

func (c *cable) carry(to io.Writer, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if left := c.left.Load(); left > 0 {
			if c.left.Store(max(left-int64(n), 1)); left <= int64(n) {
				n = int(left) - 1
			}
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
