package push

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/picoca/picoca/e2e/rig"
)

// TestBusySerialPort: another program has the port for itself, as Thonny does. Root
// opens it all the same (tty_ioctl(4), TIOCEXCL), so picoca runs without that
// capability.
func TestBusySerialPort(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("pico.local")
	_, port := rig.NewPort(t)
	if err := unix.IoctlSetInt(int(port.Fd()), unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	command := []string{rig.Program(), "push", "pico.local", "--to", port.Name()}
	if os.Geteuid() == 0 {
		command = append([]string{rig.Need(t, "setpriv", "util-linux"), "--bounding-set", "-sys_admin"}, command...)
	}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+h.Path("store"))
	out, err := cmd.CombinedOutput()
	want := "error: " + port.Name() + ": another program uses it\nhint: end it (Thonny, mpremote, a terminal), then run the same command again\n"
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("got %v, %q, want %q", err, out, want)
	}
}
