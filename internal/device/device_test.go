package device

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEveryBoardFileIsRead(t *testing.T) {
	entries, err := files.ReadDir("boards")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 7 {
		t.Errorf("got %d boards, want 7 or more", len(entries))
	}
	for _, entry := range entries {
		data, err := files.ReadFile("boards/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		board, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
		if board.ID+".json" != entry.Name() {
			t.Errorf("%s: has the id %q", entry.Name(), board.ID)
		}
	}
}

func TestAllBoardsAreFoundByTheirID(t *testing.T) {
	var ids []string
	for _, board := range All() {
		ids = append(ids, board.ID)
		found, err := Find(board.ID)
		if err != nil || found.Name != board.Name {
			t.Errorf("board %q: got %q, %v", board.ID, found.Name, err)
		}
	}
	if !slices.IsSorted(ids) {
		t.Errorf("boards are not ordered: %q", ids)
	}
	for _, id := range []string{"pico-w", "pico-2-w", "esp32", "esp8266", "arduino-pico", "pico-sdk", "computer"} {
		if !slices.Contains(ids, id) {
			t.Errorf("board %q is missing", id)
		}
	}
}

func TestUnknownBoardIsAnError(t *testing.T) {
	for _, id := range []string{"", ".", "..", "pico", "PICO-W", "pico-w.json", "../boards/pico-w", "boards/pico-w", "/pico-w", `..\pico-w`, "pico-w\x00", "*"} {
		board, err := Find(id)
		if e, ok := errors.AsType[UnknownBoardError](err); !ok || e.Input != id || board.ID != "" {
			t.Errorf("board %q: got %q, %v", id, board.ID, err)
		}
	}
}

// TestFiguresAreSane holds what people measured against what can be: a slip of
// a digit or a unit is the likeliest fault of a board file.
func TestFiguresAreSane(t *testing.T) {
	for _, board := range All() {
		for _, cost := range board.Costs {
			what := board.ID + ", " + cost.Firmware + ", " + cost.Key
			if board.RAMKB > 0 && cost.HeapBytes > board.RAMKB*1000 {
				t.Errorf("%s: %d bytes of heap in %d KB", what, cost.HeapBytes, board.RAMKB)
			}
			if cost.HeapBytes > 0 && cost.HeapBytes < 1000 {
				t.Errorf("%s: %d bytes of heap for TLS", what, cost.HeapBytes)
			}
			if cost.Seconds > 60 || cost.CertificateBytes > board.MaxCertificateBytes {
				t.Errorf("%s: %v s with a certificate of %d bytes", what, cost.Seconds, cost.CertificateBytes)
			}
			if board.FirmwareName(cost.Firmware) == cost.Firmware {
				t.Errorf("%s: its firmware has no name", what)
			}
		}
		for _, firmware := range board.Firmware {
			if !slices.ContainsFunc(firmware.Loads, func(l string) bool { return strings.HasPrefix(l, "sec1-") || strings.HasPrefix(l, "pkcs1-") }) {
				t.Errorf("%s, %s %s: loads %q: neither form that boards are given", board.ID, firmware.ID, firmware.Versions, firmware.Loads)
			}
			for _, form := range firmware.Loads {
				if !slices.Contains([]string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}, form) {
					t.Errorf("%s, %s: loads %q, which is no form of a key", board.ID, firmware.ID, form)
				}
			}
		}
	}
}

func TestLargerKeysCostMore(t *testing.T) {
	board, err := Find("pico-w")
	if err != nil {
		t.Fatal(err)
	}
	heap := func(key string) int {
		costs := board.CostOf(Certificate{Key: key})
		if len(costs) == 0 {
			t.Fatalf("no cost of %s", key)
		}
		return costs[0].HeapBytes
	}
	order := []string{"p256", "rsa-2048", "rsa-3072", "rsa-4096"}
	for i := range len(order) - 1 {
		if heap(order[i]) >= heap(order[i+1]) {
			t.Errorf("%s costs %d bytes, %s only %d", order[i], heap(order[i]), order[i+1], heap(order[i+1]))
		}
	}
}

