//go:build linux && !race

// The race detector multiplies the memory of the server under test.
package onboard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memoryLimit is what a server under attack may take, all in all.
const memoryLimit = 40 << 20

// TestMain lets the test binary be the server whose memory is measured: a
// process of its own, without the clients in it.
func TestMain(m *testing.M) {
	if os.Getenv("PICOCA_TEST_SERVER") == "" {
		os.Exit(m.Run())
	}
	if err := serveAlone(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveAlone serves until it is interrupted, after it has printed its addresses.
func serveAlone() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c := newHome(&outsideTest{}, nil).makeConfig()
	s, err := New(c)
	if err != nil {
		return err
	}
	fmt.Println(s.pageHost(), s.checkHost(), s.base())
	return s.Run(ctx)
}

// outsideTest lets the helpers of tests work outside a test.
type outsideTest struct{ testing.TB }

func (*outsideTest) Helper()                {}
func (*outsideTest) Cleanup(func())         {}
func (*outsideTest) Fatal(arguments ...any) { panic(fmt.Sprint(arguments...)) }

func TestMemoryStaysUnder40MiBUnderAbuse(t *testing.T) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), "PICOCA_TEST_SERVER=1")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	where := strings.Fields(line)
	page, check, path := where[0], where[1], where[2]
	go io.Copy(io.Discard, out)

	before := peak(t, server.Process.Pid)
	openMany(t, page, "GET / HTTP/1.1\r\nX-A: "+strings.Repeat("x", 7000))
	openMany(t, check, "\x16\x03\x01\x40\x00"+strings.Repeat("x", 10_000))
	storm(t, page, path, 10_000)
	openMany(t, page, "GET "+path+" HTTP/1.1\r\nHost: "+page+"\r\n\r\n")
	after := peak(t, server.Process.Pid)
	t.Logf("peak memory %d KiB before, %d KiB after", before>>10, after>>10)
	if after > memoryLimit {
		t.Errorf("peak memory is %d bytes, want at most %d", after, memoryLimit)
	}

	server.Process.Signal(syscall.SIGINT)
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// peak is the largest resident memory of a process so far: VmHWM.
func peak(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("the system does not report VmHWM")
	return 0
}
