package device

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestAllDevicesAreFoundByTheirID(t *testing.T) {
	var ids []string
	for _, d := range All() {
		ids = append(ids, d.ID)
		found, err := Find(d.ID)
		if err != nil || found.Name != d.Name {
			t.Errorf("device %q: got %q, %v", d.ID, found.Name, err)
		}
	}
	if !slices.IsSorted(ids) {
		t.Errorf("devices are not ordered: %q", ids)
	}
	for _, id := range []string{"pico-w", "pico-2-w", "esp32", "esp8266", "computer"} {
		if !slices.Contains(ids, id) {
			t.Errorf("device %q is missing", id)
		}
	}
}

func TestUnknownDeviceIsAnError(t *testing.T) {
	for _, id := range []string{"", ".", "..", "pico", "PICO-W", "pico-w.json", "../devices/pico-w", "devices/pico-w", "/pico-w", `..\pico-w`, "pico-w\x00", "*"} {
		d, err := Find(id)
		if e, ok := errors.AsType[UnknownDeviceError](err); !ok || e.Input != id || d.ID != "" {
			t.Errorf("device %q: got %q, %v", id, d.ID, err)
		}
	}
}

// TestFiguresAreSane checks what people measured against what can be: a slip of
// a digit or a unit is the likeliest fault of a device file.
func TestFiguresAreSane(t *testing.T) {
	forms := []string{"sec1-der", "pkcs1-der", "pkcs8-der", "sec1-pem", "pkcs1-pem", "pkcs8-pem"}
	eachFirmware(func(device Target, f Firmware) {
		for _, cost := range f.Costs {
			what := device.String() + ", " + cost.Firmware + ", " + cost.Key
			if ram := device.Device.RAMKB; ram > 0 && cost.HeapBytes > ram*1000 {
				t.Errorf("%s: %d bytes of heap in %d KB", what, cost.HeapBytes, ram)
			}
			if cost.HeapBytes > 0 && cost.HeapBytes < 1000 {
				t.Errorf("%s: %d bytes of heap for TLS", what, cost.HeapBytes)
			}
			if cost.Seconds > 60 || cost.CertificateBytes > f.MaxCertificateBytes {
				t.Errorf("%s: %v s with a certificate of %d bytes", what, cost.Seconds, cost.CertificateBytes)
			}
			if device.Device.FirmwareName(cost.Firmware) == cost.Firmware {
				t.Errorf("%s: its firmware has no name", what)
			}
		}
		for _, row := range f.Rows() {
			if row.Loads != nil && !slices.ContainsFunc(row.Loads, func(l string) bool { return strings.HasPrefix(l, "sec1-") || strings.HasPrefix(l, "pkcs1-") }) {
				t.Errorf("%s, %s: loads %q: neither form that boards are given", device, row, row.Loads)
			}
			for _, form := range row.Loads {
				if !slices.Contains(forms, form) {
					t.Errorf("%s, %s: loads %q, which is no form of a key", device, row, form)
				}
			}
		}
	})
}

func TestLargerKeysCostMore(t *testing.T) {
	board := target(t, "pico-w")
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
	board := target(t, "pico-w")
	for key, want := range map[string]int{"p256": 7, "rsa-2048": 5} {
		costs := board.CostOf(Certificate{Key: key})
		if len(costs) != want {
			t.Errorf("%s: got %d costs, want %d", key, len(costs), want)
		}
		for _, cost := range costs {
			if cost.Key != key {
				t.Errorf("%s: got a cost of %s", key, cost.Key)
			}
		}
	}
	if len(board.CostOf(Certificate{Key: "ed25519"})) != 0 || board.Firmware[0].Costs[0].Key != "p256" {
		t.Errorf("device was changed: its first cost is of %s", board.Firmware[0].Costs[0].Key)
	}
}

func TestFirmwareHasANameForPeople(t *testing.T) {
	for id, want := range map[string]string{
		"micropython": "MicroPython", "micropython@1.28": "MicroPython", "circuitpython@10.2": "CircuitPython", "zephyr@4": "zephyr", "": "",
	} {
		if got := target(t, "pico-w").Device.FirmwareName(id); got != want {
			t.Errorf("firmware %q: got %q, want %q", id, got, want)
		}
	}
}

// small is a device file with as little as one can have.
const small = `{"id": "x-1", "name": "X", "group": "board", "firmware": [{"id": "fw", "name": "FW", "uses": ["server"],
	"keys": ["p256"], "not_recommended_keys": ["p384"],
	"max_certificate_bytes": 4000, "max_certificate_source": "measured",
	"files": [{"name": "cert.der", "container": "der", "parts": ["leaf"]}, {"name": "key.der", "container": "der", "parts": ["key"], "key": "pkcs8"}],
	"steps": [{"run": "true"}],
	"costs": [{"firmware": "fw@1", "key": "p256", "heap_bytes": 20000, "sizes_source": "measured"}],
	"sources": ["a manual"]}]}`

