package example

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestExamplesInCCompile has a compiler read the projects for Arduino and
// ESP-IDF, against stand-ins for the firmware's headers: they are not linked,
// and not run. TestPicoSDKExample does more with the third.
func TestExamplesInCCompile(t *testing.T) {
	t.Parallel()
	compilers := map[string][]string{ // the sketch gets what the IDE puts before it
		"arduino": {rig.Need(t, "g++", "g++"), "-std=gnu++17", "-include", "Arduino.h", "-x", "c++", "project.ino"},
		"esp-idf": {rig.Need(t, "gcc", "gcc"), "-std=gnu17", "main/main.c"},
	}
	for _, row := range []struct {
		device, firmware, name string
		flags                  []string
	}{
		{"pico-w", "arduino", "pico.local", nil},
		{"pico-w", "arduino", "pico.home.arpa", nil},
		{"pico-w", "arduino", "192.168.1.20", nil},
		{"esp32", "esp-idf", "pico.local", nil},
		{"esp32", "esp-idf", "pico.home.arpa", []string{"--mutual-tls"}},
		{"esp32", "esp-idf", "192.168.1.20", nil},
		{"esp32", "esp-idf", "pico.local", []string{"--mutual-tls"}},
	} {
		h := rig.NewHome(t)
		h.Run("issue", row.name)
		h.Run(append([]string{"example", row.name, "--for", row.device + "/" + row.firmware, "--out", "project"}, row.flags...)...)
		if err := compile(h, row.firmware, compilers[row.firmware]); err != nil {
			t.Errorf("%s %s %v: %v", row.firmware, row.name, row.flags, err)
		}
	}
}

// TestArduinoAndSlowClients: the board does one thing at a time, so a client of port
// 80 that is slow, or that never ends its request, must not have it for long.
func TestArduinoAndSlowClients(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "pico.home.arpa")
	h.Run("example", "pico.home.arpa", "--for", "pico-w/arduino", "--out", "project")
	headers, err := filepath.Abs(filepath.Join(exampleFiles, "arduino-plain"))
	if err != nil {
		t.Fatal(err)
	}
	program := h.Path("plain")
	build := exec.CommandContext(t.Context(), rig.Need(t, "g++", "g++"), "-std=gnu++17", "-I", headers, "-include", "Arduino.h", "-I", h.Path("project"), "-o", program, filepath.Join(headers, "main.cpp"))
	if err := rig.WrapOutput(build); err != nil {
		t.Fatal(err)
	}
	const forGood = 1 << 30
	for _, row := range []struct {
		name, text string
		every      int // milliseconds from a byte to the next
		most       int
		says       string
	}{
		{"a phone", "GET /trust?x HTTP/1.1\r\nHost: pico\r\n\r\n", forGood, 0, "HTTP/1.1 200 OK\r\nContent-Type: text/html"},
		{"a browser", "GET / HTTP/1.1\r\n\r\n", forGood, 0, "HTTP/1.1 301 Moved"},
		{"silence", "", forGood, 2000, "HTTP/1.1 301 Moved"},
		{"drops", "GET /", 900, 2000, "HTTP/1.1 301 Moved"},
		{"a flood", "GET /", 0, 4096, "HTTP/1.1 301 Moved"},
	} {
		run := exec.CommandContext(t.Context(), program)
		run.Env = []string{"TEXT=" + row.text, fmt.Sprintf("EVERY=%d", row.every), "END=100000"}
		out, err := run.Output()
		took, answer := 0, ""
		if before, after, found := strings.Cut(string(out), " "); found {
			took, _ = strconv.Atoi(before)
			answer = after
		}
		if err != nil || took > row.most || !strings.HasPrefix(answer, row.says) {
			t.Errorf("%s: got %.60q after %d ms, %v; want %q within %d", row.name, answer, took, err, row.says, row.most)
		}
	}
}

func compile(h rig.Home, firmware string, compiler []string) error {
	headers, err := filepath.Abs(filepath.Join(exampleFiles, firmware))
	if err != nil {
		return err
	}
	args := append([]string{"-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ".", "-I", headers}, compiler[1:]...)
	cmd := exec.CommandContext(h.T.Context(), compiler[0], args...)
	cmd.Dir = h.Path("project")
	return rig.WrapOutput(cmd)
}
