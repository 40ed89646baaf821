package push

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.bug.st/serial"

	"github.com/picoca/picoca/internal/fault"
)

// openPort opens a serial port at 115200 baud, which only ports with a
// converter heed.
func openPort(name string) (io.ReadWriteCloser, error) {
	mode := &serial.Mode{BaudRate: 115200}
	wanted := lines(name)
	if runtime.GOOS == "windows" {
		mode.InitialStatusBits = &wanted
	}
	port, err := serial.Open(name, mode)
	if err != nil {
		return nil, portError(name, err)
	}
	if runtime.GOOS != "windows" {
		// Opening has raised both. Ports without such lines fail, and need none.
		_ = port.SetRTS(wanted.RTS)
		_ = port.SetDTR(wanted.DTR)
	}
	return port, nil
}

// lines are what a port's control lines must be. A board with USB of its own is
// silent without DTR; converters have DTR and RTS wired to the reset of an
// ESP32.
func lines(name string) serial.ModemOutputBits {
	converters := []string{"ttyUSB", "usbserial", "SLAB", "wchusb"}
	converted := slices.ContainsFunc(converters, func(part string) bool { return strings.Contains(name, part) })
	return serial.ModemOutputBits{DTR: !converted}
}

func portError(name string, err error) error {
	e, ok := errors.AsType[*serial.PortError](err)
	hint := fault.Hintf("check that it is a board's serial port")
	switch {
	case ok && e.Code() == serial.PortBusy:
		err, hint = errors.New("another program uses it"), fault.Hintf("end it (Thonny, mpremote, a terminal), then run the same command again")
	case ok && e.Code() == serial.PermissionDenied, errors.Is(err, fs.ErrPermission):
		err = fs.ErrPermission
		hint = fault.Hintf("sudo usermod -aG dialout \"$USER\" (uucp on Arch), then log in again")
	}
	return fault.With(fmt.Errorf("%s: %w", name, err), hint)
}

// usbNumbers are vendor and product of what MicroPython says it is on USB; no
// product stands for any. CircuitPython's are left out: its drive is better.
var usbNumbers = []string{
	"2e8a:0005", // RP2040 and RP2350: MicroPython's ports/rp2/mpconfigport.h
	"f055:",     // MicroPython's own: ports/stm32 and others
	"303a:4001", // ESP32-S2 and S3: ports/esp32
}

func isMicroPython(vendor, product string) bool {
	numbers := strings.ToLower(vendor + ":" + product)
	return slices.ContainsFunc(usbNumbers, func(known string) bool { return strings.HasPrefix(numbers, known) })
}

// ports returns the serial ports that are MicroPython's.
func (c Computer) ports() []string {
	switch c.OS {
	case "linux":
		return c.linuxPorts()
	case "darwin": // without cgo, the numbers are not to be had
		ports, _ := filepath.Glob(c.Base + "/dev/cu.usbmodem*")
		return ports
	}
	return usbPorts()
}

// linuxPorts asks sysfs: a port's device is an interface of the USB device above
// it.
func (c Computer) linuxPorts() []string {
	var places []string
	found, _ := filepath.Glob(c.Base + "/sys/class/tty/ttyACM*")
	for _, port := range found {
		// Not filepath.Join: device is a link, and .. is above where it leads.
		vendor, _ := os.ReadFile(port + "/device/../idVendor")
		product, _ := os.ReadFile(port + "/device/../idProduct")
		if isMicroPython(strings.TrimSpace(string(vendor)), strings.TrimSpace(string(product))) {
			places = append(places, "/dev/"+filepath.Base(port))
		}
	}
	return places
}
