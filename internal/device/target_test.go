package device

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func hintOf(err error) string {
	return fault.HintOf(err).Text(func(c fault.Command) string { return "picoca " + strings.Join(c, " ") })
}

func TestTargetIsDeviceFirmwareAndVersion(t *testing.T) {
	for _, row := range []struct {
		text, name string
		firmware   []string
	}{
		{"pico-w", "Raspberry Pi Pico W", []string{"micropython", "circuitpython"}},
		{"pico-w/circuitpython", "Raspberry Pi Pico W with CircuitPython", []string{"circuitpython"}},
		{"pico-w/circuitpython@10", "Raspberry Pi Pico W with CircuitPython", []string{"circuitpython"}},
		{"pico-w/arduino", "Raspberry Pi Pico W with the Arduino core", []string{"arduino"}},
		{"esp32", "Espressif ESP32", []string{"micropython", "circuitpython", "esp-idf"}},
		{"computer", "any computer", []string{"openssl"}},
		{"computer/openssl", "any computer", []string{"openssl"}},
	} {
		got := target(t, row.text)
		var ids []string
		for _, f := range got.Firmware {
			ids = append(ids, f.ID)
		}
		if got.String() != row.text || got.Name() != row.name || !slices.Equal(ids, row.firmware) {
			t.Errorf("%s: got %q, %q with %q", row.text, got, got.Name(), ids)
		}
	}
}

func TestTargetThatIsNoneHasAHint(t *testing.T) {
	for _, row := range []struct{ text, want, hint string }{
		{"", "not of the form", "pico-w/circuitpython@10"},
		{"/", "not of the form", "picoca devices lists"},
		{"pico-w/", "not of the form", "picoca devices lists"},
		{"pico-w@10", "not of the form", "pico-w/circuitpython@10"},
		{"pico-w/circuitpython@", "not of the form", "pico-w/circuitpython@10"},
		{"pico-w/circuitpython@x", "not of the form", "pico-w/circuitpython@10"},
		{"pico-w/circuitpython/10", `firmware "circuitpython/10" is not known`, "circuitpython 9.0 - 10.2"},
		{"picow", `device "picow" is unknown`, "did you mean pico-w?"},
		{"PICO-W", `device "PICO-W" is unknown`, "did you mean pico-w?"},
		{"esp-32", `device "esp-32" is unknown`, "did you mean esp32?"},
		{"esp3/arduino", `device "esp3" is unknown`, "did you mean esp32?"},
		{"circuitpython", `device "circuitpython" is unknown`, "circuitpython is firmware: use esp32/circuitpython, pico-2-w/circuitpython or pico-w/circuitpython"},
		{"toaster-oven", `device "toaster-oven" is unknown`, "computer stands for any other server"},
		{strings.Repeat("x", 1<<20), "is unknown", "computer stands for any other server"},
		{"pico-w/zephyr", `firmware "zephyr" is not known for Raspberry Pi Pico W`, "--for pico-w for its usual files"},
		{"pico-w/circuitpython@11", `firmware "circuitpython@11" is not known for Raspberry Pi Pico W`, "circuitpython 10.3"},
		{"esp32/pico-sdk", `firmware "pico-sdk" is not known for Espressif ESP32`, "esp-idf 5"},
		{"esp8266", "several kinds of firmware", "name its firmware: --for esp8266/arduino or esp8266/micropython"},
		{"esp8266/zephyr", "not known", "choose one of arduino 3, micropython 1.20 - 1.29"},
	} {
		got, err := ParseTarget(row.text)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(hintOf(err), row.hint) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%.80q: got %v, hint %q, code %d", row.text, err, hintOf(err), fault.CodeOf(err))
		}
		if got.Firmware != nil || got.String() != "" {
			t.Errorf("%.80q: refused, and %+v returned", row.text, got)
		}
	}
}

// TestHintNamesFirmwareThatFits: the ESP8266's Arduino core loads what its
// MicroPython does not.
func TestHintNamesFirmwareThatFits(t *testing.T) {
	err := target(t, "esp8266/micropython").Fits(Certificate{Key: "p256", RootKey: "p256"}, false)
	for _, one := range fault.Flatten(err) {
		if hint := hintOf(one); !strings.Contains(hint, "--for esp8266/arduino") {
			t.Errorf("%v: hint %q", one, hint)
		}
	}
	if hint := hintOf(err); !strings.Contains(hint, "use --key rsa-2048") {
		t.Errorf("hint %q", hint)
	}
	err = target(t, "pico-w").Fits(Certificate{Key: "rsa-4096", RootKey: "p256"}, false)
	if got, want := hintOf(err), "use --key p256, or insist with --force"; got != want {
		t.Errorf("got the hint %q, want %q", got, want)
	}
}

