// Package example writes the smallest whole projects for a board: a web app over
// HTTPS with its page, or a program that publishes to an MQTT broker; and the
// certificate with its key. Everything here is pure: no files, no clock, no
// printing.
package example

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
)

// MinRAMKB is the memory of a board, in KB, that the programs need: TLS and the
// language fit into no less.
const MinRAMKB = 200

// Firmware is one that there is a project for.
type Firmware struct {
	ID string
	// devices are those that the project runs on.
	devices []string
	// Since is the first version that can run the project.
	Since string
	// Next says what to do with the files once the Wi-Fi is filled in in the file
	// Secrets, for people.
	Next string
	// credentials is the export format of the certificate and its key; "" is
	// DER or PEM, as the firmware's version loads.
	credentials string
	// mutual says that the project can ask visitors for a certificate; root is
	// the export format of the root then, "" where credentials has it anyway.
	mutual bool
	root   string
	// messages says that the project can send messages to phones.
	messages bool
	// updates says that the project can have its certificate replaced over HTTPS.
	updates bool
	// trust says that the project serves what a phone needs to trust the CA. lwIP's
	// web server, which the project for the Pico SDK uses, cannot: over plain HTTP
	// it would serve the web app as well.
	trust bool
	// folder holds the credentials and the page, below the project's own.
	folder string
	// inHeader puts the page into the header page.h.
	inHeader bool
	// sketch says that the Arduino IDE must take the folder's name.
	sketch bool
	// loadsStrict says that the firmware loads a root with critical constraints.
	loadsStrict bool
	// program are the project's own files, to which the page is added, or the
	// broker's configuration.
	program []template
	// mutualProgram is added where visitors must show a certificate.
	mutualProgram []template
}

// firmwares has a row for each firmware.
var firmwares = []Firmware{
	{
		ID:      "micropython",
		devices: []string{"pico-w", "pico-2-w", "esp32"},
		Since:   "1.22",
		Next:    "copy all files to the board (mpremote cp * :), and reset it",
		mutual:  true, root: "der", messages: true, updates: true, trust: true,
		program: []template{
			{source: "micropython/main.py"},
			{source: "micropython/secrets.py", private: true},
		},
		mutualProgram: []template{{source: "micropython/clock.py"}},
	},
	{
		ID:      "circuitpython",
		devices: []string{"pico-w", "pico-2-w", "esp32"},
		Since:   "9",
		Next:    "copy all files to the drive CIRCUITPY",
		mutual:  true, root: "pem", trust: true,
		program: []template{
			{source: "circuitpython/code.py"},
			{source: "circuitpython/settings.toml", private: true},
		},
	},
	{
		ID:          "arduino",
		devices:     []string{"pico-w"},
		Since:       "3",
		Next:        "open the folder in the Arduino IDE with the Arduino-Pico core, and upload",
		credentials: "c-header", inHeader: true, sketch: true, trust: true,
		program: []template{
			{source: "arduino/sketch.ino", name: "@FOLDER@.ino"}, // the IDE wants the folder's name
			{source: "arduino/secrets.h", private: true},
		},
	},
	{
		ID:          "pico-sdk",
		devices:     []string{"pico-w"},
		Since:       "2",
		Next:        "build: cmake -B build && cmake --build build",
		credentials: "c-header",
		program: []template{
			{source: "pico-sdk/CMakeLists.txt"},
			{source: "pico-sdk/main.c"},
			{source: "pico-sdk/files.S"},
			{source: "pico-sdk/nofiles.h"},
			{source: "pico-sdk/lwipopts.h"},
			{source: "pico-sdk/mbedtls_config.h"},
			{source: "pico-sdk/secrets.h", private: true},
		},
	},
	{
		ID:          "esp-idf",
		devices:     []string{"esp32"},
		Since:       "5.1", // whose esp_netif sets the clock: migration guide from 5.0 to 5.1, networking
		Next:        "build: idf.py set-target esp32 flash monitor",
		credentials: "esp-idf", mutual: true, folder: "main", trust: true,
		program: []template{
			{source: "esp-idf/CMakeLists.txt"},
			{source: "esp-idf/sdkconfig.defaults", private: true},
			{source: "esp-idf/main/CMakeLists.txt", name: "main/CMakeLists.txt"},
			{source: "esp-idf/main/idf_component.yml", name: "main/idf_component.yml"},
			{source: "esp-idf/main/main.c", name: "main/main.c"},
		},
	},
}