func TestSmallDeviceFileIsRead(t *testing.T) {
	d, err := parse([]byte(small + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != "x-1" || d.Firmware[0].Costs[0].HeapBytes != 20000 || d.Firmware[0].Versions[0].Range != "any" {
		t.Errorf("got %+v", d)
	}
	d, err = parse([]byte(strings.NewReplacer(`"id": "fw", "name": "FW", `, "", `"fw@1"`, `"x-1"`).Replace(small)))
	if err != nil || d.Firmware[0].ID != "x-1" || d.Firmware[0].Name != "X" {
		t.Errorf("a device with one firmware without a name: got %+v, %v", d, err)
	}
}

func TestDeviceFileThatCannotBeUsedIsRefused(t *testing.T) {
	for _, row := range []struct{ old, new, want string }{
		{`"x-1"`, `""`, "no id"},
		{`"x-1"`, `"../x"`, "lower-case"},
		{`"x-1"`, `"X"`, "lower-case"},
		{`"x-1"`, `"x y"`, "lower-case"},
		{`"name": "X"`, `"name": ""`, "no name"},
		{`"group": "board"`, `"group": "boat"`, "unknown group"},
		{`"group": "board"`, `"group": "board", "default": ["fw", "fw"]`, "twice"},
		{`"group": "board"`, `"group": "board", "default": ["fw2"]`, "none of its firmware"},
		{`"group": "board"`, `"group": "board", "files": [{"name": "c", "container": "der", "parts": ["leaf"]}]`, "fewer than two"},
		{`["server"]`, `[]`, "uses"},
		{`["server"]`, `["both"]`, "unknown use"},
		{`["server"]`, `["server", "trust"]`, "without files"},
		{`["p256"],`, `[],`, "without keys"},
		{`["p384"]`, `["p256"]`, "twice"},
		{`["p384"]`, `["p384", "p384"]`, "twice"},
		{`["p384"]`, `[""]`, "empty"},
		{`["p384"],`, `["p384"], "root_keys": ["p256", "p256"],`, "twice"},
		{`4000`, `0`, "max_certificate_bytes"},
		{`4000`, `-1`, "max_certificate_bytes"},
		{`4000`, `1e30`, "device file"},
		{`"max_certificate_source": "measured"`, `"max_certificate_source": ""`, "a source"},
		{`"max_certificate_source": "measured"`, `"max_certificate_source": "said"`, "a source"},
		{`"name": "FW"`, `"name": ""`, "without an id"},
		{`"id": "fw"`, `"id": ""`, "without an id"},
		{`"id": "fw"`, `"id": "f/w"`, "slash"},
		{`"id": "fw"`, `"id": "other"`, "another firmware"},
		{`"key": "p256"`, `"key": "rsa-2048"`, "does not load"},
		{`20000`, `-1`, "below zero"},
		{`"heap_bytes": 20000, "sizes_source": "measured"`, `"certificate_bytes": 400`, "nothing"},
		{`"sizes_source": "measured"`, `"sizes_source": ""`, "source"},
		{`"heap_bytes": 20000`, `"heap_bytes": 20000, "seconds": 0.5`, "source"},
		{`"heap_bytes": 20000`, `"heap_bytes": 20000, "seconds_source": "measured"`, "source"},
		{`"sizes_source": "measured"`, `"sizes_source": "guessed"`, "source"},
		{`"sizes_source": "measured"`, `"sizes_source": "measured", "heap_listener_bytes": -1`, "below zero"},
		{`"sizes_source": "measured"`, `"sizes_source": "measured", "message_bytes": -1`, "below zero"},
		{`"name": "FW"`, `"name": "FW", "versions": []`, "versions"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "2 - 1"}]`, "no range"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "1", "loads": ["sec1-der"]}]`, "not both"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "1", "loads": ["sec1-der"], "loads_source": "believed"}]`, "not both"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "1", "loads_source": "measured"}]`, "not both"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "1", "client": {"checks_dates": "yes", "source": ""}}]`, "source"},
		{`"name": "FW"`, `"name": "FW", "versions": [{"range": "1", "client": {"checks_dates": "maybe", "source": "x"}}]`, "yes nor no"},
		{`"firmware": "fw@1"`, `"firmware": "fw@new"`, "another firmware"},
		{`"name": "FW"`, `"name": "FW", "growth": {"heap_bytes_per_byte": 1, "source": "measured"}`, "growth"},
		{`"name": "FW"`, `"name": "FW", "growth": {"heap_bytes_per_byte": 1, "heap_bytes_per_name": 1000, "source": "measured"}`, "growth"},
		{`"name": "FW"`, `"name": "FW", "growth": {"heap_bytes_per_byte": 1, "heap_bytes_per_name": 32}`, "growth"},
		{`"name": "FW"`, `"name": "FW", "client_costs": [{"firmware": "fw@1", "key": "p256", "server_key": "p256", "heap_bytes": 1000}]`, "source"},
		{`"name": "FW"`, `"name": "FW", "client_costs": [{"firmware": "fw@1", "key": "rsa-2048", "server_key": "p256", "heap_bytes": 1000, "sizes_source": "measured"}]`, "does not load"},
		{`"name": "FW"`, `"name": "FW", "client_costs": [{"firmware": "fw@1", "key": "p256", "heap_bytes": 1000, "sizes_source": "measured"}]`, "server's key type"},
		{`"name": "FW"`, `"name": "FW", "port": 65536`, "port"},
		{`"name": "FW"`, `"name": "FW", "csr": "perhaps"`, "csr"},
		{`"name": "FW"`, `"name": "FW", "clock": {"power_on": "1970-01-01", "source": ""}`, "clock"},
		{`"name": "FW"`, `"name": "FW", "clock": {"power_on": "1970", "source": "x"}`, "clock"},
		{`"sources": ["a manual"]`, `"sources": []`, "sources"},
		{`"sources": ["a manual"]`, `"sources": [""]`, "sources"},
		{`{"run": "true"}`, `{}`, "step"},
		{`{"run": "true"}`, `{"run": "a", "do": "b"}`, "step"},
		{`{"run": "true"}`, `{"run": "a", "for": ["client"]}`, "step for a use"},
		{`"cert.der"`, `"a/cert.der"`, "base name"},
		{`"cert.der"`, `""`, "base name"},
		{`"cert.der"`, `"..", "path": "x"`, "base name"},
		{`"cert.der"`, `"{name}.der"`, "base name"},
		{`"container": "der"`, `"container": ""`, "container"},
		{`["leaf"]`, `[]`, "parts"},
		{`["leaf"]`, `["root"]`, "part that is none"},
		{`["leaf"]`, `["leaf", "leaf"]`, "part twice"},
		{`["leaf"]`, `["leaf"], "key": "pkcs8"`, "a form and no key"},
		{`, "key": "pkcs8"`, ``, "no form"},
		{`"key": "pkcs8"`, `"key": "pkcs7"`, "form"},
		{`["leaf"]`, `["leaf"], "form": "p12"`, "form"},
		{`["leaf"]`, `["leaf"], "for": ["both"]`, "unknown use"},
		{`["leaf"]`, `["leaf"], "max_bytes": 100`, "max_bytes"},
		{`["leaf"]`, `["leaf"], "password": {"fixed": "x", "source": "y"}`, "password"},
		{`"name": "X"`, `"nmae": "X"`, "unknown field"},
		{small, small + small, "more than one"},
		{small, small + "x", "more than one"},
		{small, "", "EOF"},
		{small, "null", "no id"},
		{small, "[]", "device file"},
		{small, small[:len(small)-1], "EOF"},
	} {
		d, err := parse([]byte(strings.Replace(small, row.old, row.new, 1)))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s for %s: got %v, want an error with %q", row.new, row.old, err, row.want)
		}
		if d.ID != "" || d.Firmware != nil {
			t.Errorf("%s for %s: refused, and %+v returned", row.new, row.old, d)
		}
	}
}

// FuzzDeviceFile checks whatever is accepted against the promise: everything
// that a caller does with a device works.
func FuzzDeviceFile(f *testing.F) {
	for _, id := range IDs() {
		f.Add(readFile(f, id))
	}
	f.Add([]byte(small))
	f.Add([]byte(small + small))
	f.Add([]byte(strings.Replace(small, "4000", "1", 1)))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse(data)
		if err != nil {
			if d.ID != "" || d.Firmware != nil {
				t.Errorf("refused, and %+v returned", d)
			}
			return
		}
		if d.ID == "" || strings.ContainsAny(d.ID, "/\\. ") || d.Name == "" {
			t.Errorf("accepted the id %q, the name %q", d.ID, d.Name)
		}
		if whole, err := d.defaultTarget(); err == nil {
			useTarget(t, whole)
		}
		for _, firmware := range d.Firmware {
			useTarget(t, Target{d, []Firmware{firmware}, d.ID + "/" + firmware.ID})
		}
	})
}

// useTarget does what callers do with a target.
func useTarget(t *testing.T, device Target) {
	keys := append(slices.Concat(device.Keys(), device.NotRecommendedKeys()), "ed25519", "")
	rootKey := "p256"
	if roots := device.RootKeys(); len(roots) > 0 {
		rootKey = roots[0]
	}
	for _, key := range keys {
		fits := Certificate{Key: key, RootKey: rootKey, Bytes: 1}
		if err := device.Fits(fits, true); (err == nil) != device.loads(key) {
			t.Errorf("key %q of %q: fits %v", key, device, err)
		}
		if err := device.Fits(Certificate{Key: key, RootKey: "", Bytes: 1 << 40}, false); err != nil {
			_ = err.Error()
		}
		for _, cost := range device.CostOf(fits) {
			release, err := ParseRelease(cost.Firmware)
			row := Row{ID: release.ID, Version: Version{Range: "any"}}
			if err != nil || device.FiguresOf(row, fits).String() == "" {
				t.Errorf("key %q of %q: a cost without words: %+v", key, device, cost)
			}
		}
		for _, use := range []Use{UseServer, UseClient, UseBoth, UseTrust, ""} {
			chosen, err := device.Files(key, use)
			if len(chosen) == 0 && err == nil {
				t.Errorf("no files of %q for %q, and no error", device, use)
			}
			device.Unable(chosen, key)
			device.Steps(chosen, use, Place{})
		}
	}
}
