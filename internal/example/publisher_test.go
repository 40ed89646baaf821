package example

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

func publisher(t *testing.T) Project {
	return Project{Name: `Anna's "shed"`, Bundle: newBundle(t), Format: "der", Folder: "shed", Broker: "broker.local", Device: "pico-w"}
}

// eachPublisher calls f for each firmware and device.
func eachPublisher(t *testing.T, f func(t *testing.T, firmware Firmware, p Project, files map[string]export.File)) {
	for _, firmware := range All(Publisher) {
		for _, device := range firmware.devices {
			p := publisher(t)
			p.Device = device
			t.Run(device+" "+firmware.ID, func(t *testing.T) { f(t, firmware, p, render(t, firmware, p)) })
		}
	}
}

func TestPublishersAreWhole(t *testing.T) {
	eachPublisher(t, func(t *testing.T, f Firmware, p Project, files map[string]export.File) {
		var all []byte
		for name, file := range files {
			if path.Ext(name) == ".der" {
				continue
			}
			all = append(all, file.Data...)
			if left := place.Find(file.Data); left != nil {
				t.Errorf("%s still has %s", name, left)
			}
			if secret := regexp.MustCompile(`^(secrets\.(py|h)|key\.der|picoca_cert\.h)$`).MatchString(name); file.Private != secret {
				t.Errorf("%s: private is %v", name, file.Private)
			}
		}
		for _, want := range []string{`"home/Anna's \"shed\""`, `"broker.local"`, "pattern write home/%u/#", "require_certificate true", "your network"} {
			if !bytes.Contains(all, []byte(want)) {
				t.Errorf("nothing has %s", want)
			}
		}
		if _, there := files["index.html"]; there {
			t.Error("the page is there")
		}
		if _, there := files["broker/picoca.conf"]; !there || files[f.Secrets()].Data == nil {
			t.Error("the broker's configuration or the file for the Wi-Fi's password is missing")
		}
		others := map[string][]string{"esp32": {"machine.ADC", "analogReadTemp", "NTP."}, "pico-w": {"import esp32", "temperatureRead", "Network"}}
		for _, other := range others[p.Device] {
			if bytes.Contains(all, []byte(other)) {
				t.Errorf("%s is another board's", other)
			}
		}
	})
}

// TestPublishersTrustAndShow wants each program to load the root and its identity,
// and to check the broker.
func TestPublishersTrustAndShow(t *testing.T) {
	for _, row := range []struct {
		device, firmware, program string
		want                      []string
	}{
		{"pico-w", "micropython", "main.py", []string{`load_cert_chain("cert.der", "key.der")`, `load_verify_locations(cafile="picoca-root.der")`, "CERT_REQUIRED", "ntptime.settime()"}},
		{"pico-w", "arduino", "shed.ino", []string{"setTrustAnchors(&root)", "BR_KEYTYPE_EC", "NTP.waitSet()"}},
		{"esp32", "arduino", "shed.ino", []string{"setCACert(picoca_root_pem)", "setPrivateKey(picoca_key_pem)"}},
	} {
		firmware, err := Find(Publisher, row.device, row.firmware)
		if err != nil {
			t.Fatal(err)
		}
		p := publisher(t)
		p.Device = row.device
		program := string(render(t, firmware, p)[row.program].Data)
		for _, want := range row.want {
			if !strings.Contains(program, want) {
				t.Errorf("%s/%s: no %s", row.device, row.firmware, want)
			}
		}
	}
}

// TestBrokerReadsItsFiles wants the configuration to name the files where the
// device's own steps put them.
func TestBrokerReadsItsFiles(t *testing.T) {
	target, err := device.ParseTarget("mosquitto")
	if err != nil {
		t.Fatal(err)
	}
	files, err := target.Files(string(ca.P256), device.UseServer)
	if err != nil {
		t.Fatal(err)
	}
	firmware, err := Find(Publisher, "pico-w", "micropython")
	if err != nil {
		t.Fatal(err)
	}
	conf := string(render(t, firmware, publisher(t))["broker/picoca.conf"].Data)
	for _, file := range files {
		if file.Path == "" || !strings.Contains(conf, "file "+file.Path+"\n") {
			t.Errorf("%s: path %q is not in\n%s", file.Name, file.Path, conf)
		}
	}
}

func TestPublishersRefuse(t *testing.T) {
	strict := newBundle(t)
	strict.Root.PermittedDNSDomainsCritical = true
	for _, row := range []struct {
		name   string
		change func(p *Project)
		want   error
	}{
		{"a level of a topic", func(p *Project) { p.Name = "Shed/left" }, TopicError{"Shed/left"}},
		{"a wildcard of a topic", func(p *Project) { p.Name = "Shed #2" }, TopicError{"Shed #2"}},
		{"a wildcard", func(p *Project) { p.Broker = "*.home.arpa" }, ErrWildcard},
		{"an IPv6 address", func(p *Project) { p.Broker = "fd00::1" }, ErrIPv6},
		{"a strict root", func(p *Project) { p.Bundle = strict }, ErrStrictRoot},
	} {
		firmware, err := Find(Publisher, "pico-w", "micropython")
		if err != nil {
			t.Fatal(err)
		}
		p := publisher(t)
		row.change(&p)
		if files, err := firmware.Render(p); !errors.Is(err, row.want) || files != nil {
			t.Errorf("%s: got %d files, %v, want %v", row.name, len(files), err, row.want)
		}
	}
	// BearSSL loads such a root.
	firmware, err := Find(Publisher, "pico-w", "arduino")
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t)
	p.Bundle = strict
	if _, err := firmware.Render(p); err != nil {
		t.Errorf("a strict root for BearSSL: %v", err)
	}
}