// publishers has a row for each firmware that has a project which publishes to an
// MQTT broker.
var publishers = []Firmware{
	{
		ID:      "micropython",
		devices: []string{"pico-w", "pico-2-w", "esp32"},
		Since:   "1.22",
		Next:    "copy the .py and .der files to the board (mpremote cp *.py *.der :), and reset it",
		root:    "der",
		program: []template{
			{source: "micropython-mqtt/main.py"},
			{source: "micropython-mqtt/mqtt.py"},
			{source: "micropython/secrets.py", private: true},
		},
	},
	{
		ID:          "arduino",
		devices:     []string{"pico-w"},
		Since:       "3",
		Next:        "open the folder in the Arduino IDE with the Arduino-Pico core, and upload",
		credentials: "c-header", sketch: true, loadsStrict: true,
		program: arduinoPublisher,
	},
	{
		ID:          "arduino",
		devices:     []string{"esp32"},
		Since:       "3",
		Next:        "open the folder in the Arduino IDE with the ESP32 core, and upload",
		credentials: "c-header-pem", sketch: true,
		program: arduinoPublisher,
	},
}

var arduinoPublisher = []template{
	{source: "arduino-mqtt/sketch.ino", name: "@FOLDER@.ino"},
	{source: "arduino-mqtt/mqtt.h"},
	{source: "arduino/secrets.h", private: true},
}

// Secrets is the file of a project that the user writes the Wi-Fi's name and
// password into.
func (f Firmware) Secrets() string {
	i := slices.IndexFunc(f.program, func(t template) bool { return t.private })
	return path.Base(f.program[i].source)
}

// IsCopied reports whether a board runs the project's files as they are: it needs no
// build.
func (f Firmware) IsCopied() bool { return f.credentials == "" && !f.sketch }

// Kind is what a project is.
type Kind string

// The kinds of projects.
const (
	Server    Kind = "server"    // it serves a web app over HTTPS
	Publisher Kind = "publisher" // it publishes to an MQTT broker
)

// All returns every firmware that there is a project of a kind for.
func All(kind Kind) []Firmware {
	if kind == Publisher {
		return slices.Clone(publishers)
	}
	return slices.Clone(firmwares)
}

// NoExampleError says that there is no project of a kind for a firmware on a
// device.
type NoExampleError struct {
	Device, Firmware string
	Kind             Kind
}

func (e NoExampleError) Error() string {
	what := map[Kind]string{Server: "example", Publisher: "MQTT example"}[e.Kind]
	return fmt.Sprintf("there is no %s for %q", what, e.Device+"/"+e.Firmware)
}

// ExitCode is that of a wrong command line.
func (NoExampleError) ExitCode() int { return fault.Usage }

// Hint lists the targets that have an example.
func (e NoExampleError) Hint() fault.Hint {
	var own, all []string
	for _, firmware := range All(e.Kind) {
		for _, device := range firmware.devices {
			target := device + "/" + firmware.ID
			all = append(all, target)
			if device == e.Device {
				own = append(own, target)
			}
		}
	}
	if len(own) > 0 {
		all = own
	}
	return fault.Hintf("choose one with --for: %s", strings.Join(all, ", "))
}

// Find returns the project of a kind for a firmware on a device, or a
// NoExampleError. A program for one board does not run on every board that has a
// firmware of the same name: the Arduino cores of two boards are two things.
func Find(kind Kind, device, id string) (Firmware, error) {
	for _, firmware := range All(kind) {
		if firmware.ID == id && slices.Contains(firmware.devices, device) {
			return firmware, nil
		}
	}
	return Firmware{}, NoExampleError{device, id, kind}
}

