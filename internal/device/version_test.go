package device

import (
	"errors"
	"slices"
	"testing"
)

func release(t *testing.T, input string) Release {
	t.Helper()
	r, err := ParseRelease(input)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReleasesThatAreNone(t *testing.T) {
	for _, input := range []string{"", "@", "@10", "micropython@", "micropython@x", "micropython@1.", "micropython@1..2", "micropython@-1", "micropython@+1", "micropython@1.28-preview", "micropython@99999", "a@1@2"} {
		if r, err := ParseRelease(input); err != (ReleaseError{input}) {
			t.Errorf("ParseRelease(%q) = %+v, %v", input, r, err)
		}
	}
}

// TestReleaseCoversVersions is the rule of versions: a shorter one stands for
// all that begin with it, on both sides.
func TestReleaseCoversVersions(t *testing.T) {
	for _, row := range []struct {
		versions, release string
		want              bool
	}{
		{"9.0 - 10.2", "f", true},
		{"9.0 - 10.2", "other", false},
		{"9.0 - 10.2", "f@8", false},
		{"9.0 - 10.2", "f@8.2.9", false},
		{"9.0 - 10.2", "f@9", true},
		{"9.0 - 10.2", "f@9.0.0", true},
		{"9.0 - 10.2", "f@10", true},
		{"9.0 - 10.2", "f@10.2.1", true},
		{"9.0 - 10.2", "f@10.3", false},
		{"9.0 - 10.2", "f@11", false},
		{"1.24 - 1.28", "f@1", true},
		{"1.24 - 1.28", "f@1.3", false}, // not 1.30, and below 1.24
		{"1.24 - 1.28", "f@1.28", true},
		{"1.24 - 1.28", "f@1.29", false},
		{"1.24 - 1.28", "f@2", false},
		{"1.23", "f@1.23.1", true},
		{"1.23", "f@1.2", false},
		{"11", "f@11.4", true},
		{"any", "f@7", true},
	} {
		if got := covers(Firmware{ID: "f", Versions: []Version{{Range: row.versions}}}, release(t, row.release)); got != row.want {
			t.Errorf("%s covers %s: %v, want %v", row.versions, row.release, got, row.want)
		}
	}
}

// covers reports whether a device with some firmware can run a release.
func covers(f Firmware, r Release) bool {
	_, err := Device{Firmware: []Firmware{f}}.running(r)
	return err == nil
}

func TestVersionsThatAreNoRange(t *testing.T) {
	for _, bad := range []string{"", "10 - 9", "1.2 -1.3", "new", "1 - 2 - 3"} {
		if _, _, ok := parseRange(bad); ok {
			t.Errorf("versions %q are read as a range", bad)
		}
	}
}

func TestFormatFollowsTheFirmware(t *testing.T) {
	for _, row := range []struct{ target, key, want string }{
		{"pico-w/micropython", "p256", "der"},
		{"pico-w/micropython@1.23", "rsa-2048", "der"},
		{"pico-w/circuitpython", "p256", "der"},
		{"pico-w/circuitpython@10", "p256", "der"},
		{"pico-w/circuitpython@10.2", "rsa-2048", "der"},
		{"pico-w/circuitpython@10.3", "rsa-2048", "pem"},
		{"pico-w/circuitpython@10", "rsa-2048", "pem"}, // 10.3 reads no DER, 8 to 10.2 read both
		{"pico-w/circuitpython", "rsa-2048", "pem"},
		{"esp32/circuitpython", "p256", "pem"},
		{"esp8266/micropython", "rsa-2048", "der"},
	} {
		if got, err := FormatFor(target(t, row.target).Rows(), row.key); got != row.want || err != nil {
			t.Errorf("%s, %s: %q, %v, want %q", row.target, row.key, got, err, row.want)
		}
	}
}

// TestFormatLoadsOnEveryCoveredVersion checks the choice against the devices'
// own data, for each device, firmware and key.
func TestFormatLoadsOnEveryCoveredVersion(t *testing.T) {
	container := map[string]string{"p256": "sec1-", "rsa-2048": "pkcs1-", "rsa-3072": "pkcs1-"}
	compared := 0
	eachFirmware(func(device Target, f Firmware) {
		for _, row := range f.Rows() {
			for _, key := range f.Keys {
				if row.Loads == nil {
					continue // only its own files are known
				}
				format, err := FormatFor(f.Rows(), key)
				if err != nil {
					t.Errorf("%s: %v", device, err)
				}
				compared++
				if !slices.Contains(row.Loads, container[key]+format) {
					t.Errorf("%s: %s does not load %s as %s", device, row, key, format)
				}
			}
		}
	})
	if compared < 30 {
		t.Errorf("%d compared, want 30 or more", compared)
	}
}

func TestFirmwareThatIsNotKnown(t *testing.T) {
	for _, input := range []string{"zephyr", "micropython@1.30", "circuitpython@7", "circuitpython@11", "arduino@9"} {
		got, err := ParseTarget("pico-w/" + input)
		unknown, ok := errors.AsType[UnknownFirmwareError](err)
		if !ok || unknown.Input != input || got.Firmware != nil || !slices.Contains(unknown.Known(), "micropython 1.25 - 1.28") {
			t.Errorf("%s: %v, want it unknown, and what is known", input, err)
		}
	}
	rows := []Row{{Name: "A", Version: Version{Range: "1", Loads: []string{"sec1-der"}}}, {Name: "B", Version: Version{Range: "2", Loads: []string{"sec1-pem"}}}}
	if _, err := FormatFor(rows, "p256"); err == nil || err.Error() != `no file format for a key of type "p256" loads on all of A 1, B 2` {
		t.Errorf("no format: %v", err)
	}
}

// TestPico2WBeginsWithItsFirstRelease: the board came in November 2024, after
// MicroPython 1.24; CircuitPython 9.2.1 names it among its new boards, and
// MicroPython's next release, 1.25, is the first with RPI_PICO2_W.
func TestPico2WBeginsWithItsFirstRelease(t *testing.T) {
	for input, want := range map[string]bool{
		"micropython@1.23": false, "micropython@1.24": false, "micropython@1.24.1": false, "micropython@1.25": true, "micropython@1.29": true,
		"circuitpython@8": false, "circuitpython@9.0": false, "circuitpython@9.2.0": false, "circuitpython@9.2.1": true, "circuitpython@9": true, "circuitpython@10": true,
	} {
		if _, err := ParseTarget("pico-2-w/" + input); (err == nil) != want {
			t.Errorf("%s: %v, want it known: %v", input, err, want)
		}
	}
}
