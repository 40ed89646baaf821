package example

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
)

//go:embed templates
var templates embed.FS

// template is a file with places to fill, as @NAME@. A line that begins with
// marks, as @mutual@, is there only in projects of each of those kinds, and one
// that begins with @trust@ once for each Public. Those of text/template would make
// the program a sixth larger.
type template struct {
	source  string // below templates
	name    string // of the file, with places to fill; "" is source's base name
	and     string // a further file of templates, which follows the first
	private bool   // it will hold the Wi-Fi's password
}

// page is the web app of a board that sends no messages.
var page = []template{
	{source: "page/index.html"},
	{source: "page/app.webmanifest"},
	{source: "page/icon.png"},
	{source: "page/sw.js"},
}

// broker is the configuration of the MQTT broker, the same for every board.
var broker = []template{
	{source: "mosquitto/picoca.conf"},
	{source: "mosquitto/picoca.acl"},
}

// filling is what a project's templates are filled with: the values of places,
// the marks whose lines are there or not, and what lines of @trust@ are for.
type filling struct {
	values map[string]string
	marks  map[string]bool
	trust  []Public
}

func (t template) fill(with filling) (export.File, error) {
	text, err := templates.ReadFile("templates/" + t.source)
	if err != nil {
		return export.File{}, err
	}
	if t.and != "" {
		more, err := templates.ReadFile("templates/" + t.and)
		if err != nil {
			return export.File{}, err
		}
		text = slices.Concat(text, more)
	}
	name := string(with.fill([]byte(cmp.Or(t.name, path.Base(t.source)))))
	if isText(name) {
		text = with.fill(text)
	}
	return export.File{Name: name, Data: text, Private: t.private}, nil
}

// isText reports whether a file has places to fill.
func isText(name string) bool {
	return !slices.Contains([]string{".png", ".der", ".crt"}, path.Ext(name))
}

// UnfilledError says that a project would have a file with a place that nothing
// filled: the board would take its name for what should be there.
type UnfilledError struct{ File, Place string }

func (e UnfilledError) Error() string {
	return fmt.Sprintf("example's file %q still has the place %s", e.File, e.Place)
}

// fillAll fails with an UnfilledError if there is no value for a place.
func fillAll(all []template, with filling) ([]export.File, error) {
	var files []export.File
	for _, t := range all {
		file, err := t.fill(with)
		if err != nil {
			return nil, err
		}
		if place := unfilled(file); place != "" {
			return nil, UnfilledError{file.Name, place}
		}
		files = append(files, file)
	}
	return files, nil
}

// unfilled returns the first place of a file's name or text that is still to
// fill, "" if there is none.
func unfilled(file export.File) string {
	text := file.Name
	if isText(file.Name) {
		text += "\n" + string(file.Data)
	}
	_, rest, found := strings.Cut(text, "@")
	for found {
		var word string
		word, rest, found = strings.Cut(rest, "@")
		if found && word != "" && strings.Trim(word, letters) == "" {
			return "@" + word + "@"
		}
	}
	return ""
}

// letters are those of which places and marks are made.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

func (with filling) fill(text []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.Write(with.kept(line))
	}
	var pairs []string
	for name, value := range with.values {
		pairs = append(pairs, "@"+name+"@", value)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(out.String()))
}

// kept returns a line without its marks, or nothing if it is not to be there.
func (with filling) kept(line []byte) []byte {
	for mark, there := range with.marks {
		if rest, marked := bytes.CutPrefix(line, []byte("@"+mark+"@")); marked && there {
			return with.kept(rest)
		} else if marked {
			return nil
		}
	}
	if rest, marked := bytes.CutPrefix(line, []byte("@trust@")); marked {
		return with.rows(string(rest))
	}
	return line
}

// rows repeats a line for each Public.
func (with filling) rows(line string) (all []byte) {
	for _, public := range with.trust {
		fill := strings.NewReplacer("@PATH@", public.Path, "@FILE@", public.File.Name, "@TYPE@", public.Type, "@SYMBOL@", symbol(public.File.Name))
		all = append(all, fill.Replace(line)...)
	}
	return all
}

// symbol is the name of a file in C, as ESP-IDF makes it (string(MAKE_C_IDENTIFIER)
// of CMake).
func symbol(name string) string { return strings.NewReplacer(".", "_", "-", "_").Replace(name) }