func TestCostsAreOfTheKeyAsked(t *testing.T) {
	board, err := Find("pico-w")
	if err != nil {
		t.Fatal(err)
	}
	whole := len(board.Costs)
	for _, key := range []string{"p256", "rsa-2048"} {
		costs := board.CostOf(Certificate{Key: key})
		if len(costs) != 4 {
			t.Errorf("%s: got %d costs, want one of each firmware and curve", key, len(costs))
		}
		for _, cost := range costs {
			if cost.Key != key {
				t.Errorf("%s: got a cost of %s", key, cost.Key)
			}
		}
	}
	if len(board.CostOf(Certificate{Key: "ed25519"})) != 0 || len(board.Costs) != whole || board.Costs[0].Key != "p256" {
		t.Errorf("board was changed: %d costs, first of %s", len(board.Costs), board.Costs[0].Key)
	}
}

func TestFirmwareHasANameForPeople(t *testing.T) {
	board, err := Find("pico-w")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"micropython": "MicroPython", "micropython@1.28": "MicroPython", "circuitpython@10.2": "CircuitPython", "zephyr@4": "zephyr", "": "",
	} {
		if got := board.FirmwareName(id); got != want {
			t.Errorf("firmware %q: got %q, want %q", id, got, want)
		}
	}
}

// small is a board file with as little as one can have.
const small = `{"id": "x-1", "name": "X", "formats": ["der"], "keys": ["p256"], "unwise_keys": ["p384"],
	"max_certificate_bytes": 4000, "max_certificate_source": "measured",
	"firmware": [{"id": "fw", "name": "FW"}],
	"costs": [{"firmware": "fw@1", "key": "p256", "heap_bytes": 20000, "sizes_source": "measured"}]}`

