package export

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/picoca/picoca/internal/fault"
)

// Format is a set of files that belong together, for --format.
type Format struct {
	ID string
	// Reader says who reads these files, for people.
	Reader string
	// Device are the files of a device's leaf and its key, Client those of a
	// client identity, CA that of the root; nil where the format has no such form.
	Device, Client, CA []Spec
}

// formats has a line for each format. It is not made at the start of every run.
var formats = sync.OnceValue(func() []Format {
	return []Format{
		{"der", "MicroPython, CircuitPython; Windows, Java", pair("der", Traditional), pair("der", Traditional), root("der", "der")},
		{"pem", "ESP32, Arduino; curl, browsers on Linux", pair("pem", Traditional), pair("pem", Traditional), root("pem", "pem")},
		{"pem-chain", "Home Assistant, a NAS: fullchain and privkey", chain, nil, nil},
		{"pem-combined", "HAProxy, Pi-hole, lighttpd: key and certificate in one file", combined, combined, nil},
		{"pkcs8", "servers: nginx, Caddy, Node, Python, Go", pair("pem", PKCS8), pair("pem", PKCS8), nil},
		{"der-cert", "a device that keeps its own key", one("cert.der", "der", Leaf), one("cert.der", "der", Leaf), nil},
		{"pem-cert", "a device that keeps its own key", one("cert.pem", "pem", Leaf), one("cert.pem", "pem", Leaf), nil},
		{"pem-line", "JSON: PEM as one line with \\n", lines("pem-line", "txt"), lines("pem-line", "txt"), root("pem-line", "txt")},
		{"pem-yaml", "YAML: PEM as an indented block", lines("pem-yaml", "yaml"), lines("pem-yaml", "yaml"), root("pem-yaml", "yaml")},
		{"base64", "consoles and JSON: DER in base64", base64Pair, base64Pair, root("base64", "b64")},
		{"c-header", "programs in C and C++: Pico SDK, Arduino", header("c-header"), header("c-header"), one("picoca_root.h", "c-header", CA)},
		{"c-header-pem", "Arduino on ESP32, which reads PEM text only", header("c-header-pem"), header("c-header-pem"), one("picoca_root.h", "c-header-pem", CA)},
		{"esp-idf", "ESP-IDF: its HTTPS server, MQTT, HTTP clients", esp("servercert.pem", "prvtkey.pem"), esp("client.crt", "client.key"), one("cacert.pem", "pem", CA)},
		{"tasmota", "Tasmota's console: TLSKey1 and TLSKey2", nil, one("tasmota.txt", "tasmota", Leaf, Key), nil},
		{"p12", "phones, browsers, Java; ca: its trust store", p12(Modern2023, Key, Leaf), p12(LegacyDES, Key, Leaf), trustStore},
		{"p12-ca", "OpenVPN, Wi-Fi on Android: a .p12 with the root inside", p12(Modern2023, Key, Leaf, CA), p12(LegacyDES, Key, Leaf, CA), nil},
		{"mobileconfig", "iPhone, iPad, Mac", nil, one("{stem}.mobileconfig", "mobileconfig", Key, Leaf, CA), one("picoca-root.mobileconfig", "mobileconfig", CA)},
		{"crt", "Android, Windows", nil, nil, root("der", "crt")},
	}
})

var (
	chain = []Spec{
		spec("fullchain.pem", "pem", "", Leaf, CA),
		spec("privkey.pem", "pem", PKCS8, Key),
	}
	combined   = []Spec{spec("combined.pem", "pem", PKCS8, Key, Leaf)}
	base64Pair = []Spec{
		spec("cert.b64", "base64", "", Leaf),
		spec("key.b64", "base64", Traditional, Key),
	}
	trustStore = []Spec{{Name: "picoca-root.p12", Container: "p12", Parts: []string{string(CA)}, Profile: string(Modern2023)}}
)

func spec(name, container, key string, parts ...Part) Spec {
	s := Spec{Name: name, Container: container, Key: key}
	for _, part := range parts {
		s.Parts = append(s.Parts, string(part))
	}
	return s
}

func one(name, container string, parts ...Part) []Spec {
	return []Spec{spec(name, container, "", parts...)}
}

// pair is cert and key, named by their container.
func pair(container, key string) []Spec {
	return []Spec{spec("cert."+container, container, "", Leaf), spec("key."+container, container, key, Key)}
}

func lines(container, extension string) []Spec {
	return []Spec{spec("cert."+extension, container, "", Leaf), spec("key."+extension, container, PKCS8, Key)}
}

func header(container string) []Spec { return one("picoca_cert.h", container, Leaf, Key, CA) }

// esp is what ESP-IDF's examples embed (EMBED_TXTFILES, which ends each file
// with a NUL): a pair, and the root for checking the peer.
func esp(cert, key string) []Spec {
	return []Spec{spec(cert, "pem", "", Leaf), spec(key, "pem", Traditional, Key), spec("cacert.pem", "pem", "", CA)}
}

func p12(profile P12Profile, parts ...Part) []Spec {
	s := spec("{stem}.p12", "p12", "", parts...)
	s.Profile = string(profile)
	return []Spec{s}
}

// root is the CA's certificate. Android's file picker offers only DER with the
// extension crt.
func root(container, extension string) []Spec {
	return one("picoca-root."+extension, container, CA)
}

// Formats returns every format, the boards' first.
func Formats() []Format { return slices.Clone(formats()) }

// UnknownFormatError says that Input is not a format's ID.
type UnknownFormatError struct{ Input string }

func (e UnknownFormatError) Error() string { return fmt.Sprintf("format %q is unknown", e.Input) }

// Hint lists the formats.
func (e UnknownFormatError) Hint() fault.Hint {
	var ids []string
	for _, format := range formats() {
		ids = append(ids, format.ID)
	}
	return fault.Hintf("choose one of %s", strings.Join(ids, ", "))
}

// ExitCode is that of a wrong command line.
func (e UnknownFormatError) ExitCode() int { return fault.Usage }

// Find returns the format with an ID, or an UnknownFormatError.
func Find(id string) (Format, error) {
	for _, format := range formats() {
		if format.ID == id {
			return format, nil
		}
	}
	return Format{}, UnknownFormatError{id}
}