// Project is what a project is made of.
type Project struct {
	// Name is the board's, as it is in the certificate: a DNS name or an
	// address, not a wildcard. That of a publisher is its identity's.
	Name   string
	Bundle export.Bundle
	// Broker is the name of the MQTT broker, as it is in its certificate. Only
	// publishers have one.
	Broker string
	// Device is the board's ID.
	Device string
	// Format is der or pem: what the firmware's version loads.
	Format string
	// Folder is the name of the project's folder, for programs that must have
	// the same.
	Folder string
	// Messages are what the board needs to send messages; nil if it sends none.
	Messages *Messages
	// Updates are what the board needs to have its certificate replaced over HTTPS;
	// nil if only a cable can do that.
	Updates *Updates
	// MutualTLS lets in only visitors with a certificate of the same root.
	MutualTLS bool
	// Trust is what a phone needs to trust the CA, for firmwares that ServesTrust.
	Trust []Public
}

// Public is a file that the board serves at Path, also over plain HTTP and to
// visitors that it does not know.
type Public struct {
	Path, Type string
	File       export.File
}

var (
	// ErrWildcard says that a project needs the name of one board, or broker.
	ErrWildcard = fault.New("certificate is for a wildcard; an example needs the name of one device",
		fault.Hintf("issue a certificate for the device itself: %s", fault.Command{"issue", "pico.local"}))
	// ErrNoMutualTLS says that a firmware's project asks for no certificates.
	ErrNoMutualTLS = fault.WithCode(errors.New("the example for this firmware has no mutual TLS"), fault.Usage)
	// ErrIPv6 says that the programs listen only on IPv4.
	ErrIPv6 = fault.New("certificate is for an IPv6 address; the example uses only IPv4",
		fault.Hintf("issue a certificate for a name, which leads to either address: %s", fault.Command{"issue", "pico.local"}))
	// ErrStrictRoot says that the board cannot load the root.
	ErrStrictRoot = fault.New("root certificate has critical name constraints, which this board cannot load",
		fault.Hintf("replace the root by one without: %s --strict-constraints=false", fault.Command{"root", "rotate"}))
)

// FormatError says that no program loads files of a format.
type FormatError struct{ Format string }

func (e FormatError) Error() string {
	return fmt.Sprintf("format %q has files that no example loads", e.Format)
}

// SketchError says that the Arduino IDE does not open a folder of that name.
type SketchError struct{ Folder string }

func (e SketchError) Error() string {
	return fmt.Sprintf("folder %q has a name that the Arduino IDE does not accept", e.Folder)
}

// Hint says which names it takes.
func (e SketchError) Hint() fault.Hint {
	return fault.Hintf("choose a folder whose name has at most 63 letters, digits, dots, hyphens and underscores: --out web-app")
}

// TopicError says that an identity's name cannot be a level of an MQTT topic.
type TopicError struct{ Name string }

func (e TopicError) Error() string {
	return fmt.Sprintf("identity name %q has a /, + or #, which have a meaning of their own in MQTT topics", e.Name)
}

// Hint says what to do about it.
func (e TopicError) Hint() fault.Hint {
	return fault.Hintf("issue an identity without them, such as %s", fault.Command{"identity", "Garden sensor", "--for", "pico-w/micropython"})
}

// Render returns the files of a project; a name may have a folder before it,
// as main/main.c. It fails with ErrWildcard, ErrIPv6, ErrNoMutualTLS,
// ErrStrictRoot, a HostError, a TopicError, a SketchError or a FormatError, or as
// the export formats do.
func (f Firmware) Render(p Project) ([]export.File, error) {
	if err := f.check(p); err != nil {
		return nil, err
	}
	loaded, err := f.loaded(p)
	if err != nil {
		return nil, err
	}
	with, err := fillingOf(p, loaded)
	if err != nil {
		return nil, err
	}
	if f.trust {
		with.trust = p.Trust
	}
	program, err := fillAll(f.programOf(p), with)
	if err != nil {
		return nil, err
	}
	messages, err := p.messages(with)
	if err != nil {
		return nil, err
	}
	updates, err := p.updates(with)
	if err != nil {
		return nil, err
	}
	rest, err := f.rest(p, with)
	return slices.Concat(program, inFolder(f.Folder(p.Updates != nil), loaded), messages, updates, rest), err
}

func (f Firmware) programOf(p Project) []template {
	if !p.MutualTLS {
		return f.program
	}
	return append(f.program[:len(f.program):len(f.program)], f.mutualProgram...)
}

