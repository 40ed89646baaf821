package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// exampleFiles is the folder with the stand-ins for what a computer lacks of a
// board, a folder for each firmware.
const exampleFiles = rig.Root + "/testdata/example"

// A publisher is a board that example --mqtt has a program for.
type publisher struct {
	device string
	// run starts the program in a project's folder, at a broker's port.
	run func(t *testing.T, project, port string, env ...string) <-chan string
}

var publishers = []publisher{
	{"pico-w/micropython", runMicroPython},
	{"esp32/micropython", runMicroPython},
	{"pico-w/arduino", runSketch},
	{"esp32/arduino", runSketch},
}

// runMicroPython runs main.py in the real MicroPython with a Pico W's heap and
// clock.
func runMicroPython(t *testing.T, project, port string, env ...string) <-chan string {
	t.Helper()
	var modules []string
	for _, folder := range []string{"micropython-client", "micropython"} {
		absolute, err := filepath.Abs(filepath.Join(exampleFiles, folder))
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, absolute)
	}
	bench := rig.BoardBench(t)
	modules = append(modules, filepath.Join(bench.Dir, "lib"))
	args := []string{"-C", project, rig.PicoBoot, "PORT_8883=" + port, "MICROPYPATH=" + strings.Join(modules, ":")}
	args = append(append(args, env...), filepath.Join(bench.Dir, "micropython"), "-X", "heapsize="+rig.BoardHeap, "main.py")
	return rig.Start(t, "coreutils", "env", args...)
}

// runSketch builds a sketch with the TLS of its core, and runs it.
func runSketch(t *testing.T, project, port string, env ...string) <-chan string {
	t.Helper()
	program := buildSketch(t, project)
	return rig.Start(t, "coreutils", "env", append(append([]string{"PORT=" + port}, env...), program)...)
}

// buildSketch builds a sketch, once: with BearSSL if its header has DER, as the core
// of the Pico W reads it, else with mbedTLS, as that of the ESP32 does.
func buildSketch(t *testing.T, project string) string {
	t.Helper()
	program := filepath.Join(project, "sketch")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	headers, err := filepath.Abs(filepath.Join(exampleFiles, "arduino-client"))
	if err != nil {
		t.Fatal(err)
	}
	sketch := filepath.Base(project) + ".ino"
	args := []string{"-C", project, "g++", "-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-I.", "-I" + headers, "-include", "Arduino.h",
		"-x", "c++", sketch, filepath.Join(headers, "main.cpp"), "-o", program}
	if strings.Contains(string(rig.ReadFile(t, project, "picoca_cert.h")), "picoca_cert_der") {
		needHeader(t, "bearssl.h", "libbearssl-dev")
		args = append(args, "-DARDUINO_PICO", "-lbearssl")
	} else {
		needHeader(t, "mbedtls/pk.h", "libmbedtls-dev")
		args = append(args, "-lmbedtls", "-lmbedx509", "-lmbedcrypto")
	}
	rig.Need(t, "g++", "g++")
	if out, err := rig.Outside(t, "coreutils", "env", args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// needHeader asks for a header of Debian's package pkg.
func needHeader(t *testing.T, name, pkg string) {
	t.Helper()
	if _, err := os.Stat("/usr/include/" + name); err != nil {
		rig.Missing(t, name, pkg)
	}
}

// project writes the example of an identity for a device, and returns its folder.
func project(h rig.Home, name, device string) string {
	h.T.Helper()
	identity(h, name, device)
	h.Run("example", name, "--mqtt", "broker.local", "--out", folderOf(name, "project"))
	return h.Path(folderOf(name, "project"))
}

// TestExamplesPublish runs each program at a broker: what it publishes arrives
// under its own name; it comes back when the broker does; and when it dies, the
// broker publishes its will.
func TestExamplesPublish(t *testing.T) {
	for _, p := range publishers {
		t.Run(strings.ReplaceAll(p.device, "/", " "), func(t *testing.T) {
			t.Parallel()
			h := rig.NewHome(t)
			b := newBroker(t, h, "broker.local")
			messages := b.watch(t, h)
			t.Run("board", func(t *testing.T) {
				says := p.run(t, project(h, "Garden sensor", p.device), b.port)
				rig.WaitFor(t, b.log, "u'Garden sensor'")
				rig.WaitFor(t, messages, "home/Garden sensor/status online")
				rig.WaitFor(t, messages, "home/Garden sensor/temperature 27.0")
				rig.WaitFor(t, says, "published 27.0")
				rig.WaitFor(t, says, "published 27.0") // after pings
			})
			rig.WaitFor(t, messages, "home/Garden sensor/status offline")
		})
	}
}

// TestExamplesComeBack takes the broker away from the programs, and returns it.
func TestExamplesComeBack(t *testing.T) {
	for _, p := range []publisher{publishers[0], publishers[2]} {
		t.Run(strings.ReplaceAll(p.device, "/", " "), func(t *testing.T) {
			t.Parallel()
			h := rig.NewHome(t)
			etc, port := installBroker(t, h, "broker.local"), rig.FreePort(t)
			says := p.run(t, project(h, "Garden sensor", p.device), port)
			rig.WaitFor(t, says, "ended:") // there is no broker yet
			for range 2 {
				t.Run("broker", func(t *testing.T) {
					startBroker(t, etc, port)
					rig.WaitFor(t, says, "connected to broker.local")
				})
				rig.WaitFor(t, says, "ended:")
			}
		})
	}
}

// TestExampleChecksTheBroker wants MicroPython's program not to connect to a broker
// of another CA, or to one whose certificate has another name. TestBrokerLogs has
// the sketches do the same.
func TestExampleChecksTheBroker(t *testing.T) {
	t.Parallel()
	h, foreign := rig.NewHome(t), rig.NewHome(t)
	installBroker(t, h, "broker.local") // the board's own
	folder := project(h, "Garden sensor", "pico-w/micropython")
	for _, b := range []broker{newBroker(t, foreign, "broker.local"), newBroker(t, h, "other.local")} {
		for line := range runMicroPython(t, folder, b.port) {
			if strings.Contains(line, "connected") {
				t.Errorf("the board says %q", line)
			}
			if strings.Contains(line, "connected") || strings.Contains(line, "ended:") {
				break
			}
		}
	}
}

// TestIdentitiesWriteBelowTheirNames: the broker's list of permissions keeps an
// identity from another's topics, and from reading.
func TestIdentitiesWriteBelowTheirNames(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	b := newBroker(t, h, "broker.local")
	own := identity(h, "Shed", "mosquitto")
	publish := func(topic string) {
		if out, err := b.mosquitto(t, "mosquitto_pub", own, own, "--insecure", "-t", topic, "-m", "hello"); err != nil {
			t.Fatalf("%s: %v\n%s", topic, err, out)
		}
	}
	messages := b.watch(t, h)
	publish("home/Garden sensor/temperature")
	rig.WaitFor(t, b.log, "Denied PUBLISH")
	publish("home/Shed/temperature")
	if first := <-messages; first != "home/Shed/temperature hello" {
		t.Errorf("first message is %q", first)
	}
}
