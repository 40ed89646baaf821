package example

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

// newBundle makes a root and a leaf; their contents do not matter here.
func newBundle(t *testing.T) export.Bundle {
	t.Helper()
	key := testpki.NewKey(t, ca.P256)
	certificate := func(cn string) *x509.Certificate {
		return testpki.SelfSigned(t, &x509.Certificate{Subject: pkix.Name{CommonName: cn}, NotAfter: time.Unix(1e9, 0)}, key).Cert
	}
	return export.Bundle{Root: certificate("root"), Leaf: certificate("leaf"), Key: key}
}

func project(t *testing.T) Project {
	return Project{Name: "pico.local", Bundle: newBundle(t), Format: "der", Folder: "web-app", Trust: []Public{
		{"/trust", "text/html; charset=utf-8", export.File{Name: "trust.html", Data: []byte("<!doctype html>\n")}},
		{"/trust/picoca-root.mobileconfig", "application/x-apple-aspen-config", export.File{Name: "picoca-root.mobileconfig", Data: []byte("<plist>\n")}},
		{"/trust/picoca-root.crt", "application/x-x509-ca-cert", export.File{Name: "picoca-root.crt", Data: []byte{0x30, 0x40}}},
		{"/trust/picoca-root-2.crt", "application/x-x509-ca-cert", export.File{Name: "picoca-root-2.crt", Data: []byte{0x30, 0x41}}},
	}}
}

// render renders a project and returns its files by name.
func render(t *testing.T, f Firmware, p Project) map[string]export.File {
	t.Helper()
	files, err := f.Render(p)
	if err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	byName := map[string]export.File{}
	for _, file := range files {
		if _, twice := byName[file.Name]; twice {
			t.Errorf("%s: %s is there twice", f.ID, file.Name)
		}
		byName[file.Name] = file
	}
	return byName
}

// eachProject calls f for each firmware, without and with mutual TLS.
func eachProject(t *testing.T, f func(t *testing.T, firmware Firmware, p Project, files map[string]export.File)) {
	for _, firmware := range All(Server) {
		p := project(t)
		t.Run(firmware.ID, func(t *testing.T) { f(t, firmware, p, render(t, firmware, p)) })
		if firmware.mutual {
			p.MutualTLS = true
			t.Run(firmware.ID+"-mutual", func(t *testing.T) { f(t, firmware, p, render(t, firmware, p)) })
		}
	}
}

var place = regexp.MustCompile(`@[A-Za-z_]+@`)

func TestNothingIsLeftToFill(t *testing.T) {
	eachProject(t, func(t *testing.T, _ Firmware, _ Project, files map[string]export.File) {
		for name, file := range files {
			if ext := path.Ext(name); ext == ".png" || ext == ".der" || ext == ".crt" {
				continue
			}
			if left := place.Find(file.Data); left != nil {
				t.Errorf("%s still has %s", name, left)
			}
			if bytes.ContainsRune(file.Data, '\r') || !bytes.HasSuffix(file.Data, []byte("\n")) {
				t.Errorf("%s has carriage returns, or no end of line at its end", name)
			}
		}
	})
}

