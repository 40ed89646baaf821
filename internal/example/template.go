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
	"strings"

	"github.com/picoca/picoca/internal/export"
)

//go:embed templates
var templates embed.FS

// template is a file with places to fill, as @NAME@. A line that begins with
// @mutual@ is there with mutual TLS only, one that begins with @simple@ only
// without. text/template would make the program a sixth larger.
type template struct {
	source  string // below templates
	name    string // of the file, with places to fill; "" is source's base name
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
	name := string(fill([]byte(cmp.Or(t.name, path.Base(t.source))), mutual, values))
	if path.Ext(name) != ".png" {
		text = fill(text, mutual, values)
	}
	return export.File{Name: name, Data: text, Private: t.private}, nil
}

// UnfilledError says that a project would have a file with a place that nobody
// filled: the board would take its name for what should be there.
type UnfilledError struct{ File, Place string }

func (e UnfilledError) Error() string {
	return fmt.Sprintf("example's file %q still has the place %s", e.File, e.Place)
}

// fillAll fails with an UnfilledError if values lack one for a place.
func fillAll(all []template, mutual bool, values map[string]string) ([]export.File, error) {
	var files []export.File
	for _, t := range all {
		file, err := t.fill(mutual, values)
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
	if path.Ext(file.Name) != ".png" {
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

// valuesOf returns what the places of a project's templates are filled with.
// Loaded is what the program loads, in the order of Firmware.loaded.
func valuesOf(p Project, loaded []export.File) (map[string]string, error) {
	host, _, _ := strings.Cut(p.Name, ".")
	values := map[string]string{"NAME": p.Name, "FOLDER": p.Folder, "ISSUER": issuerType(p.Bundle.Root)}
	if _, err := netip.ParseAddr(p.Name); err == nil {
		host = "pico"
	}
	if len(host) > maxHost {
		return nil, HostError{host}
	}
	values["HOST"] = host
	for i, place := range []string{"CERT", "KEY", "CA"}[:min(3, len(loaded))] {
		values[place] = loaded[i].Name
	}
	values["VERSION"] = "" // it is not a part of what it names
	var err error
	values["VERSION"], err = pageVersion(values)
	return values, err
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
func pageVersion(values map[string]string) (string, error) {
	files, err := fillAll(page, false, values)
	hash := sha256.New()
	for _, file := range files {
		hash.Write(file.Data)
	}
	return hex.EncodeToString(hash.Sum(nil)[:4]), err
}

// pageHeader puts the page into one C++ header: texts as they are, for people
// to change, and the icon as an array.
func pageHeader(files []export.File) export.File {
	var h bytes.Buffer
	h.WriteString("// The page. Between the brackets it is as the browser gets it.\n#pragma once\n")
	for _, file := range files {
		name := strings.ReplaceAll(file.Name, ".", "_")
		if path.Ext(file.Name) == ".png" {
			export.WriteArray(&h, name, file.Name, file.Data)
		} else {
			fmt.Fprintf(&h, "\n// %s\nstatic const char %s[] = R\"~~~(%s)~~~\";\n", file.Name, name, file.Data)
		}
	}
	return export.File{Name: "page.h", Data: h.Bytes()}
}