// Reach is how devices find a board by the name in its certificate. It is also
// the mark of lines for such names.
type Reach string

const (
	// ReachLocal is for LABEL.local: the board answers for it, by mDNS.
	ReachLocal Reach = "local"
	// ReachDNS is for all other names: the router's DNS must answer.
	ReachDNS Reach = "dns"
	// ReachAddress is for addresses: the router must give it to the board.
	ReachAddress Reach = "address"
)

// ReachOf returns how a name leads to its board.
func ReachOf(name string) Reach {
	label, domain, _ := strings.Cut(name, ".")
	switch _, err := netip.ParseAddr(name); {
	case err == nil:
		return ReachAddress
	case domain == "local" && label != "":
		return ReachLocal
	}
	return ReachDNS
}

// maxHost is the longest host name that MicroPython takes.
const maxHost = 32

// HostError says that a name's first label is longer than boards take.
type HostError struct{ Host string }

func (e HostError) Error() string {
	return fmt.Sprintf("host name %q has %d bytes; boards accept at most %d", e.Host, len(e.Host), maxHost)
}

// Hint issues one for a shorter name.
func (e HostError) Hint() fault.Hint {
	return fault.Hintf("issue a certificate for a shorter name: %s", fault.Command{"issue", "pico.local"})
}

// fillingOf returns what a project's templates are filled with. Loaded is what
// the program loads, in the order of Firmware.loaded.
func fillingOf(p Project, loaded []export.File) (filling, error) {
	reach := ReachOf(cmp.Or(p.Broker, p.Name))
	host, _, _ := strings.Cut(p.Name, ".")
	if reach == ReachAddress {
		host = "pico"
	}
	if len(host) > maxHost && p.Broker == "" {
		return filling{}, HostError{host}
	}
	with := filling{
		values: map[string]string{
			"NAME": p.Name, "HOST": host, "FOLDER": p.Folder, "ISSUER": issuerType(p.Bundle.LeafIssuer()), "ROOT": p.Bundle.Root.Subject.CommonName,
			"BROKER": p.Broker, "TOPIC": strconv.Quote("home/" + p.Name), "QUOTED": strconv.Quote(p.Name), // Python and C++ read it as Go does
		},
		marks: map[string]bool{"mutual": p.MutualTLS, "simple": !p.MutualTLS, "esp": p.Device == "esp32", "pico": p.Device != "esp32"},
	}
	for _, one := range []Reach{ReachLocal, ReachDNS, ReachAddress} {
		with.marks[string(one)] = one == reach
	}
	for i, place := range []string{"CERT", "KEY", "CA"}[:min(3, len(loaded))] {
		with.values[place] = loaded[i].Name
	}
	p.Messages.fill(with)
	p.Updates.fill(with)
	with.values["VERSION"] = "" // it is not a part of what it names
	var err error
	with.values["VERSION"], err = pageVersion(p.page(), with)
	return with, err
}

// issuerType is BearSSL's name for the type of the root's key.
func issuerType(root *x509.Certificate) string {
	if root.PublicKeyAlgorithm == x509.RSA {
		return "BR_KEYTYPE_RSA"
	}
	return "BR_KEYTYPE_EC"
}

// pageVersion names the contents of the page: the service worker fetches all
// of it anew when that changes.
func pageVersion(page []template, with filling) (string, error) {
	files, err := fillAll(page, with)
	hash := sha256.New()
	for _, file := range files {
		hash.Write(file.Data)
	}
	return hex.EncodeToString(hash.Sum(nil)[:4]), err
}

// pageHeader puts the page into one C++ header: texts as they are, for people
// to change, and all else as arrays.
func pageHeader(files []export.File) export.File {
	var h bytes.Buffer
	h.WriteString("// The page. Between the brackets it is as the browser gets it.\n#pragma once\n")
	for _, file := range files {
		name := symbol(file.Name)
		if isText(file.Name) {
			fmt.Fprintf(&h, "\n// %s\nstatic const char %s[] = R\"~~~(%s)~~~\";\n", file.Name, name, file.Data)
			fmt.Fprintf(&h, "static const unsigned int %[1]s_len = sizeof %[1]s - 1;\n", name)
		} else {
			export.WriteArray(&h, name, file.Name, file.Data)
		}
	}
	return export.File{Name: "page.h", Data: h.Bytes()}
}
