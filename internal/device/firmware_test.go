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
		if got := (Firmware{ID: "f", Versions: row.versions}).covers(release(t, row.release)); got != row.want {
			t.Errorf("%s covers %s: %v, want %v", row.versions, row.release, got, row.want)
		}
	}
}

// TestBoardVersionsAreRanges reads the versions of every board's file.
func TestBoardVersionsAreRanges(t *testing.T) {
	for _, board := range All() {
		for _, firmware := range board.Firmware {
			if _, _, ok := parseRange(firmware.Versions); !ok {
				t.Errorf("%s: versions %q of %s are no range", board.ID, firmware.Versions, firmware.ID)
			}
		}
	}
	for _, bad := range []string{"", "10 - 9", "1.2 -1.3", "new", "1 - 2 - 3"} {
		if _, _, ok := parseRange(bad); ok {
			t.Errorf("versions %q are read as a range", bad)
		}
	}
}

func TestFormatFollowsTheFirmware(t *testing.T) {
	for _, row := range []struct{ board, release, key, want string }{
		{"pico-w", "micropython", "p256", "der"},
		{"pico-w", "micropython@1.23", "rsa-2048", "der"},
		{"pico-w", "circuitpython", "p256", "der"},
		{"pico-w", "circuitpython@10", "p256", "der"},
		{"pico-w", "circuitpython@10", "rsa-2048", "der"},
		{"pico-w", "circuitpython@11", "rsa-2048", "pem"},
		{"pico-w", "circuitpython", "rsa-2048", "pem"}, // 11 reads no DER, 8 to 10 read both
		{"esp32", "circuitpython", "p256", "pem"},
		{"esp8266", "micropython", "rsa-2048", "der"},
	} {
		board, err := Find(row.board)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := board.Covering(release(t, row.release))
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := FormatFor(rows, row.key); got != row.want || err != nil {
			t.Errorf("%s, %s, %s: %q, %v, want %q", row.board, row.release, row.key, got, err, row.want)
		}
	}
}

// TestFormatLoadsOnEveryCoveredVersion holds the choice against the boards'
// own data, for each board, firmware and key that there is.
func TestFormatLoadsOnEveryCoveredVersion(t *testing.T) {
	container := map[string]string{"p256": "sec1-", "rsa-2048": "pkcs1-"}
	for _, board := range All() {
		for _, firmware := range board.Firmware {
			rows, err := board.Covering(release(t, firmware.ID))
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range board.Keys {
				format, err := FormatFor(rows, key)
				if err != nil {
					t.Errorf("%s: %v", board.ID, err)
				}
				for _, row := range rows {
					if !slices.Contains(row.Loads, container[key]+format) {
						t.Errorf("%s: %s %s does not load %s as %s", board.ID, row.ID, row.Versions, key, format)
					}
				}
			}
		}
	}
}

func TestUnableFirmware(t *testing.T) {
	for _, test := range []struct {
		board, key string
		formats    []string
		want       int
	}{
		{"pico-w", "p256", []string{"der"}, 0},
		{"pico-w", "rsa-2048", []string{"der"}, 1},        // CircuitPython 11
		{"pico-w", "p256", []string{"pem"}, 4},            // MicroPython up to 1.28, in four rows
		{"pico-w", "p256", []string{"der", "pem"}, 0},     // one of them is enough
		{"arduino-pico", "p256", []string{"c-header"}, 0}, // compiled in
	} {
		board, err := Find(test.board)
		if err != nil {
			t.Fatal(err)
		}
		if got := board.Unable(test.formats, test.key); len(got) != test.want {
			t.Errorf("%s, %s as %s: got %d rows, want %d", test.board, test.key, test.formats, len(got), test.want)
		}
	}
}

func TestFirmwareThatIsNotKnown(t *testing.T) {
	board, err := Find("pico-w")
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{"arduino", "micropython@1.30", "circuitpython@7"} {
		_, err := board.Covering(release(t, input))
		unknown, ok := errors.AsType[UnknownFirmwareError](err)
		if !ok || unknown.Input != input || !slices.Contains(unknown.Known, "micropython 1.25 - 1.28") {
			t.Errorf("%s: %v, want it unknown, and what is known", input, err)
		}
	}
	rows := []Firmware{{Name: "A", Versions: "1", Loads: []string{"sec1-der"}}, {Name: "B", Versions: "2", Loads: []string{"sec1-pem"}}}
	if _, err := FormatFor(rows, "p256"); err == nil || err.Error() != `key of type "p256" has no file that all of A 1, B 2 load` {
		t.Errorf("no format: %v", err)
	}
}

// TestPico2WBeginsWithItsFirstRelease: the board came in November 2024, after
// MicroPython 1.24; CircuitPython 9.2.1 names it among its new boards, and
// MicroPython's next release, 1.25, is the first with RPI_PICO2_W.
func TestPico2WBeginsWithItsFirstRelease(t *testing.T) {
	b := board(t, "pico-2-w")
	for input, want := range map[string]bool{
		"micropython@1.23": false, "micropython@1.24": false, "micropython@1.24.1": false, "micropython@1.25": true, "micropython@1.29": true,
		"circuitpython@8": false, "circuitpython@9.0": false, "circuitpython@9.2.0": false, "circuitpython@9.2.1": true, "circuitpython@9": true, "circuitpython@10": true,
	} {
		if _, err := b.Covering(release(t, input)); (err == nil) != want {
			t.Errorf("%s: %v, want it known: %v", input, err, want)
		}
	}
}
