package push

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func TestParseMounts(t *testing.T) {
	text := `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
60 22 8:33 / /media/ann/CIRCUIT\040PY rw,nosuid shared:2 master:3 - vfat /dev/sdc1 rw,uid=1000
61 22 8:34 / /media/a\134b\011c rw - vfat /dev/sdd1 rw
62 22 0:50 / /tmp/image rw - fuse.fusefat fusefat rw
63 22 0:51 / /nfs\0 rw - nfs4 server:/ rw
64 22 8:35 / /media/vfat rw - ext4 vfat rw
65
66 22 8:36 / /media/end\ - vfat`
	want := []string{"/media/ann/CIRCUIT PY", "/media/a\\b\tc", "/tmp/image", `/media/end\`}
	if got := parseMounts(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{`a\040b`: "a b", `\134`: `\`, `\`: `\`, `\04`: `\04`, `\999x`: `\999x`, `\400`: `\400`, "": ""} {
		if got := unescape(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFindDrivesAndPorts(t *testing.T) {
	base, board, other := t.TempDir(), circuitPy(t), t.TempDir()
	tree(t, base, map[string]string{
		"proc/self/mountinfo":                   "60 22 8:33 / " + board + " rw - vfat /dev/sdc1 rw\n61 22 8:34 / " + other + " rw - vfat /dev/sdd1 rw\n62 22 8:35 / /no/such rw - vfat /dev/sde1 rw\n",
		"sys/devices/pico/idVendor":             "2e8a\n",
		"sys/devices/pico/idProduct":            "0005\n",
		"sys/devices/pico/1-1:1.0/x":            "",
		"sys/devices/printer/idVendor":          "1a86\n",
		"sys/devices/printer/idProduct":         "7523\n",
		"sys/devices/printer/1-2:1.0/x":         "",
		"sys/devices/circuitpython/idVendor":    "239a\n",
		"sys/devices/circuitpython/idProduct":   "8120\n",
		"sys/devices/circuitpython/1-3:1.0/x":   "",
		"sys/class/tty/ttyACM2/without/a/usb/x": "",
	})
	for port, device := range map[string]string{"ttyACM0": "printer/1-2:1.0", "ttyACM1": "pico/1-1:1.0", "ttyACM3": "circuitpython/1-3:1.0"} {
		link(t, base, "sys/class/tty/"+port+"/device", "../../../devices/"+device)
	}
	got := Computer{OS: "linux", Base: base}.Find(t.Context())
	want := []Candidate{
		{Drive, board, Board{boardIDText, "Raspberry Pi Pico W with rp2040", "circuitpython"}},
		{Kind: Port, Place: "/dev/ttyACM1"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFindOnAMac(t *testing.T) {
	base := t.TempDir()
	tree(t, base, map[string]string{
		"Volumes/CIRCUITPY/" + bootOut: "x; Feather\nUID:12\n", "Volumes/Macintosh HD/x": "", "dev/cu.usbmodem101": "", "dev/cu.Bluetooth": "",
	})
	got := Computer{OS: "darwin", Base: base}.Find(t.Context())
	if len(got) != 1 || got[0].Board.ID != "12" {
		t.Errorf("got %+v, want the drive, whose port is not another board's", got)
	}
	if err := os.RemoveAll(filepath.Join(base, "Volumes")); err != nil {
		t.Fatal(err)
	}
	got = Computer{OS: "darwin", Base: base}.Find(t.Context())
	if len(got) != 1 || got[0].Place != base+"/dev/cu.usbmodem101" {
		t.Errorf("without it: got %+v, want the port", got)
	}
}

func tree(t *testing.T, base string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(base, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, base, name, text)
	}
}

func link(t *testing.T, base, name, target string) {
	t.Helper()
	path := filepath.Join(base, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(target, path)); err != nil {
		t.Skipf("no links here: %v", err)
	}
}

func TestLinesOfPorts(t *testing.T) {
	for name, dtr := range map[string]bool{"/dev/ttyACM0": true, "COM3": true, "/dev/cu.usbmodem101": true, "/dev/ttyUSB0": false, "/dev/cu.usbserial-1": false, "/dev/cu.SLAB_USBtoUART": false} {
		if got := lines(name); got.DTR != dtr || got.RTS {
			t.Errorf("%s: got %+v, want DTR %t", name, got, dtr)
		}
	}
}

// TestPlacesThatAreNone: none of them starts anything.
func TestPlacesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "")
	c := Computer{OS: "linux",
		OpenPort: func(name string) (io.ReadWriteCloser, error) {
			t.Errorf("port %q was opened", name)
			return nil, io.EOF
		},
		Start: func(args []string) (*Process, error) { t.Errorf("%q was started", args); return nil, io.EOF },
	}
	for place, want := range map[string]string{
		"": "is no place", filepath.Join(dir, "file"): "neither a folder nor", filepath.Join(dir, "missing"): "does not exist",
		"/dev/ttyACM99": "does not exist", "https://x/y": "is not the address of a board", "ssh://h/d": "not a kind of address", "gopher://x": "not a kind of address",
		":dir": "does not exist", "pico.local": "does not exist", "./a:b": "does not exist", "-h:dir": "begins with a hyphen", filepath.Join(dir, "file", "x"): "not a directory",
	} {
		_, err := c.Open(t.Context(), place, Access{})
		if err == nil || !strings.Contains(err.Error(), want) || fault.HintOf(err).IsZero() || fault.CodeOf(err) != fault.Failed {
			t.Errorf("%q: got %v, want %q, a hint and exit code 1", place, err, want)
		}
	}
}

func TestWindowsPlaces(t *testing.T) {
	opened := ""
	c := Computer{OS: "windows", OpenPort: func(name string) (io.ReadWriteCloser, error) { opened = name; return nil, io.EOF }}
	for _, place := range []string{"COM3", "com12"} {
		if _, err := c.Open(t.Context(), place, Access{}); err != io.EOF || opened != place {
			t.Errorf("%s: got %v, opened %q", place, err, opened)
		}
	}
	if _, err := c.Open(t.Context(), `D:\`, Access{}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf(`D:\: got %v, want a drive that does not exist`, err)
	}
}