// filesText writes files as "name=container(parts,key form)".
func filesText(all []File) string {
	var texts []string
	for _, f := range all {
		texts = append(texts, fmt.Sprintf("%s=%s(%s)", f.Name, f.Container, strings.Join(append(slices.Clone(f.Parts), f.Key), ",")))
	}
	return strings.ReplaceAll(strings.Join(texts, " "), ",)", ")")
}

func TestFilesAreThoseThatTheTargetLoads(t *testing.T) {
	const (
		der     = "cert.der=der(leaf) key.der=der(key,traditional)"
		pem     = "cert.pem=pem(leaf) key.pem=pem(key,traditional)"
		pkcs8   = "cert.pem=pem(leaf) key.pem=pem(key,pkcs8)"
		cHeader = "picoca_cert.h=c-header(leaf,key,ca)"
		rootDER = " picoca-root.der=der(ca)"
		rootPEM = " picoca-root.pem=pem(ca)"
	)
	for _, row := range []struct {
		target, key string
		use         Use
		want        string
	}{
		{"pico-w", "p256", UseServer, der},
		{"pico-w", "rsa-2048", UseServer, der}, // and Unable lists CircuitPython 10.3
		{"pico-2-w", "p256", UseServer, der},
		{"pico-w/micropython", "p256", UseServer, der},
		{"pico-w/micropython@1.29", "p256", UseServer, der},
		{"pico-w/circuitpython", "p256", UseServer, der},
		{"pico-w/circuitpython@10", "rsa-2048", UseServer, pem},
		{"pico-w/circuitpython@10.2", "rsa-2048", UseServer, der},
		{"pico-w/arduino", "p256", UseServer, cHeader},
		{"pico-w/arduino@5", "p256", UseServer, cHeader},
		{"pico-w/pico-sdk", "p256", UseServer, cHeader},
		{"esp32", "p256", UseServer, der + " " + pem},
		{"esp32/circuitpython", "p256", UseServer, pem},
		{"esp32/esp-idf", "p256", UseServer, "servercert.pem=pem(leaf) prvtkey.pem=pem(key,traditional) cacert.pem=pem(ca)"},
		{"esp8266/micropython", "rsa-2048", UseServer, der},
		{"esp8266/arduino", "p256", UseServer, cHeader},
		{"computer", "p256", UseServer, pkcs8},
		{"pico-w/micropython", "p256", UseClient, der + rootDER},
		{"pico-w/micropython", "p256", UseBoth, der + rootDER},
		{"pico-w/circuitpython", "p256", UseClient, der + rootPEM},
		{"pico-w/circuitpython", "p256", UseTrust, strings.TrimSpace(rootPEM)},
		{"esp32/esp-idf", "p256", UseClient, "client.crt=pem(leaf) client.key=pem(key,traditional) cacert.pem=pem(ca)"},
		{"esp32/arduino", "p256", UseClient, "picoca_cert.h=c-header-pem(leaf,key,ca)"},
		{"computer", "p256", UseClient, pkcs8 + rootPEM},
	} {
		got, err := target(t, row.target).Files(row.key, row.use)
		if err != nil || filesText(got) != row.want {
			t.Errorf("%s, %s, %s: got %s, %v, want %s", row.target, row.key, row.use, filesText(got), err, row.want)
		}
	}
	_, err := target(t, "esp32/arduino").Files("p256", UseServer)
	if e, ok := errors.AsType[UseError](err); !ok || e.Use != UseServer || hintOf(err) != "for an identity: picoca identity NAME --for esp32/arduino" {
		t.Errorf("a server that is none: %v, hint %q", err, hintOf(err))
	}
}