func TestSmallBoardFileIsRead(t *testing.T) {
	board, err := Parse([]byte(small + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if board.ID != "x-1" || board.Costs[0].HeapBytes != 20000 {
		t.Errorf("got %+v", board)
	}
}

func TestBoardFileThatCannotBeUsedIsRefused(t *testing.T) {
	for _, row := range []struct{ old, new, want string }{
		{`"x-1"`, `""`, "no id"},
		{`"x-1"`, `"../x"`, "lower-case"},
		{`"x-1"`, `"X"`, "lower-case"},
		{`"x-1"`, `"x y"`, "lower-case"},
		{`"name": "X"`, `"name": ""`, "no name"},
		{`["der"]`, `[]`, "no formats"},
		{`["der"]`, `["der", "der"]`, "twice"},
		{`["der"]`, `["der", ""]`, "empty"},
		{`"keys": ["p256"],`, `"keys": [],`, "no formats, keys"},
		{`["p384"]`, `["p256"]`, "twice"},
		{`["p384"]`, `["p384", "p384"]`, "twice"},
		{`["p384"]`, `[""]`, "empty"},
		{`["p384"],`, `["p384"], "root_keys": ["p256", "p256"],`, "twice"},
		{`4000`, `0`, "max_certificate_bytes"},
		{`4000`, `-1`, "max_certificate_bytes"},
		{`4000`, `1e30`, "board file"},
		{`"max_certificate_source": "measured"`, `"max_certificate_source": ""`, "no source"},
		{`[{"id": "fw", "name": "FW"}]`, `[]`, "firmware"},
		{`"name": "FW"`, `"name": ""`, "firmware without"},
		{`"id": "fw"`, `"id": ""`, "firmware without"},
		{`"id": "fw"`, `"id": "other"`, "none of its firmware"},
		{`"key": "p256"`, `"key": "rsa-2048"`, "does not load"},
		{`20000`, `-1`, "below zero"},
		{`"heap_bytes": 20000, "sizes_source": "measured"`, `"certificate_bytes": 400`, "nothing"},
		{`"sizes_source": "measured"`, `"sizes_source": ""`, "source"},
		{`"heap_bytes": 20000`, `"heap_bytes": 20000, "seconds": 0.5`, "source"},
		{`"heap_bytes": 20000`, `"heap_bytes": 20000, "seconds_source": "measured"`, "source"},
		{`"sizes_source": "measured"`, `"sizes_source": "guessed"`, "source"},
		{`"sizes_source": "measured"`, `"sizes_source": "measured", "heap_listener_bytes": -1`, "below zero"},
		{`"sizes_source": "measured"`, `"sizes_source": "measured", "message_bytes": -1`, "below zero"},
		{`"max_certificate_source": "measured"`, `"max_certificate_source": "said"`, "no source"},
		{`"name": "FW"`, `"name": "FW", "loads": ["sec1-der"]`, "without a source"},
		{`"name": "FW"`, `"name": "FW", "loads": ["sec1-der"], "loads_source": "believed"`, "without a source"},
		{`"name": "FW"`, `"name": "FW", "loads_source": "measured"`, "no keys"},
		{`"firmware": "fw@1"`, `"firmware": "fw@new"`, "none of its firmware"},
		{`"name": "X"`, `"name": "X", "growth": {"heap_bytes_per_byte": 1, "source": "measured"}`, "growth"},
		{`"name": "X"`, `"name": "X", "growth": {"heap_bytes_per_byte": 1, "heap_bytes_per_name": 1000, "source": "measured"}`, "growth"},
		{`"name": "X"`, `"name": "X", "growth": {"heap_bytes_per_byte": 1, "heap_bytes_per_name": 32}`, "growth"},
		{`"name": "X"`, `"nmae": "X"`, "unknown field"},
		{small, small + small, "not all"},
		{small, small + "x", "not all"},
		{small, "", "EOF"},
		{small, "null", "no id"},
		{small, "[]", "board file"},
		{small, small[:len(small)-1], "EOF"},
	} {
		board, err := Parse([]byte(strings.Replace(small, row.old, row.new, 1)))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s for %s: got %v, want an error with %q", row.new, row.old, err, row.want)
		}
		if board.ID != "" || board.Keys != nil {
			t.Errorf("%s for %s: refused, and %+v returned", row.new, row.old, board)
		}
	}
}

// FuzzBoardFile holds whatever is accepted against the promise: everything
// that a caller does with a board works.
func FuzzBoardFile(f *testing.F) {
	entries, err := files.ReadDir("boards")
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range entries {
		data, err := files.ReadFile("boards/" + entry.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(small))
	f.Add([]byte(small + small))
	f.Add([]byte(strings.Replace(small, "4000", "1", 1)))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		board, err := Parse(data)
		if err != nil {
			if board.ID != "" || board.Keys != nil {
				t.Errorf("refused, and %+v returned", board)
			}
			return
		}
		if board.ID == "" || strings.ContainsAny(board.ID, "/\\. ") || board.Name == "" {
			t.Errorf("accepted the id %q, the name %q", board.ID, board.Name)
		}
		rootKey := "p256"
		if len(board.RootKeys) > 0 {
			rootKey = board.RootKeys[0]
		}
		for _, key := range append(slices.Concat(board.Keys, board.UnwiseKeys), "ed25519", "") {
			fits := Certificate{Key: key, RootKey: rootKey, Bytes: 1}
			if err := board.Fits(fits, true); (err == nil) != board.loads(key) {
				t.Errorf("key %q of %q: fits %v", key, board.ID, err)
			}
			_ = board.Fits(Certificate{Key: key, RootKey: "", Bytes: 1 << 40}, false).Error()
			for _, cost := range board.CostOf(fits) {
				release, err := ParseRelease(cost.Firmware)
				if err != nil || board.FiguresOf(Firmware{ID: release.ID, Versions: "any"}, fits).String() == "" {
					t.Errorf("key %q of %q: a cost without words: %+v", key, board.ID, cost)
				}
			}
		}
	})
}