// rest are the files beside the program and what it loads: the page, or the
// broker's configuration.
func (f Firmware) rest(p Project, with filling) ([]export.File, error) {
	if p.Broker != "" {
		files, err := fillAll(broker, with)
		return inFolder("broker", files), err
	}
	web, err := fillAll(p.page(), with)
	for _, public := range with.trust {
		file := public.File
		if p.Updates != nil {
			file.Name = path.Join(FirstFolder, file.Name)
		}
		web = append(web, file)
	}
	if err == nil && f.inHeader {
		web = []export.File{pageHeader(web)}
	}
	return inFolder(f.folder, web), err
}

func inFolder(folder string, files []export.File) []export.File {
	for i := range files {
		files[i].Name = path.Join(folder, files[i].Name)
	}
	return files
}

func (f Firmware) check(p Project) error {
	loadsRoot := (p.MutualTLS || p.Broker != "") && !f.loadsStrict
	switch {
	case strings.HasPrefix(cmp.Or(p.Broker, p.Name), "*."):
		return ErrWildcard
	case isIPv6(cmp.Or(p.Broker, p.Name)):
		return ErrIPv6
	case p.Broker != "" && strings.ContainsAny(p.Name, "/+#"):
		return TopicError{p.Name}
	case p.MutualTLS && !f.mutual:
		return fault.With(ErrNoMutualTLS, fault.Hintf("choose micropython, circuitpython or esp-idf, such as %s", instead(p.Device)))
	case p.Messages != nil && !f.messages:
		return fault.With(ErrNoMessages, fault.Hintf("choose MicroPython: %s", instead(p.Device)))
	case p.Updates != nil && !f.updates:
		return fault.With(ErrNoUpdates, f.withoutUpdates(p))
	case p.Updates != nil && p.Format != "der":
		return FormatError{p.Format}
	case loadsRoot && p.Bundle.Root.PermittedDNSDomainsCritical:
		return ErrStrictRoot
	case f.credentials == "" && !slices.Contains([]string{"der", "pem"}, p.Format):
		return FormatError{p.Format}
	case f.sketch && !isSketchName(p.Folder):
		return SketchError{p.Folder}
	}
	return nil
}

// instead names MicroPython on the same board, or on one that runs it.
func instead(board string) string {
	if _, err := Find(Server, board, "micropython"); err != nil {
		board = "pico-w"
	}
	return "--for " + board + "/micropython"
}

func isIPv6(name string) bool {
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Is6()
}

// isSketchName checks a folder's name against Arduino's sketch specification,
// section "Sketch folders and files", which forbids Windows' reserved names too.
func isSketchName(name string) bool {
	const longest, digits = 63, "0123456789"
	if name == "" || len(name) > longest || strings.ContainsAny(name[:1], ".-") || strings.HasSuffix(name, ".") {
		return false
	}
	device := strings.TrimRight(strings.ToUpper(name), digits)
	numbered := len(name) == len("COM1") && slices.Contains([]string{"COM", "LPT"}, device)
	reserved := slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, strings.ToUpper(name))
	return strings.Trim(name, letters+digits+".-") == "" && !numbered && !reserved
}

// loaded returns what the program loads: the certificate, its key and, where it
// checks the other side's, the root.
func (f Firmware) loaded(p Project) ([]export.File, error) {
	format, err := export.Find(cmp.Or(f.credentials, p.Format))
	if err != nil {
		return nil, err
	}
	specs := format.Device
	if (p.MutualTLS || p.Broker != "") && f.root != "" {
		root, err := export.Find(f.root)
		if err != nil {
			return nil, err
		}
		specs = slices.Concat(specs, root.CA)
	}
	return export.Render(p.Bundle, specs...)
}

// Folder is where the certificate and its key are, below the project's own
// folder; "" if they are in it. A board with updates has them in FirstFolder.
func (f Firmware) Folder(updates bool) string {
	if updates {
		return FirstFolder
	}
	return f.folder
}

// ServesTrust reports whether the project serves what a phone needs to trust the
// CA.
func (f Firmware) ServesTrust() bool { return f.trust }

// TakesFormat reports whether the certificate and its key can be DER or PEM, as
// the firmware's version loads.
func (f Firmware) TakesFormat() bool { return f.credentials == "" }