// TestPlacesMustBeFilled wants nothing to come out with a place that has no
// value, wherever it is in a file.
func TestPlacesMustBeFilled(t *testing.T) {
	program := template{source: "micropython/main.py"}
	with, err := fillingOf(project(t), []export.File{{Name: "cert.der"}, {Name: "key.der"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fillAll([]template{program}, with); err != nil {
		t.Errorf("with all values: %v", err)
	}
	delete(with.values, "KEY")
	if files, err := fillAll([]template{program}, with); err != (UnfilledError{"main.py", "@KEY@"}) || files != nil {
		t.Errorf("without one: %d files, %v", len(files), err)
	}
	for text, want := range map[string]string{
		"a@b": "", "@@": "", "a @pio b@c": "", "@media print": "", "x @ y @X@": "@X@", "@1@KEY@": "@KEY@", "\n@mutual@x": "@mutual@",
	} {
		if got := unfilled(export.File{Name: "f", Data: []byte(text)}); got != want {
			t.Errorf("%q: place %q, want %q", text, got, want)
		}
	}
	if got := unfilled(export.File{Name: "@FOLDER@.ino"}); got != "@FOLDER@" {
		t.Errorf("a file's name: %q", got)
	}
}

// TestSecretsArePrivate wants whatever holds a key or a password for its
// owner's eyes, and nothing else.
func TestSecretsArePrivate(t *testing.T) {
	secret := regexp.MustCompile(`(?i)key|secret|settings|sdkconfig|picoca_cert\.h|wifi`)
	eachProject(t, func(t *testing.T, f Firmware, _ Project, files map[string]export.File) {
		private := 0
		for name, file := range files {
			if file.Private != secret.MatchString(path.Base(name)) {
				t.Errorf("%s: private is %v", name, file.Private)
			}
			if file.Private {
				private++
			}
		}
		if secrets, there := files[f.Secrets()]; !there || !secrets.Private || !bytes.Contains(secrets.Data, []byte("your network")) {
			t.Errorf("%s is not the file for the Wi-Fi's password", f.Secrets())
		}
		if private < 2 {
			t.Errorf("%d private files, want the key and the Wi-Fi's password", private)
		}
	})
}

// TestPythonTellsItsFirstVersion wants a program to name the version that the
// command refuses all others before.
func TestPythonTellsItsFirstVersion(t *testing.T) {
	for _, f := range firmwares[:2] {
		program := render(t, f, project(t))[path.Base(f.program[0].source)].Data
		first, _, _ := bytes.Cut(program, []byte("\n"))
		if !bytes.Contains(first, []byte(" "+f.Since+" or later")) {
			t.Errorf("%s: %q does not say %s or later", f.ID, first, f.Since)
		}
	}
}

// TestProgramLoadsWhatIsThere wants every file that a program names to be in
// the project, and every file of the certificate to be named.
func TestProgramLoadsWhatIsThere(t *testing.T) {
	named := regexp.MustCompile(`"([a-z-]+\.(?:der|pem|html|png|js|webmanifest))"`)
	for _, format := range []string{"der", "pem"} {
		for _, id := range []string{"micropython", "circuitpython"} {
			p := project(t)
			p.MutualTLS, p.Format = true, format
			firmware, err := Find(Server, "pico-w", id)
			if err != nil {
				t.Fatal(err)
			}
			files := render(t, firmware, p)
			program := files[path.Base(firmware.program[0].source)].Data
			seen := map[string]bool{}
			for _, match := range named.FindAllSubmatch(program, -1) {
				name := string(match[1])
				if seen[name] = true; files[name].Data == nil {
					t.Errorf("%s names %s, which is not in the project", id, name)
				}
			}
			for name := range files {
				if loaded := regexp.MustCompile(`\.(der|pem)$`).MatchString(name); loaded && !seen[name] {
					t.Errorf("%s does not name %s", id, name)
				}
			}
		}
	}
}

// TestWhatNoCompilerSees wants what was learned from the firmware's sources,
// and what no test runs.
func TestWhatNoCompilerSees(t *testing.T) {
	for _, row := range []struct{ device, firmware, file, text string }{
		{"pico-w", "arduino", "web-app.ino", "while (WiFi.begin(WIFI_SSID, WIFI_PASSWORD) != WL_CONNECTED)"},        // it tries once
		{"esp32", "esp-idf", "sdkconfig.defaults", "CONFIG_PARTITION_TABLE_SINGLE_APP_LARGE=y"},                     // 1 MB is too little
		{"pico-w", "pico-sdk", "CMakeLists.txt", "pico_lwip_http pico_lwip_mdns pico_lwip_mbedtls\n  pico_mbedtls"}, // as the bench links
	} {
		firmware, err := Find(Server, row.device, row.firmware)
		if err != nil {
			t.Fatal(err)
		}
		if file := render(t, firmware, project(t))[row.file]; !strings.Contains(string(file.Data), row.text) {
			t.Errorf("%s of %s lacks %q", row.file, row.firmware, row.text)
		}
	}
}

// TestTrustIsServed wants each file of Trust in the project as it is, named by the
// program with its path and type, and none where the firmware cannot serve it.
func TestTrustIsServed(t *testing.T) {
	row := map[string]string{
		"micropython": `"%[1]s": ("%[2]s", "%[3]s"),`, "circuitpython": `"%[1]s": ("%[2]s", "%[3]s"),`, "arduino": `{"%[1]s", "%[3]s", (const char *)%[4]s, %[4]s_len},`,
		"esp-idf": `{"%[1]s", "%[3]s", %[4]s_start, %[4]s_end},`,
	}
	program := map[string]string{"micropython": "main.py", "circuitpython": "code.py", "arduino": "web-app.ino", "esp-idf": "main.c"}
	eachProject(t, func(t *testing.T, f Firmware, p Project, files map[string]export.File) {
		for _, public := range p.Trust {
			symbol := strings.NewReplacer("-", "_", ".", "_").Replace(public.File.Name)
			line := fmt.Sprintf(row[f.ID], public.Path, public.File.Name, public.Type, symbol)
			data := find(files, public.File.Name)
			switch {
			case f.ID == "pico-sdk":
				if data != nil || f.ServesTrust() {
					t.Errorf("%s is there, and nothing serves it", public.File.Name)
				}
			case !bytes.Contains(find(files, program[f.ID]), []byte(line+"\n")):
				t.Errorf("the program lacks %s", line)
			case f.inHeader && !bytes.Contains(find(files, "page.h"), []byte("static const unsigned int "+symbol+"_len = ")):
				t.Errorf("page.h lacks %s", symbol)
			case !f.inHeader && !bytes.Equal(data, public.File.Data):
				t.Errorf("%s: got %q, want %q", public.File.Name, data, public.File.Data)
			}
		}
	})
}

// TestMutualTLSIsAsked wants the lines of one kind and none of the other.
func TestMutualTLSIsAsked(t *testing.T) {
	for _, row := range []struct{ firmware, program, mutual, simple string }{
		{"micropython", "main.py", "ssl.CERT_REQUIRED", "Once the board checks"},
		{"circuitpython", "code.py", "cadata=file.read()", `cadata=""`},
	} {
		firmware, err := Find(Server, "pico-w", row.firmware)
		if err != nil {
			t.Fatal(err)
		}
		for _, mutual := range []bool{false, true} {
			p := project(t)
			p.MutualTLS = mutual
			program := string(render(t, firmware, p)[row.program].Data)
			if strings.Contains(program, row.mutual) != mutual || strings.Contains(program, row.simple) == mutual {
				t.Errorf("%s, mutual TLS %v: %q is %v, %q is %v", row.firmware, mutual, row.mutual, !mutual, row.simple, mutual)
			}
		}
	}
}

func TestManifestIsOne(t *testing.T) {
	eachProject(t, func(t *testing.T, f Firmware, p Project, files map[string]export.File) {
		if f.inHeader {
			return // TestHeaderHasThePage
		}
		manifest, icon := find(files, "app.webmanifest"), find(files, "icon.png")
		var m struct {
			Name, Short_name, Start_url, Display string
			Icons                                []struct{ Src, Sizes, Type string }
		}
		if err := json.Unmarshal(manifest, &m); err != nil {
			t.Fatal(err)
		}
		if m.Name != p.Name || m.Short_name != "pico" || m.Start_url != "/" || m.Display != "standalone" || len(m.Icons) != 1 {
			t.Errorf("manifest: %+v", m)
		}
		config, err := png.DecodeConfig(bytes.NewReader(icon))
		if err != nil || m.Icons[0].Sizes != "512x512" || config.Width != 512 || config.Height != 512 || m.Icons[0].Src != "/icon.png" {
			t.Errorf("icon: %+v, %v, declared as %+v", config, err, m.Icons)
		}
	})
}

// TestHeaderHasThePage wants each text of the page in page.h as it is.
func TestHeaderHasThePage(t *testing.T) {
	arduino, err := Find(Server, "pico-w", "arduino")
	if err != nil {
		t.Fatal(err)
	}
	files, pages := render(t, arduino, project(t)), render(t, firmwares[0], project(t))
	for _, name := range []string{"index.html", "app.webmanifest", "sw.js"} {
		if want := append(append([]byte(`R"~~~(`), pages[name].Data...), `)~~~"`...); !bytes.Contains(files["page.h"].Data, want) {
			t.Errorf("page.h lacks %s", name)
		}
	}
	if !bytes.Contains(files["page.h"].Data, []byte("icon_png_len = 1412;")) || files["web-app.ino"].Data == nil {
		t.Error("the icon or the sketch of the folder's name is missing")
	}
}

// TestOnlyLocalNamesAreAnnounced wants a program to announce a name that its
// certificate has, or none, and to say who else must know it.
func TestOnlyLocalNamesAreAnnounced(t *testing.T) {
	program, announces := regexp.MustCompile(`^(main|code|web-app)\.(py|c|ino)$`), regexp.MustCompile(`(?i)mdns`)
	for _, row := range []struct{ name, says, hides string }{
		{"pico.local", "pico.local", "router"},
		{"pico.home.arpa", "DNS must answer for pico.home.arpa", "pico.local"},
		{"a.pico.local", "DNS must answer for a.pico.local", "a.local"},
		{"192.168.1.20", "must always give this board 192.168.1.20", "pico.local"},
	} {
		for _, f := range All(Server) {
			p := project(t)
			p.Name = row.name
			for name, file := range render(t, f, p) {
				text := string(file.Data)
				if !program.MatchString(path.Base(name)) {
					continue
				}
				if !strings.Contains(text, row.says) || strings.Contains(text, row.hides) {
					t.Errorf("%s of %s does not say %q, or says %q", f.ID, row.name, row.says, row.hides)
				}
				// MicroPython announces its host name by itself, whatever it is.
				if want := row.name == "pico.local"; f.ID != "micropython" && announces.MatchString(text) != want {
					t.Errorf("%s of %s: mDNS is %v", f.ID, row.name, !want)
				}
			}
		}
	}
}

// find returns the contents of a file, in whatever folder.
func find(files map[string]export.File, base string) []byte {
	for name, file := range files {
		if path.Base(name) == base {
			return file.Data
		}
	}
	return nil
}

// TestPageIsSmall holds the page to what one connection carries in a moment.
func TestPageIsSmall(t *testing.T) {
	total := 0
	for _, file := range page {
		filled, err := file.fill(filling{})
		if err != nil {
			t.Fatal(err)
		}
		total += len(filled.Data)
	}
	if total > 8192 {
		t.Errorf("page has %d bytes, want at most 8192", total)
	}
}

// TestServiceWorkerKeepsThePage wants the worker to keep what the programs
// serve, all but itself.
func TestServiceWorkerKeepsThePage(t *testing.T) {
	kept := regexp.MustCompile(`'(/[a-z.]*)'`)
	served := regexp.MustCompile(`(?m)^    "(/[a-z.]*)": \(`)
	for _, f := range firmwares[:2] {
		p := project(t)
		p.Trust = nil // it needs no copy on the phone
		files := render(t, f, p)
		_, list, _ := bytes.Cut(files["sw.js"].Data, []byte("const FILES = "))
		list, _, _ = bytes.Cut(list, []byte("\n"))
		var want []string
		for _, match := range kept.FindAllSubmatch(list, -1) {
			want = append(want, string(match[1]))
		}
		var got []string
		for _, match := range served.FindAllSubmatch(files[path.Base(f.program[0].source)].Data, -1) {
			got = append(got, string(match[1]))
		}
		if want = append(want, "/sw.js"); len(got) != 4 || !slices.Equal(got, want) {
			t.Errorf("%s serves %q, the service worker wants %q", f.ID, got, want)
		}
	}
}

// TestServiceWorkerVersionFollowsThePage wants a new version whenever a file
// changes, and only then.
func TestServiceWorkerVersionFollowsThePage(t *testing.T) {
	version := func(name string) string {
		p := project(t)
		p.Name = name
		with, err := fillingOf(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		return with.values["VERSION"]
	}
	first := version("pico.local")
	if again := version("pico.local"); again != first || len(first) != 8 {
		t.Errorf("versions of the same page: %q, %q", first, again)
	}
	if other := version("nano.local"); other == first {
		t.Errorf("another page has the same version %q", other)
	}
	program := render(t, firmwares[0], project(t))
	if !bytes.Contains(program["sw.js"].Data, []byte("const VERSION = '"+first+"'")) {
		t.Error("sw.js does not name the version")
	}
}

func TestNamesInURLs(t *testing.T) {
	for _, row := range []struct{ name, url, host string }{
		{"pico.local", "https://pico.local/", "pico"},
		{"xn--bro-hoa.lan", "https://xn--bro-hoa.lan/", "xn--bro-hoa"},
		{"192.168.1.20", "https://192.168.1.20/", "pico"},
	} {
		p := project(t)
		p.Name = row.name
		program := string(render(t, firmwares[0], p)["main.py"].Data)
		if !strings.Contains(program, "Location: "+row.url) || !strings.Contains(program, `network.hostname("`+row.host+`")`) {
			t.Errorf("%s: want %s and host name %s", row.name, row.url, row.host)
		}
	}
}

// TestSketchNames wants the folders that the Arduino IDE opens, and no others.
func TestSketchNames(t *testing.T) {
	arduino, err := Find(Server, "pico-w", "arduino")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 63)
	for _, good := range []string{"pico.local-arduino", "_x", "9", "a-", long, "COM10", "COM", "CONS", "xn--bro-hoa.lan-arduino"} {
		p := project(t)
		p.Folder = good
		if files := render(t, arduino, p); files[good+".ino"].Data == nil {
			t.Errorf("%q: no sketch of that name", good)
		}
	}
	for _, bad := range []string{"", ".", "..", "my sketch", ".x", "-x", "x.", long + "a", "bröt", "a@KEY@b", "/", "con", "COM1", "lpt9"} {
		p := project(t)
		p.Folder = bad
		if _, err := arduino.Render(p); err != (SketchError{bad}) {
			t.Errorf("%q: %v", bad, err)
		}
		p.Format = "der"
		if _, err := firmwares[0].Render(p); err != nil {
			t.Errorf("%q with MicroPython, which takes any: %v", bad, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	strict := newBundle(t)
	strict.Root.PermittedDNSDomainsCritical = true
	long := strings.Repeat("a", 33)
	none := firmwares[0]
	none.mutual = false
	for _, row := range []struct {
		name     string
		firmware Firmware
		change   func(*Project)
		want     error
	}{
		{"wildcard", firmwares[0], func(p *Project) { p.Name = "*.pico.local" }, ErrWildcard},
		{"IPv6", firmwares[0], func(p *Project) { p.Name = "fd00::20" }, ErrIPv6},
		{"mutual TLS", none, func(p *Project) { p.MutualTLS = true }, ErrNoMutualTLS},
		{"strict root", firmwares[0], func(p *Project) { p.MutualTLS, p.Bundle = true, strict }, ErrStrictRoot},
		{"long host", firmwares[0], func(p *Project) { p.Name = long + ".local" }, HostError{long}},
		{"no format", firmwares[0], func(p *Project) { p.Format = "paper" }, FormatError{"paper"}},
		{"a header where files are loaded", firmwares[0], func(p *Project) { p.Format = "c-header" }, FormatError{"c-header"}},
		{"PKCS#8", firmwares[1], func(p *Project) { p.Format = "pkcs8" }, FormatError{"pkcs8"}},
	} {
		p := project(t)
		row.change(&p)
		files, err := row.firmware.Render(p)
		if !errors.Is(err, row.want) || files != nil {
			t.Errorf("%s: %d files, %v, want %v", row.name, len(files), err, row.want)
		}
		if _, isFormat := errors.AsType[FormatError](err); fault.HintOf(err).IsZero() && !isFormat { // one that no command can ask for
			t.Errorf("%s: no hint", row.name)
		}
	}
	p := project(t)
	p.Bundle = strict
	if _, err := firmwares[0].Render(p); err != nil {
		t.Errorf("strict root without mutual TLS: %v", err)
	}
}

// TestExamplesKnowTheirDevices wants the hint of a refusal to lead on: to what
// the device has, or to everything.
func TestExamplesKnowTheirDevices(t *testing.T) {
	for _, row := range []struct{ device, firmware, hint string }{
		{"pico-w", "zephyr", "choose one with --for: pico-w/micropython, pico-w/circuitpython, pico-w/arduino, pico-w/pico-sdk"},
		{"esp32", "arduino", "choose one with --for: esp32/micropython, esp32/circuitpython, esp32/esp-idf"}, // another core than the Pico's
		{"nginx", "", "choose one with --for: pico-w/micropython, pico-2-w/micropython, esp32/micropython, " +
			"pico-w/circuitpython, pico-2-w/circuitpython, esp32/circuitpython, pico-w/arduino, pico-w/pico-sdk, esp32/esp-idf"},
	} {
		_, err := Find(Server, row.device, row.firmware)
		want := NoExampleError{row.device, row.firmware, Server}
		if err != want {
			t.Errorf("Find(%q, %q): got %v, want %v", row.device, row.firmware, err, want)
		}
		if got := want.Hint().Text(nil); got != row.hint {
			t.Errorf("hint for %s/%s: got %q, want %q", row.device, row.firmware, got, row.hint)
		}
	}
	for _, firmware := range All(Server) {
		for _, device := range firmware.devices {
			if got, err := Find(Server, device, firmware.ID); err != nil || got.ID != firmware.ID {
				t.Errorf("Find(%q, %q): got %q, %v", device, firmware.ID, got.ID, err)
			}
		}
	}
}
