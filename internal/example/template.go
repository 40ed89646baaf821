package example

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/picoca/picoca/internal/export"
)

//go:embed templates
var templates embed.FS

// template is a file with places to fill, as @NAME@. A line that begins with
// @mutual@ is there with mutual TLS only, one that begins with @simple@ only
// without. text/template would make the program a sixth larger.
type template struct {
	source  string // below templates; the file gets its base name
	private bool   // it will hold the Wi-Fi's password
}

// page is the web app, the same on every board.
var page = []template{
	{source: "page/index.html"},
	{source: "page/app.webmanifest"},
	{source: "page/icon.png"},
	{source: "page/sw.js"},
}

func (t template) fill(mutual bool, values map[string]string) (export.File, error) {
	text, err := templates.ReadFile("templates/" + t.source)
	if err != nil {
		return export.File{}, err
	}
	file := export.File{Name: path.Base(t.source), Data: text, Private: t.private}
	if path.Ext(t.source) != ".png" {
		file.Data = fill(text, mutual, values)
	}
	return file, nil
}

func fill(text []byte, mutual bool, values map[string]string) []byte {
	keep, drop := []byte("@simple@"), []byte("@mutual@")
	if mutual {
		keep, drop = drop, keep
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, drop) {
			out.Write(bytes.TrimPrefix(line, keep))
		}
	}
	var pairs []string
	for name, value := range values {
		pairs = append(pairs, "@"+name+"@", value)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(out.String()))
}

// maxHost is the longest host name that MicroPython takes.
const maxHost = 32

// HostError says that a name's first label is longer than boards take.
type HostError struct{ Host string }

func (e HostError) Error() string {
	return fmt.Sprintf("host name %q has %d bytes, boards take at most %d", e.Host, len(e.Host), maxHost)
}

// valuesOf returns what the places of a project's templates are filled with:
// its name, and what it loads, in the order of loaded.
func valuesOf(name string, loaded []export.File) (map[string]string, error) {
	host, _, _ := strings.Cut(name, ".")
	values := map[string]string{"NAME": name}
	if addr, err := netip.ParseAddr(name); err == nil {
		host = "pico"
		if addr.Is6() {
			values["NAME"] = "[" + name + "]" // as in a URL
		}
	}
	if len(host) > maxHost {
		return nil, HostError{host}
	}
	values["HOST"] = host
	for i, place := range []string{"CERT", "KEY", "CA"}[:min(3, len(loaded))] {
		values[place] = loaded[i].Name
	}
	var err error
	values["VERSION"], err = pageVersion(values)
	return values, err
}

// pageVersion names the contents of the page: the service worker fetches all
// of it anew when that changes.
func pageVersion(values map[string]string) (string, error) {
	hash := sha256.New()
	for _, t := range page {
		file, err := t.fill(false, values)
		if err != nil {
			return "", err
		}
		hash.Write(file.Data)
	}
	return hex.EncodeToString(hash.Sum(nil)[:4]), nil
}