func TestUnableFirmware(t *testing.T) {
	for _, test := range []struct {
		target, key string
		chosen      []string // containers
		want        int
	}{
		{"pico-w", "p256", []string{"der"}, 0},
		{"pico-w", "rsa-2048", []string{"der"}, 1},          // CircuitPython 10.3
		{"pico-w", "p256", []string{"pem"}, 4},              // MicroPython up to 1.28, in four rows
		{"pico-w", "p256", []string{"der", "pem"}, 0},       // one of them is enough
		{"pico-w/arduino", "p256", []string{"c-header"}, 0}, // compiled in
	} {
		var chosen []File
		for _, container := range test.chosen {
			chosen = append(chosen, File{Content: Content{Container: container, Parts: []string{"key"}, Key: "traditional"}})
		}
		if got := target(t, test.target).Unable(chosen, test.key); len(got) != test.want {
			t.Errorf("%s, %s as %s: got %d rows, want %d", test.target, test.key, test.chosen, len(got), test.want)
		}
	}
	pkcs8 := File{Content: Content{Container: "der", Parts: []string{"key"}, Key: "pkcs8"}}
	if got := target(t, "pico-w/micropython@1.23").Unable([]File{pkcs8}, "p256"); len(got) != 1 {
		t.Errorf("MicroPython 1.23 refuses PKCS#8: got %d rows", len(got))
	}
}

func TestStepsPutFilesInPlace(t *testing.T) {
	files := []File{
		{Content: Content{Name: "{stem}.crt", Parts: []string{"leaf"}}, Path: "/etc/x/{name}.crt", Mode: "0644"},
		{Content: Content{Name: "key.pem", Parts: []string{"key"}}, Path: "/etc/x/key.pem", Mode: "0400", Owner: "x:y"},
		{Content: Content{Name: "ca.pem", Parts: []string{"ca"}}, Path: "/etc/x/ca.pem"},
	}
	device := Target{Firmware: []Firmware{{Steps: []Step{{Run: "restart {name}"}, {Do: "client", For: []Use{UseClient}}}}}}
	got := device.Steps(files, UseServer, Place{Name: "a.local", Stem: "a.local", Folder: "'my dir'"})
	want := []string{
		"sudo install -m 0644 'my dir'/a.local.crt /etc/x/a.local.crt",
		"sudo install -o x -g y -m 0400 'my dir'/key.pem /etc/x/key.pem",
		"restart a.local",
	}
	if len(got) != len(want) {
		t.Fatalf("got %d steps, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i].Run != want[i] {
			t.Errorf("got %q, want %q", got[i].Run, want[i])
		}
	}
	if both := device.Steps(files, UseBoth, Place{}); len(both) != 4 {
		t.Errorf("server and client: got %d steps, want 4", len(both))
	}
}

func TestDistanceCountsLetters(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"pico-w", "pico-w", 0}, {"picow", "pico-w", 1}, {"pcio-w", "pico-w", 1},
		{"esp32", "esp8266", 3}, {"kitten", "sitting", 3},
	} {
		if got := distance(row.a, row.b); got != row.want {
			t.Errorf("%q to %q: got %d, want %d", row.a, row.b, got, row.want)
		}
	}
}

func TestFindReadsNoOtherFile(t *testing.T) {
	if allocs := testing.AllocsPerRun(3, func() {
		if _, err := Find("computer"); err != nil {
			t.Fatal(err)
		}
	}); allocs > 400 {
		t.Errorf("finding the smallest device takes %.0f allocations", allocs)
	}
}

func TestClientsBehaviourIsOfTheFirmware(t *testing.T) {
	for _, row := range []struct {
		target, clock string
		checks        bool
		ignoring      int
	}{
		{"pico-w", "2021-01-01", true, 3},
		{"pico-w/micropython@1.22", "2021-01-01", true, 1},
		{"pico-w/micropython@1.28", "2021-01-01", true, 0},
		{"pico-w/circuitpython@10.2", "", false, 1},
		{"pico-w/arduino", "1970-01-01", true, 1},
		{"esp8266/arduino", "1970-01-01", true, 1},
		{"esp32/arduino", "1970-01-01", false, 0},
		{"nginx", "", false, 0},
	} {
		got := target(t, row.target)
		if got.Clock().PowerOn != row.clock || got.ChecksDates() != row.checks || len(got.IgnoresAddresses()) != row.ignoring {
			t.Errorf("%s: clock %q, checks dates %v, %d rows ignore addresses", row.target, got.Clock().PowerOn, got.ChecksDates(), len(got.IgnoresAddresses()))
		}
	}
}
