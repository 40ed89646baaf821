package example

import (
	"os/exec"
	"path/filepath"
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
		firmware, name string
		flags          []string
	}{
		{"arduino", "pico.local", nil},
		{"arduino", "pico.home.arpa", nil},
		{"arduino", "192.168.1.20", nil},
		{"esp-idf", "pico.local", nil},
		{"esp-idf", "pico.home.arpa", []string{"--mutual-tls"}},
		{"esp-idf", "192.168.1.20", nil},
		{"esp-idf", "pico.local", []string{"--mutual-tls"}},
	} {
		h := rig.NewHome(t)
		h.Run("issue", row.name)
		h.Run(append([]string{"example", row.name, "--firmware", row.firmware, "--out", "project"}, row.flags...)...)
		if err := compile(h, row.firmware, compilers[row.firmware]); err != nil {
			t.Errorf("%s %s %v: %v", row.firmware, row.name, row.flags, err)
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
